import { createServer, type Server } from 'node:net'
import { beforeAll, describe, expect, test } from 'vitest'
import { createLog } from '#foundation/http/observability.ts'
import { smtpMailer } from '#foundation/mail/send-mail.ts'
import { receiptMail } from '#resources/payments/receipts/letter.ts'
import { receiptMailEnded } from '#resources/payments/receipts/receipt-mail-ended.ts'
import { addUpReceipt } from '#resources/payments/receipts/receipt-wire.ts'
import { aBusiness, type Client } from '#testing/api.ts'
import { clockAt } from '#testing/clock.ts'
import { aPaidCharge, aPaymentRequest, type Payments, startPayments } from '#testing/payments.ts'
import { aPng } from '#testing/pictures.ts'
import { deliverMails } from './deliver-mails-job.ts'

let payments: Payments
beforeAll(async () => {
  payments = await startPayments()
})
const merchant = (about = {}) => aBusiness(about, payments.server)
/** Sends the mails of a business that are due so many minutes from now. */
const deliver = ({ business }: Client, send: Parameters<typeof deliverMails>[0]['send'], afterMinutes = 0) => {
  const clock = clockAt(() => new Date(Date.now() + afterMinutes * 60_000))
  const deps = { database: payments.server.database, clock, log: createLog('silent'), send, onEnded: receiptMailEnded }
  return deliverMails(deps, { until: clock.system(), businessId: business.id })
}

