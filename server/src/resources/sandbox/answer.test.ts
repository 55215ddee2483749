import { describe, expect, test } from 'vitest'
import { paymentMethods } from '#engine/rails/methods.ts'
import { testCardToken } from '#engine/rails/test-cards.ts'
import { findCharge } from '#resources/payments/charges/queries.ts'
import { findPaymentRequest } from '#resources/payments/payment-requests/queries.ts'
import { startPayment } from '#resources/payments/settlement/start-payment.ts'
import { aBusiness, type Client, eventsOf } from '#testing/api.ts'
import { anOrigin, checkDue } from '#testing/payments.ts'

const asking = paymentMethods.filter(
  ({ code, kind, withdrawn }) => !withdrawn && ['redirect', 'bank', 'wallet'].includes(kind) && !['giro', 'paynow_transfer'].includes(code),
)

async function aRequest(client: Client, method: string, more: Record<string, unknown> = {}): Promise<string> {
  const currency = paymentMethods.find(({ code }) => code === method)?.currencies[0] ?? 'sgd'
  const { status, json, text } = await client.post('/v1/payment-requests', { amount: '20000', currency, payment_methods: [method], ...more })
  expect(status, text).toBe(201)
  return json.id
}

/** Starts a payment whose payer is in a browser. */
async function begin(client: Client, method: string, requestId?: string) {
  const id = requestId ?? (await aRequest(client, method))
  const { json } = await client.post(`/v1/sandbox/payment-requests/${id}/pay`, { method, interactive: true })
  return json
}

/** Starts a payment by a token, like the hosted page. */
async function beginByToken(client: Client, number: string) {
  const request = await findPaymentRequest(client.server.database.db, client.business.id, await aRequest(client, 'card'))
  if (!request) throw new Error('the request was not made')
  const token = testCardToken(number) ?? 'simtok_unknown'
  const payment = {
    request,
    method: 'card',
    input: { token, interactive: true },
    returnUrl: 'https://pay.example.com/payment-request/@x/y/checkout?embedded=1',
  }
  const { charge } = await startPayment(client.server.app.payments, client.business, payment, anOrigin())
  return charge
}

const answer = (client: Client, id: string, body: Record<string, unknown>) => client.post(`/v1/sandbox/payments/${id}/answer`, body)
const chargeOf = async (client: Client, id: string) => findCharge(client.server.database.db, client.business.id, id)

describe('a payer in a browser', () => {
  test.each(asking.map(({ code }) => code))('%s asks the payer on its page, and the payer approves', async (method) => {
    const client = await aBusiness()
    const begun = await begin(client, method)
    expect(begun).toMatchObject({ status: 'requires_customer_action', redirect_url: null })
    expect(begun.action_url).toBe(`${client.server.url}/sandbox/wallet/${client.business.id}/${begun.payment_id}`)
    const charge = await chargeOf(client, begun.payment_id)
    expect(charge?.rail_data).toMatchObject({ action_url: begun.action_url, return_url: expect.stringContaining(`/${begun.payment_request_id}/checkout`) })
    expect((await answer(client, begun.payment_id, { outcome: 'approved' })).json).toMatchObject({ status: 'succeeded', payment_request_status: 'completed' })
  })

  test.each([
    ['4000002760003184', 'approved', 'succeeded', null],
    ['4000002760003184', 'declined', 'failed', 'authentication_failed'],
    ['4000002760003184', 'canceled', 'canceled', 'canceled'],
    ['4000002500003155', 'approved', 'succeeded', null],
    ['4000008260003178', 'approved', 'failed', 'insufficient_funds'],
    ['4000008400001629', 'approved', 'failed', 'generic_decline'],
  ])('a payer with the card %s passes through 3-D Secure: %s is %s, %s', async (number, outcome, status, code) => {
    const client = await aBusiness()
    const charge = await beginByToken(client, number)
    const url = `https://pay.example.com/sandbox/challenge/${client.business.id}/${charge.id}`
    expect(charge).toMatchObject({ status: 'requires_customer_action', card: { last4: number.slice(-4) }, rail_data: { action_url: url } })
    const { json } = await answer(client, charge.id, { outcome })
    expect([json.status, json.failure_code]).toEqual([status, code])
  })

  test.each([
    ['4242424242424242', 'succeeded', null],
    ['4000003800000446', 'succeeded', null],
    ['4000000000003055', 'succeeded', null],
    ['4000000000003097', 'succeeded', null],
    ['4000008400001280', 'failed', 'generic_decline'],
    ['4000000000009995', 'failed', 'insufficient_funds'],
    ['4929000000006', 'failed', 'test_mode_live_card'],
  ])('a payer with the card %s is not asked for 3-D Secure: %s, %s', async (number, status, code) => {
    const charge = await beginByToken(await aBusiness(), number)
    expect([charge.status, charge.failure_code]).toEqual([status, code])
  })
})

