import type pg from 'pg'
import type { Job, JobDeps } from './job.ts'

export interface JobRunner {
  stop(): Promise<void>
}

/**
 * Runs jobs and their schedules on graphile-worker in the control database. Its tables are its own (schema
 * `graphile_worker`); nothing here is ever called inside a business's transaction (scale-out rule 13).
 */
export async function startJobs(pool: pg.Pool, jobs: Job[], deps: JobDeps): Promise<JobRunner> {
  const { Logger, parseCronItems, run } = await import('graphile-worker')
  const logger = new Logger(() => (level, message) => {
    if (level === 'error') deps.log.error({ message_from: 'graphile-worker' }, message)
    else if (level === 'warning') deps.log.warn({ message_from: 'graphile-worker' }, message)
  })
  const runner = await run({
    pgPool: pool,
    logger,
    concurrency: 2,
    noHandleSignals: true,
    pollInterval: 5_000,
    taskList: Object.fromEntries(jobs.map((job) => [job.name, (payload: unknown) => job.run(payload, deps)])),
    parsedCronItems: parseCronItems(
      jobs.flatMap(({ name, schedule }) => (schedule ? [{ task: name, match: schedule, options: { backfillPeriod: 86_400_000, maxAttempts: 5 } }] : [])),
    ),
  })
  return { stop: () => runner.stop() }
}
