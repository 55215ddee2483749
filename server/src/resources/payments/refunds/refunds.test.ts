import { beforeAll, describe, expect, test } from 'vitest'
import { scheduleChecks } from '#resources/payments/rails/check-queries.ts'
import { releaseDue } from '#resources/payments/releases/release-due-job.ts'
import { aBusiness, type Client, eventsOf } from '#testing/api.ts'
import { clockAt } from '#testing/clock.ts'
import { aCharge, aPaidCharge, aPaymentRequest, aPendingCharge, type Payments, startPayments } from '#testing/payments.ts'

let payments: Payments
const releaseAt = (at: Date) => releaseDue({ database: payments.server.database, clock: clockAt(() => at) }, { until: at })
beforeAll(async () => {
  payments = await startPayments()
})
const merchant = (about = {}) => aBusiness(about, payments.server)

async function walletsOf(client: Client, currency = 'sgd'): Promise<Record<string, number>> {
  const { json } = await client.get('/v1/balances')
  return json.find((one: { currency: string }) => one.currency === currency)?.wallets
}

describe('POST /v1/refund', () => {
  test('a charge is refunded in part, then in full, and every refund emits its events', async () => {
    const client = await merchant({ name: 'Kopi Stall' })
    const charge = await aPaidCharge(payments, client)
    const first = await client.post('/v1/refund', { payment_id: charge.id, amount: '40.50', comment: 'Cold coffee' })
    expect(first.status).toBe(201)
    expect(first.json).toMatchObject({
      refunded_by: 'Kopi Stall',
      payment_id: charge.id,
      amount_refunded: 40.5,
      total_amount: 100,
      currency: 'sgd',
      status: 'succeeded',
      payment_method: 'card',
      provider_fee: null,
      reason: 'Cold coffee',
    })
    expect(first.json.created_at).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/)
    expect(first.json.refunded_at).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/)
    expect('message' in first.json).toBe(false)
    const shown = await client.get(`/v1/charges/${charge.id}`)
    expect(shown.json).toMatchObject({ status: 'partially_refunded', refunded_amount: 40.5, refund_available: 59.5, can_refund: true })
    const rest = await client.post('/v1/refunds', { payment_id: charge.id })
    expect(rest.json).toMatchObject({ amount_refunded: 59.5, status: 'succeeded' })
    const got = await client.get(`/v1/refunds/${rest.json.id}`)
    expect(got.json).toMatchObject({ id: rest.json.id, amount_refunded: 59.5 })
    expect(got.json.created_at).toMatch(/\.\d{6}Z$/)
    expect((await client.get(`/v1/refund/${rest.json.id}`)).json).toEqual(got.json)
    expect((await client.get(`/v1/charges/${charge.id}`)).json).toMatchObject({ status: 'refunded', can_refund: false, refund_available: 0 })
    const types = (await eventsOf(client)).map(({ type }) => type)
    expect(types).toEqual(['charge.created', 'refund.created', 'refund.updated', 'charge.updated', 'refund.created', 'refund.updated', 'charge.updated'])
    expect([...payments.remote.given.values()].slice(-2)).toEqual([4050n, 5950n])
  })

  test('refunds accept form bodies and amounts in every format', async () => {
    const client = await merchant()
    const charge = await aPaidCharge(payments, client)
    const { status, json } = await client.request('POST', '/v1/refund', {
      form: `payment_id=${charge.id.toUpperCase()}&amount=10&send_email=1&email=a%40example.com&webhook=`,
    })
    expect([status, json.amount_refunded]).toEqual([201, 10])
    expect((await client.get('/v1/sandbox/mails')).json.data).toMatchObject([{ to: 'a@example.com', source_id: json.id }])
  })

  test('fifty concurrent refunds of 60 out of 100 leave exactly one', async () => {
    const client = await merchant()
    for (const rail of ['remote', 'local']) {
      const charge = await aPaidCharge(payments, client, { rail })
      const before = await walletsOf(client)
      const answers = await Promise.all(Array.from({ length: 50 }, () => client.post('/v1/refund', { payment_id: charge.id, amount: 60 })))
      const refused = answers.filter(({ status }) => status === 422)
      expect(answers.filter(({ status }) => status === 201)).toHaveLength(1)
      expect(refused).toHaveLength(49)
      for (const { json } of refused) {
        expect(json.errors.amount).toHaveLength(1)
        expect(json.code).toBe('refund_exceeds_payment')
      }
      const after = await walletsOf(client)
      const total = (wallets: Record<string, number>) => Math.round(Object.values(wallets).reduce((sum, one) => sum + one, 0) * 100)
      expect(total(before) - total(after)).toBe(6000)
    }
  })

  test('a charge that cannot be refunded is rejected with a code', async () => {
    const client = await merchant()
    const stranger = await merchant()
    const charge = await aPaidCharge(payments, client)
    const pending = await aPendingCharge(client, { created_at: new Date() })
    const final = await aPaidCharge(payments, client, { rail: 'final' })
    const refusals = [
      [{ payment_id: charge.id, amount: 100.01 }, 422, 'refund_exceeds_payment', 'amount'],
      [{ payment_id: charge.id, amount: 0 }, 422, 'validation_failed', 'amount'],
      [{ payment_id: charge.id, amount: '-1' }, 422, 'validation_failed', 'amount'],
      [{ payment_id: charge.id, amount: '1.005' }, 422, 'validation_failed', 'amount'],
      [{ amount: 1 }, 422, 'validation_failed', 'payment_id'],
      [{ payment_id: pending.id, amount: 1 }, 422, 'charge_not_refundable', 'payment_id'],
      [{ payment_id: final.id }, 422, 'refund_not_supported', 'payment_id'],
      [{ payment_id: 'nonsense' }, 404, 'not_found', undefined],
    ] as const
    for (const [body, status, code, field] of refusals) {
      const answer = await client.post('/v1/refund', body)
      expect([answer.status, answer.json.code, Object.keys(answer.json.errors ?? {})[0]]).toEqual([status, code, field])
    }
    const theirs = await stranger.post('/v1/refund', { payment_id: charge.id })
    expect([theirs.status, theirs.json.code]).toEqual([404, 'not_found'])
    await client.post('/v1/refund', { payment_id: charge.id })
    const again = await client.post('/v1/refund', { payment_id: charge.id })
    expect([again.status, again.json.code]).toEqual([422, 'charge_already_refunded'])
  })

  test('a refund is taken from pending, then available, then deposit, and the fee stays paid', async () => {
    const client = await merchant({ mode: 'live' })
    await aPaidCharge(payments, client, { method: 'paynow_online', amount_minor: 2_000n })
    const charge = await aPaidCharge(payments, client)
    expect(await walletsOf(client)).toEqual({ available: 19.8, pending: 95.85, reserve: 0 })
    await client.post('/v1/refund', { payment_id: charge.id, amount: 90 })
    expect(await walletsOf(client)).toEqual({ available: 19.8, pending: 5.85, reserve: 0 })
    await client.post('/v1/refund', { payment_id: charge.id })
    expect(await walletsOf(client)).toEqual({ available: 15.65, pending: 0, reserve: 0 })
  })

  test('a refund that the balance does not cover is rejected and takes nothing', async () => {
    const client = await merchant({ mode: 'live' })
    const charge = await aPaidCharge(payments, client)
    const before = await walletsOf(client)
    const answer = await client.post('/v1/refund', { payment_id: charge.id })
    expect([answer.status, answer.json.code]).toEqual([422, 'insufficient_balance'])
    expect(answer.json.errors.amount).toEqual(['The balance covers only SGD 95.85 of this refund.'])
    expect(await walletsOf(client)).toEqual(before)
    expect((await client.get('/v1/refunds')).json.data).toEqual([])
  })

  test('a sandbox business refunds in full, in any currency, from its play money', async () => {
    const client = await merchant()
    for (const currency of ['sgd', 'vnd', 'idr']) {
      const charge = await aPaidCharge(payments, client, { currency, amount_minor: 5_000_000n })
      const answer = await client.post('/v1/refund', { payment_id: charge.id })
      expect([currency, answer.status]).toEqual([currency, 201])
    }
  })

  test('a refund that its rail rejects emits its failure and puts the money back', async () => {
    const client = await merchant()
    for (const [rail, scripted] of [
      ['remote', payments.remote],
      ['local', payments.local],
    ] as const) {
      const charge = await aPaidCharge(payments, client, { rail })
      const before = await walletsOf(client)
      scripted.refundAnswers.push({ status: 'failed', code: 'expired_card', message: 'The card has expired.' })
      const options = { headers: { 'idempotency-key': `refund-${charge.id}` } }
      const answer = await client.post('/v1/refund', { payment_id: charge.id, amount: 100 }, options)
      expect([answer.status, answer.json.code, answer.json.message]).toEqual([422, 'refund_failed', 'The card has expired.'])
      expect(await walletsOf(client)).toEqual(before)
      const { json } = await client.get(`/v1/charges/${charge.id}`)
      expect(json).toMatchObject({ status: 'succeeded', refunded_amount: 0, refunds: [{ status: 'failed', failure_code: 'expired_card' }] })
      const replay = await client.post('/v1/refund', { payment_id: charge.id, amount: 100 }, options)
      expect([replay.status, replay.headers.get('idempotent-replayed')]).toEqual([422, 'true'])
      expect((await client.post('/v1/refund', { payment_id: charge.id, amount: 100 })).status).toBe(201)
    }
  })

  test('a charge stays partially refunded while another part of it is pending, and its events say what they changed', async () => {
    const client = await merchant()
    const charge = await aPaidCharge(payments, client)
    const statusNow = async () => (await client.get(`/v1/charges/${charge.id}`)).json.status
    payments.remote.refundAnswers.push({ status: 'succeeded', reference: 're_1' }, { status: 'pending', reference: 're_2', checkAfterSeconds: 15 })
    const first = await client.post('/v1/refund', { payment_id: charge.id, amount: 40 })
    const second = await client.post('/v1/refund', { payment_id: charge.id, amount: 60 })
    expect([first.json.status, second.json.status]).toEqual(['succeeded', 'pending'])
    // All of it has been taken, but only 40 have certainly been given back.
    expect(await statusNow()).toBe('partially_refunded')
    payments.remote.refundAnswers.push({ status: 'succeeded', reference: 're_2' })
    await payments.check(client, 20)
    expect(await statusNow()).toBe('refunded')
    const { rows } = await client.server.database.pool.query(
      `select previous_attributes as before, data ->> 'status' as status from events where business_id = $1 and type = 'charge.updated' order by id`,
      [client.business.id],
    )
    expect(rows).toEqual([
      { before: { status: 'succeeded', refunded_amount: 0, refunded_at: null }, status: 'partially_refunded' },
      { before: { status: 'partially_refunded', refunded_amount: 40, refunded_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT/) }, status: 'refunded' },
    ])
  })

  test('a repeated request with its key refunds once, and the stored answer follows the outcome', async () => {
    const client = await merchant()
    const charge = await aPaidCharge(payments, client)
    payments.remote.refundAnswers.push({ status: 'pending', reference: 're_1', checkAfterSeconds: 15 })
    const options = { headers: { 'idempotency-key': 'once' } }
    const first = await client.post('/v1/refund', { payment_id: charge.id, amount: 10 }, options)
    expect([first.status, first.json.status, first.json.refunded_at]).toEqual([201, 'pending', null])
    const early = await client.post('/v1/refund', { payment_id: charge.id, amount: 10 }, options)
    expect(early.text).toBe(first.text)
    await payments.check(client, 20)
    const late = await client.post('/v1/refund', { payment_id: charge.id, amount: 10 }, options)
    expect(late.json).toMatchObject({ id: first.json.id, status: 'succeeded' })
    expect((await client.get('/v1/refunds')).json.data).toHaveLength(1)
  })
})

