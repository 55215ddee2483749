import type { Database } from '#foundation/database/database.ts'
import { type Cell, type CellResult, withCpu } from './cells.ts'
import { runTraffic } from './generator.ts'
import type { Tools } from './machine.ts'
import { resetPayments } from './payment-requests.ts'
import { runPgbench } from './pgbench.ts'
import { type Cluster, databaseUrl, type HawkerProcess, startHawker } from './servers.ts'
import { prepareWays, untilQuiet, type Way } from './ways.ts'
import type { Workspace } from './workspace.ts'

/** A server that takes payments, and a copy of its database for pgbench. */
export interface Paying {
  cluster: Cluster
  hawker: HawkerProcess
  database: Database
  direct: Database
  name: string
  ways: Way[]
}

/** Payment requests to prepare for each measured second. */
export const paymentsPerSecond = 6_000

interface PayingOptions {
  names: readonly string[]
  /** The ways whose statements are recorded for pgbench. */
  recorded: readonly string[]
  requests: number
  /** The name of the server and of its database. */
  name?: string
  environment?: Record<string, string>
  nodeArguments?: string[]
}

/** Prepares ways to pay and starts the server. */
export async function preparePaying(workspace: Workspace, cluster: Cluster, options: PayingOptions): Promise<Paying> {
  const { names, recorded, requests, name = 'payments', environment = {}, nodeArguments = [] } = options
  await cluster.copy(name)
  const ways = await prepareWays(workspace, cluster, { database: name, names, recorded, count: requests })
  await cluster.copy(directOf(name), name)
  const hawker = await startHawker(workspace, name, {
    apiKey: cluster.apiKey,
    environment: { LOG_LEVEL: 'info', ...environment, DATABASE_URL: databaseUrl(cluster, name) },
    nodeArguments,
  })
  return { cluster, hawker, database: cluster.open(name), direct: cluster.open(directOf(name)), name, ways }
}

const directOf = (name: string) => `${name}_direct`

/** The number of payments since the history. Throws unless each has a charge, a completed request, two transfers and two events. */
async function countPaid({ pool }: Database): Promise<number> {
  const added = (name: string, which: string) =>
    `(select count(*)::int from ${name} where ${which}) - (select count(*)::int from bench.history_${name} where ${which}) as ${name}`
  const { rows } = await pool.query<Record<'charges' | 'ledger_transfers' | 'events' | 'requests', number>>(
    `select ${added('charges', `status = 'succeeded' and unapplied_reason is null`)}, ${added('ledger_transfers', `source = 'charge'`)},
      ${added('events', `type in ('charge.created', 'payment_request.completed')`)},
      (select count(*)::int from payment_requests where status = 'completed') - (select count(*)::int from bench.history_paid) as requests`,
  )
  const { charges = 0, requests = 0, ledger_transfers = 0, events = 0 } = rows[0] ?? {}
  if (requests !== charges || ledger_transfers !== charges * 2 || events !== charges * 2)
    throw new Error(`There are ${charges} charges, ${requests} completed requests, ${ledger_transfers} transfers and ${events} events.`)
  return charges
}

interface PayOptions {
  connections: number
  seconds: number
  tools: Tools
}

/** Pays through the server, starting at the given request of the way. */
export async function pay(
  workspace: Workspace,
  { cluster, hawker, database }: Paying,
  way: Way,
  { connections, seconds, tools, from = 0 }: PayOptions & { from?: number },
): Promise<CellResult> {
  const traffic = { url: hawker.url, apiKey: cluster.apiKey, connections, seconds, posts: way.posts(way.payables.slice(from)) }
  const before = await countPaid(database)
  return withCpu(() => runTraffic(workspace, traffic, tools), {
    node: hawker,
    postgres: cluster,
    untilDone: () => untilQuiet(database, hawker.url),
    countDone: async () => (await countPaid(database)) - before,
  })
}

/** Payments by one of the ways, on a database that has only the history. */
export function payCell(workspace: Workspace, paying: Paying, way: Way, { name, group, ...how }: PayOptions & { name: string; group: string }): Cell {
  return {
    name,
    group,
    async measure() {
      await resetPayments(paying.database, way.prepared)
      return pay(workspace, paying, way, how)
    },
  }
}

/** Recorded payments by pgbench, one at a time per client. */
export function replayCell(
  workspace: Workspace,
  { cluster, direct, name: database }: Paying,
  { name: group, prepared, after, replay }: Way,
  { name, clients, seconds }: { name: string; clients: number; seconds: number },
): Cell {
  if (!replay) throw new Error(`The statements of ${group} were not recorded.`)
  return {
    name,
    group,
    async measure() {
      await resetPayments(direct, prepared)
      const variables = { ...replay.variables, first: String(after + 1 - clients), clients: String(clients) }
      const task = { name: 'pay', database: directOf(database), scripts: [replay.script], variables, clients, seconds }
      return withCpu(() => runPgbench(workspace, cluster, task), { postgres: cluster, countDone: () => countPaid(direct) })
    },
  }
}
