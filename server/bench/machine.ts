import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { cpus, platform, release, totalmem } from 'node:os'

const ticksPerSecond = 100 // USER_HZ, the unit of /proc/*/stat, the same on every Linux that Node runs on

interface ProcessTimes {
  parent: number
  ticks: number
}

function processTimes(pid: number): ProcessTimes | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    // utime, stime and those of ended children
    const ticks = [11, 12, 13, 14].reduce((sum, at) => sum + Number(fields[at]), 0)
    return { parent: Number(fields[1]), ticks }
  } catch {
    return undefined
  }
}

function processes(): Map<number, ProcessTimes> {
  const found = new Map<number, ProcessTimes>()
  for (const entry of readdirSync('/proc')) {
    const pid = Number(entry)
    const times = pid > 0 ? processTimes(pid) : undefined
    if (times) found.set(pid, times)
  }
  return found
}

/** A process and its descendants. */
function treeOf(pid: number, all: Map<number, ProcessTimes>): number[] {
  const found = [pid]
  for (const id of found) for (const [child, { parent }] of all) if (parent === id) found.push(child)
  return found.filter((id) => all.has(id))
}

/** The number of processes in a process tree. */
export const processCount = (pid: number): number => treeOf(pid, processes()).length

/** CPU seconds used so far by a process and its descendants; undefined outside Linux. */
export function cpuSeconds(pid: number): number | undefined {
  if (platform() !== 'linux') return undefined
  const all = processes()
  return treeOf(pid, all).reduce((sum, id) => sum + (all.get(id)?.ticks ?? 0), 0) / ticksPerSecond
}

/** The memory of a process by kind, in bytes; empty once it has ended. */
function memoryKinds(pid: number): Record<string, number> {
  try {
    const lines = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8').matchAll(/^(\w+):\s+(\d+) kB/gm)
    return Object.fromEntries([...lines].map(([, kind = '', kilobytes]) => [kind, Number(kilobytes) * 1024]))
  } catch {
    return {}
  }
}

/** Proportional set size of a process tree in bytes; undefined outside Linux. */
export function proportionalBytes(pid: number): number | undefined {
  if (platform() !== 'linux') return undefined
  return treeOf(pid, processes()).reduce((sum, id) => sum + (memoryKinds(id).Pss ?? 0), 0)
}

/**
 * Memory of a process tree in bytes, as if no other process ran the same program: private memory, plus shared memory counted
 * once. (The proportional size of a Node.js process would be too small, as the benchmark is a Node.js process too.) Leaves
 * out the tree of `without`; undefined outside Linux.
 */
export function residentBytes(pid: number, { without }: { without?: number } = {}): number | undefined {
  if (platform() !== 'linux') return undefined
  const all = processes()
  const left = new Set(without === undefined ? [] : treeOf(without, all))
  const kinds = treeOf(pid, all)
    .filter((id) => !left.has(id))
    .map(memoryKinds)
  const sum = (kind: Record<string, number>, names: string[]) => names.reduce((bytes, name) => bytes + (kind[name] ?? 0), 0)
  const own = kinds.reduce((bytes, kind) => bytes + sum(kind, ['Private_Clean', 'Private_Dirty']), 0)
  return own + Math.max(0, ...kinds.map((kind) => sum(kind, ['Shared_Clean', 'Shared_Dirty'])))
}

/** The version number alone. */
const numberIn = (text: string) => /\d+(?:\.\d+)*/.exec(text)?.[0] ?? text

/** A program with its version; undefined if it is not on PATH. */
function findProgram(program: string): string | undefined {
  // wrk exits with 1 after printing its version
  const { error, stdout } = spawnSync(program, ['--version'], { encoding: 'utf8' })
  return error ? undefined : `${program} ${numberIn(stdout.split('\n')[0] ?? '')}`
}

/** The programs that generate load. */
export interface Tools {
  wrk: boolean
  generator: string
  /** Its version; undefined if it is not installed, and then nothing is compared with the database. */
  pgbench: string | undefined
}

/** Finds the programs that generate load. Throws if a requested one is missing. */
export function findTools(wanted: 'wrk' | 'autocannon' | undefined): Tools {
  const wrk = wanted === 'autocannon' ? undefined : findProgram('wrk')
  if (wanted === 'wrk' && !wrk) throw new Error('wrk is not installed.')
  return { wrk: wrk !== undefined, generator: wrk ?? 'autocannon', pgbench: findProgram('pgbench') }
}

export interface Machine {
  cpu: string
  cores: number
  memoryGigabytes: number
  system: string
  day: string
  node: string
  postgres: string
  generator: string
  pgbench: string | undefined
}

/** The machine and the programs that were measured. */
export function describeMachine(about: Pick<Machine, 'postgres' | 'generator' | 'pgbench'>): Machine {
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryGigabytes: Math.round(totalmem() / 2 ** 30),
    system: `${platform()} ${numberIn(release())}`,
    day: new Date().toISOString().slice(0, 10),
    node: process.version,
    ...about,
  }
}

/** The machine as a sentence. */
export function machineText({ cpu: model, cores, memoryGigabytes, system, day, node, postgres, generator, pgbench }: Machine): string {
  const shared = `${cores} cores shared by the server, PostgreSQL and the load generator`
  const programs = [`Node.js ${node}`, `PostgreSQL ${postgres} with durable commits`, generator, pgbench].filter((program) => program !== undefined)
  return `${day}; ${model}, ${shared}, ${memoryGigabytes} GB, ${system}; ${programs.join(', ')}.`
}
