import { type Cell, cpu, nodeCpu, over, postgresCpu, type Results, type Rounds, rate, runRounds, valuesOf } from './cells.ts'
import { type CommonOptions, type Conditions, checkNoise, conditionsOf, conditionsText } from './conditions.ts'
import { type Backlog, type Delivering, type Latency, measureBacklog, measureLatency } from './deliveries.ts'
import { type Goal, goalOf, goalsTable, range, table } from './figures.ts'
import type { Report } from './page.ts'
import { type Paying, payCell, preparePaying, replayCell } from './paying.ts'
import { createMerchants, idPrefix, loadPaymentRequests } from './payment-requests.ts'
import { drawBars } from './plots/bars.ts'
import { drawRates } from './plots/rates.ts'
import { cellsTable, ranged } from './run.ts'
import { type Cluster, databaseUrl, startCluster, startHawker } from './servers.ts'
import { startSink } from './sink.ts'
import { spreadWay, wayNames } from './ways.ts'
import type { Workspace } from './workspace.ts'

export interface PaymentsOptions extends CommonOptions {
  /** Payment requests to prepare for each way. */
  requests: number
  /** Events in the backlog. */
  events: number
}

interface Delivered {
  backlogs: Backlog[]
  latencies: Latency[]
}

export interface PaymentsFigures extends Rounds {
  conditions: Conditions
  delivered: Delivered | undefined
  events: number
}

const connectionCounts = [1, 64, 256]
const clients = 32
/** Payments per second while webhook latency is measured. */
const timedPerSecond = 50

const cellOf = (way: string, connections: number) => `${way} @${connections}`
const besideOf = (way: string) => `pgbench ${way} @${clients}`

async function payCells(workspace: Workspace, paying: Paying, { seconds, tools }: CommonOptions, connections: number[]): Promise<Cell[]> {
  const cells = paying.ways.flatMap((way) => {
    const through = (way.name === spreadWay ? [64] : connections).map((count) =>
      payCell(workspace, paying, way, { name: cellOf(way.name, count), group: way.name, connections: count, seconds, tools }),
    )
    return way.replay && tools.pgbench ? [...through, replayCell(workspace, paying, way, { name: besideOf(way.name), clients, seconds })] : through
  })
  // Warm-up: lets V8 compile the hot code first.
  for (const { name } of paying.ways) await cells.find((cell) => cell.name === cellOf(name, 64))?.measure()
  return cells
}

/** Starts a server with one merchant whose webhooks go to a sink, and as many payment requests as latency is measured with. */
export async function prepareDelivering(workspace: Workspace, cluster: Cluster, payments: number, nodeArguments: string[] = []) {
  await cluster.copy('deliveries')
  const database = cluster.open('deliveries')
  const merchants = await createMerchants(database, 1, { mode: 'sandbox', slug: 'merchant' })
  const [merchant] = merchants
  if (!merchant) throw new Error('There is no merchant.')
  const environment = { LOG_LEVEL: 'info', DATABASE_URL: databaseUrl(cluster, 'deliveries') }
  const hawker = await startHawker(workspace, 'deliveries', { apiKey: cluster.apiKey, environment, nodeArguments })
  const family = { merchants, method: 'paynow_online', count: payments, letter: 'A', prefix: idPrefix(1) }
  const payables = await loadPaymentRequests(database, hawker.url, family)
  const delivering: Delivering = { cluster, hawker, database, merchant, sink: await startSink(workspace) }
  return { delivering, payables }
}

async function measureDeliveries(workspace: Workspace, cluster: Cluster, options: PaymentsOptions): Promise<Delivered> {
  const { delivering, payables } = await prepareDelivering(workspace, cluster, timedPerSecond * Math.max(2, options.seconds))
  const delivered: Delivered = { backlogs: [], latencies: [] }
  // Warm-up.
  await measureBacklog(delivering, Math.min(5000, options.events))
  for (let round = 1; round <= options.rounds; round++) {
    const backlog = await measureBacklog(delivering, options.events)
    const latency = await measureLatency(delivering, payables, timedPerSecond)
    delivered.backlogs.push(backlog)
    delivered.latencies.push(latency)
    process.stderr.write(`  round ${round}: ${backlog.perSecond.toFixed(0)} deliveries/s, first byte after ${latency.sinceRequest.p50Ms.toFixed(1)} ms\n`)
  }
  await delivering.hawker.stop()
  return delivered
}

async function measure(workspace: Workspace, options: PaymentsOptions, wanted: { connections: number[]; deliveries: boolean }): Promise<PaymentsFigures> {
  const noise = await checkNoise(options)
  const cluster = await startCluster(workspace)
  const { requests, seconds, rounds, events } = options
  const delivered = wanted.deliveries ? await measureDeliveries(workspace, cluster, options) : undefined
  const paying = await preparePaying(workspace, cluster, { names: [...wayNames, spreadWay], recorded: wayNames, requests })
  const cells = await payCells(workspace, paying, options, wanted.connections)
  process.stderr.write(`  ${cells.length} cells of ${seconds} s, ${rounds} rounds\n`)
  return { ...(await runRounds(cells, rounds)), conditions: conditionsOf(options, cluster.version, noise), delivered, events }
}

/** Measures the ways to pay, beside pgbench, and webhooks. */
export const measurePayments = (workspace: Workspace, options: PaymentsOptions): Promise<PaymentsFigures> =>
  measure(workspace, options, { connections: connectionCounts, deliveries: true })

