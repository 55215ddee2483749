import type pg from 'pg'
import { type Relay, startRelay } from '#engine/events/order-events.ts'
import type { Metrics } from '#foundation/http/observability.ts'
import { forgetIdempotencyKeys } from '#foundation/jobs/forget-idempotency-keys.ts'
import type { Job, JobDeps, Polled } from '#foundation/jobs/job.ts'
import { startPoller } from '#foundation/jobs/poller.ts'
import { startJobs } from '#foundation/jobs/runner.ts'
import type { SendMail } from '#foundation/mail/send-mail.ts'
import { businessJobs } from '#resources/business/jobs.ts'
import { deliverMails } from '#resources/business/mails/deliver-mails-job.ts'
import { paymentsPolled } from '#resources/payments/jobs.ts'
import type { PaymentsDeps } from '#resources/payments/payments.ts'
import { payoutsPolled } from '#resources/payouts/jobs.ts'
import { startDispatcher } from '#resources/webhooks/delivery/deliver-events.ts'
import { fanOut } from '#resources/webhooks/delivery/fan-out.ts'
import { webhooksJobs } from '#resources/webhooks/jobs.ts'
import { type Verification, verification } from '#verify/verify-job.ts'

/** Every job and every schedule, in one list. */
export const jobsOf = (verify: Verification): Job[] => [forgetIdempotencyKeys, ...businessJobs, ...webhooksJobs, verify.job]

export interface WorkerDeps extends JobDeps {
  controlPool: pg.Pool
  metrics: Metrics
  payments: PaymentsDeps
  /** Absent where no mail server is set. */
  sendMail?: SendMail | undefined
}

/** What is looked for again and again, in one list. */
function polledOf({ database, now, log, payments, sendMail: send }: WorkerDeps, relay: Relay): Polled[] {
  // What this process appends is ordered by its own relay.
  const waking = { ...payments, onEvent: (businessId: string) => relay.wake(businessId) }
  return [...paymentsPolled(waking), { name: 'sending mails', everyMs: 1_000, run: () => deliverMails({ database, now, log, send }) }, ...payoutsPolled(waking)]
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
  const relay: Relay = startRelay(database.write, {
    acrossBusinesses: groupAcrossBusinesses,
    onOrdered: fanOut({ secretKey, now }),
    onSequenced: dispatcher.wake,
    onError: (error) => log.error({ error }, 'ordering events failed'),
  })
  const polling = polledOf(deps, relay).map(({ name, everyMs, run }, i) =>
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
