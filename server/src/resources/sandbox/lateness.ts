import { invalid } from '#foundation/shared/errors.ts'
import { isPastDeadline } from '#resources/payments/payment-requests/expiry.ts'
import type { PaymentRequestRow } from '#resources/payments/payment-requests/queries.ts'

/**
 * The date of a payment that is too late: after the request's deadline, or now if the request accepts no more payments.
 * A request without a deadline cannot be paid late.
 */
export function lateDate({ expires_at, status, deleted_at }: PaymentRequestRow, now: Date): Date {
  const ended = deleted_at !== null || (status !== 'pending' && status !== 'completed')
  if (ended || isPastDeadline({ expires_at }, now)) return now
  if (expires_at === null) throw invalid({ late: ['This payment request has no deadline, so no payment can be late.'] }, 'no_deadline')
  return new Date(expires_at.getTime() + 1000)
}
