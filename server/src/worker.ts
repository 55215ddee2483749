import type pg from 'pg'
import type { PaymentsDeps } from './app.ts'
import { startDispatcher } from './engine/events/deliver-events.ts'
import { fanOut } from './engine/events/fan-out.ts'
import { type Relay, startRelay } from './engine/events/order-events.ts'
import type { Metrics } from './foundation/http/observability.ts'
import { forgetIdempotencyKeys } from './foundation/jobs/forget-idempotency-keys.ts'
import type { Job, JobDeps } from './foundation/jobs/job.ts'
import { startPoller } from './foundation/jobs/poller.ts'
import { startJobs } from './foundation/jobs/runner.ts'
import type { SendMail } from './foundation/mail/send-mail.ts'
import { releaseDue, rollBusyAccounts } from './resources/balances/release-due.ts'
import { deliverMails } from './resources/mails/deliver-mails.ts'
import { forgetMails } from './resources/mails/forget-mails.ts'
import { expirePaymentRequests } from './resources/payment-requests/expire-payment-requests.ts'
import { checkRails } from './resources/refunds/check-rails.ts'
import { forgetDeliveries } from './resources/webhook-deliveries/forget-deliveries.ts'
import { type Verification, verification } from './verify/verify-job.ts'

/** Every job and every schedule, in one list. */
export const jobsOf = (verify: Verification): Job[] => [forgetIdempotencyKeys, forgetDeliveries, forgetMails, verify.job]

export interface WorkerDeps extends JobDeps {
  controlPool: pg.Pool
  metrics: Metrics
  payments: PaymentsDeps
  /** Absent where no mail server is set. */
  sendMail?: SendMail | undefined
}

/** What is looked for again and again: its name, how often, and what is done. */
function pollers({ database, now, log, payments, sendMail: send }: WorkerDeps, relay: Relay): [name: string, everyMs: number, run: () => Promise<unknown>][] {
  // What this process appends is ordered by its own relay.
  const waking = { ...payments, onEvent: (businessId: string) => relay.wake(businessId) }
  return [
    ['expiring payment requests', 250, () => expirePaymentRequests(waking)],
    ['asking rails', 1_000, () => checkRails({ ...waking, log })],
    ['sending mails', 1_000, () => deliverMails({ database, now, log, send })],
    ['releasing money', 10_000, () => releaseDue(database.db, now())],
    ['adding up accounts', 10_000, () => rollBusyAccounts(database.db)],
  ]
}

export interface Worker {
  readonly relay: Relay
  stop(): Promise<void>
}

function deliveryCounters(metrics: Metrics) {
  return {
    delivered: metrics.counter('hawker_webhook_deliveries_succeeded_total', 'Webhook deliveries that were accepted.'),
    failed: metrics.counter('hawker_webhook_attempts_failed_total', 'Tries to deliver a webhook that failed.'),
    gaveUp: metrics.counter('hawker_webhook_deliveries_failed_total', 'Webhook deliveries that were given up.'),
  }
}

/**
 * Starts what works outside requests: at once the relay that orders events, the dispatcher that sends them and what has
 * to happen on time, then the job queue, whose start nobody waits for. A queue that cannot start is logged and tried
 * again; requests do not depend on it.
 */
export function startWorker(deps: WorkerDeps): Worker {
  const { database, log, controlPool, metrics, now, payments } = deps
  const onEvent = (businessId: string) => relay.wake(businessId)
  const { secretKey, groupAcrossBusinesses } = payments
  const dispatcher = startDispatcher({ database, log, now, secretKey, groupAcrossBusinesses, onEvent, count: deliveryCounters(metrics) })
  const relay: Relay = startRelay(database.db, {
    acrossBusinesses: groupAcrossBusinesses,
    onOrdered: fanOut({ secretKey, now }),
    onPlaced: dispatcher.wake,
    onError: (error) => log.error({ error }, 'ordering events failed'),
  })
  const polling = pollers(deps, relay).map(([name, everyMs, run], i) =>
    startPoller({ everyMs, offsetMs: i * 45, run, onError: (error) => log.error({ error }, `${name} failed`) }),
  )
  const verify = verification()
  metrics.gauge('hawker_verify_counter_examples', 'What the last daily verification found wrong; -1 before the first.', () => {
    const counts = verify.counts()
    return counts ? Object.values(counts).reduce((sum, count) => sum + count, 0) : -1
  })
  let stopped = false
  let queue: Promise<{ stop(): Promise<void> } | undefined> = Promise.resolve(undefined)
  const begin = () => {
    if (stopped) return
    queue = startJobs(controlPool, jobsOf(verify), deps).catch((error: unknown) => {
      log.error({ error }, 'the job queue did not start; it is tried again')
      setTimeout(begin, 10_000).unref()
      return undefined
    })
  }
  const soon = setTimeout(begin, 1_000)
  return {
    relay,
    async stop() {
      stopped = true
      clearTimeout(soon)
      await Promise.all(polling.map((poller) => poller.stop()))
      await (await queue)?.stop()
      await relay.stop()
      await dispatcher.stop()
    },
  }
}
