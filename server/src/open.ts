import type { Logger } from 'pino'
import { dataDirectoryHolder, StartError, secretKeyIn } from '#foundation/database/data-directory.ts'
import { type Connection, type Database, type DatabaseOptions, openDatabase } from '#foundation/database/database.ts'
import { runningConnection } from '#foundation/database/embedded.ts'
import { migrate, type OnMigration } from '#foundation/database/migrate.ts'
import type { Business } from '#foundation/shared/business.ts'
import { systemClock } from '#foundation/shared/clock.ts'
import { sha256 } from '#foundation/shared/secrets.ts'
import { createApiKey, createBusiness, type MintedKey } from '#resources/business/businesses/create-business.ts'
import { listBusinesses } from '#resources/business/businesses/queries.ts'
import type { Config } from './config.ts'
import { type LaunchedDatabase, launchEmbedded } from './launch.ts'

/** A database with its migrations applied, and what must be closed after it. */
export interface OpenedDatabase {
  database: Database
  connection: Connection
  migrated: string[]
  close(): Promise<void>
}

/** A database that is starting: its pools exist, but it need not respond yet. */
export interface OpeningDatabase {
  readonly database: Database
  readonly connection: Connection
  /** Resolves when it responds and is migrated; rejects after everything was closed again. */
  readonly ready: Promise<OpenedDatabase>
}

/** Whether migrations are applied, and what is called before each. */
interface OpenOptions {
  migrations?: boolean
  onMigration?: OnMigration
}

/** Opens the database of a Hawker that runs on the same data directory, or starts it if none does; for short commands. */
export async function openBeside(config: Config, log: Logger, { migrations = true } = {}): Promise<OpenedDatabase> {
  if (config.databaseUrl || dataDirectoryHolder(config.dataDirectory) === undefined) return openConfiguredDatabase(config, log, { migrations })
  const connection = runningConnection(config.dataDirectory)
  const database = openDatabase(connection, { connections: 2, slowConnections: 1 })
  return { database, connection, migrated: [], close: () => database.close() }
}

/** Opens the configured database, or starts the embedded one, and brings it up to date. */
export async function openConfiguredDatabase(config: Config, log: Logger, options: OpenOptions = {}): Promise<OpenedDatabase> {
  return beginOpening(config, config.databaseUrl ? undefined : await launchEmbedded(config), log, options).ready
}

/** How a process opens its database. */
export function databaseOptions({ databaseConnections, groupCommitAcrossBusinesses }: Config, log: Logger): DatabaseOptions {
  return {
    isSharded: !groupCommitAcrossBusinesses,
    connections: databaseConnections,
    slowConnections: Math.max(2, Math.floor(databaseConnections / 2)),
    onError: (error) => log.warn({ error }, 'a database connection was lost'),
  }
}

/** Creates the pools of the embedded database that is starting, or of the configured one, and applies migrations as soon as it responds. */
export function beginOpening(
  config: Config,
  launched: LaunchedDatabase | undefined,
  log: Logger,
  { migrations = true, onMigration }: OpenOptions = {},
): OpeningDatabase {
  const connection = config.databaseUrl ?? (launched as LaunchedDatabase).connection
  const database = openDatabase(connection, databaseOptions(config, log))
  const close = async () => {
    try {
      await database.close()
    } finally {
      await launched?.close()
    }
  }
  const ready = (async () => {
    try {
      await launched?.ready
      return { database, connection, migrated: migrations ? await migrate(database.pool, undefined, onMigration) : [], close }
    } catch (error) {
      await close()
      throw config.databaseUrl ? (unreachable(error) ?? error) : error
    }
  })()
  // The caller may wait for it late.
  ready.catch(() => undefined)
  return { database, connection, ready }
}

/** The key that encrypts stored secrets, read when it is first needed. */
export function secretKeyReader(config: Config): () => Buffer {
  let key: Buffer | undefined
  return () => {
    key ??= secretKeyOf(config)
    return key
  }
}

/** The message if DATABASE_URL cannot be reached; never with the URL, which contains a password. */
export function unreachable(error: unknown): StartError | undefined {
  const { code = '', message } = (error instanceof AggregateError ? error.errors[0] : error) as { code?: string; message: string }
  const refused = /^(ECONN\w+|ENOENT|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|EHOSTUNREACH|EACCES|28\w{3}|3D000|57P0\d|53300)$/.test(code)
  if (!refused && !/^(timeout expired|Connection terminated|.*does not support SSL|SASL)/.test(message)) return undefined
  return new StartError(`The database at DATABASE_URL cannot be reached (${message || code}).`, { cause: error })
}

/** The key that encrypts stored secrets. */
export function secretKeyOf(config: Config): Buffer {
  return config.secretKey ?? secretKeyIn(config.dataDirectory)
}

/** The first business, and the key that was created for it now, if one was. */
export interface FirstBusiness {
  business: Business
  minted: MintedKey | undefined
}

/** Creates the sandbox and its key where there is no business, and the configured key where that is new. */
export async function ensureSandbox(config: Config, database: Database): Promise<FirstBusiness> {
  const [first] = await listBusinesses(database.db)
  const at = systemClock.system()
  const options = { name: 'First key', at, key: config.apiKey, salt: config.salt }
  if (!first) {
    return database.db.transaction().execute(async (tx) => {
      const business = await createBusiness(tx, at)
      return { business, minted: await createApiKey(tx, business, { ...options, secretKey: secretKeyOf(config) }) }
    })
  }
  if (config.apiKey === undefined) return { business: first, minted: undefined }
  // A configured key also works on a database that was created without it.
  const known = await database.db
    .selectFrom('directory')
    .select('target_id')
    .where('lookup', '=', sha256(config.apiKey))
    .where('kind', '=', 'api_key')
    .executeTakeFirst()
  if (known) return { business: first, minted: undefined }
  const minted = await database.db
    .transaction()
    .execute((tx) => createApiKey(tx, first, { ...options, name: 'HAWKER_API_KEY', secretKey: secretKeyOf(config) }))
  return { business: first, minted }
}
