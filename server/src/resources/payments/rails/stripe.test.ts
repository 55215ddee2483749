import { afterEach, describe, expect, test } from 'vitest'
import { outcomeOf } from '#engine/rails/stripe/stripe.ts'
import { encryptSecret } from '#foundation/shared/secrets.ts'
import { findCharge } from '#resources/payments/charges/queries.ts'
import { findPaymentRequest } from '#resources/payments/payment-requests/queries.ts'
import { startPayment } from '#resources/payments/settlement/start-payment.ts'
import { aBusiness, type Client, eventsOf, send, startTestServer, type TestServer, testSecretKey } from '#testing/api.ts'
import { clockAt } from '#testing/clock.ts'
import { testDatabase } from '#testing/database.ts'
import { anOrigin } from '#testing/payments.ts'
import { type StripeFake, startStripeFake } from '#testing/stripe-fake.ts'
import { pollRails } from './poll-rails-job.ts'
import { saveRailCredentials } from './queries.ts'

let stripe: StripeFake
afterEach(async () => stripe.close())

let server: Promise<TestServer> | undefined

/** A live business whose cards go through a Stripe of its own. */
async function aMerchant(): Promise<Client> {
  server ??= testDatabase().then((database) => startTestServer(database))
  const client = await aBusiness({ mode: 'live' }, await server)
  stripe = await startStripeFake()
  const sealed = encryptSecret(JSON.stringify(stripe.access), testSecretKey)
  await saveRailCredentials(client.server.database.db, client.business.id, 'stripe', sealed, new Date())
  return client
}

/** What the payer's page does with the token from Stripe. */
async function pay(client: Client, token: string | undefined) {
  const { json } = await client.post('/v1/payment-requests', { amount: '10.00', currency: 'sgd', payment_methods: ['card'] })
  const request = await findPaymentRequest(client.server.database.db, client.business.id, json.id)
  if (!request) throw new Error('the request was not made')
  const input = token === undefined ? {} : { token }
  const payment = { request, method: 'card', input, returnUrl: 'https://shop.example.com/back' }
  const { charge } = await startPayment(client.server.app.payments, client.business, payment, anOrigin())
  return { requestId: request.id, charge }
}

const chargeOf = (client: Client, id: string) => findCharge(client.server.database.db, client.business.id, id)
const typesOf = async (client: Client) => (await eventsOf(client)).map(({ type }) => type)
const statusOf = async (client: Client, id: string) => (await client.get(`/v1/payment-requests/${id}`)).json.status

/** Does what the poller would do so many seconds from now. */
const check = ({ server: { app } }: Client, afterSeconds: number) => {
  const clock = clockAt(() => new Date(Date.now() + afterSeconds * 1000))
  return pollRails({ ...app.payments, clock }, { until: clock.system() })
}

const notify = ({ server: to, business }: Client, { text, signature }: { text: string; signature: string }) =>
  send(to, 'POST', `/v1/rail-notifications/stripe/${business.id}`, {
    headers: { 'stripe-signature': signature },
    raw: { type: 'application/json', body: text },
  })

const bookings = async ({ server: { database }, business }: Client) =>
  (await database.pool.query("select purpose from ledger_transfers where business_id = $1 and source = 'charge' order by purpose", [business.id])).rows

