import type pg from 'pg'
import { eventSequencing, type OnOrdered, type Relay, startRelay } from '#engine/events/order-events.ts'
import type { Metrics } from '#foundation/http/observability.ts'
import { forgetIdempotencyKeys, idempotencyKeysDeletion } from '#foundation/jobs/forget-idempotency-keys.ts'
import type { DueWork, Job, JobDeps } from '#foundation/jobs/job.ts'
import { startPoller } from '#foundation/jobs/poller.ts'
import { startJobs } from '#foundation/jobs/runner.ts'
import type { SendMail } from '#foundation/mail/send-mail.ts'
import { businessJobs } from '#resources/business/jobs.ts'
import { mailSending } from '#resources/business/mails/deliver-mails-job.ts'
import { mailsDeletion } from '#resources/business/mails/forget-mails-job.ts'
import { paymentsDueWork } from '#resources/payments/jobs.ts'
import type { PaymentsDeps } from '#resources/payments/payments.ts'
import { receiptMailEnded } from '#resources/payments/receipts/receipt-mail-ended.ts'
import { payoutsPolled } from '#resources/payouts/jobs.ts'
import { type Dispatcher, startDispatcher } from '#resources/webhooks/delivery/deliver-events.ts'
import { fanOut } from '#resources/webhooks/delivery/fan-out.ts'
import { webhooksJobs } from '#resources/webhooks/jobs.ts'
import { deliveriesDeletion } from '#resources/webhooks/webhook-deliveries/forget-deliveries-job.ts'
import { replayWork } from '#resources/webhooks/webhook-replays/work-off-replay.ts'
import { type Verification, verification } from '#verify/verify-job.ts'

/** Every job and every schedule, in one list. */
export const jobsOf = (verify: Verification): Job[] => [forgetIdempotencyKeys, ...businessJobs, ...webhooksJobs, verify.job]

export interface WorkerDeps extends JobDeps {
  controlPool: pg.Pool
  metrics: Metrics
  payments: PaymentsDeps
  /** Absent if no mail server is set. */
  sendMail?: SendMail | undefined
}

/** What becomes due and is polled, in one list. */
function polledDueWork({ database, clock, log, payments, sendMail: send }: WorkerDeps): DueWork[] {
  return [...paymentsDueWork(payments), replayWork({ ...payments, database, clock }), mailSending({ database, clock, log, send, onEnded: receiptMailEnded })]
}

/** Everything that becomes due for a business, in the order of what is due at the same moment; `advance` does it for a business with a clock of its own. */
const allDueWork = (deps: WorkerDeps, polled: readonly DueWork[], onOrdered: OnOrdered, dispatcher: Dispatcher): DueWork[] => [
  ...polled,
  eventSequencing(deps.database.db, onOrdered),
  dispatcher.work,
  idempotencyKeysDeletion(deps),
  mailsDeletion(deps),
  deliveriesDeletion(deps),
]

export interface Worker {
  readonly relay: Relay
  /** Everything that becomes due for a business, for `advance`. */
  readonly dueWork: readonly DueWork[]
  stop(): Promise<void>
}

function deliveryCounters(metrics: Metrics) {
  return {
    delivered: metrics.counter('hawker_webhook_deliveries_succeeded_total', 'Webhook deliveries that succeeded.'),
    failed: metrics.counter('hawker_webhook_attempts_failed_total', 'Failed attempts to deliver a webhook.'),
    gaveUp: metrics.counter('hawker_webhook_deliveries_failed_total', 'Webhook deliveries that failed for good.'),
  }
}

/**
 * Starts what works outside requests: first the relay that sequences events, the dispatcher that sends them and the due
 * work, then the job queue, whose start nobody waits for. A queue that cannot start is logged and retried;
 * requests do not depend on it.
 */
export function startWorker(deps: WorkerDeps): Worker {
  const { database, log, controlPool, metrics, clock } = deps
  const onEvent = (businessId: string) => relay.wake(businessId)
  // What this process appends is sequenced by its own relay.
  const payments = { ...deps.payments, onEvent }
  const { secretKey, groupAcrossBusinesses } = payments
  const onOrdered = fanOut({ secretKey, clock })
  const dispatcher = startDispatcher({ database, log, clock, secretKey, groupAcrossBusinesses, onEvent, count: deliveryCounters(metrics) })
  const relay: Relay = startRelay(database.write, {
    acrossBusinesses: groupAcrossBusinesses,
    onOrdered,
    onSequenced: dispatcher.wake,
    onError: (error) => log.error({ error }, 'sequencing events failed'),
  })
  const dueWork = polledDueWork({ ...deps, payments })
  const looking = dueWork.map(({ name, everyMs, run }) => ({ name, everyMs, run: () => run({ until: clock.system(), except: clock.apart() }) }))
  const polling = [...looking, ...payoutsPolled(payments)].map(({ name, everyMs, run }, i) =>
    startPoller({ everyMs, offsetMs: i * 45, run, onError: (error) => log.error({ error }, `${name} failed`) }),
  )
  const verify = verification()
  metrics.gauge('hawker_verify_counter_examples', 'Problems found by the last daily verification; -1 before the first.', () => {
    const counts = verify.counts()
    return counts ? Object.values(counts).reduce((sum, count) => sum + count, 0) : -1
  })
  let stopped = false
  let queue: Promise<{ stop(): Promise<void> } | undefined> = Promise.resolve(undefined)
  const begin = () => {
    if (stopped) return
    queue = startJobs(controlPool, jobsOf(verify), deps).catch((error: unknown) => {
      log.error({ error }, 'the job queue did not start; retrying')
      setTimeout(begin, 10_000).unref()
      return undefined
    })
  }
  const soon = setTimeout(begin, 1_000)
  return {
    relay,
    dueWork: allDueWork(deps, dueWork, onOrdered, dispatcher),
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