describe('POST /v1/sandbox/payments/{charge_id}/answer', () => {
  test('an answer declines, cancels, never comes or comes late', async () => {
    const client = await aBusiness()
    const outcomes = ['declined', 'canceled', 'timeout', 'slow'] as const
    const begun = await Promise.all(outcomes.map(() => begin(client, 'grabpay_direct')))
    const answers = await Promise.all(outcomes.map((outcome, i) => answer(client, begun[i].payment_id, { outcome })))
    expect(answers.map(({ json }) => [json.status, json.failure_code])).toEqual([
      ['failed', 'declined'],
      ['canceled', 'canceled'],
      ['pending', null],
      ['pending', null],
    ])
    const [, , silent, slow] = begun
    await checkDue(client, 5)
    expect((await chargeOf(client, slow.payment_id))?.status).toBe('pending')
    await checkDue(client, 60)
    expect(await chargeOf(client, slow.payment_id)).toMatchObject({ status: 'succeeded', unapplied_reason: null })
    expect((await chargeOf(client, silent.payment_id))?.status).toBe('pending')
    await checkDue(client, 7_200)
    expect(await chargeOf(client, silent.payment_id)).toMatchObject({ status: 'failed', failure_code: 'timeout' })
  })

  test('an answer counts once, even when many arrive at the same time', async () => {
    const client = await aBusiness()
    const { payment_id } = await begin(client, 'atome')
    const outcomes = ['slow', 'approved', 'declined', 'timeout', 'canceled', 'approved']
    const answers = await Promise.all(outcomes.map((outcome) => answer(client, payment_id, { outcome })))
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]))
    expect(new Set(answers.map(({ json }) => json.status)).size).toBe(1)
    const { status } = answers[0]?.json ?? {}
    for (const outcome of outcomes) expect((await answer(client, payment_id, { outcome })).json.status).toBe(status)
    const types = (await eventsOf(client)).map(({ type }) => type).filter((type) => String(type).startsWith('charge.'))
    expect(types.length).toBeLessThanOrEqual(1)
  })

  test('a payment without an answer is abandoned after a quarter of an hour, and a later answer changes nothing', async () => {
    const client = await aBusiness()
    const { payment_id } = await begin(client, 'zip')
    await checkDue(client, 800)
    expect((await chargeOf(client, payment_id))?.status).toBe('requires_customer_action')
    await checkDue(client, 901)
    expect(await chargeOf(client, payment_id)).toMatchObject({ status: 'canceled', failure_code: 'canceled' })
    expect((await answer(client, payment_id, { outcome: 'approved' })).json).toMatchObject({ status: 'canceled', payment_request_status: 'pending' })
  })

  test('an answer pays a request that someone else has paid in the meantime, and the duplicate is refunded', async () => {
    const client = await aBusiness()
    const first = await begin(client, 'shopee_pay')
    const second = await begin(client, 'shopee_pay', first.payment_request_id)
    expect((await answer(client, first.payment_id, {})).json).toMatchObject({ status: 'succeeded', unapplied_reason: null })
    expect((await answer(client, second.payment_id, {})).json).toMatchObject({ status: 'succeeded', unapplied_reason: 'duplicate' })
    await checkDue(client, 60)
    expect(await chargeOf(client, second.payment_id)).toMatchObject({ status: 'refunded' })
  })

  test('an answer is rejected for payments that wait for no payer, for live businesses and for unknown ids', async () => {
    const client = await aBusiness()
    const id = await aRequest(client, 'grabpay_direct')
    const paid = await client.post(`/v1/sandbox/payment-requests/${id}/pay`, {})
    expect((await answer(client, paid.json.payment_id, { outcome: 'declined' })).json.status).toBe('succeeded')
    expect((await answer(client, 'none', {})).status).toBe(404)
    expect((await answer(client, paid.json.payment_id, { outcome: 'perhaps' })).status).toBe(422)
    expect((await answer(await aBusiness({ mode: 'live' }), paid.json.payment_id, {})).json.code).toBe('route_not_found')
  })
})

describe('unexpected payments', () => {
  const deadline = { expires_after: '5 mins' }
  const pay = async (client: Client, id: string, body: Record<string, unknown>) => client.post(`/v1/sandbox/payment-requests/${id}/pay`, body)

  test('a payment dated after the deadline is late', async () => {
    const client = await aBusiness()
    const id = await aRequest(client, 'paynow_online', deadline)
    expect((await pay(client, id, { late: true })).json).toMatchObject({ status: 'succeeded', unapplied_reason: 'late', payment_request_status: 'pending' })
    expect((await pay(client, id, {})).json).toMatchObject({ unapplied_reason: null, payment_request_status: 'completed' })
  })

  test('a payment of a canceled request is late, and a request without a deadline has no late payment', async () => {
    const client = await aBusiness()
    const id = await aRequest(client, 'paynow_online')
    const refused = await pay(client, id, { late: 'true' })
    expect([refused.status, refused.json.code, Object.keys(refused.json.errors)]).toEqual([422, 'no_deadline', ['late']])
    await client.delete(`/v1/payment-requests/${id}`)
    expect((await pay(client, id, { late: true })).json).toMatchObject({ status: 'succeeded', unapplied_reason: 'late' })
  })

  test('a payment of a paid request is a duplicate, and is refunded', async () => {
    const client = await aBusiness()
    const id = await aRequest(client, 'paynow_online')
    await pay(client, id, {})
    expect((await pay(client, id, {})).status).toBe(409)
    const { json } = await pay(client, id, { anyway: true })
    expect(json).toMatchObject({ status: 'succeeded', unapplied_reason: 'duplicate' })
    await checkDue(client, 60)
    expect((await chargeOf(client, json.payment_id))?.status).toBe('refunded')
  })
})
