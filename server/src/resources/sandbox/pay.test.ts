import { describe, expect, test } from 'vitest'
import { listBalances } from '#engine/ledger/balances.ts'
import { redirectUrl } from '#resources/payments/payment-requests/redirect.ts'
import { pollRails } from '#resources/payments/rails/poll-rails-job.ts'
import { aBusiness, type Client, eventsOf, type Reply } from '#testing/api.ts'
import { clockAt } from '#testing/clock.ts'

const requests = '/v1/payment-requests'
const redirect = 'https://shop.example/thanks?key=abc&x=1#frag'

async function aRequest(client: Client, more: Record<string, unknown> = {}): Promise<Record<string, unknown> & { id: string }> {
  const { status, json, text } = await client.post(requests, { amount: '10.00', currency: 'sgd', redirect_url: redirect, ...more })
  expect(status, text).toBe(201)
  return json
}

const pay = (client: Client, { id }: { id: string }, body: Record<string, unknown> = {}, headers: Record<string, string> = {}): Promise<Reply> =>
  client.post(`/v1/sandbox/payment-requests/${id}/pay`, body, { headers })
const read = async (client: Client, { id }: { id: string }) => (await client.get(`${requests}/${id}`)).json

/** What a business has gained, by account, without its play money. */
async function gains({ server, business }: Client): Promise<Record<string, bigint>> {
  const balances = await listBalances(server.database.db, business.id)
  const moved = balances.filter(({ account, balanceMinor }) => balanceMinor !== 0n && account !== 'deposit' && account !== 'sandbox')
  return Object.fromEntries(moved.map(({ account, balanceMinor }) => [account, balanceMinor]))
}

/** Charges as the table has them. */
async function chargesOf({ server, business }: Client): Promise<{ status: string; unapplied_reason: string | null; method: string }[]> {
  const { rows } = await server.database.pool.query('select status, unapplied_reason, method from charges where business_id = $1 order by id', [business.id])
  return rows
}

const typesOf = async (client: Client) => (await eventsOf(client)).map(({ type }) => type)

describe('a successful payment', () => {
  test('a payment completes the request, moves the money, and emits its events in order', async () => {
    const client = await aBusiness()
    const request = await aRequest(client)
    const paid = await pay(client, request, { method: 'paynow_online', name: 'Tan Ah Kow', email: 'payer@example.com' })
    expect(paid.json).toEqual({
      payment_id: expect.any(String),
      payment_request_id: request.id,
      status: 'succeeded',
      payment_request_status: 'completed',
      amount: '10.00',
      currency: 'sgd',
      method: 'paynow_online',
      unapplied_reason: null,
      failure_code: null,
      action_url: null,
      redirect_url: `https://shop.example/thanks?key=abc&x=1&reference=${request.id}&status=completed#frag`,
    })
    const { payment_id } = paid.json
    const shown = await read(client, request)
    expect(shown).toMatchObject({
      status: 'completed',
      payments: [
        { id: payment_id, status: 'succeeded', amount: '10.00', payment_type: 'paynow_online', fees: '0.20', fees_currency: 'sgd', buyer_name: 'Tan Ah Kow' },
      ],
    })
    const told = (await eventsOf(client)).slice(-2)
    expect(told.map(({ type, object_id }) => [type, object_id])).toEqual([
      ['charge.created', payment_id],
      ['payment_request.completed', request.id],
    ])
    expect(told[0]).toMatchObject({ data: { id: payment_id, status: 'succeeded', amount: 10 } })
    expect(told[1]).toMatchObject({ data: { status: 'completed', payments: [{ id: payment_id }] } })
    expect(await gains(client)).toEqual({ available: 980n, fees: 20n, 'clearing:simulator': -1000n })
  })

  test('a card payment leaves its money pending, and stores no card number anywhere', async () => {
    const client = await aBusiness()
    const request = await aRequest(client)
    const { json } = await pay(client, request, { card: { number: '5555 5555 5555 4444' } })
    expect(json).toMatchObject({ status: 'succeeded', method: 'card' })
    expect(await gains(client)).toEqual({ pending: 914n, fees: 86n, 'clearing:simulator': -1000n })
    const { rows } = await client.server.database.pool.query('select c::text as row from charges c where business_id = $1', [client.business.id])
    expect(rows[0].row).toContain('mastercard')
    expect(rows[0].row.replaceAll(/[ -]/g, '')).not.toContain('5555555555554444')
    expect(client.server.log()).not.toContain('5555 5555')
    expect(JSON.stringify(await eventsOf(client))).toContain('"last4":"4444"')
  })

  test('a payer enters the amount of a request that has none', async () => {
    const client = await aBusiness()
    const request = await aRequest(client, { amount: undefined })
    expect((await pay(client, request)).json).toMatchObject({ errors: { amount: ['The amount field is required.'] } })
    expect((await pay(client, request, { amount: '7.5' })).json).toMatchObject({ amount: '7.50', status: 'succeeded', payment_request_status: 'completed' })
  })

  test.each([
    ['JPY', '500'],
    ['vnd', '20000'],
  ])('a payment in %s, a currency without cents, succeeds', async (currency, amount) => {
    const client = await aBusiness()
    const request = await aRequest(client, { currency, amount })
    expect((await pay(client, request, { card: '4242424242424242' })).json).toMatchObject({ status: 'succeeded', currency: currency.toLowerCase() })
  })
})

