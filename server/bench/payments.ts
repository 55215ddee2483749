import { writeFileSync } from 'node:fs'
import type { Database } from '#foundation/database/database.ts'
import { type Cell, type CellResult, runRounds } from './cells.ts'
import { type Backlog, type Delivering, type Latency, measureBacklog, measureLatency } from './deliveries.ts'
import { runTraffic } from './generator.ts'
import { describeMachine, programVersion } from './machine.ts'
import { createMerchants, firstNumber, idPrefix, loadPaymentRequests, unpay } from './payment-requests.ts'
import { runPgbench } from './pgbench.ts'
import { cellsTable, type Goal, goal, goalsTable, machineLines, type Results, table } from './report.ts'
import { type Cluster, databaseUrl, type HawkerProcess, serveHere, startCluster, startHawker } from './servers.ts'
import { startSink } from './sink.ts'
import { prepareWays, type Way, wayNames } from './ways.ts'
import { sleep, type Workspace } from './workspace.ts'

export interface PaymentsOptions {
  rounds: number
  seconds: number
  /** Payment requests that are prepared for each way. */
  requests: number
  /** Events of a backlog. */
  events: number
  quick: boolean
  json: string | undefined
  generator: 'wrk' | 'autocannon' | undefined
}

const clients = 32
const perSecond = 50
const say = (text: string) => void process.stdout.write(`${text}\n`)

const notes = `
  sandbox pay          POST /v1/sandbox/payment-requests/{id}/pay, with an API key
  bank credit          POST /v1/bank-notifications/generic to a live business, signed, with the name of the payer
  Stripe notification  POST /v1/rail-notifications/stripe/{business}, signed, for a pending charge; the card is asked of a Stripe played by the bench
  checkout attempt     POST …/attempts of the hosted page, with the token of a card and an Idempotency-Key
  Each pays a prepared request once, about in the order in which they were made. Beside it, pgbench sends the statements of one such payment.
  CPU is of the server and of all of PostgreSQL with all their processes, per payment, until the relay has placed the last event;
  pgbench has no relay.
  deliveries of a backlog of events to one endpoint that answers at once, from the first that arrives until every outcome is written;
             p50 and p99 are those of one HTTP request
  latency    from the sending of a payment to the first byte of its webhook, at ${perSecond} payments a second: the commit lies in between`

/** What pays: a server, and a database of its own for pgbench. */
interface Paying {
  cluster: Cluster
  hawker: HawkerProcess
  database: Database
  direct: Database
  ways: Way[]
}

/** Prepares everything that the ways to pay need, and starts the server that is paid through. */
export async function preparePaying(workspace: Workspace, cluster: Cluster, about: { requests: number; nodeArguments?: string[] }): Promise<Paying> {
  await cluster.copy('payments')
  const here = await serveHere(cluster, 'payments')
  const ways = await prepareWays(workspace, { database: here.database, url: here.url, count: about.requests }).finally(() => here.stop())
  await cluster.copy('direct', 'payments')
  const environment = { LOG_LEVEL: 'info', DATABASE_URL: databaseUrl(cluster, 'payments') }
  const nodeArguments = about.nodeArguments ? { nodeArguments: about.nodeArguments } : {}
  const hawker = await startHawker(workspace, 'payments', { apiKey: cluster.apiKey, environment, ...nodeArguments })
  return { cluster, hawker, database: cluster.open('payments'), direct: cluster.open('direct'), ways }
}

/** Waits until every event has its place. */
async function untilPlaced({ pool }: Database): Promise<void> {
  for (let waited = 0; waited < 60_000; waited += 50) {
    const { rows } = await pool.query<{ pending: boolean }>('select exists (select 1 from events where sequence is null) as pending')
    if (!rows[0]?.pending) return
    await sleep(50)
  }
  throw new Error('Events still wait for their place after a minute.')
}

