import type { Logger } from 'pino'
import type { Database } from '#foundation/database/database.ts'
import type { Clock, Due } from '#foundation/shared/clock.ts'

/** For how many days records are kept that nothing depends on any more. */
export interface KeptDays {
  idempotencyDays: number
  /** Webhook deliveries that succeeded or were canceled, with their attempts. */
  deliveryDays: number
  failedDeliveryDays: number
  mailDays: number
}

/** What a job receives in addition to its payload. */
export interface JobDeps extends KeptDays {
  database: Database
  clock: Clock
  log: Logger
}

/** Work done outside a request. It may run twice, which must do no harm. */
export interface Job {
  readonly name: string
  /** When it runs by itself: five cron fields in UTC. */
  readonly schedule?: string
  run(payload: unknown, deps: JobDeps): Promise<void>
}

/** Work that is polled for. */
export interface Polled {
  /** Names it in the log. */
  readonly name: string
  readonly everyMs: number
  run(): Promise<unknown>
}

/** Scheduled work that can be drained for one business up to an instant, in the order in which it falls due. */
export interface DueWork {
  /** Names it in the log. */
  readonly name: string
  readonly everyMs: number
  /** When the earliest work of a business is due, up to `until`; undefined if nothing is. */
  next(businessId: string, until: Date): Promise<Date | undefined>
  /** Does a batch of what is due and returns how much it did. Work of `due.businessId` alone, or of every business except `due.except`. */
  run(due: Due): Promise<number>
}

/** A job that does due work at fixed times, for the businesses that follow the system's clock. */
export function scheduledJob(name: string, schedule: string, workOf: (deps: JobDeps) => DueWork): Job {
  return {
    name,
    schedule,
    async run(_payload, deps) {
      await workOf(deps).run({ until: deps.clock.system(), except: deps.clock.apart() })
    },
  }
}

const dayMs = 86_400_000

/** When something that is kept for some days is deleted, by work that is done every `everyMs`: at its first turn after they are over. */
export function deletionTurn(since: Date, keptDays: number, everyMs: number): Date {
  return new Date(Math.ceil((since.getTime() + keptDays * dayMs + 1) / everyMs) * everyMs)
}

/** The moment before which something must have begun to be deleted now. */
export const keptSince = (now: Date, keptDays: number): Date => new Date(now.getTime() - keptDays * dayMs)
