import { writeFileSync } from 'node:fs'
import type { Database } from '#foundation/database/database.ts'
import { type Cell, type CellResult, runRounds } from './cells.ts'
import { type Backlog, type Delivering, type Latency, measureBacklog, measureLatency } from './deliveries.ts'
import { runTraffic } from './generator.ts'
import { describeMachine, programVersion } from './machine.ts'
import {
  createMerchants,
  loadPaymentRequests,
  type Merchant,
  type Payable,
  prepareTransfers,
  resetTransfers,
  transferScript,
  unpay,
} from './payment-requests.ts'
import { runPgbench } from './pgbench.ts'
import { cellsTable, type Goal, goal, goalsTable, machineLines, type Results, table } from './report.ts'
import { type Cluster, databaseUrl, type HawkerProcess, startCluster, startHawker } from './servers.ts'
import { startSink } from './sink.ts'
import { sleep, type Workspace } from './workspace.ts'

export interface PaymentsOptions {
  rounds: number
  seconds: number
  /** Payment requests that are prepared in each database. */
  requests: number
  /** Events of a backlog. */
  events: number
  quick: boolean
  json: string | undefined
  generator: 'wrk' | 'autocannon' | undefined
}

const connections = 64
const manyMerchants = 200
const perSecond = 50
const say = (text: string) => void process.stdout.write(`${text}\n`)

const notes = `
  settle     POST /v1/sandbox/payment-requests/{id}/pay of a prepared request, each paid once and about in the order in which they were made: charge, request, two ledger transfers, two events
  transfers  pgbench, prepared: one durable statement that changes a balance and inserts a transfer and an event; on one account, or on one of 10,000
  deliveries of a backlog of events to one endpoint that answers at once, from the first that arrives until every outcome is written;
             p50 and p99 are those of one HTTP request
  latency    from the sending of a payment to the first byte of its webhook, at ${perSecond} payments a second: the commit lies in between
  CPU        of the server process and of all of PostgreSQL, per request, until the relay has placed the events of the last one
  Ratios are taken round by round, against the faster of 32 and 64 clients.`

/** One of the databases in which payments are settled, with the server on it. */
interface Settling {
  name: string
  cluster: Cluster
  hawker: HawkerProcess
  database: Database
  merchants: Merchant[]
  payables: Payable[]
}

