import type { RefundOutcome } from '#engine/rails/rail.ts'
import type { Db } from '#foundation/database/database.ts'
import type { Deps } from '#foundation/deps.ts'
import { systemOrigin } from '#foundation/http/origin.ts'
import type { Business } from '#foundation/shared/business.ts'
import type { Due } from '#foundation/shared/clock.ts'
import { ApiError } from '#foundation/shared/errors.ts'
import { findBusiness } from '#resources/business/businesses/queries.ts'
import { findCharge } from '#resources/payments/charges/queries.ts'
import { recordRefundOutcome } from '#resources/payments/refunds/finish-refund.ts'
import { findRefund } from '#resources/payments/refunds/queries.ts'
import { callRefund, type RefundDeps, refundAttemptOf, refundCharge } from '#resources/payments/refunds/refund-charge.ts'
import type { Settled, Settlement } from '#resources/payments/settlement/settle-charges.ts'
import { answerOrPending, attemptOf } from '#resources/payments/settlement/start-payment.ts'
import { claimChecks, type DueCheck, forgetChecks, scheduleChecks } from './check-queries.ts'

export interface CheckDeps extends RefundDeps, Pick<Deps, 'log'> {
  settle: (settlement: Settlement) => Promise<Settled>
}

/** Longer than the time limit of a rail: a check whose process died is due again after it. */
const leaseMs = 60_000
const batch = 20

/** Seconds until a rail is polled again: 15, 30, 60 … and then once an hour, until it has an outcome. */
export function backOffSeconds(attempts: number): number {
  return Math.min(15 * 2 ** Math.max(0, Math.min(attempts, 20) - 1), 3600)
}

/**
 * Polls rails about charges and refunds whose check is due, and refunds charges that were paid twice. Returns how many checks
 * it did. A check that fails does not delay the others, and is retried.
 */
export async function pollRails(deps: CheckDeps, due: Due): Promise<number> {
  const checks = await claimChecks(deps.database.db, due, leaseMs, batch)
  await Promise.all(
    checks.map(async (check) => {
      try {
        const business = await findBusiness(deps.database.db, check.business_id)
        if (!business) return
        if (check.kind === 'charge') await checkCharge(deps, business, check)
        else if (check.kind === 'refund') await checkRefund(deps, business, check)
        else await refundDuplicate(deps, business, check)
      } catch (error) {
        deps.log.error({ error, business_id: check.business_id, id: check.id, kind: check.kind }, 'polling a rail failed')
        await later(deps, check)
      }
    }),
  )
  return checks.length
}

function later({ database, clock }: CheckDeps, { business_id, id, kind, attempts }: DueCheck): Promise<void> {
  const dueAt = new Date(clock.now(business_id).getTime() + backOffSeconds(attempts) * 1000)
  return scheduleChecks(database.db, [{ businessId: business_id, id, kind, dueAt }])
}

/** A pending outcome is checked again no sooner than the back-off says. */
function patient<Outcome extends { status: string }>(outcome: Outcome, attempts: number): Outcome {
  if (!('checkAfterSeconds' in outcome)) return outcome
  return { ...outcome, checkAfterSeconds: Math.max(Number(outcome.checkAfterSeconds), backOffSeconds(attempts)) }
}

async function checkCharge(deps: CheckDeps, business: Business, check: DueCheck): Promise<void> {
  const { database, clock, rails, settle, baseUrl } = deps
  const charge = await findCharge(database.db, business.id, check.id)
  if (!charge) return forgetChecks(database.db, [{ businessId: business.id, id: check.id }])
  const found = await rails.byName(business, charge.rail)
  if (!found) return later(deps, check)
  const request = charge.payment_request_id === null ? undefined : await findReference(database.db, business.id, charge.payment_request_id)
  const attempt = attemptOf(charge, request, business, baseUrl(), clock.now(business.id))
  const outcome = await answerOrPending(() => found.rail.check(attempt, found.access))
  await settle({
    business,
    charge: { isNew: false, id: charge.id, paymentRequestId: charge.payment_request_id },
    outcome: patient(outcome, check.attempts),
    // A local rail answers from the charge alone, so its answer is worthless once the charge has changed.
    ...(found.rail.local ? { onlyIf: (current) => current.updated_at.getTime() === charge.updated_at.getTime() } : {}),
    origin: systemOrigin(deps, business.id),
  })
}

async function findReference(db: Db, businessId: string, id: string): Promise<{ payment_reference: string; purpose: string | null } | undefined> {
  return db
    .selectFrom('payment_requests')
    .select(['payment_reference', 'purpose'])
    .where('business_id', '=', businessId)
    .where('id', '=', id)
    .executeTakeFirst()
}

async function checkRefund(deps: CheckDeps, business: Business, check: DueCheck): Promise<void> {
  const { database, clock, rails } = deps
  const refund = await findRefund(database.db, business.id, check.id)
  const charge = refund && (await findCharge(database.db, business.id, refund.charge_id))
  if (!refund || !charge) return forgetChecks(database.db, [{ businessId: business.id, id: check.id }])
  const via = await rails.byName(business, charge.rail)
  if (!via) return later(deps, check)
  const { rail, access } = via
  const { checkRefund: query } = rail
  const now = clock.now(business.id)
  // Without a reference, the rail may never have received it: then it is called again, with the same idempotency key.
  const outcome =
    query && refund.rail_reference !== null
      ? await answerOrPending<RefundOutcome>(() => query.call(rail, { ...refundAttemptOf(refund, charge, now), reference: refund.rail_reference }, access))
      : await callRefund(via, refund, charge, now)
  const result = { chargeId: charge.id, refundId: refund.id, outcome: patient(outcome, check.attempts) }
  await recordRefundOutcome(deps, business, result, systemOrigin(deps, business.id))
}

/** Codes for which a duplicate is left as it is: it was refunded by hand, or its rail cannot refund. */
const notToBeRefunded = new Set(['charge_already_refunded', 'charge_not_refundable', 'refund_not_supported', 'not_found'])

async function refundDuplicate(deps: CheckDeps, business: Business, check: DueCheck): Promise<void> {
  try {
    await refundCharge(deps, business, { chargeId: check.id, reason: 'duplicate', refundedBy: null, isDuplicate: true }, systemOrigin(deps, business.id))
  } catch (error) {
    if (!(error instanceof ApiError)) throw error
    if (notToBeRefunded.has(error.code)) return forgetChecks(deps.database.db, [{ businessId: business.id, id: check.id }])
    // Not enough money yet, for example: the fee of the duplicate is not returned to the merchant either.
    await later(deps, check)
  }
}
