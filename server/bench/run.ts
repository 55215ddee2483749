import { cpu, nodeCpu, over, postgresCpu, type Results, type Rounds, rate, runRounds, slowest, valuesOf } from './cells.ts'
import { type CommonOptions, type Conditions, checkNoise, conditionsOf, conditionsText } from './conditions.ts'
import { connectionCounts, names, operations, prepareCells } from './customer-cells.ts'
import { type Goal, goalOf, goalsTable, range, table } from './figures.ts'
import { median } from './load.ts'

import type { Report } from './page.ts'
import { drawBars } from './plots/bars.ts'
import { drawRates } from './plots/rates.ts'
import type { Ranged } from './plots/svg.ts'
import { startCluster } from './servers.ts'
import type { Workspace } from './workspace.ts'

export interface RunOptions extends CommonOptions {
  rows: number
}

export interface RunFigures extends Rounds {
  conditions: Conditions
  rows: number
}

/** Measures customers and settling beside pgbench and bare Fastify. */
export async function measureRun(workspace: Workspace, options: RunOptions): Promise<RunFigures> {
  const noise = await checkNoise(options)
  const { rows, seconds, rounds, tools } = options
  const cluster = await startCluster(workspace)
  const cells = await prepareCells(workspace, cluster, { rows, seconds, tools })
  process.stderr.write(`  ${cells.length} cells of ${seconds} s, ${rounds} rounds, ${rows} customers to begin with\n`)
  return { ...(await runRounds(cells, rounds)), conditions: conditionsOf(options, cluster.version, noise), rows }
}

/** Goal and floor for each operation's multiple of a bare route. */
const multiples: Record<string, [goal: number, floor: number]> = { get: [1.6, 2], list: [3.7, 5.5], create: [4.2, 5], settle: [4, 5.2] }
const shown: Record<string, string> = { get: 'get', list: 'list of 25', create: 'create', settle: 'settle' }

const multipleOf = (cells: Results, operation: string) => over(cells, names.through(operation, 64), names.bare(operation), nodeCpu)

function requestGoals({ cells }: RunFigures): Goal[] {
  const beside = (operation: 'create' | 'get' | 'list', connections: number, goal: number, floor?: number) =>
    goalOf(
      `${shown[operation]} at ${connections} connections ÷ pgbench`,
      goal,
      over(cells, names.through(operation, connections), names.direct(operation), rate),
      { more: true, ...(floor === undefined ? {} : { floor }) },
    )
  return [
    ...Object.entries(multiples).map(([operation, [goal, floor]]) =>
      goalOf(`CPU of Node.js, ${shown[operation]} ÷ bare Fastify`, goal, multipleOf(cells, operation), { floor }),
    ),
    beside('list', 64, 0.45, 0.38),
    beside('create', 64, 1.1, 0.95),
    beside('create', 256, 1.2, 1),
    beside('get', 64, 0.5, 0.3),
    goalOf('p99 of create at 64 ÷ pgbench', 1.6, over(cells, names.through('create', 64), names.direct('create'), slowest), { floor: 3 }),
    goalOf('create with idempotency, limits and log ÷ without', 0.9, over(cells, names.on, names.off, rate), { more: true, floor: 0.75 }),
    goalOf('CPU of create ÷ one statement a request', 0.45, over(cells, names.through('create', 64), names.single, cpu), { floor: 0.6 }),
  ]
}

/** The measured cells: medians and ranges of all rounds. */
export function cellsTable(cells: Results): string {
  return table([
    ['', 'requests/s', 'p50 ms', 'p99 ms', 'CPU ms Node.js', 'CPU ms PostgreSQL'],
    ...Object.keys(cells).map((name) => [
      name,
      range(valuesOf(cells, name, rate)),
      range(valuesOf(cells, name, ({ p50Ms }) => p50Ms)),
      range(valuesOf(cells, name, slowest)),
      range(valuesOf(cells, name, nodeCpu)),
      range(valuesOf(cells, name, postgresCpu)),
    ]),
  ])
}

/** A figure for a plot; undefined if nothing was measured. */
export function ranged(values: number[]): Ranged | undefined {
  return values.length === 0 ? undefined : { value: median(values), low: Math.min(...values), high: Math.max(...values) }
}

function multiplesTable(cells: Results): string {
  const micro = (name: string) => range(valuesOf(cells, name, nodeCpu).map((ms) => ms * 1000))
  return table([
    ['CPU of Node.js', 'Hawker, µs', 'bare Fastify, µs', 'multiple'],
    ...Object.keys(multiples).map((operation) => [
      shown[operation] ?? '',
      micro(names.through(operation, 64)),
      micro(names.bare(operation)),
      range(multipleOf(cells, operation)),
    ]),
  ])
}

function drawings({ cells }: RunFigures): Report['drawings'] {
  const panels = operations.map((operation) => ({
    name: shown[operation] ?? '',
    points: connectionCounts.flatMap((connections) => {
      const figure = ranged(valuesOf(cells, names.through(operation, connections), rate))
      return figure ? [{ connections, rate: figure }] : []
    }),
    direct: ranged(valuesOf(cells, names.direct(operation), rate)),
  }))
  const groups = Object.entries(multiples).flatMap(([operation, [goal, floor]]) => {
    const figure = ranged(multipleOf(cells, operation))
    const limits = [
      { value: goal, label: `goal ${goal}` },
      { value: floor, label: `floor ${floor}` },
    ]
    return figure ? [{ name: shown[operation] ?? '', bars: [{ series: 0 as const, figure }], limits }] : []
  })
  const axis = 'CPU of Node.js for a request, as a multiple of a bare Fastify route that gives the same answer (= 1)'
  return {
    rates: (theme) => drawRates(theme, { title: 'Customers: requests per second by connections', unit: 'requests/s', sameAxis: false }, panels),
    multiples: (theme) => drawBars(theme, { title: 'What a request costs the server', axis, unit: ' ×', legend: [], groups }),
  }
}

/** The report of a run. */
export function reportRun(figures: RunFigures): Report {
  const { cells, conditions, loopMs, rows } = figures
  return {
    parts: {
      'run conditions': `${conditionsText(conditions, loopMs)} ${rows.toLocaleString('en')} customers to begin with.`,
      'run goals': goalsTable(requestGoals(figures)),
      'run multiples': multiplesTable(cells),
      'run cells': cellsTable(cells),
    },
    drawings: drawings(figures),
  }
}
