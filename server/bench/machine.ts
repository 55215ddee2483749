import { execFileSync } from 'node:child_process'
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
    // utime and stime, with those of children that have ended
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

/** A process and everything below it. */
function treeOf(pid: number, all: Map<number, ProcessTimes>): number[] {
  const found = [pid]
  for (const id of found) for (const [child, { parent }] of all) if (parent === id) found.push(child)
  return found.filter((id) => all.has(id))
}

/** CPU seconds that a process and all below it have used since they began; undefined outside Linux. */
export function cpuSeconds(pid: number): number | undefined {
  if (platform() !== 'linux') return undefined
  const all = processes()
  return treeOf(pid, all).reduce((sum, id) => sum + (all.get(id)?.ticks ?? 0), 0) / ticksPerSecond
}

/**
 * Proportional memory of a process and all below it in bytes: pages that several share are divided among them. What is
 * below `without` does not count.
 */
export function memoryBytes(pid: number, { without }: { without?: number | undefined } = {}): number | undefined {
  if (platform() !== 'linux') return undefined
  const all = processes()
  const left = new Set(without === undefined ? [] : treeOf(without, all))
  const own = (id: number) => {
    try {
      return Number(/^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${id}/smaps_rollup`, 'utf8'))?.[1] ?? 0) * 1024
    } catch {
      return 0
    }
  }
  return treeOf(pid, all)
    .filter((id) => !left.has(id))
    .reduce((sum, id) => sum + own(id), 0)
}

/** Whether a program is on PATH, and what it says of its version. */
export function programVersion(program: string, args: string[]): string | undefined {
  try {
    return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).split('\n')[0]
  } catch (error) {
    // wrk prints its version and ends with 1
    const { code, stdout } = error as { code?: string; stdout?: string }
    return code === 'ENOENT' ? undefined : stdout?.split('\n')[0]
  }
}

export interface Machine {
  cpu: string
  cores: number
  memoryGigabytes: number
  system: string
  node: string
  postgres: string
  generator: string
  pgbench: string | undefined
}

/** What the figures were made on. */
export function describeMachine(about: Pick<Machine, 'postgres' | 'generator' | 'pgbench'>): Machine {
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryGigabytes: Math.round(totalmem() / 2 ** 30),
    system: `${platform()} ${release()}`,
    node: process.version,
    ...about,
  }
}