describe('a card payment through Stripe', () => {
  test('a card payment succeeds, and stores only what may be kept of the card', async () => {
    const client = await aMerchant()
    const { charge, requestId } = await pay(client, 'pm_card_visa')
    expect(charge).toMatchObject({ status: 'succeeded', rail: 'stripe', card: { brand: 'visa', last4: '4242', country: 'US' } })
    expect(stripe.intentOf(charge.id)).toMatchObject({ id: charge.rail_reference, amount: 1000, currency: 'sgd' })
    expect(await statusOf(client, requestId)).toBe('completed')
    expect(await typesOf(client)).toEqual(['payment_request.created', 'charge.created', 'payment_request.completed'])
  })

  test.each([
    ['pm_card_chargeDeclined', 'generic_decline'],
    ['pm_card_chargeDeclinedInsufficientFunds', 'insufficient_funds'],
    ['pm_card_chargeDeclinedExpiredCard', 'expired_card'],
    ['pm_card_chargeDeclinedIncorrectCvc', 'incorrect_cvc'],
    ['pm_unknown', 'resource_missing'],
    [undefined, 'token_required'],
  ])('a card payment with %s fails with %s, and the request can be paid in another way', async (token, code) => {
    const client = await aMerchant()
    const { charge, requestId } = await pay(client, token)
    expect(charge).toMatchObject({ status: 'failed', failure_code: code })
    expect(await statusOf(client, requestId)).toBe('pending')
    expect(await bookings(client)).toEqual([])
  })

  test('a card payment with 3-D Secure waits for the payer, and a notification reports its outcome', async () => {
    const client = await aMerchant()
    for (const passed of [true, false]) {
      const { charge } = await pay(client, 'pm_card_authenticationRequired')
      expect(charge.status).toBe('requires_customer_action')
      await check(client, 60)
      expect((await chargeOf(client, charge.id))?.status).toBe('requires_customer_action')
      stripe.challenge(charge.id, passed)
      const type = passed ? 'payment_intent.succeeded' : 'payment_intent.payment_failed'
      expect((await notify(client, stripe.message(type, stripe.intentOf(charge.id)))).status).toBe(200)
      expect(await chargeOf(client, charge.id)).toMatchObject(
        passed ? { status: 'succeeded', card: { last4: '4242' } } : { status: 'failed', failure_code: 'payment_intent_authentication_failure' },
      )
    }
  })

  test('a processing Stripe payment is polled until it has an outcome', async () => {
    const client = await aMerchant()
    const { charge } = await pay(client, 'pm_card_slow')
    expect(charge.status).toBe('pending')
    Object.assign(stripe.intentOf(charge.id), { status: 'succeeded' })
    await check(client, 10)
    expect((await chargeOf(client, charge.id))?.status).toBe('pending')
    await check(client, 60)
    expect((await chargeOf(client, charge.id))?.status).toBe('succeeded')
  })

  test.each(['drop', 'hang', 'error'] as const)(
    'a card payment whose answer is lost (%s) stays pending until the job has polled, and is charged at most once',
    async (fault) => {
      const client = await aMerchant()
      stripe.fault(fault)
      const { charge, requestId } = await pay(client, 'pm_card_visa')
      expect(charge).toMatchObject({ status: 'pending', rail_reference: null })
      await check(client, 60)
      expect((await chargeOf(client, charge.id))?.status).toBe('pending')
      stripe.fault()
      await check(client, 3_600)
      await check(client, 7_200)
      const arrived = fault === 'drop'
      expect(stripe.count(charge.id)).toBe(arrived ? 1 : 0)
      expect(await chargeOf(client, charge.id)).toMatchObject(arrived ? { status: 'succeeded' } : { status: 'failed', failure_code: 'not_started' })
      expect(await statusOf(client, requestId)).toBe(arrived ? 'completed' : 'pending')
      expect(await bookings(client)).toEqual(arrived ? [{ purpose: 'fee' }, { purpose: 'net' }] : [])
    },
  )

  test('a card payment with an unknown status stays open', () => {
    const strange = { id: 'pi_1', status: 'on_holiday', last_payment_error: null, next_action: null, latest_charge: null, metadata: {} }
    expect(outcomeOf(strange as never)).toMatchObject({ status: 'pending' })
    expect(outcomeOf({ ...strange, status: 'canceled' } as never)).toMatchObject({ status: 'failed', canceled: true })
  })
})

