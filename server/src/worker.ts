import type pg from 'pg'
import { startDispatcher } from './engine/events/deliver-events.ts'
import { fanOut } from './engine/events/fan-out.ts'
import { type Relay, startRelay } from './engine/events/order-events.ts'
import type { Metrics } from './foundation/http/observability.ts'
import { forgetIdempotencyKeys } from './foundation/jobs/forget-idempotency-keys.ts'
import type { Job, JobDeps } from './foundation/jobs/job.ts'
import { startPoller } from './foundation/jobs/poller.ts'
import { startJobs } from './foundation/jobs/runner.ts'
import { expirePaymentRequests } from './resources/payment-requests/expire-payment-requests.ts'

/** Every job and every schedule, in one list. */
export const jobs: Job[] = [forgetIdempotencyKeys]

export interface Worker {
  readonly relay: Relay
  stop(): Promise<void>
}

export interface WorkerDeps extends JobDeps {
  controlPool: pg.Pool
  metrics: Metrics
  /** Opens stored salts. */
  secretKey: () => Buffer
  /** Whether rows of different businesses may share a statement. */
  groupAcrossBusinesses: boolean
  /** How the API is reached, for links in events. */
  baseUrl: () => string
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
  const { database, log, controlPool, secretKey, now, baseUrl } = deps
  const onEvent = (businessId: string) => relay.wake(businessId)
  const dispatcher = startDispatcher({ ...deps, onEvent, count: deliveryCounters(deps.metrics) })
  const relay: Relay = startRelay(database.db, {
    onOrdered: fanOut({ secretKey, now }),
    onPlaced: dispatcher.wake,
    onError: (error) => log.error({ error }, 'ordering events failed'),
  })
  const expiry = startPoller({
    everyMs: 250,
    run: async () => void (await expirePaymentRequests({ database, now, onEvent, baseUrl })),
    onError: (error) => log.error({ error }, 'expiring payment requests failed'),
  })
  let stopped = false
  let queue: Promise<{ stop(): Promise<void> } | undefined> = Promise.resolve(undefined)
  const begin = () => {
    if (stopped) return
    queue = startJobs(controlPool, jobs, deps).catch((error: unknown) => {
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
      await (await queue)?.stop()
      await expiry.stop()
      await relay.stop()
      await dispatcher.stop()
    },
  }
}
