import type { CellResult } from './cells.ts'
import { type Load, median } from './load.ts'
import type { Machine } from './machine.ts'
import type { StartUp } from './start-up.ts'

/** A goal of docs/performance.md: what has to be reached at least, and what is aimed at. */
export interface Goal {
  name: string
  floor: number
  edge: number
  /** Whether more is better. */
  more: boolean
  unit: string
  /** The middle of the rounds' own values, with the lowest and the highest; undefined where it was not measured. */
  value: number | undefined
  lowest: number | undefined
  highest: number | undefined
}

export type Results = Map<string, CellResult[]>

type Read = (load: CellResult) => number | undefined

/** One ratio per round, so that a slow minute of the machine weighs on both of its sides. */
function ratios(results: Results, above: string, below: string, read: Read): number[] {
  const [over, under] = [results.get(above) ?? [], results.get(below) ?? []]
  return over.flatMap((load, i) => {
    const [a, b] = [read(load), under[i] && read(under[i])]
    return a === undefined || b === undefined || !(b > 0) ? [] : [a / b]
  })
}

/** A goal with what the rounds reached. */
export function goal(name: string, [floor, edge]: [number, number], values: number[], { more = true, unit = '×' } = {}): Goal {
  const some = values.length > 0
  return {
    name,
    floor,
    edge,
    more,
    unit,
    value: some ? median(values) : undefined,
    lowest: some ? Math.min(...values) : undefined,
    highest: some ? Math.max(...values) : undefined,
  }
}

const rate: Read = ({ perSecond }) => perSecond
const slowest: Read = ({ p99Ms }) => p99Ms
const cpu: Read = ({ nodeCpuMs, postgresCpuMs }) => (nodeCpuMs === undefined || postgresCpuMs === undefined ? undefined : nodeCpuMs + postgresCpuMs)

function against(results: Results, comparator: 'pgbench' | 'node-pg'): Goal[] {
  const beside = (name: string) => `${name}, beside ${comparator}`
  const [create, get, list] = ['create @32', 'get @16', 'list @16'].map((name) => `${comparator} ${name}`) as [string, string, string]
  return [
    goal(beside('create at 64 connections'), [0.7, 1], ratios(results, 'create @64', create, rate)),
    goal(beside('create at 256 connections'), [0.9, 1.2], ratios(results, 'create @256', create, rate)),
    goal(beside('p99 of create at 64'), [3, 1.6], ratios(results, 'create @64', create, slowest), { more: false }),
    goal(beside('get at 64 connections'), [0.3, 0.5], ratios(results, 'get @64', get, rate)),
    goal(beside('list of 25 at 64 connections'), [0.28, 0.36], ratios(results, 'list @64', list, rate)),
  ]
}

/** Every goal of a run; first those beside the primary comparator. */
export function goalsOf(results: Results, startUp: StartUp | undefined): Goal[] {
  const primary = results.has('pgbench create @32') ? against(results, 'pgbench') : []
  const memory = startUp?.nodeMegabytes === undefined || startUp.postgresMegabytes === undefined ? [] : [startUp.nodeMegabytes + startUp.postgresMegabytes]
  const less = { more: false }
  return [
    ...primary,
    ...against(results, 'node-pg'),
    goal(
      'create with idempotency, limits, log ÷ without',
      [0.75, 0.9],
      ratios(results, 'create @64, idempotency, limits, log on', 'create @64, idempotency, limits, log off', rate),
    ),
    goal('CPU per create ÷ one statement a request', [0.6, 0.45], ratios(results, 'create @64', 'create @64, one statement a request', cpu), less),
    goal('first answer, first start ever', [1500, 1500], startUp?.firstMs ?? [], { ...less, unit: ' ms' }),
    goal('first answer, later start', [500, 500], startUp?.laterMs ?? [], { ...less, unit: ' ms' }),
    goal('memory of Node and PostgreSQL at rest', [120, 120], memory, { ...less, unit: ' MB' }),
  ]
}

/** What became of a goal. */
export function verdict({ value, floor, edge, more }: Goal): string {
  if (value === undefined) return 'not measured'
  const reaches = (limit: number) => (more ? value >= limit : value <= limit)
  return reaches(edge) ? 'met' : reaches(floor) ? 'MISSED (floor met)' : 'MISSED'
}

const short = (value: number | undefined): string => (value === undefined || Number.isNaN(value) ? '–' : value.toFixed(value >= 100 ? 0 : value >= 10 ? 1 : 2))

/** Columns as wide as they need to be; all but the first stand to the right. */
export function table(rows: string[][]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => [...(row[column] ?? '')].length)))
  const cell = (text: string, column: number) => {
    const space = ' '.repeat((widths[column] ?? 0) - [...text].length)
    return column === 0 ? text + space : space + text
  }
  return rows.map((row) => `  ${row.map(cell).join('   ').trimEnd()}`).join('\n')
}

function spread(values: (number | undefined)[]): string {
  const known = values.filter((value) => value !== undefined)
  if (known.length === 0) return '–'
  return known.length === 1 ? short(known[0]) : `${short(median(known))} [${short(Math.min(...known))}–${short(Math.max(...known))}]`
}

/** The measured cells: the median of all rounds with the lowest and the highest. */
export function cellsTable(results: Results): string {
  const of = (loads: CellResult[], read: (load: CellResult) => number | undefined) => spread(loads.map(read))
  return table([
    ['', 'requests/s', 'p50 ms', 'p99 ms', 'CPU ms Node', 'CPU ms PostgreSQL'],
    ...[...results].map(([name, loads]) => [
      name,
      of(loads, rate),
      of(loads, ({ p50Ms }: Load) => p50Ms),
      of(loads, slowest),
      of(loads, ({ nodeCpuMs }) => nodeCpuMs),
      of(loads, ({ postgresCpuMs }) => postgresCpuMs),
    ]),
  ])
}

/** The goals with what was reached. */
export function goalsTable(goals: Goal[]): string {
  return table([
    ['goal', 'floor', 'edge', 'median', 'min–max', ''],
    ...goals.map((one) => {
      const sign = one.more ? '≥' : '≤'
      const range = one.value === undefined ? '–' : `${short(one.lowest)}–${short(one.highest)}`
      return [one.name, `${sign} ${one.floor}`, `${sign} ${one.edge}${one.unit}`, short(one.value), range, verdict(one)]
    }),
  ])
}

/** What the figures were made on, in a few lines. */
export function machineLines(machine: Machine): string {
  const { cpu: model, cores, memoryGigabytes, system, node, postgres, generator, pgbench } = machine
  return table([
    ['machine', `${model}, ${cores} cores, ${memoryGigabytes} GB, ${system}`],
    ['programs', `Node.js ${node}, PostgreSQL ${postgres} (durable commits), ${generator}, ${pgbench ?? 'no pgbench'}`],
  ])
}
