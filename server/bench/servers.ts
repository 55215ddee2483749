import { type ChildProcess, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { readConfig } from '#config.ts'
import { type Database, openDatabase, poolOptions } from '#foundation/database/database.ts'
import { type EmbeddedDatabase, startEmbedded } from '#foundation/database/embedded.ts'
import { migrate } from '#foundation/database/migrate.ts'
import { createLog, createMetrics } from '#foundation/http/observability.ts'
import { openConfiguredDatabase } from '#open.ts'
import { createApiKey, createBusiness } from '#resources/business/businesses/create-business.ts'
import { createApiServer, startConfiguredWorker } from '#serve.ts'
import type { Worker } from '#worker.ts'
import { cpuSeconds } from './machine.ts'
import { sleep, type Workspace } from './workspace.ts'

/** The `hawker` command. */
export const hawkerProgram = join(dirname(dirname(dirname(fileURLToPath(import.meta.url)))), 'server', 'bin', 'hawker.mjs')
/** Encrypts the salts of every database of a run. */
export const secretKey = randomBytes(32)

/** The flags that the command gives Node.js in its first line. */
export const commandFlags = (): string[] => readFileSync(hawkerProgram, 'utf8').split('\n')[0]?.match(/--\S+/g) ?? []

/** A durable PostgreSQL with one migrated database and one business in it, which the others are copied from. */
export interface Cluster {
  readonly embedded: EmbeddedDatabase
  readonly version: string
  readonly businessId: string
  readonly otherBusinessId: string
  readonly apiKey: string
  /** Creates a database as a copy of the template, or of another database without connections. */
  copy(name: string, of?: string): Promise<void>
  /** Pools on one of the databases, closed at the end. */
  open(name: string): Database
  /** CPU seconds of all PostgreSQL processes so far. */
  cpu(): number | undefined
}

/** Starts PostgreSQL in the workspace; other settings than Hawker's own only where the number of databases requires them. */
export async function startCluster(workspace: Workspace, settings: Record<string, string> = {}): Promise<Cluster> {
  const embedded = await startEmbedded({ directory: join(workspace.folder, 'data'), settings: { max_connections: '150', ...settings } })
  workspace.atEnd(() => embedded.stop())
  const first = openDatabase(embedded.connection)
  await migrate(first.pool)
  const at = new Date()
  const business = await createBusiness(first.db, at)
  const other = await createBusiness(first.db, at, { name: 'Other', slug: 'other' })
  const { key } = await createApiKey(first.db, business, { name: 'Bench', secretKey, at })
  const { rows } = await first.pool.query<{ server_version: string }>('show server_version')
  await first.close()
  const control = new pg.Pool({ ...embedded.connection, database: 'template1', max: 1 })
  control.on('error', () => undefined)
  workspace.atEnd(() => control.end())
  return {
    embedded,
    version: rows[0]?.server_version ?? '',
    businessId: business.id,
    otherBusinessId: other.id,
    apiKey: key,
    copy: async (name, of = 'postgres') => void (await control.query(`create database "${name}" template "${of}"`)),
    open(name) {
      const database = openDatabase({ ...embedded.connection, database: name })
      database.pool.on('error', () => undefined)
      workspace.atEnd(() => database.close())
      return database
    },
    cpu: () => cpuSeconds(embedded.pid),
  }
}

/** A connection of its own without a time limit, for loading. */
export async function openLoader(cluster: Cluster, name: string): Promise<pg.Client> {
  const { query_timeout: _limit, ...options } = poolOptions({ ...cluster.embedded.connection, database: name }, 1, 0)
  const client = new pg.Client(options)
  await client.connect()
  return client
}

/** A running `hawker start`. */
export interface HawkerProcess {
  readonly url: string
  readonly pid: number
  readonly child: ChildProcess
  cpu(): number | undefined
  stop(): Promise<void>
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const { port } = server.address() as { port: number }
  await new Promise((done) => server.close(done))
  return port
}

export interface HawkerOptions {
  apiKey: string
  environment: Record<string, string>
  nodeArguments?: string[]
}

/** Starts the built server as its own process and waits for its first response to a request with a key. */
export async function startHawker(workspace: Workspace, name: string, options: HawkerOptions): Promise<HawkerProcess & { firstAnswerMs: number }> {
  const port = await freePort()
  const logFile = join(workspace.folder, `${name}.log`)
  const output = openSync(logFile, 'a')
  const began = performance.now()
  const inherited = Object.fromEntries(Object.entries(process.env).filter(([key]) => !/^(HAWKER_(?!NODE$)|DATABASE_|CONTROL_|LOG_LEVEL|PORT|HOST)/.test(key)))
  const child = workspace.start(process.execPath, [...commandFlags(), ...(options.nodeArguments ?? []), hawkerProgram, 'start'], {
    env: { ...inherited, PORT: String(port), HAWKER_SECRET_KEY: secretKey.toString('hex'), ...options.environment },
    stdio: ['ignore', output, output],
  })
  closeSync(output)
  const exited = new Promise<void>((done) => child.once('exit', () => done()))
  const stop = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGTERM')
    const late = setTimeout(() => child.kill('SIGKILL'), 45_000)
    await exited
    clearTimeout(late)
  }
  workspace.atEnd(stop)
  const url = `http://127.0.0.1:${port}`
  for (;;) {
    const answer = await fetch(`${url}/v1/customers?per_page=1`, { headers: { 'x-business-api-key': options.apiKey } }).catch(() => undefined)
    if (answer?.ok) break
    if (child.exitCode !== null || performance.now() - began > 60_000)
      throw new Error(`hawker start gave no answer:\n${readFileSync(logFile, 'utf8').slice(-2000)}`)
    await sleep(2)
  }
  const pid = child.pid ?? 0
  return { url, pid, child, cpu: () => cpuSeconds(pid), stop, firstAnswerMs: performance.now() - began }
}

/** Serves the API in this process, so that its statements can be recorded. */
export async function serveHere(
  cluster: Cluster,
  name: string,
  { withWorker }: { withWorker: boolean },
): Promise<{ url: string; database: Database; stop(): Promise<void> }> {
  const config = readConfig({ DATABASE_URL: databaseUrl(cluster, name), PORT: '0', LOG_LEVEL: 'silent', HAWKER_SECRET_KEY: secretKey.toString('hex') })
  const log = createLog('silent')
  const opened = await openConfiguredDatabase(config, log)
  const parts = { config, database: opened.database, log, metrics: createMetrics() }
  let worker: Worker | undefined
  const server = await createApiServer(parts, { onEvent: (businessId) => worker?.relay.wake(businessId) })
  const url = await server.listen()
  if (withWorker) worker = startConfiguredWorker(parts, opened.connection, server.app.payments)
  const stop = async () => {
    await server.stop()
    await worker?.stop()
    await opened.close()
  }
  return { url: url.replace('localhost', '127.0.0.1'), database: opened.database, stop }
}

/** The URL of a database, by the cluster's Unix socket. */
export function databaseUrl({ embedded: { connection } }: Cluster, name: string): string {
  const where = new URLSearchParams({ host: connection.host, port: String(connection.port) })
  return `postgresql://${connection.user}@localhost/${name}?${where}`
}

/** Free bytes in a folder. */
export function freeBytes(folder: string): number {
  const { stdout } = spawnSync('df', ['-Pk', folder], { encoding: 'utf8' })
  return Number((stdout ?? '').trim().split('\n').at(-1)?.split(/\s+/)[3] ?? 0) * 1024
}
