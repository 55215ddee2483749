import type pg from 'pg'
import { type Relay, startRelay } from './engine/events/order-events.ts'
import { forgetIdempotencyKeys } from './foundation/jobs/forget-idempotency-keys.ts'
import type { Job, JobDeps } from './foundation/jobs/job.ts'
import { startJobs } from './foundation/jobs/runner.ts'

/** Every job and every schedule, in one list. */
export const jobs: Job[] = [forgetIdempotencyKeys]

export interface Worker {
  readonly relay: Relay
  stop(): Promise<void>
}

/**
 * Starts what works outside requests: the relay that orders events, at once, and the job queue, whose start nobody
 * waits for. A queue that cannot start is logged and tried again; requests do not depend on it.
 */
export function startWorker(deps: JobDeps & { controlPool: pg.Pool }): Worker {
  const { database, log, controlPool } = deps
  const relay = startRelay(database.db, { onError: (error) => log.error({ error }, 'ordering events failed') })
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
      await relay.stop()
    },
  }
}
