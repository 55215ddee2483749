import { createHmac } from 'node:crypto'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type FakeMerchant, fakeMerchant, type Received } from '#testing/fake-merchant.ts'
import { clearAll, hawker, key, newFolder } from './process.ts'

// The requests of existing clients, byte for byte as their libraries encode them, and what they need of the response (behaviour §13).

const salt = 'a-salt-of-our-own'
let url = ''
let shop: FakeMerchant

beforeAll(async () => {
  url = await hawker(['start'], { environment: { HAWKER_DATA_DIR: join(newFolder(), 'data'), HAWKER_API_KEY: key, HAWKER_SALT: salt } }).ready()
  shop = await fakeMerchant()
})
afterEach(() => shop.received.splice(0))
afterAll(async () => {
  await shop.stop()
  await clearAll()
})

type Value = string | number | boolean | null | Value[] | { [name: string]: Value }
type Fields = Record<string, Value>
interface Answer {
  status: number
  // biome-ignore lint/suspicious/noExplicitAny: as the clients read it
  json: any
  text: string
}

/** PHP's `http_build_query`: true is 1, false is 0, nulls are dropped, arrays are `name[0]`, spaces are plus signs. */
function httpBuildQuery(fields: Fields): string {
  const pairs: string[] = []
  const encode = (text: string) =>
    encodeURIComponent(text)
      .replaceAll('%20', '+')
      .replaceAll(/[!'()*~]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`)
  const add = (name: string, value: Value): void => {
    if (value === null) return
    if (typeof value === 'object') for (const [inner, one] of Object.entries(value)) add(`${name}[${inner}]`, one)
    else pairs.push(`${encode(name)}=${encode(typeof value === 'boolean' ? String(Number(value)) : String(value))}`)
  }
  for (const [name, value] of Object.entries(fields)) add(name, value)
  return pairs.join('&')
}

const older = { 'X-BUSINESS-API-KEY': key, 'X-Requested-With': 'XMLHttpRequest' }

async function send(method: string, path: string, headers: Record<string, string>, body?: string): Promise<Answer> {
  const answer = await fetch(`${url}/v1${path}`, { method, headers, ...(body === undefined ? {} : { body }) })
  const text = await answer.text()
  return { status: answer.status, text, json: text === '' ? undefined : JSON.parse(text) }
}

/** As the clients written in PHP and Python send it. */
const form = (method: string, path: string, fields?: Fields | string) => {
  const body = fields === undefined ? undefined : typeof fields === 'string' ? fields : httpBuildQuery(fields)
  return send(method, path, { ...older, ...(body === undefined ? {} : { 'Content-Type': 'application/x-www-form-urlencoded' }) }, body)
}
const json = (method: string, path: string, body?: unknown) =>
  send(method, path, { 'x-business-api-key': key, 'content-type': 'application/json' }, body === undefined ? undefined : JSON.stringify(body))

const pay = (id: string, body: Record<string, unknown> = {}) => json('POST', `/sandbox/payment-requests/${id}/pay`, body)

/** A form callback, verified like PHP clients do: `ksort`, names and values joined, `hash_hmac`. */
function verified({ headers, body }: Received): Record<string, string> {
  expect(headers['content-type']).toBe('application/x-www-form-urlencoded')
  const fields = Object.fromEntries(new URLSearchParams(body.toString()))
  const { hmac, ...signed } = fields
  const text = Object.keys(signed)
    .sort()
    .map((name) => `${name}${signed[name]}`)
    .join('')
  expect(hmac).toBe(createHmac('sha256', salt).update(text).digest('hex'))
  return fields
}

/** Long enough for a second call, if there were one. */
const quiet = () => new Promise((done) => setTimeout(done, 400))

/** The keys that every client of a payment request reads (behaviour §2.2); null is allowed, absent is not. */
const baseKeys =
  'id name email phone amount currency is_currency_editable status purpose reference_number payment_methods url redirect_url webhook send_sms send_email sms_status email_status allow_repeated_payments expiry_date address line_items executor_id created_at updated_at staff_id business_location_id'.split(
    ' ',
  )

describe('the PHP SDK', () => {
  const create = (more: Fields = {}) =>
    form('POST', '/payment-requests', {
      amount: 66,
      currency: 'SGD',
      email: 'buyer@example.com',
      phone: null,
      purpose: 'Shoes & socks (2)',
      reference_number: null,
      payment_methods: ['card', 'paynow_online'],
      allow_repeated_payments: false,
      send_email: true,
      send_sms: false,
      ...more,
    })
  /** It throws on any body with one of these, whatever the status. */
  const noTrap = ({ json: body }: Answer) => {
    expect(body).not.toHaveProperty('message')
    expect(body).not.toHaveProperty('detail')
  }

  test('the PHP SDK creates, reads, lists and deletes a payment request', async () => {
    const made = await create()
    expect(made.status).toBe(201)
    noTrap(made)
    for (const name of baseKeys) expect(made.json, name).toHaveProperty([name])
    expect(made.json).toMatchObject({
      status: 'pending',
      amount: '66.00',
      currency: 'sgd',
      purpose: 'Shoes & socks (2)',
      phone: null,
      reference_number: null,
      payment_methods: ['card', 'paynow_online'],
      allow_repeated_payments: false,
      send_email: true,
      send_sms: false,
    })
    const read = await form('GET', `/payment-requests/${made.json.id}`)
    noTrap(read)
    for (const name of baseKeys) expect(read.json, name).toHaveProperty([name])
    const gone = await form('DELETE', `/payment-requests/${made.json.id}`)
    noTrap(gone)
    expect([gone.status, gone.json.success]).toEqual([200, true])
  })

  test('the PHP SDK finds the payment and refunds it', async () => {
    const made = await create({ payment_methods: ['paynow_online'] })
    await pay(made.json.id)
    const read = await form('GET', `/payment-requests/${made.json.id}`)
    noTrap(read)
    expect(read.json).toMatchObject({ status: 'completed', payments: [{ status: 'succeeded', buyer_email: 'buyer@example.com', amount: '66.00' }] })
    const refund = await form('POST', '/refund', { payment_id: read.json.payments[0].id, amount: 6.5 })
    noTrap(refund)
    expect([refund.status, refund.json.amount_refunded, refund.json.total_amount, refund.json.status]).toEqual([201, 6.5, 66, 'succeeded'])
  })

  test('the PHP SDK gets an error in `message`', async () => {
    const { status, json: body } = await create({ amount: null, currency: 'XXX' })
    expect([status, typeof body.message]).toEqual([422, 'string'])
  })
})

describe('WooCommerce', () => {
  test('WooCommerce gets one correctly signed form per payment, and the shop keeps its own query', async () => {
    const webhook = `${shop.url}/?wc-api=wc_hitpay&hitpay_order_id=1042`
    const made = await form('POST', '/payment-requests', {
      amount: '1234.50',
      currency: 'SGD',
      reference_number: '1042',
      redirect_url: `${shop.url}/checkout/order-received/1042/?key=wc_order_a%20b&x=1#frag`,
      webhook,
      channel: 'api_woocomm',
      name: 'Nguyễn Văn A',
      email: 'buyer@example.com',
      purpose: 'Shop "Ä"',
      expires_after: '6 mins',
      send_email: null,
    })
    expect([made.status, made.json.status]).toEqual([201, 'pending'])
    expect(made.json).toMatchObject({ id: expect.any(String), url: expect.stringContaining(made.json.id), channel: 'api_woocomm', webhook })
    expect(made.json).not.toHaveProperty('message')

    // An online decline is not reported: the plugin would take the first call as final.
    await pay(made.json.id, { card: '4000000000000002' })
    const { json: paid } = await pay(made.json.id, { method: 'paynow_online' })
    await shop.got(1)
    await quiet()
    expect(shop.received).toHaveLength(1)
    const [call] = shop.received as [Received]
    expect([call.path, call.headers['user-agent']]).toEqual(['/?wc-api=wc_hitpay&hitpay_order_id=1042', 'HitPay v1.0'])
    expect(verified(call)).toEqual({
      payment_id: paid.payment_id,
      payment_request_id: made.json.id,
      phone: '',
      amount: '1234.50',
      currency: 'SGD',
      status: 'completed',
      reference_number: '1042',
      hmac: expect.stringMatching(/^[0-9a-f]{64}$/),
    })

    expect(paid.redirect_url).toBe(`${shop.url}/checkout/order-received/1042/?key=wc_order_a%20b&x=1&reference=${made.json.id}&status=completed#frag`)
    expect(Object.fromEntries(new URL(paid.redirect_url).searchParams)).toEqual({ key: 'wc_order_a b', x: '1', reference: made.json.id, status: 'completed' })

    const read = await form('GET', `/payment-requests/${made.json.id}`)
    expect(read.json.payments).toMatchObject([
      { id: paid.payment_id, payment_type: 'paynow_online', fees: expect.stringMatching(/^\d+\.\d\d$/), fees_currency: 'sgd' },
    ])
    const refund = await form('POST', '/refund', { payment_id: paid.payment_id, amount: '34.50' })
    expect(refund.json).toMatchObject({ id: expect.any(String), amount_refunded: 34.5, payment_method: 'paynow_online', created_at: expect.any(String) })
  })

  test('WooCommerce learns of a decline only at `failed_webhook`, and of the payment once', async () => {
    const hooks = { webhook: `${shop.url}/paid`, failed_webhook: `${shop.url}/failed` }
    const made = await form('POST', '/payment-requests', { amount: '10', currency: 'SGD', ...hooks })
    await pay(made.json.id, { card: '4000000000009995' })
    await shop.got(1)
    await pay(made.json.id)
    await shop.got(2)
    await quiet()
    expect(shop.received.map((call) => [call.path, verified(call).status])).toEqual([
      ['/failed', 'failed'],
      ['/paid', 'completed'],
    ])
    expect(verified(shop.received[0] as Received).error_message).toBe('insufficient_funds')
  })

  test('WooCommerce gets back a payer who gave up', async () => {
    const made = await form('POST', '/payment-requests', { amount: '10', currency: 'SGD', redirect_url: 'https://shop.example/?key=abc' })
    const { json: left } = await pay(made.json.id, { outcome: 'canceled' })
    expect(left.redirect_url).toBe(`https://shop.example/?key=abc&reference=${made.json.id}&status=canceled`)
    expect((await form('GET', `/payment-requests/${made.json.id}`)).json.status).toBe('pending')
  })

  test("WooCommerce's recurring plugin accepts only 201 for a first payment and a refund, and its empty flag counts as omitted", async () => {
    const made = await form('POST', '/payment-requests', { amount: '9.90', currency: 'sgd', send_email: '', reference_number: 7 })
    expect([made.status, made.json.send_email]).toEqual([201, false])
    const { json: paid } = await pay(made.json.id, { card: '4242424242424242' })
    expect((await form('POST', '/refund', { payment_id: paid.payment_id, amount: '9.90' })).status).toBe(201)
  })
})

describe('Odoo', () => {
  test('Odoo finds its order by the reference_number of the form', async () => {
    const body = `amount=10.0&currency=SGD&reference_number=S00012-1&redirect_url=${encodeURIComponent('https://shop.example/return')}&webhook=${encodeURIComponent(`${shop.url}/hook`)}&channel=api_odoo`
    const made = await form('POST', '/payment-requests', body)
    const { json: paid } = await pay(made.json.id)
    await shop.got(1)
    expect(verified(shop.received[0] as Received)).toMatchObject({ reference_number: 'S00012-1', payment_id: paid.payment_id, status: 'completed' })
    expect(new URL(paid.redirect_url).searchParams.get('status')).toBe('completed')
  })

  test("Odoo's point of sale waits for a terminal, cancels, and refunds in JSON", async () => {
    const body = 'amount=12.34&currency=SGD&payment_methods%5B%5D=wifi_card_reader&wifi_terminal_id=tmr_1&reference_number=POS-1'
    const made = await form('POST', '/payment-requests', body)
    expect([made.status, made.json.payment_methods, made.json.wifi_terminal_id]).toEqual([201, ['wifi_card_reader'], 'tmr_1'])
    expect((await form('DELETE', `/payment-requests/${made.json.id}`)).json).toEqual({ success: true })
    const next = await form('POST', '/payment-requests', `${body}&webhook=${encodeURIComponent(`${shop.url}/pos`)}`)
    await pay(next.json.id)
    await shop.got(1)
    const { payment_id } = verified(shop.received[0] as Received)
    expect((await form('GET', `/payment-requests/${next.json.id}`)).json).toMatchObject({
      status: 'completed',
      payments: [{ id: payment_id, status: 'succeeded' }],
    })
    const refund = await json('POST', '/refund', { payment_id, amount: 2.34 })
    expect(refund.json).toMatchObject({ id: expect.any(String), amount_refunded: 2.34, currency: 'sgd' })
  })

  test("Odoo's point of sale learns of a failure at the terminal, with its reason", async () => {
    const fields = { amount: '5', currency: 'SGD', payment_methods: ['wifi_card_reader'], wifi_terminal_id: 'tmr_1', webhook: `${shop.url}/pos` }
    const made = await form('POST', '/payment-requests', fields)
    await pay(made.json.id, { outcome: 'failed' })
    await shop.got(1)
    expect(verified(shop.received[0] as Received)).toMatchObject({
      payment_request_id: made.json.id,
      status: 'failed',
      error_message: 'declined',
      payment_id: '',
    })
  })

  test("Odoo's subscriptions register an endpoint, and verify charge.created over its raw body", async () => {
    const endpoint = `${shop.url}/odoo`
    const event_types = ['charge.created', 'recurring_billing.method_attached', 'recurring_billing.method_detached']
    const made = await json('POST', '/webhook-events', { name: 'Odoo', url: endpoint, event_types })
    expect([made.status, made.json.url, typeof made.json.salt]).toEqual([201, endpoint, 'string'])
    const listed = (await json('GET', '/webhook-events')).json
    expect(listed).toContainEqual(expect.objectContaining({ id: made.json.id, url: endpoint, salt: made.json.salt }))
    const request = await form('POST', '/payment-requests', { amount: '10', currency: 'SGD' })
    const { json: paid } = await pay(request.json.id, { card: '4242424242424242' })
    await shop.got(1)
    const [{ headers, body }] = shop.received as [Received]
    expect(headers).toMatchObject({
      'hitpay-signature': createHmac('sha256', made.json.salt).update(body).digest('hex'),
      'hitpay-event-type': 'created',
      'hitpay-event-object': 'charge',
    })
    expect(JSON.parse(body.toString())).toMatchObject({ id: paid.payment_id, status: 'succeeded', amount: 10, currency: 'sgd' })
    await json('DELETE', `/webhook-events/${made.json.id}`)
  })
})

describe('the unofficial JavaScript client', () => {
  const post = (fields: Record<string, string>) => form('POST', '/payment-requests', new URLSearchParams(fields).toString())

  test('the JavaScript client sends arrays as one text, and reads JSON of every 2xx', async () => {
    // What URLSearchParams makes of an array, a boolean and an undefined.
    const made = await post({
      amount: '10',
      currency: 'sgd',
      payment_methods: String(['card', 'paynow_online']),
      send_email: 'true',
      allow_repeated_payments: 'false',
    })
    expect([made.status, made.json.payment_methods, made.json.send_email]).toEqual([201, ['card', 'paynow_online'], true])
    for (const name of baseKeys) expect(made.json, name).toHaveProperty([name])
    const gone = await form('DELETE', `/payment-requests/${made.json.id}`)
    expect([gone.status, gone.json]).toEqual([200, { success: true }])
  })

  test('the JavaScript client shows the message of a 422', async () => {
    const { status, json: body } = await post({ amount: '10' })
    expect([status, body.message]).toEqual([422, 'The currency field is required.'])
  })
})

test("HitPay's command line lists payments by page and status", async () => {
  const { id } = (await json('POST', '/payment-requests', { amount: 10, currency: 'sgd' })).json
  const { status, json: page } = await json('GET', '/payment-requests?page=1&per_page=5&status=pending')
  expect(status).toBe(200)
  expect(page.data[0]).toMatchObject({ id, status: 'pending' })
  expect(page).toMatchObject({ links: {}, meta: { current_page: 1, per_page: 5 } })
})
