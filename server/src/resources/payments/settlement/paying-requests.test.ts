import { afterEach, describe, expect, test } from 'vitest'
import { createLog } from '#foundation/http/observability.ts'
import { startPoller } from '#foundation/jobs/poller.ts'
import { systemClock } from '#foundation/shared/clock.ts'
import { newId } from '#foundation/shared/ids.ts'
import { expireDuePaymentRequests } from '#resources/payments/payment-requests/expire-payment-requests-job.ts'
import { lockPaymentRequests, type PaymentRequestRow } from '#resources/payments/payment-requests/queries.ts'
import { aBusiness, type Client, eventsOf, testSecretKey } from '#testing/api.ts'
import { anOrigin } from '#testing/payments.ts'
import { type Settlement, settleCharges } from './settle-charges.ts'
import { newCharge } from './start-payment.ts'

const path = '/v1/payment-requests'

const depsOf = ({ server }: Client) => ({
  database: server.database,
  onEvent: () => undefined,
  baseUrl: () => server.url,
  secretKey: () => testSecretKey,
  groupAcrossBusinesses: true,
  log: createLog('silent'),
  clock: systemClock,
})

const expireDue = (deps: ReturnType<typeof depsOf>) => expireDuePaymentRequests(deps, { until: new Date() })

/** A request created through the API, and its row. */
async function aRequest(client: Client, more: Record<string, unknown> = {}): Promise<PaymentRequestRow> {
  const { json } = await client.post(path, { amount: '10.00', currency: 'sgd', ...more })
  return read(client, json.id)
}

async function read(client: Client, id: string): Promise<PaymentRequestRow> {
  const rows = await lockPaymentRequests(client.server.database.db, [{ businessId: client.business.id, id }])
  return rows.get(id) as PaymentRequestRow
}

/** Money that has arrived for a request. */
function payment(client: Client, request: PaymentRequestRow, amountMinor = 1000n, at = new Date()): Settlement {
  const row = newCharge(client.business, 'simulator', { request, method: 'card' }, amountMinor, 0n, at)
  return { business: client.business, charge: { isNew: true, row }, outcome: { status: 'succeeded', reference: newId(at) }, origin: anOrigin({ at }) }
}

/** Moves the deadline of requests into the past, as time would. */
async function makeDue(client: Client, ids: string[]): Promise<void> {
  const { pool } = client.server.database
  const at = new Date(Date.now() - 5)
  await pool.query('update payment_requests set expires_at = $3 where business_id = $1 and id = any ($2)', [client.business.id, ids, at])
  await pool.query('update payment_request_expiries set due_at = $3 where business_id = $1 and id = any ($2)', [client.business.id, ids, at])
}

async function expiriesOf(client: Client): Promise<number | null> {
  return (await client.server.database.pool.query('select 1 from payment_request_expiries where business_id = $1', [client.business.id])).rowCount
}

const typesOf = async (client: Client) => (await eventsOf(client)).map(({ type }) => type)

