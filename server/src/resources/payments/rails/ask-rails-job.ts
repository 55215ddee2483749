import type { Logger } from 'pino'
import type { RefundOutcome } from '#engine/rails/rail.ts'
import type { Db } from '#foundation/database/database.ts'
import type { Deps } from '#foundation/deps.ts'
import type { Business } from '#foundation/http/authentication.ts'
import { systemOrigin } from '#foundation/http/origin.ts'
import { ApiError } from '#foundation/shared/errors.ts'
import { findBusiness } from '#resources/business/businesses/queries.ts'
import { findCharge } from '#resources/payments/charges/queries.ts'
import { settleRefund } from '#resources/payments/refunds/finish-refund.ts'
import { findRefund } from '#resources/payments/refunds/queries.ts'
import { callRefund, type RefundDeps, refundAttemptOf, refundCharge } from '#resources/payments/refunds/refund-charge.ts'
import type { Settled, Settlement } from '#resources/payments/settlement/settle-charges.ts'
import { answerOrPending, attemptOf } from '#resources/payments/settlement/start-payment.ts'
import { claimChecks, type DueCheck, forgetChecks, scheduleChecks } from './check-queries.ts'

export interface CheckDeps extends RefundDeps, Pick<Deps, 'clock'> {
  settle: (settlement: Settlement) => Promise<Settled>
  log: Logger
}

/** Longer than a rail has for its answer: a check whose process died is due again after it. */
const leaseMs = 60_000
const batch = 20

/** Seconds until a rail is asked again: 15, 30, 60 … and then once an hour, until it knows. */
export function backOffSeconds(attempts: number): number {
  return Math.min(15 * 2 ** Math.max(0, Math.min(attempts, 20) - 1), 3600)
}

/**
 * Asks rails about charges and refunds whose outcome is not known and is due, and refunds charges that came in twice.
 * Returns how many were looked at. One that fails does not hold up the others, and is tried again.
 */
export async function askRails(deps: CheckDeps): Promise<number> {
  const due = await claimChecks(deps.database.db, deps.now(), leaseMs, batch)
  await Promise.all(
    due.map(async (one) => {
      try {
        const business = await findBusiness(deps.database.db, one.business_id)
        if (!business) return
        if (one.kind === 'charge') await checkCharge(deps, business, one)
        else if (one.kind === 'refund') await checkRefund(deps, business, one)
        else await refundDuplicate(deps, business, one)
      } catch (error) {
        deps.log.error({ error, business_id: one.business_id, id: one.id, kind: one.kind }, 'checking with a rail failed')
        await later(deps, one)
      }
    }),
  )
  return due.length
}

function later({ database, now }: CheckDeps, { business_id, id, kind, attempts }: DueCheck): Promise<void> {
  return scheduleChecks(database.db, [{ businessId: business_id, id, kind, dueAt: new Date(now().getTime() + backOffSeconds(attempts) * 1000) }])
}

/** An answer that leaves things open is asked for again no sooner than the back-off says. */
function patient<Outcome extends { status: string }>(outcome: Outcome, attempts: number): Outcome {
  if (!('checkAfterSeconds' in outcome)) return outcome
  return { ...outcome, checkAfterSeconds: Math.max(Number(outcome.checkAfterSeconds), backOffSeconds(attempts)) }
}

async function checkCharge(deps: CheckDeps, business: Business, due: DueCheck): Promise<void> {
  const { database, rails, settle, baseUrl } = deps
  const charge = await findCharge(database.db, business.id, due.id)
  if (!charge) return forgetChecks(database.db, [{ businessId: business.id, id: due.id }])
  const found = await rails.byName(business, charge.rail)
  if (!found) return later(deps, due)
  const request = charge.payment_request_id === null ? undefined : await referenceOf(database.db, business.id, charge.payment_request_id)
  const attempt = attemptOf(charge, request, business, baseUrl(), deps.now())
  const outcome = await answerOrPending(() => found.rail.check(attempt, found.access))
  await settle({
    business,
    charge: { isNew: false, id: charge.id, paymentRequestId: charge.payment_request_id },
    outcome: patient(outcome, due.attempts),
    // A local rail answers from the charge alone, so its answer is worth nothing once someone has changed it.
    ...(found.rail.local ? { onlyIf: (current) => current.updated_at.getTime() === charge.updated_at.getTime() } : {}),
    origin: systemOrigin(deps, business.id),
  })
}

async function referenceOf(db: Db, businessId: string, id: string): Promise<{ payment_reference: string; purpose: string | null } | undefined> {
  return db
    .selectFrom('payment_requests')
    .select(['payment_reference', 'purpose'])
    .where('business_id', '=', businessId)
    .where('id', '=', id)
    .executeTakeFirst()
}

async function checkRefund(deps: CheckDeps, business: Business, due: DueCheck): Promise<void> {
  const { database, rails } = deps
  const refund = await findRefund(database.db, business.id, due.id)
  const charge = refund && (await findCharge(database.db, business.id, refund.charge_id))
  if (!refund || !charge) return forgetChecks(database.db, [{ businessId: business.id, id: due.id }])
  const found = await rails.byName(business, charge.rail)
  if (!found) return later(deps, due)
  const { rail, access } = found
  const { checkRefund: ask } = rail
  // Without a reference the rail may never have heard of it: then it is told again, under the same idempotency key.
  const outcome =
    ask && refund.rail_reference !== null
      ? await answerOrPending<RefundOutcome>(() => ask.call(rail, { ...refundAttemptOf(refund, charge, deps.now()), reference: refund.rail_reference }, access))
      : await callRefund(rail, access, refund, charge, deps.now())
  await settleRefund(deps, business, { chargeId: charge.id, refundId: refund.id, outcome: patient(outcome, due.attempts), requestId: null })
}

/** Codes with which a duplicate is left as it is: it was refunded by hand, or its rail cannot refund. */
const notToBeRefunded = new Set(['charge_already_refunded', 'charge_not_refundable', 'refund_not_supported', 'not_found'])

async function refundDuplicate(deps: CheckDeps, business: Business, due: DueCheck): Promise<void> {
  try {
    await refundCharge(deps, business, {
      chargeId: due.id,
      reason: 'duplicate',
      refundedBy: null,
      apiKeyId: null,
      requestId: null,
      isDuplicate: true,
    })
  } catch (error) {
    if (!(error instanceof ApiError)) throw error
    if (notToBeRefunded.has(error.code)) return forgetChecks(deps.database.db, [{ businessId: business.id, id: due.id }])
    // Not enough money there yet, for example: the fee of the duplicate is not given back to the merchant either.
    await later(deps, due)
  }
}
