import { findNextDue } from '#foundation/database/due.ts'
import type { DueWork } from '#foundation/jobs/job.ts'
import { expireDuePaymentRequests } from './payment-requests/expire-payment-requests-job.ts'
import type { PaymentsDeps } from './payments.ts'
import { pollRails } from './rails/poll-rails-job.ts'
import { releaseDue } from './releases/release-due-job.ts'

/** What falls due in payments: the end of payment requests, scheduled checks of rails, and money that is released. */
export function paymentsDueWork(deps: PaymentsDeps): DueWork[] {
  const { db } = deps.database
  return [
    {
      name: 'expiring payment requests',
      everyMs: 250,
      next: (businessId, until) => findNextDue(db, 'payment_request_expiries', businessId, until),
      run: (due) => expireDuePaymentRequests(deps, due),
    },
    {
      name: 'polling rails',
      everyMs: 1_000,
      next: (businessId, until) => findNextDue(db, 'rail_checks', businessId, until),
      run: (due) => pollRails(deps, due),
    },
    {
      name: 'releasing money',
      everyMs: 10_000,
      next: (businessId, until) => findNextDue(db, 'releases', businessId, until),
      run: (due) => releaseDue(deps, due),
    },
  ]
}
