import type pg from 'pg'
import { type Relay, startRelay } from './engine/events/order-events.ts'
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

/**
 * Starts what works outside requests: at once the relay that orders events and what has to happen on time, then the job
 * queue, whose start nobody waits for. A queue that cannot start is logged and tried again; requests do not depend on it.
 */
export function startWorker(deps: JobDeps & { controlPool: pg.Pool; baseUrl: () => string }): Worker {
  const { database, now, log, controlPool, baseUrl } = deps
  const relay = startRelay(database.db, { onError: (error) => log.error({ error }, 'ordering events failed') })
  const onEvent = (businessId: string) => relay.wake(businessId)
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
    },
  }
}
