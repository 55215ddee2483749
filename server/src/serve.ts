import { existsSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import type { Logger } from 'pino'
import { type App, createApp } from './app.ts'
import type { Config } from './config.ts'
import { dataDirectoryHolder, lockDataDirectory, secretKeyIn } from './foundation/database/data-directory.ts'
import { type Connection, type Database, openDatabase, poolOptions } from './foundation/database/database.ts'
import { type EmbeddedDatabase, runningConnection, startEmbedded } from './foundation/database/embedded.ts'
import { migrate } from './foundation/database/migrate.ts'
import type { Metrics } from './foundation/http/observability.ts'
import { sha256 } from './foundation/shared/secrets.ts'
import { createApiKey, createBusiness, type MintedKey } from './resources/businesses/create-business.ts'
import { listBusinesses, recordKeyUses } from './resources/businesses/queries.ts'
import { startWorker, type Worker } from './worker.ts'

/** A database with its migrations applied, and what has to be closed after it. */
export interface OpenedDatabase {
  database: Database
  connection: Connection
  migrated: string[]
  /** Present when the database is our own; its end is ours. */
  embedded: EmbeddedDatabase | undefined
  close(): Promise<void>
}

/** Opens the database beside a Hawker that runs on the same data directory, or by itself when none does; for short commands. */
export async function openBeside(config: Config, log: Logger, { migrations = true } = {}): Promise<OpenedDatabase> {
  if (config.databaseUrl || dataDirectoryHolder(config.dataDirectory) === undefined) return openConfiguredDatabase(config, log, { migrations })
  const connection = runningConnection(config.dataDirectory)
  const database = openDatabase(connection, { connections: 2, slowConnections: 1 })
  return { database, connection, migrated: [], embedded: undefined, close: () => database.close() }
}

/** Opens the configured database, or starts the embedded one, and brings it up to date. */
export async function openConfiguredDatabase(config: Config, log: Logger, { migrations = true } = {}): Promise<OpenedDatabase> {
  const unlock = config.databaseUrl ? () => undefined : lockDataDirectory(config.dataDirectory)
  let embedded: EmbeddedDatabase | undefined
  try {
    embedded = config.databaseUrl ? undefined : await startEmbedded({ directory: config.dataDirectory, tcpPort: config.databasePort })
    const connection = config.databaseUrl ?? (embedded as EmbeddedDatabase).connection
    const database = openDatabase(connection, {
      connections: config.databaseConnections,
      slowConnections: Math.max(2, Math.floor(config.databaseConnections / 2)),
      onError: (error) => log.warn({ error }, 'a database connection broke'),
    })
    const close = async () => {
      await database.close()
      await embedded?.stop()
      unlock()
    }
    try {
      return { database, connection, embedded, migrated: migrations ? await migrate(database.pool) : [], close }
    } catch (error) {
      await close()
      throw error
    }
  } catch (error) {
    await embedded?.stop()
    unlock()
    throw error
  }
}

/** The key that encrypts stored secrets, read when it is first needed. */
export function secretKeyReader(config: Config): () => Buffer {
  let key: Buffer | undefined
  return () => {
    key ??= secretKeyOf(config)
    return key
  }
}

/** The key that encrypts stored secrets. */
export function secretKeyOf(config: Config): Buffer {
  return config.secretKey ?? secretKeyIn(config.dataDirectory)
}

/** What the first start made, for the welcome; undefined when there was a business before. */
export async function ensureSandbox(config: Config, database: Database): Promise<MintedKey | undefined> {
  const [first] = await listBusinesses(database.db)
  const at = new Date()
  const options = { name: 'First key', at, key: config.apiKey, salt: config.salt }
  if (!first) {
    return database.db.transaction().execute(async (tx) => {
      const business = await createBusiness(tx, at)
      return createApiKey(tx, business, { ...options, secretKey: secretKeyOf(config) })
    })
  }
  if (config.apiKey === undefined) return undefined
  // A pinned key also works on a database that was begun without it.
  const known = await database.db
    .selectFrom('directory')
    .select('target_id')
    .where('lookup', '=', sha256(config.apiKey))
    .where('kind', '=', 'api_key')
    .executeTakeFirst()
  if (known) return undefined
  return database.db.transaction().execute((tx) => createApiKey(tx, first, { ...options, name: 'HAWKER_API_KEY', secretKey: secretKeyOf(config) }))
}

export interface Served {
  readonly url: string
  readonly app: App
  /** Finishes what was accepted, then closes everything. */
  stop(): Promise<void>
}

/** The committed OpenAPI document: beside the checkout's root, from the sources and from the built program alike. */
export function openApiFile(): string {
  const candidates = ['../../openapi.json', '../openapi.json'].map((path) => fileURLToPath(new URL(path, import.meta.url)))
  return candidates.find((path) => existsSync(path)) ?? (candidates[0] as string)
}

/** Starts the API (and the worker, unless it runs elsewhere) on an open database. */
export async function serve(config: Config, opened: OpenedDatabase, log: Logger, metrics: Metrics, { withWorker }: { withWorker: boolean }): Promise<Served> {
  const { database, connection } = opened
  const now = () => new Date()
  const secretKey = secretKeyReader(config)
  let worker: Worker | undefined
  let url = config.publicUrl ?? ''
  const app = await createApp({
    config,
    database,
    log,
    metrics,
    now,
    baseUrl: () => url,
    secretKey,
    openApiFile: openApiFile(),
    onEvent: (businessId) => worker?.relay.wake(businessId),
  })
  await app.fastify.listen({ host: config.host, port: config.port, backlog: 1024 })
  const [address] = app.fastify.addresses() as AddressInfo[]
  const host = ['0.0.0.0', '::', '127.0.0.1'].includes(config.host) ? 'localhost' : config.host
  url = config.publicUrl ?? `http://${host.includes(':') ? `[${host}]` : host}:${address?.port ?? config.port}`
  const controlPool = withWorker ? openControlPool(config, connection) : undefined
  if (controlPool)
    worker = startWorker({
      database,
      now,
      log,
      metrics,
      secretKey,
      groupAcrossBusinesses: config.groupCommitAcrossBusinesses,
      idempotencyDays: config.idempotencyDays,
      controlPool,
    })

  const noteUses = () =>
    recordKeyUses(database.db, app.authentication.takeUses()).catch((error: unknown) => log.warn({ error }, 'could not note when keys were used'))
  const uses = setInterval(() => void noteUses(), 30_000)
  return {
    url,
    app,
    async stop() {
      clearInterval(uses)
      await drain(app)
      await noteUses()
      await worker?.stop()
      await controlPool?.end()
    },
  }
}

/** The queue's own small pool. */
export function openControlPool(config: Config, connection: Connection): pg.Pool {
  const { options: _ours, query_timeout: _limit, ...rest } = poolOptions(config.controlDatabaseUrl ?? connection, 4, 60_000)
  const pool = new pg.Pool(rest)
  // graphile-worker reports broken connections and reconnects; without listeners Node would end the process.
  pool.on('error', () => undefined)
  pool.on('connect', (client) => client.on('error', () => undefined))
  return pool
}

/**
 * Ends the API without cutting a request: every answer from now on closes its connection, no new connection is taken,
 * and only after a moment, in which requests that are on their way arrive, idle connections are closed.
 */
async function drain({ fastify }: App): Promise<void> {
  const { server } = fastify
  server.prependListener('request', (_request, response) => {
    response.shouldKeepAlive = false
  })
  const closed = new Promise<void>((done) => {
    // Node's close() also ends idle connections at once; ours waits for what is on its way.
    const { closeIdleConnections } = server
    server.closeIdleConnections = () => undefined
    server.close(() => done())
    server.closeIdleConnections = closeIdleConnections
  })
  await new Promise((done) => setTimeout(done, 250))
  server.closeIdleConnections()
  const idle = setInterval(() => server.closeIdleConnections(), 50)
  const last = setTimeout(() => server.closeAllConnections(), 35_000)
  await closed
  clearInterval(idle)
  clearTimeout(last)
  await fastify.close()
}
