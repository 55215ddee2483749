import type { Db } from '#foundation/database/database.ts'
import type { Business } from '#foundation/shared/business.ts'
import type { Payment } from '#resources/payments/payment-requests/wire.ts'
import { presentPayment } from './event-wire.ts'
import { listPayments } from './queries.ts'

/**
 * The payments that are applied to a request, oldest first. Late, duplicate, short and over payments are not among them:
 * clients take a succeeded payment as proof that the request is paid.
 */
export async function listCountedPayments(db: Db, business: Business, paymentRequestId: string): Promise<Payment[]> {
  const rows = await listPayments(db, business.id, paymentRequestId)
  return rows.filter((row) => row.unapplied_reason === null).map((row) => presentPayment(row, business))
}
