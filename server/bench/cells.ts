import type { Load } from './load.ts'
import { loopNow } from './noise.ts'
import type { Cluster, HawkerProcess } from './servers.ts'

/** Something that is measured once per round. */
export interface Cell {
  readonly name: string
  /** Cells of one group are compared with each other, so they are measured one right after the other. */
  readonly group: string
  measure(): Promise<CellResult>
}

export interface CellResult extends Load {
  /** CPU milliseconds per request, deferred work included; undefined if no such process takes part, and outside Linux. */
  nodeCpuMs?: number | undefined
  postgresCpuMs?: number | undefined
}

export type Results = Record<string, CellResult[]>

/** The results of all rounds, and how long the fixed loop took before each. */
export interface Rounds {
  cells: Results
  loopMs: number[]
}

interface Work {
  node?: Pick<HawkerProcess, 'cpu'>
  postgres?: Pick<Cluster, 'cpu'>
  /** Waits for the requests that are in flight when the generator stops, and for deferred work. */
  untilDone?: () => Promise<void>
  /** How many requests were completed, including those that the generator no longer waited for. */
  countDone?: () => Promise<number>
}

/** Runs a load and measures the CPU time of the processes involved, per completed request. */
export async function withCpu(load: () => Promise<Load>, { node, postgres, untilDone, countDone }: Work): Promise<CellResult> {
  const before = { node: node?.cpu(), postgres: postgres?.cpu() }
  const result = await load()
  await untilDone?.()
  const after = { node: node?.cpu(), postgres: postgres?.cpu() }
  const done = (await countDone?.()) ?? result.requests
  if (done < result.requests) throw new Error(`${result.requests} requests were acknowledged, but only ${done} were completed.`)
  const each = (from: number | undefined, to: number | undefined) => (from === undefined || to === undefined ? undefined : ((to - from) / done) * 1000)
  return { ...result, nodeCpuMs: each(before.node, after.node), postgresCpuMs: each(before.postgres, after.postgres) }
}

const progress = (round: number, name: string, { perSecond, p50Ms, p99Ms, nodeCpuMs, postgresCpuMs }: CellResult) => {
  const cpu = (value: number | undefined) => (value === undefined ? '–' : value.toFixed(3))
  process.stderr.write(
    `  round ${round}: ${name}: ${perSecond.toFixed(0)}/s, p50 ${p50Ms.toFixed(2)} ms, p99 ${p99Ms.toFixed(2)} ms, CPU ms Node.js ${cpu(nodeCpuMs)}, PostgreSQL ${cpu(postgresCpuMs)}\n`,
  )
}

/** Measures every cell once per round. Each round shuffles the groups and the cells within a group. */
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

/** A figure of a cell, one value per round. */
export const valuesOf = (results: Results, cell: string, read: Read): number[] => (results[cell] ?? []).flatMap((load) => read(load) ?? [])

/** The ratio of two cells, one value per round, so that a slow moment of the machine affects both sides. */
export function over(results: Results, above: string, below: string, read: Read): number[] {
  return (results[above] ?? []).flatMap((load, i) => {
    const other = results[below]?.[i]
    const [a, b] = [read(load), other && read(other)]
    return a === undefined || b === undefined || !(b > 0) ? [] : [a / b]
  })
}
