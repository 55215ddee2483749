import { describe, expect, test } from 'vitest'
import { paymentMethods } from '#engine/rails/methods.ts'
import { crc16 } from '#engine/rails/qr/tlv.ts'
import { aBusiness, type Client, send } from '#testing/api.ts'
import { checkDue } from '#testing/payments.ts'

/** Every method whose payment is a code. */
const scanned = paymentMethods.filter(({ generateQr, withdrawn }) => generateQr && !withdrawn)

async function aCode(client: Client, method: string, more: Record<string, unknown> = {}) {
  const currency = paymentMethods.find(({ code }) => code === method)?.currencies[0] ?? 'sgd'
  const body = { amount: ['vnd', 'idr', 'krw'].includes(currency) ? '20000' : '10.00', currency, payment_methods: [method], generate_qr: true, ...more }
  const { status, json, text } = await client.post('/v1/payment-requests', body)
  expect(status, text).toBe(201)
  return { id: json.id as string, amount: json.amount as string, currency, payload: json.qr_code_data.qr_code as string }
}

const read = ({ server }: Client, payload: unknown) => send(server, 'POST', '/sandbox/phone/read', { body: { payload } })
const pay = ({ server }: Client, payload: string, more: Record<string, unknown> = {}) =>
  send(server, 'POST', '/sandbox/phone/pay', { body: { payload, ...more } })
const statusOf = async (client: Client, id: string) => (await client.get(`/v1/payment-requests/${id}`)).json.status

/** The code with other content and a checksum that matches again. */
function altered(payload: string, from: string, to: string): string {
  const content = payload.slice(0, -4).replace(from, to)
  return content + crc16(content)
}

