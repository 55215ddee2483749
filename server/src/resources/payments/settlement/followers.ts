import type { Transaction } from 'kysely'
import type { BusinessEvent } from '#engine/events/emit-event.ts'
import type { DB } from '#foundation/database/tables.ts'
import type { Origin } from '#foundation/http/origin.ts'
import type { Business } from '#foundation/shared/business.ts'
import type { ChargeRow } from '#resources/payments/charges/queries.ts'
import type { PaymentRequestRow } from '#resources/payments/payment-requests/queries.ts'
import type { Case } from './settlement.ts'

/** A payment that is applied to its request, for the follower of what the request collects money for. */
export interface FollowedPayment {
  business: Business
  /** The order, invoice or other object that the request collects money for. */
  sourceId: string
  paymentRequest: PaymentRequestRow
  charge: ChargeRow
  origin: Origin
}

/**
 * Completes what a payment request collects money for, such as an order. Whoever brings the money, `settled` runs once for
 * each payment that is applied to the request, in the transaction that records it: after charge and request are written, and
 * before the ledger. It gets all payments of its source that the transaction records, and returns the events to emit. When
 * it throws, nothing of the payments is recorded.
 */
export interface Follower {
  /** The `source_type` of the payment requests whose payments it follows. */
  readonly source: 'order' | 'invoice' | 'recurring_billing' | 'static_qr'
  settled(tx: Transaction<DB>, payments: readonly FollowedPayment[]): Promise<BusinessEvent[]>
}

/** Lets followers complete what some decided settlements have paid; returns the events to emit. */
export async function notifyFollowers(tx: Transaction<DB>, followers: readonly Follower[], cases: readonly Case[]): Promise<BusinessEvent[]> {
  const events: BusinessEvent[] = []
  for (const follower of followers) {
    const payments = cases.flatMap(({ applied, request, charge, settlement: { business, origin } }): FollowedPayment[] =>
      applied && request?.source_type === follower.source && request.source_id !== null
        ? [{ business, sourceId: request.source_id, paymentRequest: request, charge, origin }]
        : [],
    )
    if (payments.length > 0) events.push(...(await follower.settled(tx, payments)))
  }
  return events
}