describe('polling rails', () => {
  test('an unknown outcome stays pending, reserves its share of the charge, and is polled again', async () => {
    const client = await merchant()
    const charge = await aPaidCharge(payments, client)
    payments.remote.refundAnswers.push(new Error('connection reset'))
    const answer = await client.post('/v1/refund', { payment_id: charge.id, amount: 70 })
    expect([answer.status, answer.json.status]).toEqual([201, 'pending'])
    expect((await client.post('/v1/refund', { payment_id: charge.id, amount: 31 })).status).toBe(422)
    expect((await client.get(`/v1/charges/${charge.id}`)).json).toMatchObject({ status: 'succeeded', refunded_amount: 70 })
    await payments.check(client, 5)
    expect((await client.get(`/v1/refunds/${answer.json.id}`)).json.status).toBe('pending')
    payments.remote.refundAnswers.push({ status: 'pending', checkAfterSeconds: 1 })
    await payments.check(client, 20)
    expect((await client.get(`/v1/refunds/${answer.json.id}`)).json.status).toBe('pending')
    await Promise.all([payments.check(client, 60), payments.check(client, 60), payments.check(client, 60)])
    expect((await client.get(`/v1/refunds/${answer.json.id}`)).json.status).toBe('succeeded')
    expect(payments.remote.given.get(answer.json.id)).toBe(7000n)
    const types = (await eventsOf(client)).map(({ type }) => type)
    expect(types.filter((type) => type === 'charge.updated')).toHaveLength(1)
  })

  test('the money of a refund that fails later returns to the wallet where it would be by now', async () => {
    const client = await merchant({ mode: 'live' })
    const charge = await aPaidCharge(payments, client)
    payments.remote.refundAnswers.push({ status: 'pending', reference: 're_9', checkAfterSeconds: 1 })
    const { json } = await client.post('/v1/refund', { payment_id: charge.id, amount: 50 })
    expect(await walletsOf(client)).toEqual({ available: 0, pending: 45.85, reserve: 0 })
    await releaseAt(new Date(Date.now() + 3 * 86_400_000))
    expect(await walletsOf(client)).toEqual({ available: 45.85, pending: 0, reserve: 0 })
    payments.remote.refundAnswers.push({ status: 'failed', code: 'lost', message: 'The account is closed.' })
    await payments.check(client, 20)
    expect((await client.get(`/v1/refunds/${json.id}`)).json).toMatchObject({ status: 'failed', failure_reason: 'The account is closed.' })
    expect(await walletsOf(client)).toEqual({ available: 95.85, pending: 0, reserve: 0 })
  })

  test('a charge without an answer is settled when its rail knows the outcome', async () => {
    const client = await merchant()
    const charge = await aPendingCharge(client)
    payments.remote.checkAnswers.push({ status: 'pending', checkAfterSeconds: 1 })
    await payments.check(client, 1)
    expect((await client.get(`/v1/charges/${charge.id}`)).json.status).toBe('pending')
    await payments.check(client, 30)
    expect((await client.get(`/v1/charges/${charge.id}`)).json).toMatchObject({ status: 'succeeded', payment_reference_number: `ch_${charge.id}` })
    expect((await eventsOf(client)).map(({ type }) => type)).toEqual(['charge.created'])
  })

  test('a duplicate payment is refunded once and is visible as such', async () => {
    const client = await merchant()
    const request = await aPaymentRequest(client)
    const paid = { payment_request_id: request.id }
    const [first, second] = [await aPaidCharge(payments, client, paid), await aPaidCharge(payments, client, paid)]
    expect([first.unapplied_reason, second.unapplied_reason]).toEqual([null, 'duplicate'])
    await Promise.all([payments.check(client, 1), payments.check(client, 1)])
    await payments.check(client, 120)
    const { json } = await client.get(`/v1/charges/${second.id}`)
    expect(json).toMatchObject({
      status: 'refunded',
      unapplied_reason: 'duplicate',
      auto_refunds: [{ reason: 'duplicate', refunded_by: null, amount_refunded: 100 }],
    })
    expect((await client.get(`/v1/charges/${first.id}`)).json.status).toBe('succeeded')
    const types = (await eventsOf(client)).map(({ type }) => type)
    expect(types.filter((type) => type === 'refund.created')).toHaveLength(1)
  })

  test('a duplicate that was partly refunded by hand is not refunded again by a job', async () => {
    const client = await merchant()
    const request = await aPaymentRequest(client)
    await aPaidCharge(payments, client, { payment_request_id: request.id })
    const second = await aPaidCharge(payments, client, { payment_request_id: request.id })
    expect((await client.post('/v1/refund', { payment_id: second.id, amount: 30 })).status).toBe(201)
    // Also if the job has already found the duplicate when the merchant refunds.
    await scheduleChecks(client.server.database.db, [{ businessId: client.business.id, id: second.id, kind: 'duplicate', dueAt: new Date() }])
    await payments.check(client, 1)
    await payments.check(client, 3_600)
    const { json } = await client.get(`/v1/charges/${second.id}`)
    expect(json).toMatchObject({ status: 'partially_refunded', refunded_amount: 30, auto_refunds: [] })
    expect((await client.get('/v1/refunds')).json.data).toHaveLength(1)
  })

  test('a duplicate that its rail cannot refund stays as it is', async () => {
    const client = await merchant()
    const request = await aPaymentRequest(client)
    await aPaidCharge(payments, client, { payment_request_id: request.id, rail: 'final' })
    const second = await aPaidCharge(payments, client, { payment_request_id: request.id, rail: 'final' })
    await payments.check(client, 1)
    expect((await client.get(`/v1/charges/${second.id}`)).json).toMatchObject({ status: 'succeeded', unapplied_reason: 'duplicate', can_refund: false })
  })
})

