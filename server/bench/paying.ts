import type { Database } from '#foundation/database/database.ts'
import { type Cell, type CellResult, withCpu } from './cells.ts'
import { runTraffic } from './generator.ts'
import type { Tools } from './machine.ts'
import { unpay } from './payment-requests.ts'
import { runPgbench } from './pgbench.ts'
import { type Cluster, databaseUrl, type HawkerProcess, startHawker } from './servers.ts'
import { prepareWays, untilQuiet, type Way } from './ways.ts'
import type { Workspace } from './workspace.ts'

/** The payer: a server, and a database of its own for pgbench. */
export interface Paying {
  cluster: Cluster
  hawker: HawkerProcess
  database: Database
  direct: Database
  name: string
  ways: Way[]
}

/** Payments of a way that are prepared for each measured second. */
export const paymentsPerSecond = 6_000

interface PayingOptions {
  names: readonly string[]
  /** The ways whose statements pgbench is to send. */
  recorded: readonly string[]
  requests: number
  /** The name of the server and its database. */
  name?: string
  environment?: Record<string, string>
  nodeArguments?: string[]
}

/** Prepares ways to pay, and starts the server that is paid through. */
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

/** Every acknowledged payment is a charge, a completed request, two transfers and two events. */
async function requirePaid({ pool }: Database, payments: number): Promise<void> {
  const added = (name: string, which: string) =>
    `(select count(*)::int from ${name} where ${which}) - (select count(*)::int from bench.past_${name} where ${which}) as ${name}`
  const { rows } = await pool.query<Record<'charges' | 'ledger_transfers' | 'events' | 'requests', number>>(
    `select ${added('charges', `status = 'succeeded' and unapplied_reason is null`)}, ${added('ledger_transfers', `source = 'charge'`)},
      ${added('events', `type in ('charge.created', 'payment_request.completed')`)},
      (select count(*)::int from payment_requests where status = 'completed') - (select count(*)::int from bench.past_paid) as requests`,
  )
  const { charges = 0, requests = 0, ledger_transfers = 0, events = 0 } = rows[0] ?? {}
  if (charges < payments || requests !== charges || ledger_transfers !== charges * 2 || events !== charges * 2)
    throw new Error(
      `${payments} payments were acknowledged, and there are ${charges} charges, ${requests} completed requests, ${ledger_transfers} transfers and ${events} events.`,
    )
}

interface PayOptions {
  connections: number
  seconds: number
  tools: Tools
}

/** Pays through the server, starting with one of the way's requests. */
export function pay(
  workspace: Workspace,
  { cluster, hawker, database }: Paying,
  way: Way,
  { connections, seconds, tools, from = 0 }: PayOptions & { from?: number },
): Promise<CellResult> {
  const traffic = { url: hawker.url, apiKey: cluster.apiKey, connections, seconds, posts: way.posts(way.payables.slice(from)) }
  return withCpu(() => runTraffic(workspace, traffic, tools), { node: hawker, postgres: cluster, after: () => untilQuiet(database, hawker.url) })
}

/** Payments by one of the ways, from a database in which only the past is paid. */
export function payCell(workspace: Workspace, paying: Paying, way: Way, { name, group, ...how }: PayOptions & { name: string; group: string }): Cell {
  return {
    name,
    group,
    async measure() {
      await unpay(paying.database, way.prepared)
      const result = await pay(workspace, paying, way, how)
      await requirePaid(paying.database, result.requests)
      return result
    },
  }
}

/** The statements of payments in sequence, by pgbench. */
export function replayCell(
  workspace: Workspace,
  { cluster, direct, name: database }: Paying,
  { name: group, prepared, after, replay }: Way,
  { name, clients, seconds }: { name: string; clients: number; seconds: number },
): Cell {
  if (!replay) throw new Error(`No payment by ${group} was recorded.`)
  return {
    name,
    group,
    async measure() {
      await unpay(direct, prepared)
      const variables = { ...replay.variables, first: String(after + 1 - clients), clients: String(clients) }
      const task = { name: 'pay', database: directOf(database), scripts: [replay.script], variables, clients, seconds }
      const result = await withCpu(() => runPgbench(workspace, cluster, task), { postgres: cluster })
      await requirePaid(direct, result.requests)
      return result
    },
  }
}