/** Measures only the ways to pay at 64 connections: a short run for work on the code. */
export const measureSettling = (workspace: Workspace, options: PaymentsOptions): Promise<PaymentsFigures> =>
  measure(workspace, options, { connections: [64], deliveries: false })

const [sandbox] = wayNames
const cpuGoalMs = 0.18

function goalsOf({ cells, delivered }: PaymentsFigures): Goal[] {
  const allowed = { 'bank credit': 1.3, 'Stripe notification': 1.3, 'checkout attempt': 2 }
  const each = wayNames.flatMap((name) => [
    goalOf(`CPU of Node.js, ${name}`, cpuGoalMs, valuesOf(cells, cellOf(name, 64), nodeCpu), { unit: ' ms' }),
    goalOf(`CPU of PostgreSQL, ${name}`, cpuGoalMs, valuesOf(cells, cellOf(name, 64), postgresCpu), { unit: ' ms' }),
  ])
  const ratios = Object.entries(allowed).map(([name, limit]) =>
    goalOf(`CPU of ${name} ÷ ${sandbox}`, limit, over(cells, cellOf(name, 64), cellOf(sandbox, 64), cpu)),
  )
  return [
    ...ratios,
    ...each,
    ...(delivered
      ? [
          goalOf(
            'payment to the first byte of its webhook, p50',
            20,
            delivered.latencies.map((one) => one.sinceRequest.p50Ms),
            { unit: ' ms' },
          ),
          goalOf(
            'webhook deliveries a second, to one endpoint',
            4000,
            delivered.backlogs.map((one) => one.perSecond),
            { more: true },
          ),
        ]
      : []),
  ]
}

/** The ways relative to pgbench and to the sandbox. */
function waysTable(cells: Results): string {
  const all = [...wayNames, spreadWay].flatMap((name) => connectionCounts.map((count) => ({ name, count })))
  return table([
    ['', 'rate ÷ pgbench', 'rate ÷ sandbox pay', 'CPU ÷ sandbox pay'],
    ...all.flatMap(({ name, count }) => {
      const [cell, base] = [cellOf(name, count), cellOf(sandbox, count)]
      return cell in cells
        ? [[cell, range(over(cells, cell, besideOf(name), rate)), range(over(cells, cell, base, rate)), range(over(cells, cell, base, cpu))]]
        : []
    }),
  ])
}

function deliveriesTable({ backlogs, latencies }: Delivered): string {
  return table([
    ['', 'median (range)'],
    ['deliveries a second, of a backlog', range(backlogs.map((one) => one.perSecond))],
    ['from the commit to the last outcome, s', range(backlogs.map((one) => one.wholeSeconds))],
    ['CPU of Node.js for a delivery, ms', range(backlogs.map((one) => one.nodeCpuMs))],
    ['CPU of PostgreSQL for a delivery, ms', range(backlogs.map((one) => one.postgresCpuMs))],
    ['payment sent to first byte, p50 ms', range(latencies.map((one) => one.sinceRequest.p50Ms))],
    ['payment sent to first byte, p99 ms', range(latencies.map((one) => one.sinceRequest.p99Ms))],
    ['payment answered to first byte, p50 ms', range(latencies.map((one) => one.sinceAnswer.p50Ms))],
    ['payment answered to first byte, p99 ms', range(latencies.map((one) => one.sinceAnswer.p99Ms))],
  ])
}

function drawings({ cells }: PaymentsFigures): Report['drawings'] {
  const panels = wayNames.map((name) => ({
    name,
    points: connectionCounts.flatMap((connections) => {
      const figure = ranged(valuesOf(cells, cellOf(name, connections), rate))
      return figure ? [{ connections, rate: figure }] : []
    }),
    direct: ranged(valuesOf(cells, besideOf(name), rate)),
  }))
  const groups = wayNames.map((name) => {
    const bars = [
      { series: 0 as const, figure: ranged(valuesOf(cells, cellOf(name, 64), nodeCpu)) },
      { series: 1 as const, figure: ranged(valuesOf(cells, cellOf(name, 64), postgresCpu)) },
      { series: 2 as const, figure: ranged(valuesOf(cells, besideOf(name), postgresCpu)) },
    ].flatMap(({ series, figure }) => (figure ? [{ series, figure }] : []))
    return { name, bars, limits: [{ value: cpuGoalMs, label: '' }] }
  })
  const legend = ['Node.js', 'PostgreSQL', 'PostgreSQL, one payment at a time by pgbench']
  const axis = `CPU for one payment at 64 connections, in ms; the line is the goal, ${cpuGoalMs} ms for each of the first two`
  return {
    'payment-rates': (theme) => drawRates(theme, { title: 'Four ways to pay: payments per second by connections', unit: '/s', sameAxis: true }, panels),
    'payment-cpu': (theme) => drawBars(theme, { title: 'What a payment costs', axis, unit: ' ms', legend, groups }),
  }
}

/** The report of payments. */
export function reportPayments(figures: PaymentsFigures): Report {
  const { cells, conditions, loopMs, delivered, events } = figures
  const parts: Report['parts'] = {
    'payments conditions': `${conditionsText(conditions, loopMs)} Backlogs of ${events.toLocaleString('en')} events.`,
    'payments goals': goalsTable(goalsOf(figures)),
    'payments ways': waysTable(cells),
    'payments cells': cellsTable(cells),
  }
  if (delivered) parts['payments deliveries'] = deliveriesTable(delivered)
  return { parts, drawings: drawings(figures) }
}
