import { formatMoment } from '@hawker/web/moment'
import { beforeAll, describe, expect, test } from 'vitest'
import { chunkOf } from '#foundation/shared/png.ts'
import { languages } from '#resources/payments/receipts/language.ts'
import { texts } from '#resources/payments/receipts/texts.ts'
import { aBusiness, type Client, send } from '#testing/api.ts'
import { aPaidCharge, aPaymentRequest, aPendingCharge, type Payments, startPayments } from '#testing/payments.ts'
import { aPng } from '#testing/pictures.ts'

let payments: Payments
let client: Client
beforeAll(async () => {
  payments = await startPayments()
  client = await aBusiness({ name: 'Kopi & <b>Stall</b>' }, payments.server)
})
const open = (path: string, headers: Record<string, string> = {}) => send(payments.server, 'GET', path, { headers })
const pathOf = async (owner: Client, chargeId: string) => new URL((await owner.get(`/v1/charges/${chargeId}/receipt`)).json.url).pathname
const aReceipt = async (about = {}) => pathOf(client, (await aPaidCharge(payments, client, about)).id)

describe('receipt pages', () => {
  test('a receipt page needs no key, and is not cached, indexed, sent as a referrer or framed', async () => {
    const { status, headers, text } = await open(await aReceipt())
    expect(status).toBe(200)
    expect(Object.fromEntries(headers)).toMatchObject({
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-store',
      'referrer-policy': 'no-referrer',
      'x-robots-tag': 'noindex, nofollow',
      'x-content-type-options': 'nosniff',
      'content-language': 'en',
    })
    const policy = headers.get('content-security-policy') ?? ''
    expect(policy).toMatch(/^default-src 'none'; style-src 'sha256-[\w+/=]+'; /)
    expect(policy).toContain("frame-ancestors 'none'")
    expect(policy).not.toContain('script')
    expect(text).not.toMatch(/<script|style="|onclick/)
  })

  test('a receipt page shows what was paid to the cent, and what was refunded', async () => {
    const request = await aPaymentRequest(client, { amount_minor: 1_234_567n })
    const charge = await aPaidCharge(payments, client, { payment_request_id: request.id, amount_minor: 1_234_907n, admin_fee_minor: 340n })
    await client.post('/v1/refund', { payment_id: charge.id, amount: 0.07 })
    const { text } = await open(await pathOf(client, charge.id))
    for (const amount of ['SGD\u00a012,345.67', 'SGD\u00a03.40', 'SGD\u00a012,349.07', '-SGD\u00a00.07', 'SGD\u00a012,349.00']) expect(text).toContain(amount)
    expect(text).toContain('Visa •••• 4242')
    expect(text).toContain('Partly refunded')
    expect(text).toContain(texts.en.test)
  })

  test('a moment reads the same on the payment page, on the receipt and in its email, in each language, in the business’s time zone', async () => {
    const owner = await aBusiness({ timezone: 'Asia/Jakarta' }, payments.server)
    for (const { tag } of languages) {
      await owner.patch('/v1/checkout-settings', { default_language: tag })
      const request = await aPaymentRequest(owner, { send_email: true })
      const charge = await aPaidCharge(payments, owner, { payment_request_id: request.id })
      const at = (await owner.get(`/v1/charges/${charge.id}`)).json.closed_at as string
      const moment = formatMoment(at, tag, 'Asia/Jakarta')
      expect(moment).toMatch(/\(GMT\+7\)$/)
      const pages = [
        (await open(`/payment-request/@${owner.business.slug}/${request.id}/checkout?lang=${tag}`)).text,
        (await open(`${await pathOf(owner, charge.id)}?lang=${tag}`)).text,
        (await owner.get('/v1/sandbox/mails?per_page=1')).json.data[0].text,
      ]
      expect(pages.map((page) => [tag, page.includes(moment)])).toEqual(pages.map(() => [tag, true]))
    }
  })

  test('a receipt page escapes what others wrote, and keeps it from changing the text direction', async () => {
    const path = await aReceipt({ customer_name: '<img src=x onerror=alert(1)>\u202egpj.exe\u0007', remark: "\"><script>alert(2)</script> & '{name}' $&" })
    const { text } = await open(path)
    expect(text).not.toMatch(/<img|<script/)
    expect(text).toContain('<bdi>&lt;img src=x onerror=alert(1)&gt;gpj.exe · payer@example.com</bdi>')
    expect(text).toContain('&quot;&gt;&lt;script&gt;alert(2)&lt;/script&gt; &amp; &#39;{name}&#39; $&amp;')
    expect(text).toContain('<bdi>Kopi &amp; &lt;b&gt;Stall&lt;/b&gt;</bdi>')
  })

  test.each(['late', 'duplicate', 'short', 'over'] as const)('a receipt page says plainly that a payment was %s', async (unapplied_reason) => {
    const charge = await aPaidCharge(payments, client, {})
    await payments.server.database.db
      .updateTable('charges')
      .set({ unapplied_reason })
      .where('business_id', '=', client.business.id)
      .where('id', '=', charge.id)
      .execute()
    expect((await open(await pathOf(client, charge.id))).text).toContain(texts.en[unapplied_reason])
  })

  test.each(languages)('a receipt page is in $name, chosen by the URL or by the browser', async ({ tag, name }) => {
    const path = await aReceipt()
    for (const answer of [await open(`${path}?lang=${tag}`), await open(path, { 'accept-language': `xx, ${tag};q=0.5` })]) {
      expect(answer.headers.get('content-language')).toBe(tag)
      expect(answer.text).toContain(`<html lang="${tag}">`)
      expect(answer.text).toContain(`<h1>${texts[tag].receipt}</h1>`)
      expect(answer.text).toContain(`aria-current="true">${name}</a>`)
    }
  })

  test('a receipt page looks like its merchant’s checkout: name, logo, and language if the browser has no preference', async () => {
    const chosen = await aBusiness({}, payments.server)
    await chosen.patch('/v1/checkout-settings', { display_name: 'Warung Kopi', default_language: 'ms' })
    await chosen.put('/v1/checkout-settings/logo', { data: aPng().toString('base64'), content_type: 'image/png' })
    const path = await pathOf(chosen, (await aPaidCharge(payments, chosen)).id)
    const { text } = await open(path, { 'accept-language': '' })
    expect(text).toContain('<html lang="ms">')
    expect(text).toMatch(new RegExp(`<img src="/payment-request/@${chosen.business.slug}/logo\\?v=\\w+" alt=""><bdi>Warung Kopi</bdi>`))
    // Rolls are for the merchant's printer.
    expect(text).not.toContain('mm')
    const pdf = await open(`${path}.pdf`)
    expect([pdf.status, pdf.text.includes('/Subtype /Image')]).toEqual([200, true])
    const other = await aPaidCharge(payments, chosen)
    expect((await chosen.get(`/v1/charges/${other.id}/receipt`)).json.merchant).toBe('Warung Kopi')
  })

  test('a receipt has a PDF whatever a stored logo is, and a file that would crash the PDF library never reaches it', async () => {
    const chosen = await aBusiness({}, payments.server)
    const path = await pathOf(chosen, (await aPaidCharge(payments, chosen)).id)
    // The library takes what follows as a frame of an animation, and ends up with a picture without data.
    const frame = chunkOf('fcTL', Buffer.alloc(26))
    const animated = await chosen.put('/v1/checkout-settings/logo', { data: aPng({ type: 6, before: [frame] }).toString('base64') })
    const first = await open(`${path}.pdf`)
    expect([animated.status, first.status, first.text.includes('/Subtype /Image')]).toEqual([200, 200, true])
    await chosen.server.database.db
      .updateTable('checkout_logos')
      .set({ data: aPng({ type: 6, packed: Buffer.from('nonsense') }) })
      .where('business_id', '=', chosen.business.id)
      .execute()
    const second = await open(`${path}.pdf?paper=80mm`)
    expect([second.status, second.text.includes('/Subtype /Image')]).toEqual([200, false])
  })

  test('a receipt page is the same 404 for every wrong URL', async () => {
    const stranger = await aBusiness({}, payments.server)
    const path = await aReceipt()
    const [, , slug, id, token = ''] = path.split('/')
    const pending = (await aPendingCharge(client)).id
    const other = await pathOf(stranger, (await aPaidCharge(payments, stranger)).id)
    const wrong = [
      `/receipt/${slug}/${id}/${token.slice(0, -1)}${token.endsWith('A') ? 'Q' : 'A'}`,
      `/receipt/${slug}/${id}/${other.split('/')[4]}`,
      `/receipt/@${stranger.business.slug}/${id}/${token}`,
      `/receipt/@nobody/${id}/${token}`,
      `/receipt/${slug}/${pending}/${token}`,
      `/receipt/${slug}/not-an-id/${token}`,
      `/receipt/${slug}/${id}/${token}.exe`,
      `/receipt/${slug}/${id}/${token.slice(1)}.pdf`,
      `/receipt/${slug}/${id}/%00`,
    ]
    const answers = await Promise.all(wrong.map((one) => open(one, { 'x-request-id': 'same' })))
    expect(answers.map(({ status }) => status)).toEqual(wrong.map(() => 404))
    expect(new Set(answers.map(({ text, headers }) => JSON.stringify([text, headers.get('content-security-policy'), headers.get('x-robots-tag')]))).size).toBe(
      1,
    )
    expect(answers[0]?.text).toContain(texts.en.notFoundText)
  })

  test('the URL of a receipt is never logged', async () => {
    const path = await aReceipt()
    await open(path)
    expect(payments.server.log()).not.toContain(path.split('/')[4])
  })
})