describe('POST /v1/payment-requests/{id}/refund', () => {
  test('the only payment of a request is refunded', async () => {
    const client = await merchant()
    const request = await aPaymentRequest(client)
    const path = `/v1/payment-requests/${request.id}/refund`
    expect((await client.post(path, {})).json.code).toBe('nothing_to_refund')
    const charge = await aPaidCharge(payments, client, { payment_request_id: request.id })
    expect((await client.post(path, { amount: 1 })).json).toMatchObject({ payment_id: charge.id, amount_refunded: 1, payment_request_id: request.id })
    const stranger = await merchant()
    expect((await stranger.post(path, {})).status).toBe(404)
  })

  test('a request with several payments is rejected instead of guessing', async () => {
    const client = await merchant()
    const request = await aPaymentRequest(client, { allow_repeated_payments: true })
    await aPaidCharge(payments, client, { payment_request_id: request.id })
    await aPaidCharge(payments, client, { payment_request_id: request.id })
    const answer = await client.post(`/v1/payment-requests/${request.id}/refund`, {})
    expect([answer.status, answer.json.code]).toEqual([409, 'several_payments'])
  })
})

describe('GET /v1/refunds', () => {
  test('the list is paged in both directions and filtered', async () => {
    const client = await merchant()
    const charge = await aPaidCharge(payments, client)
    const made: string[] = []
    for (let i = 0; i < 5; i++) made.unshift((await client.post('/v1/refund', { payment_id: charge.id, amount: 1 })).json.id)
    const first = await client.get('/v1/refunds?per_page=2')
    expect(first.json.data.map(({ id }: { id: string }) => id)).toEqual(made.slice(0, 2))
    const second = await client.get(`/v1/refunds?per_page=2&cursor=${first.json.meta.next_cursor}`)
    expect(second.json.data.map(({ id }: { id: string }) => id)).toEqual(made.slice(2, 4))
    const back = await client.get(`/v1/refunds?per_page=2&cursor=${second.json.meta.prev_cursor}`)
    expect(back.json.data).toEqual(first.json.data)
    expect((await client.get(`/v1/refunds?status=failed&payment_id=${charge.id}`)).json.data).toEqual([])
    expect((await client.get('/v1/refunds?status=odd')).status).toBe(422)
    const other = aCharge(client)
    expect((await client.get(`/v1/refunds?payment_id=${other.id}`)).json.data).toEqual([])
  })
})