describe('a single-use request accepts exactly one of two payers', () => {
  test('exactly one of two payers in one batch completes a single-use request', async () => {
    const client = await aBusiness()
    const request = await aRequest(client)
    const settle = settleCharges(depsOf(client))
    const settled = await Promise.all([settle(payment(client, request)), settle(payment(client, request))])
    expect(settled.map(({ charge }) => charge.unapplied_reason)).toEqual([null, 'duplicate'])
    expect((await read(client, request.id)).status).toBe('completed')
    const types = await typesOf(client)
    expect(types.filter((type) => type === 'payment_request.completed')).toHaveLength(1)
    expect(types.filter((type) => type === 'charge.unapplied')).toHaveLength(1)
  })

  test('exactly one of two payers in batches of two processes completes a single-use request', async () => {
    const client = await aBusiness()
    for (let round = 0; round < 10; round++) {
      const request = await aRequest(client)
      const settled = await Promise.all([1, 2, 3].map(() => settleCharges(depsOf(client))(payment(client, request))))
      expect(settled.map(({ charge }) => String(charge.unapplied_reason)).sort()).toEqual(['duplicate', 'duplicate', 'null'])
    }
  })

  test('a paid request shows its payment, and can no longer be edited or deleted', async () => {
    const client = await aBusiness()
    const request = await aRequest(client, { webhook: 'https://example.com/hook' })
    const settle = settleCharges(depsOf(client))
    await settle(payment(client, request))
    await settle(payment(client, request))
    const { json } = await client.get(`${path}/${request.id}`)
    expect(json).toMatchObject({
      status: 'completed',
      amount: '10.00',
      payments: [{ status: 'succeeded', amount: '10.00', payment_type: 'card', quantity: 1 }],
    })
    expect((await client.get(`${path}?status=completed`)).json.data).toHaveLength(1)
    for (const answer of [
      await client.put(`${path}/${request.id}`, { amount: 5, currency: 'sgd' }),
      await client.patch(`${path}/${request.id}`, {}),
      await client.delete(`${path}/${request.id}`),
    ]) {
      expect(answer.status).toBe(409)
      expect(answer.json.code).toBe('payment_request_completed')
    }
  })
})

describe('payments that are not applied', () => {
  test.each([
    [999n, 'short'],
    [1001n, 'over'],
  ])('%s cents of 1000 are recorded as %s', async (amount, reason) => {
    const client = await aBusiness()
    const request = await aRequest(client)
    const { charge } = await settleCharges(depsOf(client))(payment(client, request, amount))
    expect(charge).toMatchObject({ status: 'succeeded', unapplied_reason: reason })
    expect((await read(client, request.id)).status).toBe('pending')
    // Clients take a succeeded payment in it as proof that the request is paid.
    expect((await client.get(`${path}/${request.id}`)).json).not.toHaveProperty('payments')
    expect(await typesOf(client)).toContain('charge.unapplied')
  })

  test('a payment after the expiry is late, whether or not the job has run', async () => {
    const client = await aBusiness()
    const settle = settleCharges(depsOf(client))
    const request = await aRequest(client, { expires_after: '5 mins' })
    await makeDue(client, [request.id])
    expect((await settle(payment(client, request))).charge.unapplied_reason).toBe('late')
    expect(await expireDue(depsOf(client))).toBeGreaterThan(0)
    expect((await settle(payment(client, request))).charge.unapplied_reason).toBe('late')
    expect((await read(client, request.id)).status).toBe('expired')
  })

  test('a payment after the request was deleted is late', async () => {
    const client = await aBusiness()
    const request = await aRequest(client)
    await client.delete(`${path}/${request.id}`)
    expect((await settleCharges(depsOf(client))(payment(client, request))).charge.unapplied_reason).toBe('late')
  })
})

test('a request that allows repeated payments accepts each and stays pending', async () => {
  const client = await aBusiness()
  const request = await aRequest(client, { allow_repeated_payments: '1', expires_after: '1 days' })
  const settle = settleCharges(depsOf(client))
  const settled = await Promise.all([1, 2, 3].map(() => settle(payment(client, request))))
  expect(settled.map(({ charge }) => charge.unapplied_reason)).toEqual([null, null, null])
  const { json } = await client.get(`${path}/${request.id}`)
  expect(json).toMatchObject({ status: 'pending', payments: [{}, {}, {}] })
  expect(await expiriesOf(client)).toBe(1)
})

test('a paid request cannot stop accepting repeated payments, because none of them would be its one payment', async () => {
  const client = await aBusiness()
  const request = await aRequest(client, { allow_repeated_payments: true })
  expect((await client.patch(`${path}/${request.id}`, { allow_repeated_payments: false })).status).toBe(202)
  expect((await client.patch(`${path}/${request.id}`, { allow_repeated_payments: true })).status).toBe(202)
  await settleCharges(depsOf(client))(payment(client, request))
  const answer = await client.patch(`${path}/${request.id}`, { allow_repeated_payments: false })
  expect([answer.status, Object.keys(answer.json.errors)]).toEqual([422, ['allow_repeated_payments']])
  expect((await client.patch(`${path}/${request.id}`, { name: 'Jane' })).status).toBe(202)
})