describe('the test phone', () => {
  test.each(scanned.map(({ code }) => code))('the test phone reads the code of %s and pays it', async (method) => {
    const client = await aBusiness({ name: 'Kopi stall' })
    const { id, amount, currency, payload } = await aCode(client, method)
    const { status, json } = await read(client, payload)
    expect(status, JSON.stringify(json)).toBe(200)
    expect(json).toMatchObject({ method, amount, currency, status: 'pending', payment_request_id: id, is_open: false })
    expect(json.payee).toBeTruthy()
    expect(json.reference).toMatch(/^HWK[0-9A-Z]{17}$/)
    const paid = await pay(client, payload)
    expect(paid.json).toMatchObject({ status: 'succeeded', method, amount, unapplied_reason: null, payment_request_status: 'completed' })
    expect(await statusOf(client, id)).toBe('completed')
    expect((await read(client, payload)).json.status).toBe('completed')
  })

  test('the test phone shows the content of a code as a banking app does', async () => {
    const client = await aBusiness({ name: 'Kopi stall' })
    const { payload } = await aCode(client, 'paynow_online', { expires_after: '10 mins' })
    const { json } = await read(client, payload)
    expect(json).toMatchObject({ scheme: 'paynow', payee: 'Kopi stall', amount: '10.00', currency: 'sgd', method_name: 'PayNow', editable_amount: false })
    expect(json.expires_at.slice(0, 16)).toBe(json.deadline.slice(0, 16))
    const other = altered(payload, '540510.00', '540512.50')
    expect((await read(client, other)).json.amount).toBe('12.50')
    expect((await pay(client, other)).json).toMatchObject({ amount: '12.50', unapplied_reason: 'over' })
  })

  test('the test phone pays another amount, twice, too late, with a delay or not at all, and only one payment is applied', async () => {
    const client = await aBusiness()
    const { id, payload } = await aCode(client, 'paynow_online', { expires_after: '10 mins' })
    expect((await pay(client, payload, { outcome: 'declined' })).json).toMatchObject({ status: 'failed', failure_code: 'declined' })
    expect((await pay(client, payload, { amount: '9.50' })).json).toMatchObject({ amount: '9.50', unapplied_reason: 'short' })
    expect((await pay(client, payload, { amount: 11 })).json).toMatchObject({ amount: '11.00', unapplied_reason: 'over' })
    expect((await pay(client, payload, { late: true })).json).toMatchObject({ unapplied_reason: 'late', payment_request_status: 'pending' })
    const slow = (await pay(client, payload, { delay: 10 })).json
    expect(slow.status).toBe('pending')
    expect((await pay(client, payload, { outcome: 'timeout' })).json.status).toBe('pending')
    expect(await statusOf(client, id)).toBe('pending')
    await checkDue(client, 60)
    const told = await send(client.server, 'GET', slow.url)
    expect(told.json).toMatchObject({ payment_id: slow.payment_id, status: 'succeeded', payment_request_status: 'completed', refunded_amount: '0.00' })
    const twice = (await pay(client, payload)).json
    expect(twice).toMatchObject({ status: 'succeeded', unapplied_reason: 'duplicate' })
    await checkDue(client, 120)
    expect((await send(client.server, 'GET', twice.url)).json).toMatchObject({ status: 'refunded', refunded_amount: '10.00' })
  })

  test('the test phone pays a canceled request, and the payment is late', async () => {
    const client = await aBusiness()
    const { id, payload } = await aCode(client, 'doku_qris')
    await client.delete(`/v1/payment-requests/${id}`)
    expect((await read(client, payload)).json.status).toBe('canceled')
    expect((await pay(client, payload, { late: true })).json).toMatchObject({ status: 'succeeded', unapplied_reason: 'late' })
  })

  test('the test phone pays the total including the fee if the payer bears it', async () => {
    const client = await aBusiness()
    const { json } = await client.post('/v1/payment-requests', { amount: '10.00', currency: 'sgd', payment_methods: ['paynow_online'], add_admin_fee: true })
    await client.put('/v1/fee-schedules/paynow_online', { currency: 'sgd', fixed: 0.3, rate: 1, release_days: 0 })
    const slug = client.business.slug
    const code = await send(client.server, 'POST', `/payment-request/@${slug}/${json.id}/codes`, { body: { method: 'paynow_online' } })
    const { amount } = (await read(client, code.json.payload)).json
    expect(amount).toBe('10.40')
    expect((await pay(client, code.json.payload, { amount: '10.39' })).json).toMatchObject({ amount: '10.39', unapplied_reason: 'short' })
    expect((await pay(client, code.json.payload)).json).toMatchObject({ amount, unapplied_reason: null, payment_request_status: 'completed' })
  })

  test('the test phone pays a wallet’s code, which is a link, including the fee', async () => {
    const client = await aBusiness()
    await client.put('/v1/fee-schedules/shopee_pay', { currency: 'sgd', fixed: 0.3, rate: 1, release_days: 0 })
    const { payload } = await aCode(client, 'shopee_pay', { add_admin_fee: true })
    expect((await read(client, payload)).json.amount).toBe('10.40')
    expect((await pay(client, payload)).json).toMatchObject({ amount: '10.40', unapplied_reason: null, payment_request_status: 'completed' })
  })

  test('the test phone looks up only a few references, however many a code contains', async () => {
    const client = await aBusiness()
    const { payload, id } = await aCode(client, 'paynow_online')
    const full = (template: string, count: number) => {
      const references = Array.from({ length: count }, (_, i) => `HWK${template}${String(i).padStart(15, '0')}`).join('')
      return `${template}${String(references.length + 4).padStart(2, '0')}00${references.length}${references}`
    }
    const code = (...templates: string[]) => altered(payload, '000201', `000201${templates.join('')}`)
    expect((await read(client, code(full('40', 3)))).json.payment_request_id).toBe(id)
    expect((await read(client, code(full('40', 4), full('41', 4)))).json.code).toBe('unknown_reference')
  })

  test('the test phone explains what it cannot pay', async () => {
    const client = await aBusiness()
    const { payload } = await aCode(client, 'paynow_online')
    const live = await aBusiness({ mode: 'live' })
    const { json: liveRequest } = await live.post('/v1/payment-requests', { amount: '10.00', currency: 'sgd' })
    const reference = /HWK[0-9A-Z]{17}/.exec(payload)?.[0] ?? ''
    const page = `/payment-request/@${client.business.slug}`
    for (const [text, code] of [
      ['https://example.com/menu', 'not_a_payment_code'],
      ['Hello', 'not_a_payment_code'],
      [`${payload.slice(0, -4)}0000`, 'bad_crc'],
      [altered(payload, reference, 'HWK00000000000000000'), 'unknown_reference'],
      [`https://x.example${page}/01890000-0000-7000-8000-000000000000/checkout?method=boost`, 'unknown_reference'],
      [`${client.server.url}/payment-request/@${live.business.slug}/${liveRequest.id}/checkout?method=paynow_online`, 'unknown_reference'],
      [`${client.server.url}${page}/`, 'checkout_page'],
      [`upi://pay?pa=sandbox@hawker&pn=X&tr=${reference}&cu=INR`, 'another_scheme'],
      ['upi://pay?pn=X', 'unreadable_code'],
    ] as const) {
      for (const ask of [read, pay]) {
        const { status, json } = await ask(client, text)
        expect([text, status, json.code]).toEqual([text, 422, code])
        expect(json.errors.payload[0]).toMatch(/^[A-Z].*\.$/s)
      }
    }
    for (const body of [{}, { payload: '' }, { payload: 'x'.repeat(5000) }, { payload: 5 }])
      expect((await send(client.server, 'POST', '/sandbox/phone/read', { body })).status).toBe(422)
    expect((await pay(client, payload, { late: true })).json.code).toBe('no_deadline')
    expect((await pay(client, payload, { amount: 'much' })).json.errors.amount).toBeDefined()
    expect((await send(client.server, 'GET', `/sandbox/phone/payments/${client.business.id}/none`)).status).toBe(404)
  })
})