describe("Stripe's notifications", () => {
  test('twenty notifications in the wrong order settle a payment once', async () => {
    const client = await aMerchant()
    const { charge } = await pay(client, 'pm_card_slow')
    const before = stripe.message('payment_intent.processing', { ...stripe.intentOf(charge.id) })
    Object.assign(stripe.intentOf(charge.id), { status: 'succeeded' })
    const after = stripe.message('payment_intent.succeeded', stripe.intentOf(charge.id))
    const answers = await Promise.all(Array.from({ length: 20 }, (_, i) => notify(client, i % 3 === 1 ? before : after)))
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 200))
    await notify(client, before)
    await check(client, 3_600)
    expect((await chargeOf(client, charge.id))?.status).toBe('succeeded')
    expect(await bookings(client)).toEqual([{ purpose: 'fee' }, { purpose: 'net' }])
    expect((await typesOf(client)).filter((type) => type === 'charge.created')).toHaveLength(1)
    const { rows } = await client.server.database.pool.query('select 1 from rail_notifications where business_id = $1', [client.business.id])
    expect(rows).toHaveLength(2)
  })

  test('a notification of money that came after its payment failed completes the request', async () => {
    const client = await aMerchant()
    stripe.fault('error')
    const { charge, requestId } = await pay(client, 'pm_card_visa')
    stripe.fault()
    for (const seconds of [60, 3_600, 7_200]) await check(client, seconds)
    expect(await chargeOf(client, charge.id)).toMatchObject({ status: 'failed', failure_code: 'not_started' })
    const intent = { id: 'pi_late', status: 'succeeded', metadata: { hawker_kind: 'charge', hawker_id: charge.id } }
    for (const _ of [1, 2]) expect((await notify(client, stripe.message('payment_intent.succeeded', intent))).status).toBe(200)
    expect(await chargeOf(client, charge.id)).toMatchObject({ status: 'succeeded', rail_reference: 'pi_late', failure_code: null })
    expect(await statusOf(client, requestId)).toBe('completed')
    expect(await bookings(client)).toEqual([{ purpose: 'fee' }, { purpose: 'net' }])
  })

  test('a notification with a wrong, missing or old signature, or with changed bytes, is rejected', async () => {
    const client = await aMerchant()
    const { charge } = await pay(client, 'pm_card_slow')
    const said = { ...stripe.intentOf(charge.id), status: 'succeeded' }
    const good = stripe.message('payment_intent.succeeded', said)
    for (const bad of [
      stripe.message('payment_intent.succeeded', said, { secret: 'whsec_other' }),
      stripe.message('payment_intent.succeeded', said, { at: new Date(Date.now() - 400_000) }),
      { text: good.text, signature: '' },
      { text: `${good.text} `, signature: good.signature },
    ]) {
      const { status, json } = await notify(client, bad)
      expect([status, json.code]).toEqual([400, 'bad_signature'])
    }
    expect((await chargeOf(client, charge.id))?.status).toBe('pending')
  })

  test('a notification about an unknown object is accepted without effect, and a business without Stripe has no such route', async () => {
    const client = await aMerchant()
    const { charge } = await pay(client, 'pm_card_slow')
    const intent = stripe.intentOf(charge.id)
    for (const [type, object] of [
      ['customer.created', { id: 'cus_1' }],
      ['payment_intent.succeeded', { ...intent, status: 'succeeded', metadata: {} }],
      ['payment_intent.succeeded', { ...intent, status: 'succeeded', metadata: { hawker_kind: 'charge', hawker_id: 'none' } }],
      ['refund.updated', { id: 're_1', status: 'succeeded', metadata: { hawker_kind: 'refund', hawker_id: charge.id } }],
    ] as const)
      expect((await notify(client, stripe.message(type, object))).status).toBe(200)
    expect((await chargeOf(client, charge.id))?.status).toBe('pending')
    const stranger = await aBusiness({ mode: 'live' }, client.server)
    expect((await notify(stranger, stripe.message('payment_intent.succeeded', intent))).status).toBe(404)
  })

  test("a notification of another business's Stripe does not reach a payment", async () => {
    const client = await aMerchant()
    const { charge } = await pay(client, 'pm_card_slow')
    await stripe.close()
    const stranger = await aMerchant()
    const forged = { id: 'pi_forged', status: 'succeeded', metadata: { hawker_kind: 'charge', hawker_id: charge.id } }
    expect((await notify(stranger, stripe.message('payment_intent.succeeded', forged))).status).toBe(200)
    expect((await chargeOf(client, charge.id))?.status).toBe('pending')
  })
})

