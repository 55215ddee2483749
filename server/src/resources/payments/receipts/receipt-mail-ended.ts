import type { OnMailEnded } from '#resources/business/mails/deliver-mails-job.ts'
import { writeEmailStatus } from '#resources/payments/payment-requests/queries.ts'

/** Records the final status of a receipt's email in its payment request; raises its version. */
export const receiptMailEnded: OnMailEnded = async (tx, { business_id, source, source_id }, status, at) => {
  if (source === 'charge') await writeEmailStatus(tx, business_id, source_id, status, at)
}
