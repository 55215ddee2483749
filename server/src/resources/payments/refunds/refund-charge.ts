import type { Transaction } from 'kysely'
import { emitEvent } from '#engine/events/emit-event.ts'
import { ensureSandboxFloat } from '#engine/ledger/sandbox-float.ts'
import type { Rail, RailAccess, RefundAttempt, RefundOutcome } from '#engine/rails/rail.ts'
import type { Database } from '#foundation/database/database.ts'
import type { DB } from '#foundation/database/tables.ts'
import type { Business } from '#foundation/http/authentication.ts'
import { type Answer, type Claim, rememberAnswer } from '#foundation/http/idempotency.ts'
import { invalid, notFound } from '#foundation/shared/errors.ts'
import { isUuid, newId } from '#foundation/shared/ids.ts'
import { formatAmount, requireAmount } from '#foundation/shared/money.ts'
import { laterThan, type Now } from '#foundation/shared/time.ts'
import { type ChargeRow, findCharge, lockCharges, updateCharges } from '#resources/payments/charges/queries.ts'
import { forgetChecks, scheduleChecks } from '#resources/payments/rails/check-queries.ts'
import type { Rails } from '#resources/payments/rails/registry.ts'
import type { ReceiptLinks } from '#resources/payments/receipts/address.ts'
import { answerOrPending } from '#resources/payments/settlement/start-payment.ts'
import { answerOf, finish, settleRefund } from './finish-refund.ts'
import { insertRefund, type RefundRow } from './queries.ts'
import { takeRefundMoney } from './refund-money.ts'
import { presentRefund } from './wire.ts'

export interface RefundDeps extends ReceiptLinks {
  database: Database
  now: Now
  rails: Rails
  /** Called after a commit that appended an event. */
  onEvent: (businessId: string) => void
}

/** What is to be given back, and who wants it. */
export interface RefundInput {
  chargeId: string
  /** Without it, all that is left. */
  amount?: string | number | undefined
  reason?: string | null | undefined
  webhook?: string | null | undefined
  sendEmail?: boolean | undefined
  email?: string | null | undefined
  refundedBy: string | null
  apiKeyId: string | null
  requestId: string | null
  claim?: Claim | undefined
  /** The charge came in twice and nobody asked: refunded only when nothing of it is. */
  isDuplicate?: boolean
}

export interface Refunded {
  refund: RefundRow
  charge: ChargeRow
  answer: Answer
}

/** Twice the time that a rail has for its answer: should this process die now, a job asks the rail then. */
const firstCheckMs = 40_000

/**
 * Gives money of a charge back, in three steps: the refund is written as pending and its money taken, the rail is called
 * with the refund's id as its idempotency key, and its answer is written; on failure the money is put back. What is not
 * known after the second step stays pending, and a job asks the rail. A local rail needs one transaction only.
 */
export async function refundCharge(deps: RefundDeps, business: Business, input: RefundInput): Promise<Refunded> {
  const { database, now, rails, onEvent } = deps
  const known = isUuid(input.chargeId) ? await findCharge(database.db, business.id, input.chargeId) : undefined
  if (!known) throw notFound('Charge', input.chargeId)
  const found = await rails.byName(business, known.rail)
  if (!found?.rail.refund) throw invalid({ payment_id: [`Payments by ${known.method} cannot be refunded.`] }, 'refund_not_supported')
  const { rail, access } = found
  await ensureSandboxFloat(database.db, business, known.currency, now())

  const begun = await database.db.transaction().execute(async (tx) => {
    const { charge, refund } = await begin(tx, deps, business, input)
    if (rail.local) {
      const outcome = await callRefund(rail, access, refund, charge, now())
      const done = await finish(tx, deps, business, { charge, refund, outcome, isNew: true, requestId: input.requestId, at: now() })
      const answer = answerOf(done.refund, done.charge, business, input.requestId)
      if (input.claim) await rememberAnswer(tx, input.claim, answer, refund.created_at, refund.id)
      if (done.refund.status !== 'failed') await takeRefundMoney(tx, charge, refund)
      return { ...done, answer }
    }
    const data = JSON.stringify(presentRefund({ ...refund, total_minor: charge.amount_minor, method: charge.method }))
    await emitEvent(tx, business.id, { type: 'refund.created', objectId: refund.id, data, requestId: input.requestId, at: refund.created_at })
    await scheduleChecks(tx, [{ businessId: business.id, id: refund.id, kind: 'refund', dueAt: new Date(refund.created_at.getTime() + firstCheckMs) }])
    const answer = answerOf(refund, charge, business, input.requestId)
    if (input.claim) await rememberAnswer(tx, input.claim, answer, refund.created_at, refund.id)
    await takeRefundMoney(tx, charge, refund)
    return { refund, charge, answer }
  })
  onEvent(business.id)
  if (rail.local) return begun
  const outcome = await callRefund(rail, access, begun.refund, begun.charge, now())
  return settleRefund(deps, business, { chargeId: begun.charge.id, refundId: begun.refund.id, outcome, requestId: input.requestId })
}

