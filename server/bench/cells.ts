import type { Load } from './load.ts'
import { loopNow } from './noise.ts'
import type { Cluster, HawkerProcess } from './servers.ts'

/** One measurement, made once in each round. */
export interface Cell {
  readonly name: string
  /** Cells of one group are measured in sequence, as they are compared with each other. */
  readonly group: string
  measure(): Promise<CellResult>
}

export interface CellResult extends Load {
  /** CPU milliseconds per request, until deferred work is done too; undefined if no such process was involved, or outside Linux. */
  nodeCpuMs?: number | undefined
  postgresCpuMs?: number | undefined
}

export type Results = Record<string, CellResult[]>

/** The results of the rounds, and how long the fixed loop took before each. */
export interface Rounds {
  cells: Results
  loopMs: number[]
}

/** Measures the CPU time of processes for a load, per request. */
export async function withCpu(
  load: () => Promise<Load>,
  { node, postgres, after }: { node?: Pick<HawkerProcess, 'cpu'>; postgres?: Pick<Cluster, 'cpu'>; after?: () => Promise<void> },
): Promise<CellResult> {
  const before = { node: node?.cpu(), postgres: postgres?.cpu() }
  const result = await load()
  await after?.()
  const each = (from: number | undefined, to: number | undefined) =>
    from === undefined || to === undefined ? undefined : ((to - from) / result.requests) * 1000
  return { ...result, nodeCpuMs: each(before.node, node?.cpu()), postgresCpuMs: each(before.postgres, postgres?.cpu()) }
}

const progress = (round: number, name: string, { perSecond, p50Ms, p99Ms, nodeCpuMs, postgresCpuMs }: CellResult) => {
  const cpu = (value: number | undefined) => (value === undefined ? '–' : value.toFixed(3))
  process.stderr.write(
    `  round ${round}: ${name}: ${perSecond.toFixed(0)}/s, p50 ${p50Ms.toFixed(2)} ms, p99 ${p99Ms.toFixed(2)} ms, CPU ms Node.js ${cpu(nodeCpuMs)}, PostgreSQL ${cpu(postgresCpuMs)}\n`,
  )
}

/** Measures every cell once per round, each round in another order of groups and of cells in a group. */
export async function runRounds(cells: Cell[], rounds: number): Promise<Rounds> {
  const results: Results = Object.fromEntries(cells.map(({ name }) => [name, []]))
  const loopMs: number[] = []
  for (let round = 1; round <= rounds; round++) {
    loopMs.push(loopNow())
    const groups = new Map<string, number>()
    for (const { group } of cells) groups.set(group, groups.get(group) ?? Math.random())
    const order = cells.map((cell) => ({ cell, place: (groups.get(cell.group) ?? 0) + Math.random() * 1e-9 })).sort((a, b) => a.place - b.place)
    for (const { cell } of order) {
      const result = await cell.measure()
      results[cell.name]?.push(result)
      progress(round, cell.name, result)
    }
  }
  return { cells: results, loopMs }
}

type Read = (load: CellResult) => number | undefined

export const rate: Read = ({ perSecond }) => perSecond
export const slowest: Read = ({ p99Ms }) => p99Ms
export const nodeCpu: Read = ({ nodeCpuMs }) => nodeCpuMs
export const postgresCpu: Read = ({ postgresCpuMs }) => postgresCpuMs
export const cpu: Read = ({ nodeCpuMs, postgresCpuMs }) => (nodeCpuMs === undefined || postgresCpuMs === undefined ? undefined : nodeCpuMs + postgresCpuMs)

/** One figure of a cell, round by round. */
export const valuesOf = (results: Results, cell: string, read: Read): number[] => (results[cell] ?? []).flatMap((load) => read(load) ?? [])

/** One ratio per round, so that a slow minute of the machine affects both of its sides. */
export function over(results: Results, above: string, below: string, read: Read): number[] {
  return (results[above] ?? []).flatMap((load, i) => {
    const other = results[below]?.[i]
    const [a, b] = [read(load), other && read(other)]
    return a === undefined || b === undefined || !(b > 0) ? [] : [a / b]
  })
}
