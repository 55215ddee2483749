import { Kysely, type KyselyPlugin, type Kysely as KyselyType, PostgresDialect, type Transaction } from 'kysely'
import pg from 'pg'
import { preparingPool } from './prepared.ts'
import { useShards } from './same-business.ts'
import type { DB } from './tables.ts'
import { requireBusiness } from './tenancy.ts'

/** The pool or an open transaction: the first argument of every query. */
export type Db = KyselyType<DB> | Transaction<DB>

/** One PostgreSQL, from a process's point of view. */
export interface Database {
  /** The builder over the main pool; transactions are opened from it. */
  readonly db: KyselyType<DB>
  /** Lists, searches and reports, on connections of their own, so that they delay no short query. */
  readonly slow: KyselyType<DB>
  /** The main pool itself, for the few statements that are prepared by name because they run thousands of times per second. */
  readonly pool: pg.Pool
  readonly slowPool: pg.Pool
  /**
   * For prepared statements that carry many requests. They find every row by key, so a plan is made once, from indexes alone,
   * whatever the tables hold; and they give up soon when they have to wait for a lock.
   */
  readonly write: KyselyType<DB>
  readonly writePool: pg.Pool
  /** For what reads everything (`hawker verify`): one connection, with a time limit of minutes. */
  readonly reports: KyselyType<DB>
  close(): Promise<void>
}

export type Connection = string | { host: string; port: number; user: string; database: string }

export interface DatabaseOptions {
  connections?: number
  slowConnections?: number
  /** Whether businesses are on different nodes. */
  isSharded?: boolean
  /** Called when an idle connection breaks. */
  onError?: (error: Error) => void
  /** Rejects builder queries on tenant tables that name no business; on in tests. */
  guardTenancy?: boolean
}

/** PostgreSQL's types in TypeScript: int8 is bigint, dates stay text, times are Date. */
const types = new Map<number, (text: string) => unknown>([
  [pg.types.builtins.INT8, BigInt],
  [pg.types.builtins.DATE, (text) => text],
])

/** Connections of the write pool, and for reports. */
export const writeConnections = 6
export const reportConnections = 1

/** The settings that every connection starts with, in every pool. */
const session = '-c search_path=hawker,public -c timezone=UTC -c idle_in_transaction_session_timeout=30000'

/**
 * Statements of the write pool find every row by its key, so one plan holds whatever the tables hold: a nested loop over indexes.
 * Without statistics, as on a new database, or where most businesses are small, the planner would otherwise read all rows of a
 * business and compare each with each element of an array. Rows are expensive here and pages are free, so that the number of
 * rows decides: k lookups of one row each cost less than reading m rows and comparing each with k elements.
 */
const byKeySettings = [
  'plan_cache_mode=force_generic_plan',
  ...['seqscan', 'bitmapscan', 'hashjoin', 'mergejoin', 'material'].map((name) => `enable_${name}=off`),
  ...['seq_page_cost=0', 'random_page_cost=0', 'cpu_tuple_cost=10'],
]
  .map((setting) => ` -c ${setting}`)
  .join('')

/** Pool settings for a connection; statements have a time limit on the server and one on the client, and a stuck lock becomes an error response. */
export function poolOptions(
  connection: Connection,
  max: number,
  statementTimeoutMs: number,
  { lockTimeoutMs = 2_000, settings = '' }: { lockTimeoutMs?: number; settings?: string } = {},
): pg.PoolConfig {
  // The embedded server has no TLS, whatever PGSSLMODE in the environment says.
  const where = typeof connection === 'string' ? { connectionString: connection } : { ...connection, ssl: false }
  return {
    ...where,
    max,
    options: `${session} -c lock_timeout=${lockTimeoutMs} -c statement_timeout=${statementTimeoutMs}${settings}`,
    query_timeout: statementTimeoutMs + 5000,
    connectionTimeoutMillis: 10_000,
    idleTimeoutMillis: 10_000,
    application_name: 'hawker',
    types: {
      getTypeParser: ((oid: number, format?: 'text' | 'binary') =>
        types.get(oid) ?? pg.types.getTypeParser(oid, format as 'text')) as typeof pg.types.getTypeParser,
    },
  }
}

/** Opens the pools; connects only for the first query. */
export function openDatabase(connection: Connection, options: DatabaseOptions = {}): Database {
  if (options.isSharded !== undefined) useShards(options.isSharded)
  const plugins: KyselyPlugin[] = options.guardTenancy ? [requireBusiness] : []
  const open = (max: number, statementTimeoutMs: number, more?: Parameters<typeof poolOptions>[3]) => {
    const pool = new pg.Pool(poolOptions(connection, max, statementTimeoutMs, more))
    pool.on('error', (error) => options.onError?.(error))
    // A connection that breaks while it is checked out fails its query; without a listener, it would also end the process.
    pool.on('connect', (client) => client.on('error', () => undefined))
    return { pool, kysely: new Kysely<DB>({ dialect: new PostgresDialect({ pool: preparingPool(pool) }), plugins }) }
  }
  const main = open(options.connections ?? 6, 15_000)
  const slow = open(options.slowConnections ?? 2, 10_000)
  const write = open(writeConnections, 15_000, { lockTimeoutMs: 300, settings: byKeySettings })
  const reports = open(reportConnections, 600_000)
  return {
    db: main.kysely,
    slow: slow.kysely,
    pool: main.pool,
    slowPool: slow.pool,
    writePool: write.pool,
    write: write.kysely,
    reports: reports.kysely,
    async close() {
      await Promise.all(
        [main, slow, write, reports].map(async ({ pool, kysely }) => {
          await kysely.destroy()
          // Kysely ends the pool only if it has used it itself; a connection left open would delay the end of the process.
          if (!pool.ending) await pool.end()
        }),
      )
    },
  }
}

interface PostgresError {
  code?: string
  constraint?: string
  message?: string
}

/**
 * The name of the unique constraint that an error reports, without the shard suffix that Citus adds; undefined for any
 * other error (scale-out rule 19).
 */
export function violatedConstraint(error: unknown): string | undefined {
  const { code, constraint, message } = (error ?? {}) as PostgresError
  if (code !== '23505') return undefined
  const name = constraint ?? /"([a-z0-9_]+)"/.exec(message ?? '')?.[1]
  return name?.replace(/_\d{5,}$/, '')
}

/** Connections that broke or cannot be opened, a server that stops or is a standby, and one without disk, memory or connections to spare. */
const unknown = /^(08...|57P0.|53...|3D000|28...|XX000|25006)$/

/** Whether an error leaves unknown if the statement took effect: the connection broke, or the server cannot work. */
export function isOutcomeUnknown(error: unknown): boolean {
  const { code, message } = (error ?? {}) as PostgresError
  if (code && (unknown.test(code) || /^(ECONNRESET|EPIPE|ECONNREFUSED|ENOENT|ETIMEDOUT)$/.test(code))) return true
  return /Connection terminated|Query read timeout|timeout exceeded when trying to connect|Client has encountered a connection error/.test(message ?? '')
}

/** Whether an error means that the database's disk is full: the statement had no effect. */
export function isDiskFull(error: unknown): boolean {
  const { code } = (error ?? {}) as PostgresError
  return code === '53100' || code === 'ENOSPC'
}

/** Whether an error means that a lock, or the statement, took too long (lock_timeout, statement_timeout, deadlock). */
export function isContention(error: unknown): boolean {
  return ['55P03', '57014', '40P01', '40001'].includes((error as PostgresError | null)?.code ?? '')
}
