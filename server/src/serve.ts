import { existsSync } from 'node:fs'
import type { ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import type { Logger } from 'pino'
import { dataDirectoryHolder, lockDataDirectory, StartError, secretKeyIn } from '#foundation/database/data-directory.ts'
import { type Connection, type Database, openDatabase, poolOptions } from '#foundation/database/database.ts'
import { type EmbeddedDatabase, runningConnection, startEmbedded } from '#foundation/database/embedded.ts'
import { migrate } from '#foundation/database/migrate.ts'
import type { Metrics } from '#foundation/http/observability.ts'
import type { KeptDays } from '#foundation/jobs/job.ts'
import { type SendMail, smtpMailer } from '#foundation/mail/send-mail.ts'
import { systemClock } from '#foundation/shared/clock.ts'
import { sha256 } from '#foundation/shared/secrets.ts'
import { createApiKey, createBusiness, type MintedKey } from '#resources/business/businesses/create-business.ts'
import { listBusinesses, recordKeyUses } from '#resources/business/businesses/queries.ts'
import { type App, createApp } from './app.ts'
import type { Config } from './config.ts'
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
  let database: Database | undefined
  const close = async () => {
    try {
      await database?.close()
    } finally {
      await embedded?.stop()
      unlock()
    }
  }
  try {
    embedded = config.databaseUrl ? undefined : await startEmbedded({ directory: config.dataDirectory, tcpPort: config.databasePort })
    const connection = config.databaseUrl ?? (embedded as EmbeddedDatabase).connection
    database = openDatabase(connection, {
      connections: config.databaseConnections,
      slowConnections: Math.max(2, Math.floor(config.databaseConnections / 2)),
      onError: (error) => log.warn({ error }, 'a database connection was lost'),
    })
    return { database, connection, embedded, migrated: migrations ? await migrate(database.pool) : [], close }
  } catch (error) {
    await close()
    throw config.databaseUrl ? (unreachable(error) ?? error) : error
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

/** What to say when DATABASE_URL leads nowhere; never with the URL, which holds a password. */
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

/** How long the worker keeps what nothing depends on any more. */
export function keptDays({ idempotencyDays, deliveryDays, failedDeliveryDays, mailDays }: Config): KeptDays {
  return { idempotencyDays, deliveryDays, failedDeliveryDays, mailDays }
}

/** Sends mails through the configured server; undefined when there is none. */
export function mailerOf({ smtpUrl, mailFrom }: Config): SendMail | undefined {
  return smtpUrl === undefined ? undefined : smtpMailer(smtpUrl, mailFrom)
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
  const secretKey = secretKeyReader(config)
  let worker: Worker | undefined
  let url = config.publicUrl ?? ''
  const app = await createApp({
    config,
    database,
    log,
    metrics,
    now: () => systemClock.system(),
    clock: systemClock,
    baseUrl: () => url,
    secretKey,
    openApiFile: openApiFile(),
    onEvent: (businessId) => worker?.relay.wake(businessId),
  })
  const sockets = trackSockets(app)
  await app.fastify.listen({ host: config.host, port: config.port, backlog: 1024 })
  const [address] = app.fastify.addresses() as AddressInfo[]
  const host = ['0.0.0.0', '::', '127.0.0.1'].includes(config.host) ? 'localhost' : config.host
  url = config.publicUrl ?? `http://${host.includes(':') ? `[${host}]` : host}:${address?.port ?? config.port}`
  const controlPool = withWorker ? openControlPool(config, connection) : undefined
  if (controlPool) {
    const { payments } = app
    worker = startWorker({ database, clock: systemClock, log, metrics, ...keptDays(config), controlPool, payments, sendMail: mailerOf(config) })
  }

  const noteUses = () =>
    recordKeyUses(database.db, app.apiKeys.takeUses()).catch((error: unknown) => log.warn({ error }, 'could not record when keys were used'))
  const uses = setInterval(() => void noteUses(), 30_000)
  return {
    url,
    app,
    async stop() {
      clearInterval(uses)
      app.pages.end()
      await drain(app, sockets)
      await noteUses()
      try {
        await worker?.stop()
      } finally {
        await controlPool?.end()
      }
    },
  }
}

/** The queue's own small pool. */
export function openControlPool(config: Pick<Config, 'controlDatabaseUrl'>, connection: Connection): pg.Pool {
  const { options: _ours, query_timeout: _limit, ...rest } = poolOptions(config.controlDatabaseUrl ?? connection, 4, 60_000)
  const pool = new pg.Pool(rest)
  // graphile-worker reports broken connections and reconnects; without listeners Node would end the process.
  pool.on('error', () => undefined)
  pool.on('connect', (client) => client.on('error', () => undefined))
  return pool
}

/** The open connections; Node keeps a list of its own, but does not show it. */
function trackSockets({ fastify }: App): Set<Socket> {
  const sockets = new Set<Socket>()
  fastify.server.on('connection', (socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  return sockets
}

/** The answer that is being made on a connection; Node's own mark, which it has kept since its first version. */
const isAnswering = (socket: Socket) => Boolean((socket as Socket & { _httpMessage?: unknown })._httpMessage)

const sleep = (ms: number) => new Promise<void>((done) => setTimeout(done, ms))

/**
 * Runs `act` right after the event loop has looked at its sockets, in a turn that took no connection (libuv takes one a
 * turn, so others may wait behind it) and had little else to do: what had arrived has been read, and hardly anything can
 * have arrived since.
 */
async function whenAllIsRead(sockets: Set<Socket>, act: () => void): Promise<void> {
  const patience = performance.now() + 2_000
  for (let isDone = false; !isDone; ) {
    isDone = await new Promise<boolean>((done) => {
      setTimeout(() => {
        const began = performance.now()
        const newest = [...sockets].at(-1)
        setImmediate(() => {
          const now = performance.now()
          const isQuiet = (now - began < 0.3 && [...sockets].at(-1) === newest) || now > patience
          if (isQuiet) act()
          done(isQuiet)
        })
      }, 1)
    })
  }
}

/** Requests that are on their way when the end begins have this long to arrive. */
const arrivalMs = 250
/** A request whose head is not complete after this long was never accepted. */
const headMs = 5_000
/** Longer than any statement may take. */
const answerMs = 30_000

/**
 * Ends the API without cutting a request: every answer from now on closes its connection, no new connection is taken,
 * and only after a moment, in which requests that are on their way arrive, idle connections are closed.
 */
async function drain({ fastify }: App, sockets: Set<Socket>): Promise<void> {
  const { server } = fastify
  let closed: Promise<void> = Promise.resolve()
  await whenAllIsRead(sockets, () => {
    closed = new Promise<void>((done) => {
      // Node's close() also ends idle connections at once; ours waits for what is on its way.
      const { closeIdleConnections } = server
      server.closeIdleConnections = () => undefined
      server.close(() => done())
      server.closeIdleConnections = closeIdleConnections
    })
  })
  // Not before there is nothing left to connect to: a client that is told to close comes back on a new connection.
  const latest = new Map<Socket, ServerResponse>()
  server.prependListener('request', ({ socket }, response) => {
    latest.set(socket, response)
    // Asked when the head is written: of several requests in one packet (pipelining), the last one's answer closes.
    Object.defineProperty(response, 'shouldKeepAlive', { get: () => latest.get(socket) !== response, set: () => undefined })
  })
  const began = performance.now()
  await sleep(arrivalMs)
  while (sockets.size > 0) {
    await whenAllIsRead(sockets, () => {
      server.closeIdleConnections()
      const passed = performance.now() - began
      for (const socket of sockets) {
        // Node counts a connection that never said a word as busy: browsers open such ones ahead of need.
        const isSilent = socket.bytesRead === 0
        if (isSilent || passed > answerMs || (passed > headMs && !isAnswering(socket))) socket.destroy()
      }
    })
    await sleep(20)
  }
  await closed
  await fastify.close()
}