/** Every acknowledged payment is a charge, a completed request, two transfers and two events. */
async function requirePaid({ pool }: Database, payments: number): Promise<void> {
  const { rows } = await pool.query<{ charges: number; requests: number; transfers: number; events: number }>(
    `select (select count(*)::int from charges where status = 'succeeded' and unapplied_reason is null) as charges,
      (select count(*)::int from payment_requests where status = 'completed') as requests,
      (select count(*)::int from ledger_transfers) as transfers, (select count(*)::int from events) as events`,
  )
  const { charges = 0, requests = 0, transfers = 0, events = 0 } = rows[0] ?? {}
  if (charges < payments || requests !== charges || transfers !== charges * 2 || events < charges * 2)
    throw new Error(
      `${payments} payments were acknowledged, and there are ${charges} charges, ${requests} completed requests, ${transfers} transfers and ${events} events.`,
    )
}

const each = (from: number | undefined, to: number | undefined, count: number) =>
  from === undefined || to === undefined ? undefined : ((to - from) / count) * 1000

/** Pays through the server. */
export async function pay(
  workspace: Workspace,
  { cluster, hawker, database }: Paying,
  way: Way,
  { connections, seconds, wrk, from = 0 }: { connections: number; seconds: number; wrk: boolean; from?: number },
): Promise<CellResult> {
  const posts = way.posts(from, way.payables.length)
  const before = { node: hawker.cpu(), postgres: cluster.cpu() }
  const load = await runTraffic(workspace, { url: hawker.url, apiKey: cluster.apiKey, connections, seconds, posts }, { wrk })
  await untilPlaced(database)
  const after = { node: hawker.cpu(), postgres: cluster.cpu() }
  return {
    ...load,
    nodeCpuMs: each(before.node, after.node, load.requests),
    postgresCpuMs: each(before.postgres, after.postgres, load.requests),
  }
}

/** Lets pgbench send the statements of one payment after the other. */
async function replay(workspace: Workspace, { cluster, direct }: Paying, way: Way, seconds: number): Promise<CellResult> {
  if (!way.replay) throw new Error(`No payment by ${way.name} was recorded.`)
  await unpay(direct, way.prepared)
  const variables = { ...way.replay.variables, first: String(firstNumber + 1 - clients), clients: String(clients) }
  const before = cluster.cpu()
  const load = await runPgbench(workspace, cluster, { name: 'pay', database: 'direct', scripts: [way.replay.script], variables, clients, seconds })
  const after = cluster.cpu()
  await requirePaid(direct, load.requests)
  return { ...load, nodeCpuMs: undefined, postgresCpuMs: each(before, after, load.requests) }
}

interface Wanted {
  seconds: number
  wrk: boolean
  connections: number[]
  pgbench: boolean
}

const cellOf = (way: string, connections: number) => `${way} @${connections}`
const besideOf = (way: string) => `pgbench ${way} @${clients}`

async function payCells(workspace: Workspace, paying: Paying, { seconds, wrk, connections, pgbench }: Wanted): Promise<Cell[]> {
  const cells: Cell[] = []
  for (const way of paying.ways) {
    const through = (count: number): Cell => ({
      name: cellOf(way.name, count),
      group: way.name,
      async measure() {
        await unpay(paying.database, way.prepared)
        const result = await pay(workspace, paying, way, { connections: count, seconds, wrk })
        await requirePaid(paying.database, result.requests)
        return result
      },
    })
    const known = (wayNames as readonly string[]).includes(way.name)
    cells.push(...(known ? connections : [64]).map(through))
    if (pgbench && way.replay) cells.push({ name: besideOf(way.name), group: way.name, measure: () => replay(workspace, paying, way, seconds) })
  }
  // Lets the server's code be compiled before anything counts.
  for (const way of paying.ways) {
    await unpay(paying.database, way.prepared)
    await pay(workspace, paying, way, { connections: 64, seconds: Math.min(3, seconds), wrk })
  }
  return cells
}

type Read = (load: CellResult) => number | undefined

/** Round by round, a figure of one cell over that of another. */
function over(results: Results, above: string, below: string, read: Read): number[] {
  return (results.get(above) ?? []).flatMap((load, i) => {
    const other = results.get(below)?.[i]
    const [a, b] = [read(load), other && read(other)]
    return a === undefined || b === undefined || !(b > 0) ? [] : [a / b]
  })
}

const rate: Read = ({ perSecond: each }) => each
const cpu: Read = ({ nodeCpuMs, postgresCpuMs }) => (nodeCpuMs === undefined || postgresCpuMs === undefined ? undefined : nodeCpuMs + postgresCpuMs)

