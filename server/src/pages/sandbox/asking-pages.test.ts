import { describe, expect, test } from 'vitest'
import { aBusiness, type Client, send } from '#testing/api.ts'

async function begin(client: Client, method = 'grabpay_direct', body: Record<string, unknown> = {}) {
  const { json } = await client.post('/v1/payment-requests', { amount: '1234.50', currency: 'sgd', payment_methods: [method], purpose: 'Kaya toast <b>' })
  const begun = (await client.post(`/v1/sandbox/payment-requests/${json.id}/pay`, { method, interactive: true, ...body })).json
  return { requestId: json.id as string, chargeId: begun.payment_id as string, path: new URL(begun.action_url).pathname }
}
const checkout = (client: Client, id: string) => `${client.server.url}/payment-request/@${client.business.slug}/${id}/checkout`
const open = ({ server }: Client, path: string) => send(server, 'GET', path)
const press = ({ server }: Client, path: string, outcome: string) => send(server, 'POST', path, { form: new URLSearchParams({ outcome }) })
const statusOf = async (client: Client, id: string) => (await client.get(`/v1/payment-requests/${id}`)).json.status

describe('/sandbox/wallet', () => {
  test('the wallet page says that it is a simulation, who is paid and how much, and returns the payer', async () => {
    const client = await aBusiness({ name: 'Kopi stall' })
    const { requestId, path } = await begin(client)
    expect(path).toMatch(/^\/sandbox\/wallet\//)
    const page = await open(client, path)
    expect(page.status).toBe(200)
    for (const text of ['<html lang="en">', 'Simulation', 'Kopi stall', 'SGD 1,234.50', 'GrabPay', 'Kaya toast &lt;b', 'Approve', 'Decline', 'Never answer']) {
      expect(page.text).toContain(text)
    }
    expect(page.headers.get('content-security-policy')).toMatch(/default-src 'self'.*form-action 'self'/)
    const back = await press(client, path, 'approved')
    expect([back.status, back.headers.get('location')]).toEqual([303, checkout(client, requestId)])
    expect(await statusOf(client, requestId)).toBe('completed')
  })

  test.each([
    ['declined', 'failed'],
    ['canceled', 'canceled'],
    ['slow', 'pending'],
    ['timeout', 'pending'],
  ])('the answer %s leaves the payment %s, and a second answer changes nothing and shows the result', async (outcome, status) => {
    const client = await aBusiness()
    const { requestId, chargeId, path } = await begin(client)
    expect((await press(client, path, outcome)).headers.get('location')).toBe(checkout(client, requestId))
    expect((await client.get(`/v1/charges/${chargeId}`)).json.status).toBe(status)
    const again = await press(client, path, 'approved')
    expect([again.status, again.headers.get('location')]).toEqual([303, path])
    expect((await client.get(`/v1/charges/${chargeId}`)).json.status).toBe(status)
    const page = await open(client, path)
    expect(page.text).toContain('This payment has already been answered')
    expect(page.text).not.toContain('<form')
  })

  test('the wallet page says that the request has been paid in the meantime, and pays anyway', async () => {
    const client = await aBusiness()
    const { requestId, chargeId, path } = await begin(client)
    await client.post(`/v1/sandbox/payment-requests/${requestId}/pay`, {})
    const page = await open(client, path)
    expect(page.text).toContain('paid in the meantime')
    expect(page.text).toContain('Pay anyway')
    await press(client, path, 'approved')
    expect((await client.get(`/v1/charges/${chargeId}`)).json).toMatchObject({ status: 'succeeded', unapplied_reason: 'duplicate' })
  })

  test('the wallet page can be framed where the checkout can be framed, and nowhere else', async () => {
    const client = await aBusiness()
    const { json } = await client.post('/v1/payment-requests', { amount: '10.00', currency: 'sgd', payment_methods: ['grabpay_direct'] })
    const attempts = `/payment-request/@${client.business.slug}/${json.id}/attempts`
    const pages = []
    for (const embedded of [true, false]) {
      const headers = { 'idempotency-key': `embedded-${embedded}` }
      const begun = await send(client.server, 'POST', attempts, { body: { method: 'grabpay_direct', embedded }, headers })
      const { pathname } = new URL(begun.json.state.attempt.action_url)
      const { headers: sent } = await open(client, pathname)
      const policy = /frame-ancestors ([^;]+)/.exec(sent.get('content-security-policy') ?? '')?.[1]
      const back = (await press(client, pathname, 'declined')).headers.get('location')
      pages.push([policy?.startsWith("'self'"), sent.get('x-frame-options'), back])
    }
    const page = checkout(client, json.id)
    expect(pages).toEqual([
      [true, null, `${page}?embed=1`],
      [false, 'DENY', page],
    ])
  })

  test('the wallet page is shown again for an unknown answer', async () => {
    const client = await aBusiness()
    const { chargeId, path } = await begin(client)
    expect((await press(client, path, 'perhaps')).headers.get('location')).toBe(path)
    expect((await client.get(`/v1/charges/${chargeId}`)).json.status).toBe('requires_customer_action')
  })
})

describe('/sandbox/challenge', () => {
  test.each([
    ['approved', 'succeeded'],
    ['declined', 'failed'],
    ['canceled', 'canceled'],
  ])('the answer %s leaves the payment %s', async (outcome, status) => {
    const client = await aBusiness()
    const { requestId, chargeId, path } = await begin(client, 'card', { card: '4000002760003184' })
    expect(path).toMatch(/^\/sandbox\/challenge\//)
    expect((await open(client, path)).text).toContain('Visa ending in 3184')
    expect((await press(client, path, outcome)).headers.get('location')).toBe(checkout(client, requestId))
    expect((await client.get(`/v1/charges/${chargeId}`)).json.status).toBe(status)
  })
})

test("the simulator's pages reveal nothing: another business, an unknown id and a live business are a 404", async () => {
  const [client, stranger, live] = [await aBusiness(), await aBusiness(), await aBusiness({ mode: 'live' })]
  const { chargeId } = await begin(client)
  for (const path of [
    `/sandbox/wallet/${stranger.business.id}/${chargeId}`,
    `/sandbox/challenge/${live.business.id}/${chargeId}`,
    `/sandbox/wallet/${client.business.id}/01890000-0000-7000-8000-000000000000`,
    '/sandbox/wallet/none/none',
  ]) {
    for (const page of [await open(client, path), await press(client, path, 'approved')]) {
      expect([page.status, page.headers.get('content-type')]).toEqual([404, 'text/html; charset=utf-8'])
    }
  }
  expect((await client.get(`/v1/charges/${chargeId}`)).json.status).toBe('requires_customer_action')
})

describe('/sandbox/tokens', () => {
  const card = { number: '4242 4242 4242 4242', expiry_month: '12', expiry_year: '49', cvc: '123' }
  const tokenise = ({ server }: Client, body: Record<string, unknown>) => send(server, 'POST', '/sandbox/tokens', { body })

  test('a test card gets the same token every time, as JSON and as a form', async () => {
    const client = await aBusiness()
    const { status, json, headers } = await tokenise(client, card)
    expect(status).toBe(200)
    expect(json).toEqual({ token: expect.stringMatching(/^simtok_[0-9a-f]{32}$/), brand: 'visa', last4: '4242', country: 'US' })
    expect(headers.get('cache-control')).toBe('no-store')
    expect((await send(client.server, 'POST', '/sandbox/tokens', { form: new URLSearchParams(card) })).json).toEqual(json)
    expect((await tokenise(client, { ...card, expiry_month: 1, expiry_year: 2049 })).json).toEqual(json)
  })

  test.each([
    [{ number: '4929000000006' }, { number: 'incorrect_number' }],
    [{ number: '4242424242424241' }, { number: 'incorrect_number' }],
    [{ number: '' }, { number: 'incorrect_number' }],
    [{ expiry_month: '13' }, { expiry_month: 'invalid_expiry_month' }],
    [{ expiry_year: '199' }, { expiry_year: 'invalid_expiry_year' }],
    [{ expiry_year: '2020' }, { expiry_year: 'expired' }],
    [{ cvc: '12' }, { cvc: 'invalid_cvc' }],
    [{ cvc: '1234' }, { cvc: 'invalid_cvc' }],
    [{ number: '378282246310005' }, { cvc: 'invalid_cvc' }],
    [
      { number: '1', expiry_month: '0', cvc: null },
      { number: 'incorrect_number', expiry_month: 'invalid_expiry_month', cvc: 'invalid_cvc' },
    ],
  ])('the tokeniser rejects %j: %j', async (more, codes) => {
    const { status, json } = await tokenise(await aBusiness(), { ...card, ...more })
    expect([status, json.codes, Object.keys(json.errors)]).toEqual([422, codes, Object.keys(codes)])
    expect(json.code).toBe(Object.values(codes)[0])
  })

  test('the tokeniser accepts four digits for American Express, and neither logs nor stores a number', async () => {
    const client = await aBusiness()
    const { database } = client.server
    expect((await tokenise(client, { ...card, number: '378282246310005', cvc: '1234' })).json.brand).toBe('amex')
    const real = '4929000000006'
    for (const body of [
      { ...card, number: real },
      { ...card, number: [real] },
      { ...card, number: real, cvc: { a: real } },
    ])
      await tokenise(client, body)
    await send(client.server, 'POST', `/sandbox/tokens?number=${real}`, { raw: { type: 'application/json', body: `{"number":"${real}` } })
    await send(client.server, 'POST', '/sandbox/tokens', { raw: { type: 'text/plain', body: real } })
    const { rows: tables } = await database.pool.query("select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname = 'hawker'")
    for (const { name } of tables) {
      const { rows } = await database.pool.query(`select count(*)::int as found from ${name} t where t::text ~ $1`, [`${real}|378282246310005`])
      expect([name, rows[0].found]).toEqual([name, 0])
    }
    for (const number of [real, '378282246310005', '4242424242424242']) expect(client.server.log()).not.toContain(number)
  })
})
