import type pg from 'pg'
import type { Database } from '#foundation/database/database.ts'
import { recordAnswer, startBare } from './bare.ts'
import { type Cell, withCpu } from './cells.ts'
import { idOf, loadCustomers, type Population, pageAfter, population } from './customers.ts'
import { runTraffic, type Traffic } from './generator.ts'
import type { Tools } from './machine.ts'
import { type Paying, payCell, paymentsPerSecond, preparePaying } from './paying.ts'
import { runPgbench } from './pgbench.ts'
import { type Cluster, databaseUrl, type HawkerProcess, openLoader, startHawker } from './servers.ts'
import { insertScripts, listScript, selectScript } from './statements.ts'
import { untilQuiet, wayNames } from './ways.ts'
import type { Workspace } from './workspace.ts'

export interface CustomerOptions {
  rows: number
  seconds: number
  tools: Tools
}

export const operations = ['create', 'get', 'list'] as const
export type Operation = (typeof operations)[number]

export const connectionCounts = [1, 16, 64, 256]
const perPage = 25

/** The names of the cells. */
export const names = {
  through: (operation: string, connections: number) => `${operation} @${connections}`,
  bare: (operation: string) => `bare Fastify, ${operation} @64`,
  direct: (operation: Operation) => `pgbench ${operation} @${directClients[operation]}`,
  on: 'create @64, with idempotency, limits, log',
  off: 'create @64, without idempotency, limits, log',
  single: 'create @64, one statement a request',
}

const directClients: Record<Operation, number> = { create: 32, get: 16, list: 16 }

/** The servers that are compared. Each has a database of its own, so that they do not share work. */
const servers = {
  main: { LOG_LEVEL: 'info' },
  off: { LOG_LEVEL: 'silent', HAWKER_RATE_LIMIT: '0' },
  on: { LOG_LEVEL: 'info', HAWKER_RATE_LIMIT: '10000000' },
  single: { LOG_LEVEL: 'info', HAWKER_GROUP_COMMIT_ROWS: '1' },
} as const
type ServerName = keyof typeof servers

/** A server with customers and its database. */
export interface Served {
  hawker: HawkerProcess
  database: Database
}

/** Everything that the cells of customers share. */
export interface CustomerBench {
  workspace: Workspace
  cluster: Cluster
  options: CustomerOptions
  people: Population
}

/** Loads customers into the template database of a cluster. */
export async function prepareCustomers(workspace: Workspace, cluster: Cluster, options: CustomerOptions): Promise<CustomerBench> {
  const people = population(cluster.businessId, cluster.otherBusinessId, options.rows)
  const loader = await openLoader(cluster, 'postgres')
  await loadCustomers(loader, people)
  await loader.query('create schema bench; create table bench.customers as table customers')
  await loader.end()
  return { workspace, cluster, options, people }
}

/** Starts a server on a copy of the customers. */
export async function serveCustomers({ workspace, cluster }: CustomerBench, name: string, environment: Record<string, string>): Promise<Served> {
  await cluster.copy(name)
  const hawker = await startHawker(workspace, name, { apiKey: cluster.apiKey, environment: { ...environment, DATABASE_URL: databaseUrl(cluster, name) } })
  return { hawker, database: cluster.open(name) }
}

/** Resets a database to the state in which every create cell starts. */
async function reset({ pool }: Database): Promise<void> {
  const run = async (client: pg.PoolClient) => {
    await client.query('truncate customers, events, idempotency_keys; insert into customers select * from bench.customers')
    await client.query('vacuum (analyze) customers')
  }
  const client = await pool.connect()
  await run(client).finally(() => client.release())
}

function traffic({ people, cluster, options }: CustomerBench, operation: Operation, url: string, connections: number): Traffic {
  const anyNumber = () => perPage + 1 + Math.floor(Math.random() * (people.rows - perPage - 1))
  const path = () => (operation === 'get' ? `/v1/customers/${idOf(people, anyNumber())}` : pageAfter(people, anyNumber(), perPage))
  const paths = operation === 'create' ? {} : { paths: Array.from({ length: 5000 }, path) }
  return { url, apiKey: cluster.apiKey, connections, seconds: options.seconds, ...paths }
}

/** The number of customers created since the reset, by their events. */
async function countCreated({ pool }: Database): Promise<number> {
  const { rows } = await pool.query<{ events: number }>('select count(*)::int as events from events')
  return rows[0]?.events ?? 0
}