describe('a refund through Stripe', () => {
  const refundOf = async (client: Client, id: string) => (await client.get(`/v1/refunds/${id}`)).json

  /** Money of cards is available after days; here immediately, so that there is something to refund. */
  async function aPaidCharge(token: string) {
    const client = await aMerchant()
    await client.put('/v1/fee-schedules/card', { currency: 'sgd', fixed: 0, rate: 0, release_days: 0 })
    return { client, chargeId: (await pay(client, token)).charge.id }
  }

  test('a refund succeeds in parts, and never above the payment', async () => {
    const { client, chargeId } = await aPaidCharge('pm_card_visa')
    const first = await client.post('/v1/refunds', { payment_id: chargeId, amount: 4 })
    expect(first.status).toBe(201)
    expect(await refundOf(client, first.json.id)).toMatchObject({ status: 'succeeded' })
    expect((await client.post('/v1/refunds', { payment_id: chargeId, amount: 7 })).status).toBe(422)
    expect([...stripe.refunds.values()].map(({ amount }) => amount)).toEqual([400])
  })

  test.each(['succeeded', 'failed'] as const)('a notification reports that a pending refund has %s', async (status) => {
    const { client, chargeId } = await aPaidCharge('pm_card_pendingRefund')
    const { json } = await client.post('/v1/refunds', { payment_id: chargeId, amount: 4 })
    expect(await refundOf(client, json.id)).toMatchObject({ status: 'pending' })
    stripe.endRefund(json.id, status)
    const message = stripe.message('refund.updated', stripe.refundOf(json.id))
    for (const _ of [1, 2]) expect((await notify(client, message)).status).toBe(200)
    expect(await refundOf(client, json.id)).toMatchObject({ status })
    const charge = await chargeOf(client, chargeId)
    expect(charge).toMatchObject(status === 'succeeded' ? { status: 'partially_refunded', refunded_minor: 400n } : { status: 'succeeded', refunded_minor: 0n })
  })

  test('a refund whose answer is lost is made once', async () => {
    const { client, chargeId } = await aPaidCharge('pm_card_visa')
    stripe.fault('drop')
    const { json } = await client.post('/v1/refunds', { payment_id: chargeId, amount: 4 })
    expect(await refundOf(client, json.id)).toMatchObject({ status: 'pending' })
    stripe.fault()
    await check(client, 3_600)
    expect(await refundOf(client, json.id)).toMatchObject({ status: 'succeeded' })
    expect(stripe.count(json.id)).toBe(1)
  })
})

describe('the access to Stripe', () => {
  const keys = { secret_key: 'sk_live_0123', webhook_secret: 'whsec_0123' }

  test('the access to Stripe is stored, never returned, and used for no other host', async () => {
    const client = await aMerchant()
    await client.delete('/v1/rails/stripe')
    const notification_url = `${client.server.url}/v1/rail-notifications/stripe/${client.business.id}`
    expect((await client.get('/v1/rails/stripe')).json).toEqual({ rail: 'stripe', set_up: false, notification_url })
    const put = await client.put('/v1/rails/stripe', { ...keys, host: 'evil.example.com', port: '1', protocol: 'http' })
    expect([put.status, put.json]).toEqual([200, { rail: 'stripe', set_up: true, notification_url }])
    const found = await client.server.app.payments.rails.byName(client.business, 'stripe')
    expect(found?.access).toEqual(keys)
    const { rows } = await client.server.database.pool.query('select data_encrypted from rail_credentials where business_id = $1', [client.business.id])
    expect(rows[0].data_encrypted).not.toContain('0123')
    expect(client.server.log()).not.toContain(keys.secret_key)
    expect((await client.delete('/v1/rails/stripe')).status).toBe(204)
    expect((await client.delete('/v1/rails/stripe')).status).toBe(404)
  })

  test.each([
    [{ secret_key: 'pk_live_1' }, 'secret_key'],
    [{ webhook_secret: 'secret' }, 'webhook_secret'],
  ])('the access to Stripe with %j is rejected', async (more, field) => {
    const client = await aMerchant()
    const { status, json } = await client.put('/v1/rails/stripe', { ...keys, ...more })
    expect([status, Object.keys(json.errors)]).toEqual([422, [field]])
  })
})
