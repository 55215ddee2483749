import type { Transaction } from 'kysely'
import type { DB } from '#foundation/database/tables.ts'
import { type Claim, findTakenClaims, KeyTaken } from '#foundation/http/idempotency.ts'
import { type ChargeRow, lockCharges } from '#resources/payments/charges/queries.ts'
import { lockPaymentRequests, type PaymentRequestRow } from '#resources/payments/payment-requests/queries.ts'
import { attemptRefusal, attemptWindows, mostAttempts } from './attempt-limits.ts'
import { findRecentAttempts, lockVersions, type RecentAttempts } from './queries.ts'
import { type Case, decide, type Settlement } from './settlement.ts'

/** Marks a settlement whose rows another transaction has locked. */
export const lockedElsewhere = Symbol('locked elsewhere')
export type LockedElsewhere = typeof lockedElsewhere
export const isLockedElsewhere = (value: unknown): value is LockedElsewhere => value === lockedElsewhere

/** The rows of a batch of settlements, locked until its transaction ends. A decided settlement changes them for the next. */
export interface LockedRows {
  requests: Map<string, PaymentRequestRow>
  charges: Map<string, ChargeRow>
  takenClaims: ReadonlySet<Claim>
  recentAttempts: Map<string, RecentAttempts>
}

/** The claim whose answer a settlement stores. */
export const claimOf = ({ origin, answer }: Settlement): Claim | undefined => (answer ? origin.claim : undefined)

const requestIdOf = ({ charge }: Settlement) => (charge.isNew ? charge.row.payment_request_id : charge.paymentRequestId)

/** Locks the payment requests and charges of a batch, requests first, as everywhere, and reads what its decisions need. */
export async function lockSettlements(tx: Transaction<DB>, settlements: Settlement[], { skipLocked }: { skipLocked: boolean }): Promise<LockedRows> {
  const requests = await lockRequests(tx, settlements, { skipLocked })
  const charges = await lockCharges(
    tx,
    settlements.flatMap(({ business, charge }) => (charge.isNew ? [] : [{ businessId: business.id, id: charge.id }])),
    { skipLocked },
  )
  const takenClaims = await findTakenClaims(
    tx,
    settlements.flatMap((one) => claimOf(one) ?? []),
  )
  return { requests, charges, takenClaims, recentAttempts: await readRecentAttempts(tx, settlements, requests) }
}

/** The rows of the payment requests, locked; those that the caller has read are read again only if they have changed. */
async function lockRequests(tx: Transaction<DB>, settlements: Settlement[], { skipLocked }: { skipLocked: boolean }): Promise<Map<string, PaymentRequestRow>> {
  const asRead = new Map<string, PaymentRequestRow>()
  const unread = new Map<string, { businessId: string; id: string }>()
  for (const settlement of settlements) {
    const { requestAsRead, business } = settlement
    const id = requestIdOf(settlement)
    if (requestAsRead && skipLocked) asRead.set(requestAsRead.id, requestAsRead)
    else if (id !== null) unread.set(id, { businessId: business.id, id })
  }
  const versions = await lockVersions(
    tx,
    [...asRead.values()].map((row) => ({ businessId: row.business_id, id: row.id })),
  )
  const requests = new Map<string, PaymentRequestRow>()
  for (const [id, row] of asRead) {
    const version = versions.get(id)
    if (version === row.version) requests.set(id, { ...row })
    else if (version !== undefined) unread.set(id, { businessId: row.business_id, id })
  }
  for (const [id, row] of await lockPaymentRequests(tx, [...unread.values()], { skipLocked })) requests.set(id, row)
  return requests
}

function readRecentAttempts(tx: Transaction<DB>, settlements: Settlement[], requests: Map<string, PaymentRequestRow>): Promise<Map<string, RecentAttempts>> {
  const wanted = new Map(
    settlements.flatMap((settlement) => {
      const request = settlement.limitAttempts ? requests.get(requestIdOf(settlement) ?? '') : undefined
      return request ? [[request.id, { businessId: request.business_id, id: request.id, ...attemptWindows(settlement.origin.at) }]] : []
    }),
  )
  return findRecentAttempts(tx, [...wanted.values()], mostAttempts)
}

/** Decides a settlement whose rows are locked: its result, why it is rejected, or that its rows could not be locked. */
export function decideLocked(settlement: Settlement, locked: LockedRows): Case | Error | LockedElsewhere {
  const requestId = requestIdOf(settlement)
  const request = requestId === null ? undefined : locked.requests.get(requestId)
  const before = settlement.charge.isNew ? settlement.charge.row : locked.charges.get(settlement.charge.id)
  if (!before || (requestId !== null && !request)) return lockedElsewhere
  const claim = claimOf(settlement)
  if (claim && locked.takenClaims.has(claim)) return new KeyTaken()
  const recent = request && locked.recentAttempts.get(request.id)
  const refusal = settlement.limitAttempts && request && recent ? attemptRefusal(request, recent, settlement.origin.at) : undefined
  if (refusal) return refusal
  const decided = decide(settlement, before, request)
  // A later settlement of the same charge, or another attempt at the same request, sees this one's outcome.
  locked.charges.set(decided.charge.id, decided.charge)
  if (recent && settlement.charge.isNew && decided.charge.status !== 'succeeded') {
    recent.unpaid += 1
    recent.isProcessing ||= decided.charge.status === 'pending'
  }
  return decided
}
