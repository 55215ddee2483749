import { existsSync } from 'node:fs'
import type { AddressInfo, Socket } from 'node:net'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import type { Logger } from 'pino'
import { type Connection, type Database, poolOptions } from '#foundation/database/database.ts'
import { drain, trackSockets } from '#foundation/http/drain.ts'
import type { Metrics } from '#foundation/http/observability.ts'
import type { KeptDays } from '#foundation/jobs/job.ts'
import { type SendMail, smtpMailer } from '#foundation/mail/send-mail.ts'
import { systemClock } from '#foundation/shared/clock.ts'
import { recordKeyUses } from '#resources/business/businesses/queries.ts'
import { type PaymentsDeps, paymentsOf } from '#resources/payments/payments.ts'
import { listenError, urlOf } from './address.ts'
import { type App, type AppDeps, createApp, followers } from './app.ts'
import type { Config } from './config.ts'
import { secretKeyReader } from './open.ts'
import { startWorker, type Worker } from './worker.ts'

/** How long the worker keeps records that nothing depends on any more. */
function keptDays({ idempotencyDays, deliveryDays, failedDeliveryDays, mailDays }: Config): KeptDays {
  return { idempotencyDays, deliveryDays, failedDeliveryDays, mailDays }
}

/** Sends emails through the configured server; undefined if there is none. */
function mailerOf({ smtpUrl, mailFrom }: Config): SendMail | undefined {
  return smtpUrl === undefined ? undefined : smtpMailer(smtpUrl, mailFrom)
}

/** The committed OpenAPI document: at the checkout's root, the same path from the sources and from the built program. */
export function openApiFile(): string {
  const candidates = ['../../openapi.json', '../openapi.json'].map((path) => fileURLToPath(new URL(path, import.meta.url)))
  return candidates.find((path) => existsSync(path)) ?? (candidates[0] as string)
}

/** The inputs of a part of Hawker. */
export interface ServerParts {
  config: Config
  database: Database
  log: Logger
  metrics: Metrics
}

/** The API, before and after it accepts connections. */
export interface ApiServer {
  readonly app: App
  /** Accepts connections, as soon as the database responds; resolves to the URL. */
  listen(): Promise<string>
  /** Serves connections that another process accepts at a URL and passes on. */
  serveHandedOver(url: string): Promise<(socket: Socket) => void>
  /** Finishes what was accepted. */
  stop(): Promise<void>
}

/** How the API notifies others of what it commits. */
export type Tells = Pick<AppDeps, 'onEvent' | 'rateLimitStore'>

/** Creates the API. It sends nothing to the database yet. */
export async function createApiServer({ config, database, log, metrics }: ServerParts, tells: Tells): Promise<ApiServer> {
  let url = config.publicUrl ?? ''
  const app = await createApp({
    config,
    database,
    log,
    metrics,
    clock: systemClock,
    baseUrl: () => url,
    secretKey: secretKeyReader(config),
    openApiFile: openApiFile(),
    ...tells,
  })
  const { fastify } = app
  const sockets = trackSockets(fastify)
  const noteUses = () =>
    recordKeyUses(database.db, app.apiKeys.takeUses()).catch((error: unknown) => log.warn({ error }, 'could not record when keys were used'))
  const uses = setInterval(() => void noteUses(), 30_000)
  return {
    app,
    async listen() {
      const { host, port } = config
      await fastify.listen({ host, port, backlog: 1024 }).catch((error: unknown) => {
        throw listenError(error, config)
      })
      const [address] = fastify.addresses() as AddressInfo[]
      url = config.publicUrl ?? urlOf(host, address?.port ?? port)
      return url
    },
    async serveHandedOver(taken) {
      url = taken
      await fastify.ready()
      // Node starts to monitor headers and idle connections with this event.
      fastify.server.emit('listening')
      return (socket) => {
        // As for connections that the server accepts itself: a client may end its side after the request.
        socket.allowHalfOpen = true
        fastify.server.emit('connection', socket)
        socket.resume()
      }
    },
    async stop() {
      clearInterval(uses)
      app.pages.end()
      await drain(fastify, sockets)
      await noteUses()
    },
  }
}

/** Starts the worker on a database that responds; with the payments of the API if both share a process. */
export function startConfiguredWorker({ config, database, log, metrics }: ServerParts, connection: Connection, shared?: PaymentsDeps): Worker {
  const controlPool = openControlPool(config, connection)
  const payments =
    shared ??
    paymentsOf(
      {
        database,
        log,
        clock: systemClock,
        onEvent: () => undefined,
        baseUrl: () => config.publicUrl ?? `http://localhost:${config.port}`,
        secretKey: secretKeyReader(config),
        groupAcrossBusinesses: config.groupCommitAcrossBusinesses,
      },
      followers,
    )
  const worker = startWorker({ database, clock: systemClock, log, metrics, ...keptDays(config), controlPool, payments, sendMail: mailerOf(config) })
  return {
    relay: worker.relay,
    dueWork: worker.dueWork,
    async stop() {
      try {
        await worker.stop()
      } finally {
        await controlPool.end()
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