describe('an unsuccessful payment', () => {
  test.each([
    ['failed', 'failed', 'declined', null],
    ['canceled', 'canceled', 'canceled', 'canceled'],
    ['timeout', 'pending', null, null],
  ])('a payment with the outcome %s leaves the request pending', async (outcome, status, failure_code, redirected) => {
    const client = await aBusiness()
    const request = await aRequest(client)
    const { json } = await pay(client, request, { outcome })
    const redirect_url = redirected && `https://shop.example/thanks?key=abc&x=1&reference=${request.id}&status=${redirected}#frag`
    expect(json).toMatchObject({ status, failure_code, redirect_url, payment_request_status: 'pending' })
    expect(await gains(client)).toEqual({})
    expect(await read(client, request)).not.toHaveProperty('payments')
    expect(await typesOf(client)).toEqual(['payment_request.created', ...(status === 'pending' ? [] : ['charge.failed'])])
    // The payer may try again.
    expect((await pay(client, request)).json).toMatchObject({ status: 'succeeded', payment_request_status: 'completed' })
  })

  test.each([
    ['4000000000000002', 'generic_decline'],
    ['4000000000009995', 'insufficient_funds'],
    ['4000000000000069', 'expired_card'],
    ['4000000000000127', 'incorrect_cvc'],
    ['4242424242424241', 'incorrect_number'],
    ['4000008260003178', 'insufficient_funds'],
    ['4111111111111111', 'test_mode_live_card'],
  ])('a payment with the card %s fails with %s', async (card, failure_code) => {
    const client = await aBusiness()
    const request = await aRequest(client)
    // If a card is named, it is what is paid with, whatever method comes first.
    expect((await pay(client, request, { card })).json).toMatchObject({ status: 'failed', method: 'card', failure_code, redirect_url: null })
    expect(await gains(client)).toEqual({})
  })

  test('an Idempotency-Key stores nothing that reveals a real card number', async () => {
    const client = await aBusiness()
    const { id } = await aRequest(client)
    const path = `/v1/sandbox/payment-requests/${id}/pay`
    const sent = (card: unknown) => client.post(path, { card }, { headers: { 'idempotency-key': 'typed-by-mistake' } })
    expect((await sent('4111111111111111')).status).toBe(200)
    // Another number is the same request: no digest of the first was stored.
    const again = await sent('5454545454545454')
    expect([again.status, again.headers.get('idempotent-replayed')]).toEqual([200, 'true'])
    expect((await sent('4242424242424242')).json.code).toBe('idempotency_key_reused')
  })

  test('a requested outcome takes precedence over that of the card', async () => {
    const client = await aBusiness()
    const request = await aRequest(client)
    expect((await pay(client, request, { card: '4000000000000002', outcome: 'completed' })).json).toMatchObject({ status: 'succeeded' })
  })

  test.each([
    ['passed', 'succeeded', null],
    ['failed', 'failed', 'authentication_failed'],
    ['abandoned', 'canceled', 'canceled'],
  ])('a 3-D Secure challenge that is %s decides the outcome', async (challenge, status, failure_code) => {
    const client = await aBusiness()
    const request = await aRequest(client)
    expect((await pay(client, request, { card: '4000002760003184', challenge })).json).toMatchObject({ status, failure_code })
  })

  test('a failed payment at a terminal ends the request', async () => {
    const client = await aBusiness()
    const request = await aRequest(client, { payment_methods: ['wifi_card_reader'], wifi_terminal_id: 'terminal-1' })
    const { json } = await pay(client, request, { outcome: 'failed' })
    expect(json).toMatchObject({ status: 'failed', payment_request_status: 'failed', redirect_url: expect.stringContaining('&status=failed#frag') })
    expect(await typesOf(client)).toEqual(['payment_request.created', 'charge.failed', 'payment_request.failed'])
    expect((await pay(client, request)).status).toBe(409)
  })
})

