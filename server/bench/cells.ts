import type pg from 'pg'
import type { Database } from '#foundation/database/database.ts'
import { idOf, listStatement, loadCustomers, type Population, pageAfter, population } from './customers.ts'
import { type Operation, runDirect } from './direct.ts'
import { runTraffic } from './generator.ts'
import type { Load } from './load.ts'
import { runPgbench } from './pgbench.ts'
import { type Cluster, databaseUrl, type HawkerProcess, openLoader, startHawker } from './servers.ts'
import { insertScripts, listScript, selectScript } from './statements.ts'
import { sleep, type Workspace } from './workspace.ts'

/** One thing that is measured once in each round. */
export interface Cell {
  readonly name: string
  /** Cells of one group are measured one after the other, as they are compared with each other. */
  readonly group: string
  measure(): Promise<CellResult>
}

export interface CellResult extends Load {
  /** CPU milliseconds per request, until the work that was left for later is done too. */
  nodeCpuMs: number | undefined
  postgresCpuMs: number | undefined
}

export interface BenchOptions {
  rows: number
  seconds: number
  wrk: boolean
  pgbench: boolean
}

const perPage = 25

/** The servers that are compared, each on a database of its own, so that none does the work of another. */
const servers = {
  main: { LOG_LEVEL: 'info' },
  off: { LOG_LEVEL: 'silent', HAWKER_RATE_LIMIT: '0' },
  on: { LOG_LEVEL: 'info', HAWKER_RATE_LIMIT: '10000000' },
  single: { LOG_LEVEL: 'info', HAWKER_GROUP_COMMIT_ROWS: '1' },
} as const
type ServerName = keyof typeof servers

interface Bench {
  workspace: Workspace
  cluster: Cluster
  options: BenchOptions
  people: Population
  hawkers: Map<ServerName, HawkerProcess>
  databases: Map<string, Database>
}

/** Everything that a run needs, ready to be measured. */
export async function prepareCells(workspace: Workspace, cluster: Cluster, options: BenchOptions): Promise<Cell[]> {
  const people = population(cluster.businessId, cluster.otherBusinessId, options.rows)
  const loader = await openLoader(cluster, 'postgres')
  await loadCustomers(loader, people)
  await loader.query('create schema bench; create table bench.customers as table customers')
  await loader.end()
  const databases = new Map<string, Database>()
  const hawkers = new Map<ServerName, HawkerProcess>()
  for (const name of [...Object.keys(servers), 'direct']) {
    await cluster.copy(name)
    databases.set(name, cluster.open(name))
  }
  for (const name of Object.keys(servers) as ServerName[]) {
    const environment = { ...servers[name], DATABASE_URL: databaseUrl(cluster, name) }
    hawkers.set(name, await startHawker(workspace, name, { apiKey: cluster.apiKey, environment }))
  }
  const bench = { workspace, cluster, options, people, hawkers, databases }
  const cells = [...httpCells(bench), ...(await directCells(bench))]
  await warmUp(bench)
  return cells
}

function databaseOf({ databases }: Bench, name: string): Database {
  const database = databases.get(name)
  if (!database) throw new Error(`There is no database ${name}.`)
  return database
}

/** Puts a database back to where every create begins. */
async function reset(bench: Bench, name: string): Promise<void> {
  const { pool } = databaseOf(bench, name)
  const run = (client: pg.PoolClient) => client.query('truncate customers, events, idempotency_keys; insert into customers select * from bench.customers')
  const client = await pool.connect()
  try {
    await run(client)
    await client.query('vacuum (analyze) customers, events, idempotency_keys')
  } finally {
    client.release()
  }
}

/** Waits until every event has its place: the relay's work belongs to the requests that caused it. */
async function settle(bench: Bench, name: string): Promise<void> {
  const { pool } = databaseOf(bench, name)
  for (let waited = 0; waited < 60_000; waited += 50) {
    const { rows } = await pool.query<{ pending: boolean }>('select exists (select 1 from events where sequence is null) as pending')
    if (!rows[0]?.pending) return
    await sleep(50)
  }
  throw new Error('Events still wait for their place after a minute.')
}

function traffic({ people, cluster, options }: Bench, operation: Operation, url: string, connections: number) {
  const anyNumber = () => perPage + 1 + Math.floor(Math.random() * (people.rows - perPage - 1))
  const path = () => (operation === 'get' ? `/v1/customers/${idOf(people, anyNumber())}` : pageAfter(people, anyNumber(), perPage))
  const paths = operation === 'create' ? {} : { paths: Array.from({ length: 5000 }, path) }
  return { url, apiKey: cluster.apiKey, connections, seconds: options.seconds, ...paths }
}