test('concurrent payments, refunds, failures and releases leave books that add up', async () => {
  const client = await merchant()
  const charges = await Promise.all(Array.from({ length: 6 }, (_, n) => aPaidCharge(payments, client, { rail: n % 2 === 0 ? 'remote' : 'local' })))
  payments.remote.refundAnswers.push({ status: 'failed', code: 'no', message: 'No.' }, new Error('reset'))
  const soon = new Date(Date.now() + 3 * 86_400_000)
  const answers = await Promise.all([
    ...charges.flatMap((charge) => [30, 50, 40].map((amount) => client.post('/v1/refund', { payment_id: charge.id, amount }))),
    ...Array.from({ length: 10 }, () => aPaidCharge(payments, client).then(() => undefined)),
    ...Array.from({ length: 4 }, () => releaseAt(soon).then(() => undefined)),
  ])
  for (const answer of answers) if (answer) expect([201, 422]).toContain(answer.status)
  await payments.check(client, 120)
  const { rows } = await client.server.database.pool.query(
    `select coalesce(sum(amount_minor) filter (where status <> 'failed'), 0)::bigint as refunded,
       (select sum(refunded_minor)::bigint from hawker.charges where business_id = $1) as on_charges,
       (select sum(amount_minor)::bigint from hawker.charges where business_id = $1) as paid,
       (select sum(fixed_fee_minor + discount_fee_minor)::bigint from hawker.charges where business_id = $1) as fees,
       (select coalesce(sum(amount_minor), 0)::bigint from hawker.releases where business_id = $1) as waiting,
       count(*) filter (where status = 'pending')::int as open
     from hawker.refunds where business_id = $1`,
    [client.business.id],
  )
  const { refunded, on_charges, paid, fees, waiting, open } = rows[0]
  expect([open, on_charges]).toEqual([0, refunded])
  const wallets = await walletsOf(client)
  const minor = (amount = 0) => BigInt(Math.round(amount * 100))
  expect(minor(wallets.available) + minor(wallets.pending) + minor(wallets.deposit)).toBe(1_000_000n + paid - fees - refunded)
  expect(minor(wallets.pending)).toBe(waiting)
})
