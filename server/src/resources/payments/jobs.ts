import type { Polled } from '#foundation/jobs/job.ts'
import { expirePaymentRequests } from './payment-requests/expire-payment-requests-job.ts'
import type { PaymentsDeps } from './payments.ts'
import { askRails } from './rails/ask-rails-job.ts'
import { releaseDue } from './releases/release-due-job.ts'

/** What payments look for again and again. */
export function paymentsPolled(deps: PaymentsDeps): Polled[] {
  return [
    { name: 'expiring payment requests', everyMs: 250, run: () => expirePaymentRequests(deps) },
    { name: 'polling rails', everyMs: 1_000, run: () => askRails(deps) },
    { name: 'releasing money', everyMs: 10_000, run: () => releaseDue(deps.database.db, deps.now()) },
  ]
}
