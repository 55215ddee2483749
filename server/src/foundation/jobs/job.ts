import type { Logger } from 'pino'
import type { Database } from '../database/database.ts'
import type { Now } from '../shared/time.ts'

/** What a job is given besides its payload. */
export interface JobDeps {
  database: Database
  now: Now
  log: Logger
  idempotencyDays: number
}

/** Work that is done outside a request. It may run twice, and must then do no harm. */
export interface Job {
  readonly name: string
  /** When it runs by itself: five cron fields in UTC. */
  readonly schedule?: string
  run(payload: unknown, deps: JobDeps): Promise<void>
}