/** A server on a database of its own, with merchants and requests that wait to be paid. */
export async function prepareSettling(
  workspace: Workspace,
  cluster: Cluster,
  about: { name: string; merchants: number; requests: number; nodeArguments?: string[] },
): Promise<Settling> {
  const { name } = about
  await cluster.copy(name)
  const database = cluster.open(name)
  const merchants = await createMerchants(database, about.merchants)
  const environment = { LOG_LEVEL: 'info', DATABASE_URL: databaseUrl(cluster, name) }
  const options = { apiKey: cluster.apiKey, environment, ...(about.nodeArguments ? { nodeArguments: about.nodeArguments } : {}) }
  const hawker = await startHawker(workspace, name, options)
  const payables = await loadPaymentRequests(database, hawker.url, merchants, about.requests)
  await unpay(database)
  return { name, cluster, hawker, database, merchants, payables }
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

/** Every acknowledged payment is a charge, two transfers and two events. */
async function requirePaid({ pool }: Database, requests: number): Promise<void> {
  const { rows } = await pool.query<{ charges: number; transfers: number; events: number }>(
    `select (select count(*)::int from charges where status = 'succeeded' and unapplied_reason is null) as charges,
      (select count(*)::int from ledger_transfers) as transfers, (select count(*)::int from events) as events`,
  )
  const { charges = 0, transfers = 0, events = 0 } = rows[0] ?? {}
  if (charges < requests || transfers !== charges * 2 || events < charges * 2)
    throw new Error(`${requests} payments were acknowledged, and there are ${charges} charges, ${transfers} transfers and ${events} events.`)
}

async function settle(workspace: Workspace, settling: Settling, seconds: number, generator: { wrk: boolean }): Promise<CellResult> {
  const { database, cluster, hawker, payables } = settling
  await unpay(database)
  const before = { node: hawker.cpu(), postgres: cluster.cpu() }
  const load = await runTraffic(workspace, { url: hawker.url, apiKey: cluster.apiKey, connections, seconds, posts: payables }, generator)
  await untilPlaced(database)
  const after = { node: hawker.cpu(), postgres: cluster.cpu() }
  await requirePaid(database, load.requests)
  const each = (from: number | undefined, to: number | undefined) => (from === undefined || to === undefined ? undefined : ((to - from) / load.requests) * 1000)
  return { ...load, nodeCpuMs: each(before.node, after.node), postgresCpuMs: each(before.postgres, after.postgres) }
}

async function transferCells(workspace: Workspace, cluster: Cluster, seconds: number): Promise<Cell[]> {
  await cluster.copy('transfers')
  const database = cluster.open('transfers')
  await prepareTransfers(database)
  const cell = (accounts: number, clients: number): Cell => ({
    name: `pgbench ${accounts === 1 ? 'one hot account' : '10,000 accounts'} @${clients}`,
    group: 'settle',
    async measure() {
      await resetTransfers(database)
      const before = cluster.cpu()
      const load = await runPgbench(workspace, cluster, { name: 'transfer', database: 'transfers', scripts: [transferScript(accounts)], clients, seconds })
      const after = cluster.cpu()
      const postgresCpuMs = before === undefined || after === undefined ? undefined : ((after - before) / load.requests) * 1000
      return { ...load, nodeCpuMs: undefined, postgresCpuMs }
    },
  })
  return [1, 10_000].flatMap((accounts) => [64, 32].map((clients) => cell(accounts, clients)))
}

/** Round by round, one rate over the faster of two. */
function over(results: Results, above: string, below: string[]): number[] {
  return (results.get(above) ?? []).flatMap((load, i) => {
    const rates = below.flatMap((name) => results.get(name)?.[i]?.perSecond ?? [])
    return rates.length === 0 ? [] : [load.perSecond / Math.max(...rates)]
  })
}

interface Delivered {
  backlogs: Backlog[]
  latencies: Latency[]
}

function goalsOf(results: Results, { backlogs, latencies }: Delivered): Goal[] {
  const hot = ['pgbench one hot account @64', 'pgbench one hot account @32']
  const spread = ['pgbench 10,000 accounts @64', 'pgbench 10,000 accounts @32']
  const less = { more: false, unit: ' ms' }
  return [
    goal('settle to one merchant, beside 10,000 accounts', [1, 1.5], over(results, `settle, one merchant @${connections}`, spread)),
    goal('settle to one merchant, beside one hot account', [4, 6], over(results, `settle, one merchant @${connections}`, hot)),
    goal(
      'webhook deliveries to one endpoint',
      [2000, 2000],
      backlogs.map((one) => one.perSecond),
      { unit: '/s' },
    ),
    goal(
      'payment to first byte of its webhook, p50',
      [50, 50],
      latencies.map((one) => one.sinceRequest.p50Ms),
      less,
    ),
  ]
}

function deliveriesTable({ backlogs, latencies }: Delivered): string {
  const of = (values: (number | undefined)[]) => {
    const known = values.filter((value) => value !== undefined).sort((a, b) => a - b)
    const show = (value: number | undefined) => (value === undefined ? '–' : value.toFixed(value >= 100 ? 0 : 2))
    return `${show(known[Math.floor(known.length / 2)])} [${show(known[0])}–${show(known.at(-1))}]`
  }
  return table([
    ['', 'median [min–max]'],
    ['deliveries/s of a backlog', of(backlogs.map((one) => one.perSecond))],
    ['  seconds from commit to the last outcome', of(backlogs.map((one) => one.wholeSeconds))],
    ['  CPU ms Node, each', of(backlogs.map((one) => one.nodeCpuMs))],
    ['  CPU ms PostgreSQL, each', of(backlogs.map((one) => one.postgresCpuMs))],
    ['payment sent to first byte, p50 ms', of(latencies.map((one) => one.sinceRequest.p50Ms))],
    ['payment sent to first byte, p99 ms', of(latencies.map((one) => one.sinceRequest.p99Ms))],
    ['payment answered to first byte, p50 ms', of(latencies.map((one) => one.sinceAnswer.p50Ms))],
    ['payment answered to first byte, p99 ms', of(latencies.map((one) => one.sinceAnswer.p99Ms))],
  ])
}

async function measureDeliveries(workspace: Workspace, cluster: Cluster, options: PaymentsOptions): Promise<Delivered> {
  const payments = perSecond * Math.max(2, options.seconds)
  const { hawker, database, merchants, payables } = await prepareSettling(workspace, cluster, { name: 'deliveries', merchants: 1, requests: payments })
  const [merchant] = merchants
  if (!merchant) throw new Error('There is no merchant.')
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

/** Settles to one merchant and to many, and nothing else: what a payment costs, and where a change of the code is felt first. */
export async function settling(workspace: Workspace, { rounds, seconds, requests, generator }: PaymentsOptions): Promise<void> {
  const wrk = generator === 'autocannon' ? undefined : programVersion('wrk', ['--version'])
  const cells = await settleCells(workspace, await startCluster(workspace), { seconds, requests, wrk: wrk !== undefined })
  const results = await runRounds(cells, rounds, (round, { name }, { perSecond: rate, nodeCpuMs, postgresCpuMs }) =>
    process.stderr.write(`  round ${round}: ${name}: ${rate.toFixed(0)}/s, CPU ms Node ${nodeCpuMs?.toFixed(3)}, PostgreSQL ${postgresCpuMs?.toFixed(3)}\n`),
  )
  say(`\n${cellsTable(results)}`)
}

async function settleCells(workspace: Workspace, cluster: Cluster, { seconds, requests, wrk }: { seconds: number; requests: number; wrk: boolean }) {
  const cells: Cell[] = []
  for (const [name, merchants] of [
    ['one merchant', 1],
    [`${manyMerchants} merchants`, manyMerchants],
  ] as const) {
    const settling = await prepareSettling(workspace, cluster, { name: merchants === 1 ? 'one' : 'many', merchants, requests })
    await settle(workspace, settling, Math.min(4, seconds), { wrk })
    cells.push({ name: `settle, ${name} @${connections}`, group: 'settle', measure: () => settle(workspace, settling, seconds, { wrk }) })
  }
  return cells
}

/** Measures settling and delivering beside the database's own transfers and prints what was reached. */
export async function payments(workspace: Workspace, options: PaymentsOptions): Promise<void> {
  const wrk = options.generator === 'autocannon' ? undefined : programVersion('wrk', ['--version'])
  const pgbench = programVersion('pgbench', ['--version'])
  const cluster = await startCluster(workspace)
  const generator = wrk ? (wrk.split(' [')[0] ?? wrk) : 'autocannon'
  const machine = describeMachine({ postgres: cluster.version, generator, pgbench })
  say(machineLines(machine))
  const delivered = await measureDeliveries(workspace, cluster, options)
  const { requests, seconds, rounds } = options
  const cells = pgbench ? await transferCells(workspace, cluster, seconds) : []
  cells.push(...(await settleCells(workspace, cluster, { seconds, requests, wrk: wrk !== undefined })))
  say(`\n  ${cells.length} cells of ${seconds} s, ${rounds} rounds, ${requests} requests to be paid, ${options.events} events to be delivered`)
  const results = await runRounds(cells, rounds, (round, { name }, { perSecond: rate, p50Ms, p99Ms }) =>
    process.stderr.write(`  round ${round}: ${name}: ${rate.toFixed(0)}/s, p50 ${p50Ms.toFixed(2)} ms, p99 ${p99Ms.toFixed(2)} ms\n`),
  )
  const goals = goalsOf(results, delivered)
  say(`\n${cellsTable(results)}\n\n${deliveriesTable(delivered)}\n${notes}\n\n${goalsTable(goals)}`)
  if (options.json) writeFileSync(options.json, `${JSON.stringify({ machine, options, cells: Object.fromEntries(results), ...delivered, goals }, null, 2)}\n`)
}