describe('payments of another amount or too many', () => {
  test.each([
    ['9.99', 'short'],
    ['10.01', 'over'],
  ])('%s of 10.00 is %s: recorded, not applied, and not reported to the shop as paid', async (amount, unapplied_reason) => {
    const client = await aBusiness()
    const request = await aRequest(client)
    const { json } = await pay(client, request, { amount, method: 'paynow_online' })
    expect(json).toMatchObject({ status: 'succeeded', amount, unapplied_reason, payment_request_status: 'pending', redirect_url: null })
    expect(await read(client, request)).not.toHaveProperty('payments')
    expect(await typesOf(client)).toEqual(['payment_request.created', 'charge.created', 'charge.unapplied'])
    expect((await gains(client))['clearing:simulator']).toBe(amount === '9.99' ? -999n : -1001n)
    const refund = await client.post('/v1/refund', { payment_id: json.payment_id })
    expect([refund.status, refund.json.amount_refunded]).toEqual([201, Number(amount)])
    expect((await pay(client, request)).json).toMatchObject({ unapplied_reason: null, payment_request_status: 'completed' })
  })

  test('a second payment of a paid request is rejected', async () => {
    const client = await aBusiness()
    const request = await aRequest(client)
    await pay(client, request)
    const again = await pay(client, request)
    expect([again.status, again.json.code, again.json.message]).toEqual([409, 'payment_request_not_payable', 'This payment request is completed.'])
    expect(await chargesOf(client)).toHaveLength(1)
  })

  test('exactly one of ten concurrent payments is applied, and none is lost', async () => {
    const client = await aBusiness()
    const request = await aRequest(client)
    const answers = await Promise.all(Array.from({ length: 10 }, () => pay(client, request, { method: 'paynow_online' })))
    const taken = answers.filter(({ status }) => status === 200).map(({ json }) => json)
    expect(answers.filter(({ status }) => status !== 200).every(({ status }) => status === 409)).toBe(true)
    expect(taken.filter(({ unapplied_reason }) => unapplied_reason === null)).toHaveLength(1)
    const duplicates = taken.filter(({ unapplied_reason }) => unapplied_reason === 'duplicate')
    expect(duplicates).toHaveLength(taken.length - 1)
    expect(await chargesOf(client)).toHaveLength(taken.length)
    expect((await read(client, request)).payments).toHaveLength(1)
    const types = await typesOf(client)
    expect(types.filter((type) => type === 'payment_request.completed')).toHaveLength(1)
    expect(types.filter((type) => type === 'charge.unapplied')).toHaveLength(duplicates.length)
    expect((await gains(client))['clearing:simulator']).toBe(-1000n * BigInt(taken.length))
  })

  test('a request that allows repeated payments accepts all of them and stays pending', async () => {
    const client = await aBusiness()
    const request = await aRequest(client, { allow_repeated_payments: true })
    const paid = await Promise.all([1, 2, 3].map(() => pay(client, request, { method: 'paynow_online' })))
    for (const { json } of paid) expect(json).toMatchObject({ status: 'succeeded', unapplied_reason: null, payment_request_status: 'pending' })
    expect(paid[0]?.json.redirect_url).toContain('&status=completed')
    const { status, payments } = await read(client, request)
    expect(status).toBe('pending')
    expect(payments.map(({ id }: { id: string }) => id).sort()).toEqual(paid.map(({ json }) => json.payment_id).sort())
    expect((await typesOf(client)).filter((type) => type === 'payment_request.completed')).toHaveLength(3)
  })
})

/** Polls rails like the worker, so many seconds from now. */
function pollRailsLater({ server }: Client, seconds: number): Promise<number> {
  const { app } = server
  const clock = clockAt(() => new Date(Date.now() + seconds * 1000))
  return pollRails({ ...app.payments, clock }, { until: clock.system() })
}

