import type pg from 'pg'
import { startDispatcher } from './engine/events/deliver-events.ts'
import { fanOut } from './engine/events/fan-out.ts'
import { type Relay, startRelay } from './engine/events/order-events.ts'
import type { Metrics } from './foundation/http/observability.ts'
import { forgetIdempotencyKeys } from './foundation/jobs/forget-idempotency-keys.ts'
import type { Job, JobDeps } from './foundation/jobs/job.ts'
import { startJobs } from './foundation/jobs/runner.ts'

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
}

/**
 * Starts what works outside requests: the relay that orders events and the dispatcher that sends them, at once, and the job queue, whose start nobody
 * waits for. A queue that cannot start is logged and tried again; requests do not depend on it.
 */
export function startWorker(deps: WorkerDeps): Worker {
  const { database, log, controlPool, metrics, secretKey, now } = deps
  const dispatcher = startDispatcher({
    database,
    log,
    secretKey,
    now,
    onEvent: (businessId) => relay.wake(businessId),
    groupAcrossBusinesses: deps.groupAcrossBusinesses,
    count: {
      delivered: metrics.counter('hawker_webhook_deliveries_succeeded_total', 'Webhook deliveries that were accepted.'),
      failed: metrics.counter('hawker_webhook_attempts_failed_total', 'Tries to deliver a webhook that failed.'),
      gaveUp: metrics.counter('hawker_webhook_deliveries_failed_total', 'Webhook deliveries that were given up.'),
    },
  })
  const relay: Relay = startRelay(database.db, {
    onOrdered: fanOut({ secretKey, now }),
    onPlaced: dispatcher.wake,
    onError: (error) => log.error({ error }, 'ordering events failed'),
  })
  let stopped = false
  let queue: Promise<{ stop(): Promise<void> } | undefined> = Promise.resolve(undefined)
  const begin = () => {
    queue = startJobs(controlPool, jobs, deps).catch((error: unknown) => {
      log.error({ error }, 'the job queue did not start; it is tried again')
      if (!stopped) setTimeout(begin, 10_000).unref()
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
      await relay.stop()
      await dispatcher.stop()
    },
  }
}
