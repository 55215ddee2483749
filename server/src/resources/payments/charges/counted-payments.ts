import type { Database, Db } from '#foundation/database/database.ts'
import { sharedReads } from '#foundation/database/shared-reads.ts'
import type { Business } from '#foundation/shared/business.ts'
import type { Payment } from '#resources/payments/payment-requests/wire.ts'
import { presentPayment } from './event-wire.ts'
import { type ChargeRow, listPayments, paymentsOfRequests } from './queries.ts'

/**
 * The payments that are applied to a request, oldest first. Late, duplicate, short and over payments are not among them:
 * clients take a succeeded payment as proof that the request is paid.
 */
export async function listCountedPayments(db: Db, business: Business, paymentRequestId: string): Promise<Payment[]> {
  return counted(await listPayments(db, business.id, paymentRequestId), business)
}

const counted = (rows: ChargeRow[], business: Business): Payment[] =>
  rows.filter((row) => row.unapplied_reason === null).map((row) => presentPayment(row, business))

/** The same for gets that arrive together. */
export function countedPaymentsReader({ pool }: Database, acrossBusinesses: boolean): (business: Business, paymentRequestId: string) => Promise<Payment[]> {
  const read = sharedReads<ChargeRow>(pool, paymentsOfRequests, acrossBusinesses)
  return async (business, id) => counted(await read({ businessId: business.id, id }), business)
}