describe('expiry', () => {
  const stops: (() => Promise<void>)[] = []
  afterEach(async () => {
    for (const stop of stops.splice(0)) await stop()
  })

  test('an expiry happens once, with its event, when two workers run at the same time', async () => {
    const client = await aBusiness()
    const ids: string[] = []
    for (let i = 0; i < 5; i++) ids.push((await aRequest(client, { expires_after: '5 mins' })).id)
    const later = await aRequest(client, { expires_after: '1 days' })
    await makeDue(client, ids)
    await Promise.all([1, 2, 3].map(() => expireDue(depsOf(client))))
    await expireDue(depsOf(client))
    const events = (await eventsOf(client)).filter(({ type }) => type === 'payment_request.expired')
    expect(events.map(({ object_id }) => object_id).sort()).toEqual([...ids].sort())
    expect(events[0]).toMatchObject({ data: { status: 'expired' } })
    expect(await expiriesOf(client)).toBe(1)
    expect((await read(client, later.id)).status).toBe('pending')
    const edit = await client.patch(`${path}/${ids[0]}`, { name: 'Jane' })
    expect([edit.status, edit.json.code]).toEqual([409, 'payment_request_expired'])
    const gone = await client.delete(`${path}/${ids[0]}`)
    expect(gone.json).toEqual({ success: true })
    expect(await typesOf(client)).toContain('payment_request.deleted')
  })

  test('an expiry and a payment at the same moment leave one of two consistent results', async () => {
    const client = await aBusiness()
    const ends = new Set<string>()
    for (let round = 0; round < 15; round++) {
      const request = await aRequest(client, { expires_after: '5 mins' })
      // The payer started in time; only the outcome races.
      const begun = new Date(Date.now() - 1_000)
      await makeDue(client, [request.id])
      const race = [settleCharges(depsOf(client))(payment(client, request, 1000n, begun)), expireDue(depsOf(client))] as const
      const [{ charge }] = await Promise.all(race)
      await expireDue(depsOf(client))
      const { status } = await read(client, request.id)
      expect([status, charge.unapplied_reason]).toEqual(charge.unapplied_reason === null ? ['completed', null] : ['expired', 'late'])
      const told = (await eventsOf(client)).filter(({ object_id, type }) => object_id === request.id && type !== 'payment_request.created')
      expect(told.map(({ type }) => type)).toEqual([`payment_request.${status}`])
      ends.add(status)
    }
    expect(await expiriesOf(client)).toBe(0)
    expect(ends.size).toBeGreaterThan(0)
  })

  test('an expiry happens within a second of the deadline', async () => {
    const client = await aBusiness()
    const deps = depsOf(client)
    const poller = startPoller({ everyMs: 250, run: async () => void (await expireDue(deps)), onError: () => undefined })
    stops.push(() => poller.stop())
    const request = await aRequest(client, { expires_after: '5 mins' })
    await makeDue(client, [request.id])
    await new Promise((done) => setTimeout(done, 1_000))
    expect((await client.get(`${path}/${request.id}`)).json.status).toBe('expired')
  })
})

test('a poller continues after an error, and waits for its round when it is stopped', async () => {
  const faults: unknown[] = []
  let rounds = 0
  let running = false
  const poller = startPoller({
    everyMs: 5,
    run: async () => {
      running = true
      await new Promise((done) => setTimeout(done, 5))
      running = false
      rounds += 1
      if (rounds === 1) throw new Error('once')
    },
    onError: (error) => faults.push(error),
  })
  await new Promise((done) => setTimeout(done, 150))
  await poller.stop()
  const ran = rounds
  expect(running).toBe(false)
  expect(rounds).toBeGreaterThan(1)
  expect(faults).toHaveLength(1)
  await new Promise((done) => setTimeout(done, 30))
  expect(rounds).toBe(ran)
})
