import type { Transaction } from 'kysely'
import type { Transfer } from '#engine/ledger/post.ts'
import type { Outcome } from '#engine/rails/rail.ts'
import type { DB } from '#foundation/database/tables.ts'
import type { Deps } from '#foundation/deps.ts'
import type { Business } from '#foundation/http/authentication.ts'
import type { Answer, Claim } from '#foundation/http/idempotency.ts'
import { laterThan } from '#foundation/shared/time.ts'
import type { ChargeRow, UnappliedReason } from '#resources/payments/charges/queries.ts'
import { netOf } from '#resources/payments/charges/wire.ts'
import { feeOn, type feeSchedules } from '#resources/payments/fees/fees.ts'
import type { PaymentRequestRow } from '#resources/payments/payment-requests/queries.ts'

type Schedules = Awaited<ReturnType<typeof feeSchedules>>

export type SettleDeps = Deps

/** One attempt and what its rail said of it. */
export interface Settlement {
  business: Business
  /** A charge that is not written yet (a local rail's), or the id of one that is. */
  charge: { isNew: true; row: ChargeRow } | { isNew: false; id: string; paymentRequestId: string | null }
  outcome: Outcome
  /** Asked of the charge once its row is held: false when the outcome no longer fits, and then nothing changes. */
  while?: (charge: ChargeRow) => boolean
  /** For a new charge: the request as it was when the charge was made of it. While it has not changed since, one statement settles it. */
  seen?: PaymentRequestRow
  requestId: string | null
  /** The request whose answer is stored with the effect. */
  answered?: { claim: Claim | undefined; answer: (settled: Settled) => Answer }
  /** More that belongs into the same transaction: what a bank's credit becomes. */
  also?: (tx: Transaction<DB>, settled: Settled) => Promise<void>
}

/** What became of a settlement. */
export interface Settled {
  charge: ChargeRow
  paymentRequest: PaymentRequestRow | undefined
  /** False when the charge had its outcome before, or the settlement no longer fitted; nothing was changed then. */
  changed: boolean
  answer: Answer | undefined
  /** Whether its events have their places already, and nobody waits for a delivery of them. */
  arePlaced?: boolean
}

/** A settlement under way in its transaction. */
export interface Case {
  settlement: Settlement
  before: ChargeRow
  charge: ChargeRow
  request: PaymentRequestRow | undefined
  changed: boolean
  /** Whether the money counts towards the request. */
  applied: boolean
  releaseDays: number
}

/** States in which a charge's outcome is known. */
export const final = new Set(['succeeded', 'failed', 'canceled', 'refunded', 'partially_refunded'])

/** Money that came after its payment was given up is money: only a payment that never had any stays as it ended. */
export function isLateSuccess({ status }: ChargeRow, outcome: Outcome): boolean {
  return outcome.status === 'succeeded' && (status === 'failed' || status === 'canceled')
}

/** Why money that has come does not count towards its request; null when it does. */
export function unapplied(request: PaymentRequestRow, charge: ChargeRow): UnappliedReason | null {
  if (request.status === 'completed' && !request.allow_repeated_payments) return 'duplicate'
  if (request.deleted_at !== null || (request.status !== 'pending' && request.status !== 'completed')) return 'late'
  if (request.expires_at !== null && charge.created_at > request.expires_at) return 'late'
  if (request.amount_minor === null) return null
  const expected = request.amount_minor + charge.admin_fee_minor
  if (charge.amount_minor === expected) return null
  return charge.amount_minor < expected ? 'short' : 'over'
}

/** A charge after its rail's answer, without fees. */
export function afterOutcome(before: ChargeRow, outcome: Outcome, at: Date): ChargeRow {
  const reference = outcome.reference ?? before.rail_reference
  const card = 'card' in outcome && outcome.card ? outcome.card : before.card
  const kept = { ...before, rail_reference: reference, card, rail_data: outcome.data ?? before.rail_data, updated_at: at }
  if (outcome.status === 'succeeded') return { ...kept, status: 'succeeded', failure_code: null, failure_message: null, closed_at: at }
  if (outcome.status === 'failed')
    return { ...kept, status: outcome.canceled ? 'canceled' : 'failed', failure_code: outcome.code, failure_message: outcome.message, closed_at: at }
  return { ...kept, status: outcome.status === 'pending' ? 'pending' : 'requires_customer_action' }
}

/** Decides what a settlement makes of its charge and request, and writes it into the request's row, which its batch shares. */
export function decide(settlement: Settlement, before: ChargeRow, charge: ChargeRow, request: PaymentRequestRow | undefined, now: Date): Case {
  const one: Case = { settlement, before, charge, request, changed: true, applied: false, releaseDays: 0 }
  if (!request) return one
  if (charge.status === 'succeeded') {
    charge.unapplied_reason = unapplied(request, charge)
    one.applied = charge.unapplied_reason === null
    if (one.applied) {
      // Written into the shared row, so that the next settlement of this batch finds the request taken.
      request.updated_at = laterThan(request.updated_at, now)
      request.version += 1
      if (!request.allow_repeated_payments) request.status = 'completed'
      request.completed_at = request.updated_at
    }
  } else if (isTerminalFailure(one) && request.status === 'pending') {
    request.status = 'failed'
    request.version += 1
    request.updated_at = laterThan(request.updated_at, now)
  }
  return one
}

/** In-person payments end their request when they fail; online ones leave it to be paid otherwise (behaviour §2.4). */
export function isTerminalFailure({ charge, request }: Pick<Case, 'charge' | 'request'>): boolean {
  return request !== undefined && charge.method === 'wifi_card_reader' && (charge.status === 'failed' || charge.status === 'canceled')
}

export function takeFees(one: Case, schedules: Schedules): void {
  const { charge } = one
  const schedule = schedules(charge.business_id, charge.method, charge.currency)
  const fee = feeOn(charge.amount_minor, schedule)
  charge.fixed_fee_minor = fee.fixedMinor
  charge.discount_fee_minor = fee.shareMinor
  charge.discount_fee_rate = fee.rateBasisPoints
  one.releaseDays = schedule.releaseDays
}

/** When the money of a charge that was paid is the merchant's to use; undefined when it is at once. */
export function releasedAt({ charge, releaseDays }: Case): Date | undefined {
  return releaseDays > 0 ? new Date(charge.updated_at.getTime() + releaseDays * 86_400_000) : undefined
}

/** What a succeeded charge books: its net into a wallet and its fee into `fees`, both owed by the rail until it pays out. */
export function transfersOf({ charge, releaseDays, changed }: Case): Transfer[] {
  if (!changed || charge.status !== 'succeeded') return []
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