/** The first step without the money, whose accounts are taken last: what can be refused is refused here, under the charge's lock. */
async function begin(tx: Transaction<DB>, { now }: RefundDeps, business: Business, input: RefundInput): Promise<{ charge: ChargeRow; refund: RefundRow }> {
  const before = (await lockCharges(tx, [{ businessId: business.id, id: input.chargeId }])).get(input.chargeId.toLowerCase())
  if (!before) throw notFound('Charge', input.chargeId)
  const amountMinor = refundable(before, input)
  const at = laterThan(before.updated_at, now())
  const refund: RefundRow = {
    business_id: business.id,
    id: newId<'refund'>(at),
    charge_id: before.id,
    payment_request_id: before.payment_request_id,
    amount_minor: amountMinor,
    currency: before.currency,
    status: 'pending',
    reason: input.reason ?? null,
    refunded_by: input.refundedBy,
    webhook: input.webhook ?? null,
    send_email: input.sendEmail ?? false,
    email: input.email ?? before.customer_email,
    api_key_id: input.apiKeyId,
    idempotency_key: input.claim?.key ?? null,
    rail_reference: null,
    failure_code: null,
    failure_message: null,
    created_at: at,
    updated_at: at,
    refunded_at: null,
  }
  const charge: ChargeRow = { ...before, refunded_minor: before.refunded_minor + amountMinor, updated_at: at }
  await updateCharges(tx, [charge])
  await insertRefund(tx, business.id, refund)
  await forgetChecks(tx, [{ businessId: business.id, id: charge.id }])
  return { charge, refund }
}

/** How much is to be given back; a 422 when the charge has no such money. */
function refundable(charge: ChargeRow, { amount, isDuplicate }: RefundInput): bigint {
  if (!['succeeded', 'partially_refunded', 'refunded'].includes(charge.status))
    throw invalid({ payment_id: [`A payment that is ${charge.status.replaceAll('_', ' ')} cannot be refunded.`] }, 'charge_not_refundable')
  const left = charge.amount_minor - charge.refunded_minor
  if (left === 0n || (isDuplicate && charge.refunded_minor > 0n))
    throw invalid({ amount: ['The payment has already been refunded.'] }, 'charge_already_refunded')
  const wanted = amount === undefined ? left : requireAmount('amount', amount, charge.currency)
  if (wanted === 0n) throw invalid({ amount: ['The amount must be greater than 0.'] })
  if (wanted > left) {
    const most = `${charge.currency.toUpperCase()} ${formatAmount(left, charge.currency)}`
    throw invalid({ amount: [`The amount may not be greater than ${most}, the amount left to refund.`] }, 'refund_exceeds_payment')
  }
  return wanted
}

/** A refund as its rail sees it. */
export function refundAttemptOf(refund: RefundRow, charge: ChargeRow, now: Date): RefundAttempt {
  return {
    id: refund.id,
    businessId: refund.business_id,
    amountMinor: refund.amount_minor,
    currency: refund.currency,
    chargeReference: charge.rail_reference ?? '',
    chargeData: charge.rail_data,
    method: charge.method,
    createdAt: refund.created_at,
    now,
  }
}

/** Tells a rail to give money back. May be repeated: the refund's id is its idempotency key. Whatever is no answer is pending. */
export async function callRefund(rail: Rail, access: RailAccess, refund: RefundRow, charge: ChargeRow, now: Date): Promise<RefundOutcome> {
  const pending = { status: 'pending', checkAfterSeconds: 15 } as const
  const call = async () => rail.refund?.(refundAttemptOf(refund, charge, now), access) ?? pending
  return answerOrPending<RefundOutcome>(call).catch(() => pending)
}
