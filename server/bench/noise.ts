import { readFileSync } from 'node:fs'
import { platform } from 'node:os'
import { median } from './load.ts'
import { sleep } from './workspace.ts'

/** How steady the machine is. */
export interface Noise {
  /** Milliseconds that a fixed loop took, each time. */
  loopMs: number[]
  /** The share of all cores that others used while the bench waited; undefined outside Linux. */
  others: number | undefined
}

const mostSpread = 0.25
const mostOthers = 0.1

/** Some 20 ms of arithmetic, always the same. */
function hashALot(): number {
  let hash = 2_166_136_261
  for (let i = 0; i < 12_000_000; i++) hash = Math.imul(hash ^ (i & 255), 16_777_619)
  return hash
}

function loopMs(): number {
  const began = performance.now()
  const hash = hashALot()
  const took = performance.now() - began
  // The result is used, so that no compiler removes the work.
  if (hash !== -1_529_981_243) throw new Error('This processor counts differently.')
  return took
}

/** The median of a few loops: how fast the machine is at this moment. */
export function loopNow(times = 5): number {
  return median(Array.from({ length: times }, loopMs))
}

/** Ticks of all cores so far: those in which something ran, or in which the host kept the machine from running, and all. */
function ticks(): { busy: number; all: number } {
  const [user = 0, nice = 0, system = 0, idle = 0, waiting = 0, ...rest] = (/^cpu +(.*)$/m.exec(readFileSync('/proc/stat', 'utf8'))?.[1] ?? '')
    .split(' ')
    .slice(0, 8)
    .map(Number)
  const busy = user + nice + system + rest.reduce((sum, one) => sum + one, 0)
  return { busy, all: busy + idle + waiting }
}

/** Examines the machine for about three seconds. */
export async function measureNoise(): Promise<Noise> {
  loopNow(3)
  const loops = Array.from({ length: 20 }, () => loopNow(1))
  if (platform() !== 'linux') return { loopMs: loops, others: undefined }
  const before = ticks()
  await sleep(2_000)
  const after = ticks()
  return { loopMs: loops, others: (after.busy - before.busy) / Math.max(1, after.all - before.all) }
}

/** The spread of the loops, without the slowest and the fastest tenth, as a share of their median. */
export function spreadOf({ loopMs: loops }: Pick<Noise, 'loopMs'>): number {
  const sorted = [...loops].sort((a, b) => a - b)
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.round((sorted.length - 1) * share))] ?? 0
  return (at(0.9) - at(0.1)) / median(sorted)
}

const percent = (share: number) => `${(share * 100).toFixed(0)} %`

/** The noise in one line. */
export function noiseLine(noise: Noise): string {
  const others = noise.others === undefined ? '' : `; others use ${percent(noise.others)} of the processor`
  return `a fixed loop takes ${median(noise.loopMs).toFixed(1)} ms, and 8 of 10 lie within ${percent(spreadOf(noise))} of each other${others}`
}

/** Throws if figures would say more about the machine's other work than about the server. */
export function requireQuiet(noise: Noise): void {
  if (spreadOf(noise) > mostSpread || (noise.others ?? 0) > mostOthers)
    throw new Error(
      `the machine is too noisy to compare anything: ${noiseLine(noise)}. At most ${percent(mostSpread)} and ${percent(mostOthers)} are tolerable. Wait, or measure all the same with --noisy.`,
    )
}
