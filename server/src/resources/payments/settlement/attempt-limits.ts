import { ApiError, conflict } from '#foundation/shared/errors.ts'
import { isPastDeadline } from '#resources/payments/payment-requests/expiry.ts'
import type { PaymentRequestRow } from '#resources/payments/payment-requests/queries.ts'
import type { RecentAttempts } from './queries.ts'

/** Attempts that one request may have in ten minutes; stolen card numbers are tried out by the hundred. */
export const mostAttempts = 30
const attemptWindowMs = 10 * 60_000
/** For this long, an attempt that a rail is processing blocks others; after that, the payer may try again. */
const processingMs = 60_000

/** The moments from which attempts count at a given moment. */
export const attemptWindows = (at: Date) => ({
  since: new Date(at.getTime() - attemptWindowMs),
  processingSince: new Date(at.getTime() - processingMs),
})

/**
 * Why a payer on a page may not start an attempt now; undefined if they may. The request is locked, so that of two tabs that
 * pay at the same time the second is refused rather than charged and refunded.
 */
export function attemptRefusal(request: PaymentRequestRow, recent: RecentAttempts, at: Date): ApiError | undefined {
  const isOver = request.status !== 'pending' || isPastDeadline(request, at)
  if (request.deleted_at !== null || (isOver && !request.allow_repeated_payments)) {
    return conflict('payment_request_not_payable', 'This payment request can no longer be paid.')
  }
  // Successful attempts do not count, since many payers may share a link.
  if (recent.unpaid >= mostAttempts) {
    return new ApiError(429, 'too_many_attempts', 'There were too many payment attempts; try again later.', { headers: { 'retry-after': '600' } })
  }
  if (recent.isProcessing && !request.allow_repeated_payments) {
    return conflict('payment_in_progress', 'A payment is being processed; wait for its result.')
  }
  return undefined
}