function httpCell(bench: Bench, name: string, server: ServerName, operation: Operation, connections: number, idempotencyKeys = false): Cell {
  const { workspace, cluster, options } = bench
  return {
    name,
    group: name.includes(',') ? 'variants' : operation,
    async measure() {
      const hawker = bench.hawkers.get(server)
      if (!hawker) throw new Error(`There is no server ${server}.`)
      if (operation === 'create') await reset(bench, server)
      const before = { node: hawker.cpu(), postgres: cluster.cpu() }
      const load = await runTraffic(workspace, { ...traffic(bench, operation, hawker.url, connections), idempotencyKeys }, options)
      if (operation === 'create') {
        await settle(bench, server)
        await requireRows(bench, server, load.requests)
      }
      const each = (from: number | undefined, to: number | undefined) =>
        from === undefined || to === undefined ? undefined : ((to - from) / load.requests) * 1000
      return { ...load, nodeCpuMs: each(before.node, hawker.cpu()), postgresCpuMs: each(before.postgres, cluster.cpu()) }
    },
  }
}

/** Every acknowledged create is a row and an event. */
async function requireRows(bench: Bench, name: string, requests: number): Promise<void> {
  const { pool } = databaseOf(bench, name)
  const { rows } = await pool.query<{ events: number }>('select count(*)::int as events from events')
  const events = rows[0]?.events ?? 0
  if (events < requests) throw new Error(`${requests} creates were acknowledged, and there are ${events} events.`)
}

function httpCells(bench: Bench): Cell[] {
  const connections = [1, 16, 64, 256]
  const operations: Operation[] = ['create', 'get', 'list']
  return [
    ...operations.flatMap((operation) => connections.map((count) => httpCell(bench, `${operation} @${count}`, 'main', operation, count))),
    httpCell(bench, 'create @64, idempotency, limits, log off', 'off', 'create', 64),
    httpCell(bench, 'create @64, idempotency, limits, log on', 'on', 'create', 64, true),
    httpCell(bench, 'create @64, one statement a request', 'single', 'create', 64),
  ]
}

async function directCells(bench: Bench): Promise<Cell[]> {
  const { workspace, cluster, options, people } = bench
  const afterId = idOf(people, perPage + 1)
  const list = { ...listStatement(databaseOf(bench, 'direct'), people.businessId, afterId, perPage), afterId }
  const connection = { ...cluster.embedded.connection, database: 'direct' }
  const cell = (name: string, operation: Operation, run: () => Promise<Load>): Cell => ({
    name,
    group: operation,
    async measure() {
      if (operation === 'create') await reset(bench, 'direct')
      const before = cluster.cpu()
      const load = await run()
      const after = cluster.cpu()
      const isWhole = name.startsWith('pgbench') // the other one warms up in between
      return {
        ...load,
        nodeCpuMs: undefined,
        postgresCpuMs: isWhole && before !== undefined && after !== undefined ? ((after - before) / load.requests) * 1000 : undefined,
      }
    },
  })
  const node = (operation: Operation, clients: number) =>
    cell(`node-pg ${operation} @${clients}`, operation, () =>
      runDirect(workspace, { operation, connection, clients, seconds: options.seconds, warmUpSeconds: 1, people, list }),
    )
  const scripts = { create: insertScripts(people), get: [selectScript(people)], list: [listScript(people, list, afterId, perPage)] }
  const pgbench = (operation: Operation, clients: number) =>
    cell(`pgbench ${operation} @${clients}`, operation, () =>
      runPgbench(workspace, cluster, { name: operation, database: 'direct', scripts: scripts[operation], clients, seconds: options.seconds }),
    )
  return [
    ...[node('create', 16), node('create', 32), node('get', 16), node('list', 16)],
    ...(options.pgbench ? [pgbench('create', 32), pgbench('get', 16), pgbench('list', 16)] : []),
  ]
}

/** Lets every server's code be compiled before anything counts. */
async function warmUp(bench: Bench): Promise<void> {
  for (const [name, hawker] of bench.hawkers) {
    for (const operation of name === 'main' ? (['create', 'get', 'list'] as const) : (['create'] as const)) {
      const seconds = Math.min(4, bench.options.seconds)
      await runTraffic(bench.workspace, { ...traffic(bench, operation, hawker.url, 64), seconds, idempotencyKeys: name === 'on' }, bench.options)
    }
    await settle(bench, name)
  }
}

/** Measures every cell once a round, each round in another order of groups and of cells in a group. */
export async function runRounds(
  cells: Cell[],
  rounds: number,
  onCell: (round: number, cell: Cell, result: CellResult) => void,
): Promise<Map<string, CellResult[]>> {
  const results = new Map<string, CellResult[]>(cells.map(({ name }) => [name, []]))
  for (let round = 1; round <= rounds; round++) {
    const groups = new Map<string, number>()
    for (const { group } of cells) groups.set(group, groups.get(group) ?? Math.random())
    const order = cells.map((cell) => ({ cell, place: (groups.get(cell.group) ?? 0) + Math.random() * 1e-9 })).sort((a, b) => a.place - b.place)
    for (const { cell } of order) {
      const result = await cell.measure()
      results.get(cell.name)?.push(result)
      onCell(round, cell, result)
    }
  }
  return results
}