interface Delivered {
  backlogs: Backlog[]
  latencies: Latency[]
}

const less = { more: false }

function payGoals(results: Results): Goal[] {
  const [sandbox] = wayNames
  const allowed = { 'bank credit': 1.3, 'Stripe notification': 1.3, 'checkout attempt': 2 }
  const read = (name: string, value: Read) => (results.get(cellOf(name, 64)) ?? []).flatMap((load) => value(load) ?? [])
  return [
    ...Object.entries(allowed).map(([name, limit]) =>
      goal(`CPU of ${name} ÷ sandbox pay, at 64`, [limit, limit], over(results, cellOf(name, 64), cellOf(sandbox, 64), cpu), less),
    ),
    ...wayNames.flatMap((name) => [
      goal(
        `CPU of Node.js, ${name} at 64`,
        [0.18, 0.18],
        read(name, ({ nodeCpuMs }) => nodeCpuMs),
        { ...less, unit: ' ms' },
      ),
      goal(
        `CPU of PostgreSQL, ${name} at 64`,
        [0.18, 0.18],
        read(name, ({ postgresCpuMs }) => postgresCpuMs),
        { ...less, unit: ' ms' },
      ),
    ]),
  ]
}

function deliveryGoals({ backlogs, latencies }: Delivered): Goal[] {
  const p50s = latencies.map((one) => one.sinceRequest.p50Ms)
  const rates = backlogs.map((one) => one.perSecond)
  return [
    goal('webhook deliveries to one endpoint', [4000, 4000], rates, { unit: '/s' }),
    goal('payment to first byte of its webhook, p50', [20, 20], p50s, { ...less, unit: ' ms' }),
  ]
}

/** The middle of some values with the lowest and the highest. */
function range(values: (number | undefined)[]): string {
  const known = values.filter((value) => value !== undefined).sort((a, b) => a - b)
  const show = (value: number | undefined) => (value === undefined ? '–' : value.toFixed(value >= 100 ? 0 : 2))
  return known.length === 0 ? '–' : `${show(known[Math.floor(known.length / 2)])} [${show(known[0])}–${show(known.at(-1))}]`
}

/** The ways beside their own statements in pgbench, and beside the sandbox's. */
function waysTable(results: Results, connections: number[]): string {
  const rows = [...results.keys()].flatMap((cell) => {
    const [, name = '', count = ''] = /^(.*) @(\d+)$/.exec(cell) ?? []
    if (name.startsWith('pgbench') || !connections.includes(Number(count))) return []
    const sandbox = cellOf(wayNames[0], Number(count))
    return [[cell, range(over(results, cell, besideOf(name), rate)), range(over(results, cell, sandbox, cpu)), range(over(results, cell, sandbox, rate))]]
  })
  return table([['', 'rate ÷ pgbench', 'CPU ÷ sandbox pay', 'rate ÷ sandbox pay'], ...rows])
}

function deliveriesTable({ backlogs, latencies }: Delivered): string {
  return table([
    ['', 'median [min–max]'],
    ['deliveries/s of a backlog', range(backlogs.map((one) => one.perSecond))],
    ['  seconds from commit to the last outcome', range(backlogs.map((one) => one.wholeSeconds))],
    ['  CPU ms Node, each', range(backlogs.map((one) => one.nodeCpuMs))],
    ['  CPU ms PostgreSQL, each', range(backlogs.map((one) => one.postgresCpuMs))],
    ['payment sent to first byte, p50 ms', range(latencies.map((one) => one.sinceRequest.p50Ms))],
    ['payment sent to first byte, p99 ms', range(latencies.map((one) => one.sinceRequest.p99Ms))],
    ['payment answered to first byte, p50 ms', range(latencies.map((one) => one.sinceAnswer.p50Ms))],
    ['payment answered to first byte, p99 ms', range(latencies.map((one) => one.sinceAnswer.p99Ms))],
  ])
}

