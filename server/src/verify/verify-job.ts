import type { Job } from '#foundation/jobs/job.ts'
import { checks, findCounterExamples } from './checks.ts'

export interface Verification {
  readonly job: Job
  /** Counter-examples by check, as the last run in this process found them; undefined before the first. */
  counts(): Record<string, number> | undefined
}

/** Recomputes everything once a day, logs every violation as an error, and keeps the counts for the gauges. */
export function verification(): Verification {
  let last: Record<string, number> | undefined
  return {
    counts: () => last,
    job: {
      name: 'verify_everything',
      schedule: '41 18 * * *',
      async run(_payload, { database, log }) {
        const { found, counts } = await findCounterExamples(database.reports)
        last = counts
        for (const { check, business_id, object, says } of found) log.error({ check, business_id, object, says }, 'verification found a problem')
        log.info({ checks: Object.keys(checks).length, counter_examples: found.length }, 'verified')
      },
    },
  }
}