test('a payment with a delay is pending until its time, and settled once', async () => {
  const client = await aBusiness()
  const request = await aRequest(client)
  const { json } = await pay(client, request, { method: 'paynow_online', delay: 30 })
  expect(json).toMatchObject({ status: 'pending', payment_request_status: 'pending', redirect_url: null })
  await pollRailsLater(client, 5)
  expect((await read(client, request)).status).toBe('pending')
  await pollRailsLater(client, 31)
  await pollRailsLater(client, 32)
  expect(await read(client, request)).toMatchObject({ status: 'completed', payments: [{ id: json.payment_id }] })
  expect((await typesOf(client)).slice(1)).toEqual(['charge.created', 'payment_request.completed'])
  expect((await gains(client))['clearing:simulator']).toBe(-1000n)
})

test('a delayed payment that another one overtook is a duplicate, and can be refunded', async () => {
  const client = await aBusiness()
  const request = await aRequest(client)
  const { json: slow } = await pay(client, request, { method: 'paynow_online', delay: 20 })
  const { json: fast } = await pay(client, request, { method: 'paynow_online' })
  expect(fast).toMatchObject({ unapplied_reason: null, payment_request_status: 'completed' })
  await pollRailsLater(client, 21)
  expect((await read(client, request)).payments.map(({ id }: { id: string }) => id)).toEqual([fast.payment_id])
  expect((await chargesOf(client)).map(({ unapplied_reason }) => unapplied_reason)).toEqual(['duplicate', null])
  expect((await client.post('/v1/refund', { payment_id: slow.payment_id })).json).toMatchObject({ amount_refunded: 10, status: 'succeeded' })
})

test('a payment without an answer fails in the end, and the request can still be paid', async () => {
  const client = await aBusiness()
  const request = await aRequest(client)
  const { json } = await pay(client, request, { outcome: 'timeout' })
  await pollRailsLater(client, 901)
  const failed = (await eventsOf(client)).find(({ type }) => type === 'charge.failed')
  expect(failed).toMatchObject({ object_id: json.payment_id, data: { failure_code: 'timeout' } })
  expect((await pay(client, request)).json).toMatchObject({ payment_request_status: 'completed' })
})

test('a fee that the payer bears is paid on top, and the request counts as paid', async () => {
  const client = await aBusiness()
  const request = await aRequest(client, { add_admin_fee: true })
  const { json } = await pay(client, request, { method: 'paynow_online' })
  expect(json).toMatchObject({ amount: '10.20', unapplied_reason: null, payment_request_status: 'completed' })
  expect(await read(client, request)).toMatchObject({ amount: '10.00', payments: [{ amount: '10.20' }] })
})

describe('rejected payments', () => {
  test.each([
    [{ method: 'paynow_online' }, 'method'],
    [{ method: 'no_such_method' }, 'method'],
    [{ card: { number: true } }, 'card.number'],
    [{ amount: '1,000.00' }, 'amount'],
    [{ amount: '10.001' }, 'amount'],
    [{ outcome: 'perhaps' }, 'outcome'],
    [{ delay: -1 }, 'delay'],
  ])('the payment %j is rejected', async (body, field) => {
    const client = await aBusiness()
    const request = await aRequest(client, { payment_methods: ['card'] })
    const { status, json } = await pay(client, request, body)
    expect([status, Object.keys(json.errors)]).toEqual([422, [field]])
    expect(await chargesOf(client)).toEqual([])
  })

  test("a payment of a deleted, unknown or another business's request is rejected", async () => {
    const [client, stranger] = [await aBusiness(), await aBusiness()]
    const request = await aRequest(client)
    expect((await pay(stranger, request)).status).toBe(404)
    expect((await pay(client, { id: 'x' })).status).toBe(404)
    await client.delete(`${requests}/${request.id}`)
    expect((await pay(client, request)).status).toBe(409)
  })

  test('a live business has no such route', async () => {
    const live = await aBusiness({ mode: 'live' })
    const { status, json } = await pay(live, { id: '01890000-0000-7000-8000-000000000000' })
    expect([status, json.code]).toEqual([404, 'route_not_found'])
  })
})

