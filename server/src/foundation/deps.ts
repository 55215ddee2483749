import type { Logger } from 'pino'
import type { Database } from '#foundation/database/database.ts'
import type { Clock } from '#foundation/shared/clock.ts'

/** What every route and job may use; a function that needs more takes it by name in addition to this. */
export interface Deps {
  readonly database: Database
  readonly log: Logger
  readonly clock: Clock
  /** Called after a commit that appended an event: wakes the relay and the pages that wait. */
  readonly onEvent: (businessId: string) => void
  /** The URL of this server, for links in answers and webhooks that have no request. */
  readonly baseUrl: () => string
  /** The key that encrypts stored secrets. */
  readonly secretKey: () => Buffer
  /** Whether rows of different businesses may share a statement. */
  readonly groupAcrossBusinesses: boolean
  /** Rows that one statement may carry; 256 when undefined. */
  readonly groupRows?: number | undefined
}
