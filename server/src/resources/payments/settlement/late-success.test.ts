import { beforeAll, expect, test } from 'vitest'
import { listBalances } from '#engine/ledger/balances.ts'
import type { Outcome } from '#engine/rails/rail.ts'
import { type ChargeRow, findCharge } from '#resources/payments/charges/queries.ts'
import type { PaymentRequestRow } from '#resources/payments/payment-requests/queries.ts'
import { aBusiness, type Client, eventsOf } from '#testing/api.ts'
import { anOrigin, aPaidCharge, aPaymentRequest, aPendingCharge, type Payments, startPayments } from '#testing/payments.ts'

let payments: Payments
beforeAll(async () => {
  payments = await startPayments()
})

const failed: Outcome = { status: 'failed', code: 'not_started', message: 'The payment never reached the rail.' }
const succeeded = (charge: ChargeRow): Outcome => ({ status: 'succeeded', reference: `ch_${charge.id}` })

/** A payment of a request of 100.00 that its rail reported as failed. */
async function aFailedPayment(about: Partial<PaymentRequestRow> = {}, outcome: Outcome = failed) {
  const client = await aBusiness({}, payments.server)
  const request = await aPaymentRequest(client, about)
  const charge = await aPendingCharge(client, { payment_request_id: request.id })
  await settle(client, charge, outcome)
  return { client, request, charge }
}

const settle = ({ business }: Client, charge: ChargeRow, outcome: Outcome) =>
  payments.settle({ business, charge: { isNew: false, id: charge.id, paymentRequestId: charge.payment_request_id }, outcome, origin: anOrigin() })

const statusOf = async (client: Client, { id }: { id: string }) => (await client.get(`/v1/payment-requests/${id}`)).json.status
const typesOf = async (client: Client) => (await eventsOf(client)).map(({ type }) => type)

/** The money that was booked. */
async function bookedMinor({ server, business }: Client): Promise<bigint> {
  const balances = await listBalances(server.database.db, business.id)
  return -(balances.find(({ account }) => account === 'clearing:remote')?.balanceMinor ?? 0n)
}

test.each([
  ['failed', failed],
  ['canceled', { ...failed, canceled: true }],
] as const)('money that arrives after a payment was recorded as %s completes a request that is still pending', async (status, outcome) => {
  const { client, request, charge } = await aFailedPayment({}, outcome)
  expect(await findCharge(client.server.database.db, client.business.id, charge.id)).toMatchObject({ status, failure_code: 'not_started' })
  // Notified twice, and of a failure once more: nothing changes any more.
  for (const _ of [1, 2]) await settle(client, charge, succeeded(charge))
  await settle(client, charge, outcome)
  const now = await findCharge(client.server.database.db, client.business.id, charge.id)
  expect(now).toMatchObject({ status: 'succeeded', unapplied_reason: null, failure_code: null, failure_message: null, rail_reference: `ch_${charge.id}` })
  expect(await statusOf(client, request)).toBe('completed')
  expect(await typesOf(client)).toEqual(['charge.failed', 'charge.created', 'payment_request.completed'])
  expect(await bookedMinor(client)).toBe(10_000n)
})

test.each(['expired', 'canceled', 'failed'] as const)('late money for a request that is %s is recorded as late, and can be refunded', async (status) => {
  const { client, request, charge } = await aFailedPayment({ status })
  await settle(client, charge, succeeded(charge))
  expect(await statusOf(client, request)).toBe(status)
  expect((await client.get(`/v1/charges/${charge.id}`)).json).toMatchObject({ status: 'succeeded', unapplied_reason: 'late', can_refund: true })
  expect(await typesOf(client)).toEqual(['charge.failed', 'charge.created', 'charge.unapplied'])
  expect(await bookedMinor(client)).toBe(10_000n)
  await aPaidCharge(payments, client, { method: 'paynow_online' })
  expect((await client.post('/v1/refund', { payment_id: charge.id })).status).toBe(201)
})

test('late money for a request that another payment has completed is recorded as a duplicate, and refunded automatically', async () => {
  const { client, request, charge } = await aFailedPayment()
  await aPaidCharge(payments, client, { payment_request_id: request.id, method: 'paynow_online' })
  // Without play money, there would be nothing to pay the fees of the refund from.
  await aPaidCharge(payments, client, { method: 'paynow_online' })
  expect(await statusOf(client, request)).toBe('completed')
  await settle(client, charge, succeeded(charge))
  expect((await client.get(`/v1/charges/${charge.id}`)).json).toMatchObject({ status: 'succeeded', unapplied_reason: 'duplicate' })
  await payments.check(client, 1)
  expect((await client.get(`/v1/charges/${charge.id}`)).json).toMatchObject({ status: 'refunded' })
})

test('a failure and a success in one batch count as the money that arrived', async () => {
  const client = await aBusiness({}, payments.server)
  const request = await aPaymentRequest(client)
  const charge = await aPendingCharge(client, { payment_request_id: request.id })
  await Promise.all([settle(client, charge, failed), settle(client, charge, succeeded(charge))])
  expect(await statusOf(client, request)).toBe('completed')
  expect(await bookedMinor(client)).toBe(10_000n)
})
