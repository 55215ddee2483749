import { readFileSync } from 'node:fs'
import { platform } from 'node:os'
import { median } from './load.ts'
import { sleep } from './workspace.ts'

/** How noisy the machine is. */
export interface Noise {
  /** Milliseconds that a fixed loop took, once per run of the loop. */
  loopMs: number[]
  /** Share of all cores that other processes used while the benchmark idled; undefined outside Linux. */
  others: number | undefined
}

const mostSpread = 0.25
const mostOthers = 0.1

/** A fixed amount of arithmetic, about 20 ms. */
function hashALot(): number {
  let hash = 2_166_136_261
  for (let i = 0; i < 12_000_000; i++) hash = Math.imul(hash ^ (i & 255), 16_777_619)
  return hash
}

function loopMs(): number {
  const began = performance.now()
  const hash = hashALot()
  const took = performance.now() - began
  // The result is used so that the loop cannot be optimised away.
  if (hash !== -1_529_981_243) throw new Error('The fixed loop has a wrong result.')
  return took
}

/** The median of a few loops: the current speed of the machine. */
export function loopNow(times = 5): number {
  return median(Array.from({ length: times }, loopMs))
}

/** Ticks of all cores so far: busy ones (including steal) and all. */
function ticks(): { busy: number; all: number } {
  const [user = 0, nice = 0, system = 0, idle = 0, waiting = 0, ...rest] = (/^cpu +(.*)$/m.exec(readFileSync('/proc/stat', 'utf8'))?.[1] ?? '')
    .split(' ')
    .slice(0, 8)
    .map(Number)
  const busy = user + nice + system + rest.reduce((sum, one) => sum + one, 0)
  return { busy, all: busy + idle + waiting }
}

/** Measures the noise for about three seconds. */
export async function measureNoise(): Promise<Noise> {
  loopNow(3)
  const loops = Array.from({ length: 20 }, () => loopNow(1))
  if (platform() !== 'linux') return { loopMs: loops, others: undefined }
  const before = ticks()
  await sleep(2_000)
  const after = ticks()
  return { loopMs: loops, others: (after.busy - before.busy) / Math.max(1, after.all - before.all) }
}

/** The spread of the loop times between the 10th and 90th percentile, relative to their median. */
export function spreadOf({ loopMs: loops }: Pick<Noise, 'loopMs'>): number {
  const sorted = [...loops].sort((a, b) => a - b)
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.round((sorted.length - 1) * share))] ?? 0
  return (at(0.9) - at(0.1)) / median(sorted)
}

const percent = (share: number) => `${(share * 100).toFixed(0)} %`

/** The noise as a sentence. */
export function noiseLine(noise: Noise): string {
  const others = noise.others === undefined ? '' : `; other processes use ${percent(noise.others)} of the CPU`
  return `a fixed loop takes ${median(noise.loopMs).toFixed(1)} ms, 80 % of its runs within ${percent(spreadOf(noise))}${others}`
}

/** Throws if the machine is too noisy for a comparison. */
export function requireQuiet(noise: Noise): void {
  if (spreadOf(noise) > mostSpread || (noise.others ?? 0) > mostOthers)
    throw new Error(
      `the machine is too noisy to compare anything: ${noiseLine(noise)}. The limits are ${percent(mostSpread)} and ${percent(mostOthers)}. Try again later, or use --noisy.`,
    )
}