describe('an Idempotency-Key', () => {
  test('an Idempotency-Key makes one charge of any number of attempts, concurrent or later', async () => {
    const client = await aBusiness()
    const request = await aRequest(client, { allow_repeated_payments: true })
    const once = () => pay(client, request, { method: 'card' }, { 'idempotency-key': 'pay-1' })
    const answers = [...(await Promise.all([once(), once(), once()])), await once()]
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1)
    expect(answers.map(({ status, headers }) => [status, headers.get('idempotent-replayed')]).filter(([, replayed]) => replayed === null)).toEqual([
      [200, null],
    ])
    expect(await chargesOf(client)).toHaveLength(1)
    const other = await pay(client, request, { method: 'paynow_online' }, { 'idempotency-key': 'pay-1' })
    expect(other.status).toBe(422)
  })

  test('an Idempotency-Key also replays what was paid and would be rejected now', async () => {
    const client = await aBusiness()
    const request = await aRequest(client)
    const first = await pay(client, request, {}, { 'idempotency-key': 'pay-2' })
    expect((await pay(client, request, {}, { 'idempotency-key': 'pay-2' })).text).toBe(first.text)
  })
})

test.each([
  ['https://shop.example', '?'],
  ['https://shop.example/a?', ''],
  ['https://shop.example/a?b=%20+c&d', '&'],
  ['https://shop.example/a?b&', ''],
])("the merchant's URL %s is kept byte for byte", (address, joint) => {
  expect(redirectUrl(address, 'id', 'completed')).toBe(`${address}${joint}reference=id&status=completed`)
  expect(redirectUrl(`${address}#/x?y=1`, 'id', 'canceled')).toBe(`${address}${joint}reference=id&status=canceled#/x?y=1`)
})

describe('a payer who scans a code', () => {
  const scan = (client: Client, qr_code: string, more: Record<string, unknown> = {}) => client.post('/v1/sandbox/pay-code', { qr_code, ...more })
  const aCode = async (client: Client, more: Record<string, unknown>) =>
    (await aRequest(client, { generate_qr: true, ...more })) as unknown as { id: string; qr_code_data: { qr_code: string } }

  test.each([
    ['paynow_online', 'sgd', '12.00', '12.20'],
    ['opn_prompt_pay', 'thb', '12.00', '12.18'],
    ['doku_qris', 'idr', '12000.00', '12180.00'],
    ['ifpay_qris', 'idr', '12000.00', '12180.00'],
    ['qrph_netbank', 'php', '12.00', '12.18'],
    ['duitnow', 'myr', '12.00', '12.14'],
    ['vietqr_zalopay', 'vnd', '12000', '12180'],
    ['upi_qr', 'sgd', '12.00', '12.24'],
    ['shopee_pay', 'sgd', '12.00', '12.36'],
  ])('a scanned code of %s pays its request, including a fee that the payer bears', async (method, currency, amount, withFee) => {
    const client = await aBusiness()
    for (const [add_admin_fee, paid] of [
      [false, amount],
      [true, withFee],
    ] as const) {
      const request = await aCode(client, { amount, currency, payment_methods: [method], add_admin_fee })
      expect((await scan(client, request.qr_code_data.qr_code)).json).toMatchObject({
        payment_request_id: request.id,
        payment_request_status: 'completed',
        unapplied_reason: null,
        amount: paid,
        method,
      })
      expect(await read(client, request)).toMatchObject({ status: 'completed', amount })
    }
  })

  test('a payer who scans may enter another amount, and may pay too late', async () => {
    const client = await aBusiness()
    const request = await aCode(client, { payment_methods: ['paynow_online'], add_admin_fee: true })
    const { qr_code } = request.qr_code_data
    expect((await scan(client, qr_code, { amount: '10.00' })).json).toMatchObject({ amount: '10.00', unapplied_reason: 'short' })
    expect((await scan(client, qr_code, { amount: '10.20' })).json).toMatchObject({ unapplied_reason: null, payment_request_status: 'completed' })
    expect((await scan(client, qr_code)).status).toBe(409)
  })

  test('a scanned code is found only in its own sandbox', async () => {
    const [client, stranger, live] = [await aBusiness(), await aBusiness(), await aBusiness({ mode: 'live' })]
    const { qr_code } = (await aCode(client, { payment_methods: ['paynow_online'] })).qr_code_data
    const page = (await aCode(client, { payment_methods: ['shopee_pay'] })).qr_code_data.qr_code
    for (const code of [qr_code, page, `${qr_code.slice(0, -1)}x`, 'hello', 'https://example.com/']) {
      const { status, json } = await scan(stranger, code)
      expect([status, Object.keys(json.errors)]).toEqual([422, ['qr_code']])
    }
    expect((await scan(live, qr_code)).json).toMatchObject({ code: 'route_not_found' })
  })
})