/** An operation at a number of connections. */
export function httpCell(
  bench: CustomerBench,
  { hawker, database }: Served,
  about: { name: string; group: string; operation: Operation; connections: number; idempotencyKeys?: boolean },
): Cell {
  const { workspace, cluster, options } = bench
  const { name, group, operation, connections, idempotencyKeys = false } = about
  const sent = () => runTraffic(workspace, { ...traffic(bench, operation, hawker.url, connections), idempotencyKeys }, options.tools)
  return {
    name,
    group,
    async measure() {
      if (operation !== 'create') return withCpu(sent, { node: hawker, postgres: cluster })
      await reset(database)
      const untilDone = () => untilQuiet(database, hawker.url)
      return withCpu(sent, { node: hawker, postgres: cluster, untilDone, countDone: () => countCreated(database) })
    },
  }
}

/** The same work by pgbench. */
async function directCells({ workspace, cluster, options, people }: CustomerBench): Promise<Cell[]> {
  if (options.tools.pgbench === undefined) return []
  await cluster.copy('direct')
  const database = cluster.open('direct')
  const scripts = { create: insertScripts(people), get: [selectScript(people)], list: [listScript(people, perPage)] }
  return operations.map((operation) => ({
    name: names.direct(operation),
    group: operation,
    async measure() {
      if (operation === 'create') await reset(database)
      const task = { name: operation, database: 'direct', scripts: scripts[operation], clients: directClients[operation], seconds: options.seconds }
      return withCpu(() => runPgbench(workspace, cluster, task), { postgres: cluster })
    },
  }))
}

/** Bare routes that return the same answers to the same requests. */
async function bareCells(bench: CustomerBench, { hawker }: Served, paying: Paying): Promise<Cell[]> {
  const { workspace, cluster, people, options } = bench
  const headers = { 'x-business-api-key': cluster.apiKey }
  const customer = { name: 'Tan Wei Ming', email: 'tan.weiming@example.com', phone_number: '91234567', phone_number_country_code: '65' }
  const creating = { path: '/v1/customers', headers: { ...headers, 'content-type': 'application/json' }, body: JSON.stringify(customer) }
  const [way] = paying.ways
  const [paid] = way?.posts(way.payables.slice(0, 1)) ?? []
  if (!way || !paid) throw new Error('There is no payment request.')
  const bare = await startBare(workspace, [
    await recordAnswer(hawker.url, '/v1/customers/:id', { path: `/v1/customers/${idOf(people, 100)}`, headers }),
    await recordAnswer(hawker.url, '/v1/customers', { path: pageAfter(people, 100, perPage), headers }),
    await recordAnswer(hawker.url, '/v1/customers', creating),
    await recordAnswer(paying.hawker.url, '/v1/sandbox/payment-requests/:id/pay', paid),
  ])
  const cell = (operation: string, sent: () => Traffic): Cell => ({
    name: names.bare(operation),
    group: operation,
    measure: () => withCpu(() => runTraffic(workspace, sent(), options.tools), { node: bare }),
  })
  const settling = () => ({ url: bare.url, apiKey: cluster.apiKey, connections: 64, seconds: options.seconds, posts: way.posts(way.payables), again: true })
  return [...operations.map((operation) => cell(operation, () => traffic(bench, operation, bare.url, 64))), cell('settle', settling)]
}

/** Starts all servers and returns the cells. */
export async function prepareCells(workspace: Workspace, cluster: Cluster, options: CustomerOptions): Promise<Cell[]> {
  const paying = await preparePaying(workspace, cluster, { names: [wayNames[0]], recorded: [], requests: paymentsPerSecond * options.seconds })
  const bench = await prepareCustomers(workspace, cluster, options)
  const served = new Map<ServerName, Served>()
  for (const name of Object.keys(servers) as ServerName[]) served.set(name, await serveCustomers(bench, name, servers[name]))
  const of = (name: ServerName) => served.get(name) as Served
  const variant = (name: string, server: ServerName, idempotencyKeys = false) =>
    httpCell(bench, of(server), { name, group: 'variants', operation: 'create', connections: 64, idempotencyKeys })
  const main = operations.flatMap((operation) =>
    connectionCounts.map((connections) =>
      httpCell(bench, of('main'), { name: names.through(operation, connections), group: operation, operation, connections }),
    ),
  )
  const [way] = paying.ways
  if (!way) throw new Error('There is no payment request.')
  const settle = payCell(workspace, paying, way, { name: names.through('settle', 64), group: 'settle', connections: 64, ...options })
  const variants = [variant(names.off, 'off'), variant(names.on, 'on', true), variant(names.single, 'single')]
  const cells = [...main, ...(await directCells(bench)), ...variants, settle, ...(await bareCells(bench, of('main'), paying))]
  // Warm-up: lets V8 compile the hot code first.
  const warm = new Set([...operations.map((operation) => names.through(operation, 64)), ...variants.map(({ name }) => name), settle.name])
  for (const cell of cells) if (warm.has(cell.name)) await cell.measure()
  // A settlement runs the most code, which V8 has compiled after some twenty thousand of them.
  for (let i = 0; i < 2; i++) await settle.measure()
  return cells
}
