import type { Transfer } from '#engine/ledger/post.ts'
import type { Outcome } from '#engine/rails/rail.ts'
import type { Answer } from '#foundation/http/idempotency.ts'
import type { Origin } from '#foundation/http/origin.ts'
import type { Business } from '#foundation/shared/business.ts'
import { laterThan } from '#foundation/shared/time.ts'
import type { BankCreditRow } from '#resources/payments/bank-accounts/queries.ts'
import type { ChargeRow, UnappliedReason } from '#resources/payments/charges/queries.ts'
import { netOf } from '#resources/payments/charges/wire.ts'
import { feeOn, type feeSchedules } from '#resources/payments/fees/fees.ts'
import { isPastDeadline } from '#resources/payments/payment-requests/expiry.ts'
import type { PaymentRequestRow } from '#resources/payments/payment-requests/queries.ts'

/** One attempt to pay and its rail's answer. */
export interface Settlement {
  business: Business
  /** A charge that is not written yet, or the id of one that is. */
  charge: { isNew: true; row: ChargeRow } | { isNew: false; id: string; paymentRequestId: string | null }
  outcome: Outcome
  /** The cause of the outcome: a request, a page, a rail's notification or a job. Its time dates what changes. */
  origin: Origin
  /** For a new charge: its payment request as the caller read it, which is not read again while its version has not changed. */
  requestAsRead?: PaymentRequestRow
  /** Called for an existing charge once its row is locked: false if the outcome no longer fits, and then nothing changes. */
  onlyIf?: (charge: ChargeRow) => boolean
  /** Started by a payer on a page: rejected after too many attempts, and while another one is in progress. */
  limitAttempts?: boolean
  /** The answer to the origin's request; stored under its Idempotency-Key in the same transaction. */
  answer?: (settled: Settled) => Answer
  /** The bank credit that brought the money: a new one is written, an unmatched one is marked as allocated. */
  bankCredit?: { row: BankCreditRow; isNew: boolean }
  /** The rail's notification that brought the outcome, recorded in the same transaction. */
  notification?: { rail: string; eventId: string }
}

/** The result of a settlement. */
export interface Settled {
  charge: ChargeRow
  paymentRequest: PaymentRequestRow | undefined
  /** False if the charge already had its outcome, or the settlement no longer fitted; nothing was changed then. */
  changed: boolean
  answer: Answer | undefined
}

/** A settlement that is decided, before it is written. */
export interface Case {
  settlement: Settlement
  charge: ChargeRow
  request: PaymentRequestRow | undefined
  changed: boolean
  /** Whether the payment is applied to the request. */
  applied: boolean
  releaseDays: number
  answer: Answer | undefined
}

/** A decided settlement as its caller sees it. */
export const settledOf = ({ charge, request, changed, answer }: Case): Settled => ({ charge, paymentRequest: request, changed, answer })

/** States in which a charge's outcome is known. */
export const final: ReadonlySet<string> = new Set(['succeeded', 'failed', 'canceled', 'refunded', 'partially_refunded'])

/** A late success still counts: a charge marked failed or canceled becomes succeeded when its money arrives. */
export function isLateSuccess({ status }: ChargeRow, outcome: Outcome): boolean {
  return outcome.status === 'succeeded' && (status === 'failed' || status === 'canceled')
}

/** Why a payment is not applied to its request; null if it is. */
export function unapplied(request: PaymentRequestRow, charge: ChargeRow): UnappliedReason | null {
  if (request.status === 'completed' && !request.allow_repeated_payments) return 'duplicate'
  if (request.deleted_at !== null || (request.status !== 'pending' && request.status !== 'completed')) return 'late'
  if (isPastDeadline(request, charge.created_at)) return 'late'
  if (request.amount_minor === null) return null
  const expected = request.amount_minor + charge.admin_fee_minor
  if (charge.amount_minor === expected) return null
  return charge.amount_minor < expected ? 'short' : 'over'
}