async function measureDeliveries(workspace: Workspace, cluster: Cluster, options: PaymentsOptions): Promise<Delivered> {
  await cluster.copy('deliveries')
  const database = cluster.open('deliveries')
  const merchants = await createMerchants(database, 1, { mode: 'sandbox', slug: 'merchant' })
  const [merchant] = merchants
  if (!merchant) throw new Error('There is no merchant.')
  const environment = { LOG_LEVEL: 'info', DATABASE_URL: databaseUrl(cluster, 'deliveries') }
  const hawker = await startHawker(workspace, 'deliveries', { apiKey: cluster.apiKey, environment })
  const family = { merchants, method: 'paynow_online', count: perSecond * Math.max(2, options.seconds), letter: 'A', prefix: idPrefix(1) }
  const payables = await loadPaymentRequests(database, hawker.url, family)
  const delivering: Delivering = { cluster, hawker, database, merchant, sink: await startSink(workspace) }
  const delivered: Delivered = { backlogs: [], latencies: [] }
  // The first round lets the code be compiled.
  await measureBacklog(delivering, Math.min(5000, options.events))
  for (let round = 1; round <= options.rounds; round++) {
    const backlog = await measureBacklog(delivering, options.events)
    const latency = await measureLatency(delivering, payables, perSecond)
    delivered.backlogs.push(backlog)
    delivered.latencies.push(latency)
    process.stderr.write(`  round ${round}: ${backlog.perSecond.toFixed(0)} deliveries/s, first byte after ${latency.sinceRequest.p50Ms.toFixed(1)} ms\n`)
  }
  await hawker.stop()
  return delivered
}

const onCell = (round: number, { name }: Cell, { perSecond: each, p50Ms, nodeCpuMs, postgresCpuMs }: CellResult) =>
  process.stderr.write(
    `  round ${round}: ${name}: ${each.toFixed(0)}/s, p50 ${p50Ms.toFixed(2)} ms, CPU ms Node ${nodeCpuMs?.toFixed(3) ?? '–'}, PostgreSQL ${postgresCpuMs?.toFixed(3) ?? '–'}\n`,
  )

/** The four ways to pay at 64 connections, and nothing else: what a payment costs, and where a change of the code is felt first. */
export async function settling(workspace: Workspace, { rounds, seconds, requests, generator }: PaymentsOptions): Promise<void> {
  const wrk = generator === 'autocannon' ? undefined : programVersion('wrk', ['--version'])
  const pgbench = programVersion('pgbench', ['--version'])
  const paying = await preparePaying(workspace, await startCluster(workspace), { requests })
  const wanted = { seconds, wrk: wrk !== undefined, connections: [64], pgbench: pgbench !== undefined }
  const results = await runRounds(await payCells(workspace, paying, wanted), rounds, onCell)
  say(`\n${cellsTable(results)}\n\n${waysTable(results, [64])}\n\n${goalsTable(payGoals(results))}`)
}

/** Measures the ways to pay beside the database's own work, and webhooks, and prints what was reached. */
export async function payments(workspace: Workspace, options: PaymentsOptions): Promise<void> {
  const wrk = options.generator === 'autocannon' ? undefined : programVersion('wrk', ['--version'])
  const pgbench = programVersion('pgbench', ['--version'])
  const cluster = await startCluster(workspace)
  const generator = wrk ? (wrk.split(' [')[0] ?? wrk) : 'autocannon'
  const machine = describeMachine({ postgres: cluster.version, generator, pgbench })
  say(machineLines(machine))
  const delivered = await measureDeliveries(workspace, cluster, options)
  const { requests, seconds, rounds } = options
  const paying = await preparePaying(workspace, cluster, { requests })
  const connections = [1, 64, 256]
  const cells = await payCells(workspace, paying, { seconds, wrk: wrk !== undefined, connections, pgbench: pgbench !== undefined })
  say(`\n  ${cells.length} cells of ${seconds} s, ${rounds} rounds, ${requests} requests to be paid by each way, ${options.events} events to be delivered`)
  const results = await runRounds(cells, rounds, onCell)
  const goals = [...payGoals(results), ...deliveryGoals(delivered)]
  say(`\n${cellsTable(results)}\n\n${waysTable(results, connections)}\n\n${deliveriesTable(delivered)}\n${notes}\n\n${goalsTable(goals)}`)
  if (options.json) writeFileSync(options.json, `${JSON.stringify({ machine, options, cells: Object.fromEntries(results), ...delivered, goals }, null, 2)}\n`)
}