/** A mail server that remembers what it was sent; it rejects as often as requested. */
async function aMailServer(refusals = 0): Promise<{ url: string; mails: string[]; server: Server }> {
  const mails: string[] = []
  let left = refusals
  const server = createServer((socket) => {
    let data: string | undefined
    socket.write('220 test\r\n')
    socket.on('error', () => undefined)
    socket.on('data', (chunk) => {
      for (const line of chunk.toString().split('\r\n').slice(0, -1)) {
        if (data !== undefined) {
          if (line === '.') {
            mails.push(data)
            data = undefined
            socket.write('250 taken\r\n')
          } else data += `${line}\n`
        } else if (line === 'DATA') {
          data = ''
          socket.write('354 go on\r\n')
        } else if (line.startsWith('MAIL') && left > 0) {
          left -= 1
          socket.write('451 later\r\n')
        } else if (line === 'QUIT') socket.end('221 bye\r\n')
        else socket.write('250 fine\r\n')
      }
    })
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  return { url: `smtp://127.0.0.1:${(server.address() as { port: number }).port}`, mails, server }
}

describe('receipt emails', () => {
  test('a receipt is written with the payment when the request asks for it, and stored if there is no mail server', async () => {
    const client = await merchant({ name: 'Kopi & <b>Stall</b>' })
    const silent = await aPaymentRequest(client)
    const asked = await aPaymentRequest(client, { send_email: true })
    await aPaidCharge(payments, client, { payment_request_id: silent.id })
    const charge = await aPaidCharge(payments, client, { payment_request_id: asked.id, remark: 'Teh "C"\r\nBcc: x' })
    await client.post('/v1/refund', { payment_id: charge.id, amount: 5, send_email: true, email: 'other@example.com' })
    await client.post('/v1/refund', { payment_id: charge.id, amount: 5 })
    await deliver(client, undefined)
    const { json } = await client.get('/v1/sandbox/mails')
    expect(json.data).toMatchObject([
      { to: 'other@example.com', subject: 'Refund from Kopi & <b>Stall</b>: SGD 5.00', source: 'refund', status: 'kept', sent_at: null },
      { to: 'payer@example.com', subject: 'Receipt from Kopi & <b>Stall</b>: SGD 100.00', source: 'charge', source_id: charge.id, status: 'kept' },
    ])
    const [, receipt] = json.data
    expect(receipt.html).toContain('Kopi &amp; &lt;b&gt;Stall&lt;/b&gt;')
    expect(receipt.html).not.toContain('<b>')
    expect(receipt.html).toContain('Teh &quot;C&quot; Bcc: x')
    expect(receipt.text).toContain('Card, Visa •••• 4242')
    const { url } = (await client.get(`/v1/charges/${charge.id}/receipt`)).json
    for (const mail of json.data) {
      expect(mail.text).toContain(`\n${url}\n`)
      expect(mail.text).toContain(`\n${url}.pdf\n`)
      expect(mail.html).toContain(`href="${url}"`)
      expect(mail.html).toContain(`href="${url}.pdf"`)
    }
    const live = await merchant({ mode: 'live' })
    expect((await live.get('/v1/sandbox/mails')).status).toBe(404)
  })

  test('a business’s name cannot add a header or a recipient', () => {
    const business = { id: '', name: 'A\r\nBcc: all@example.com', slug: '', country: 'SG', currency: 'sgd', timezone: 'Asia/Singapore', mode: 'live' } as const
    const row = { id: 'x', currency: 'sgd', amount_minor: 1n, admin_fee_minor: 0n, method: 'cash', card: null, customer_name: null, customer_email: null }
    const receipt = addUpReceipt({ ...row, purpose: null, reference_number: null, unapplied_reason: null, line_items: null, paid_at: new Date(), refunds: [] })
    const look = { name: business.name, language: 'en', logo: null, issuer: [] as string[] } as const
    expect(receiptMail(business, look, receipt, 'a@example.com', 'http://localhost/receipt', new Date()).subject).toBe(
      'Receipt from A Bcc: all@example.com: SGD 0.01',
    )
  })

  test('mails have the name, the language and the logo of the checkout, the items, and the business’s time with its zone', async () => {
    const client = await merchant()
    await client.patch('/v1/checkout-settings', { display_name: 'Warung Kopi', default_language: 'id' })
    await client.put('/v1/checkout-settings/logo', { data: aPng().toString('base64'), content_type: 'image/png' })
    const item = { id: null, sku: null, category: null, url: null, description: 'W'.repeat(90) }
    const line_items = [{ ...item, name: 'Teh tarik', price: 47.5, quantity: 2 }]
    const request = await aPaymentRequest(client, { send_email: true, amount_minor: 9500n, line_items })
    const charge = await aPaidCharge(payments, client, { payment_request_id: request.id, amount_minor: 9500n })
    await client.post('/v1/refund', { payment_id: charge.id, amount: 5, send_email: true, email: 'other@example.com' })
    const [refund, receipt] = (await client.get('/v1/sandbox/mails')).json.data
    expect([receipt.subject, refund.subject]).toEqual(['Tanda terima dari Warung Kopi: SGD 95,00', 'Pengembalian dana dari Warung Kopi: SGD 5,00'])
    for (const { html, text } of [refund, receipt]) {
      expect(html).toContain('<html lang="id">')
      expect(html).toMatch(new RegExp(`<img src="http[^"]+/payment-request/@${client.business.slug}/logo\\?v=\\w+"`))
      for (const part of ['Teh tarik', '2 × SGD\u00a047,50', 'GMT+8']) expect([part, html.includes(part), text.includes(part)]).toEqual([part, true, true])
    }
  })

  test('a receipt is sent through the mail server, and retried when the server rejects it', async () => {
    const client = await merchant()
    const request = await aPaymentRequest(client, { send_email: true })
    await aPaidCharge(payments, client, { payment_request_id: request.id })
    const { url, mails, server } = await aMailServer(1)
    const send = smtpMailer(url, 'Hawker <receipts@example.com>')
    await deliver(client, send)
    expect((await client.get('/v1/sandbox/mails')).json.data[0].status).toBe('pending')
    await deliver(client, send)
    expect(mails).toHaveLength(0)
    await Promise.all([deliver(client, send, 2), deliver(client, send, 2)])
    server.close()
    expect(mails).toHaveLength(1)
    expect(mails[0]).toMatch(/^From: Hawker <receipts@example.com>$/m)
    expect(mails[0]).toMatch(/^To: payer@example.com$/m)
    expect((await client.get('/v1/sandbox/mails')).json.data[0]).toMatchObject({ status: 'sent' })
  })

  test.each(['sent', 'failed'] as const)('a receipt that is %s updates the email status of its request', async (status) => {
    const client = await merchant()
    const request = await aPaymentRequest(client, { send_email: true })
    await aPaidCharge(payments, client, { payment_request_id: request.id })
    const other = await aPaymentRequest(client, { send_email: true })
    const read = async ({ id }: { id: string }) => client.get(`/v1/payment-requests/${id}`)
    const before = await read(request)
    expect(before.json.email_status).toBe('pending')
    const send = async () => {
      if (status === 'failed') throw new Error('refused')
    }
    // An email that is rejected is retried for hours.
    for (let hour = 0; hour < 20; hour++) await deliver(client, send, hour * 60)
    const after = await read(request)
    expect(after.json).toMatchObject({ email_status: status, sms_status: 'pending', status: 'completed' })
    expect(after.headers.get('etag')).not.toBe(before.headers.get('etag'))
    expect((await read(other)).json.email_status).toBe('pending')
    expect((await client.get('/v1/sandbox/mails')).json.data[0]).toMatchObject({ status, sent_at: status === 'sent' ? expect.any(String) : null })
  })
})