/** A charge after its rail's answer, without fees. */
function afterOutcome(before: ChargeRow, outcome: Outcome, at: Date): ChargeRow {
  const charge = { ...before, rail_reference: outcome.reference ?? before.rail_reference, updated_at: at }
  if ('card' in outcome && outcome.card) charge.card = outcome.card
  if (outcome.data) charge.rail_data = outcome.data
  if (outcome.status === 'succeeded') {
    charge.failure_code = null
    charge.failure_message = null
  } else if (outcome.status === 'failed') {
    charge.failure_code = outcome.code
    charge.failure_message = outcome.message
  }
  charge.status = statusAfter(outcome)
  if (final.has(charge.status)) charge.closed_at = at
  return charge
}

function statusAfter(outcome: Outcome): ChargeRow['status'] {
  if (outcome.status === 'requires_action') return 'requires_customer_action'
  return outcome.status === 'failed' && outcome.canceled ? 'canceled' : outcome.status
}

/**
 * Decides the effect of a settlement on its charge and its request, and writes it into the request's row, which its batch
 * shares: the next settlement of the batch finds the request paid.
 */
export function decide(settlement: Settlement, before: ChargeRow, request: PaymentRequestRow | undefined): Case {
  const { charge: subject, outcome, origin } = settlement
  const isOver = final.has(before.status) && !isLateSuccess(before, outcome)
  if (!subject.isNew && (isOver || settlement.onlyIf?.(before) === false)) {
    return { settlement, charge: before, request, changed: false, applied: false, releaseDays: 0, answer: undefined }
  }
  const charge = afterOutcome(before, outcome, subject.isNew ? before.updated_at : laterThan(before.updated_at, origin.at))
  const decided: Case = { settlement, charge, request, changed: true, applied: false, releaseDays: 0, answer: undefined }
  if (!request) return decided
  if (charge.status === 'succeeded') {
    charge.unapplied_reason = unapplied(request, charge)
    decided.applied = charge.unapplied_reason === null
    if (decided.applied) {
      if (!request.allow_repeated_payments) request.status = 'completed'
      request.updated_at = laterThan(request.updated_at, origin.at)
      request.version += 1
      request.completed_at = request.updated_at
    }
  } else if (isTerminalFailure(decided) && request.status === 'pending') {
    request.status = 'failed'
    request.updated_at = laterThan(request.updated_at, origin.at)
    request.version += 1
  }
  return decided
}

/** In-person payments end their request when they fail; online ones leave it payable in another way (behaviour §2.4). */
export function isTerminalFailure({ charge, request }: Pick<Case, 'charge' | 'request'>): boolean {
  return request !== undefined && charge.method === 'wifi_card_reader' && (charge.status === 'failed' || charge.status === 'canceled')
}

/** Writes the fees of a succeeded charge into its row. */
export function takeFees(decided: Case, schedules: Awaited<ReturnType<typeof feeSchedules>>): void {
  const { charge } = decided
  const schedule = schedules(charge.business_id, charge.method, charge.currency)
  const fee = feeOn(charge.amount_minor, schedule)
  charge.fixed_fee_minor = fee.fixedMinor
  charge.discount_fee_minor = fee.shareMinor
  charge.discount_fee_rate = fee.rateBasisPoints
  decided.releaseDays = schedule.releaseDays
}

/** What a succeeded charge books: its net into a wallet and its fee into `fees`, both owed by the rail until it pays out. */
export function transfersOf({ charge, releaseDays }: Case): Transfer[] {
  if (charge.status !== 'succeeded') return []
  const shared = {
    businessId: charge.business_id,
    source: 'charge',
    sourceId: charge.id,
    debit: `clearing:${charge.rail}`,
    currency: charge.currency,
    at: charge.updated_at,
  } as const
  return [
    { ...shared, purpose: 'net', credit: releaseDays > 0 ? 'pending' : 'available', amountMinor: netOf(charge) },
    { ...shared, purpose: 'fee', credit: 'fees', amountMinor: charge.fixed_fee_minor + charge.discount_fee_minor },
  ]
}
