import { range } from './figures.ts'
import { describeMachine, type Machine, machineText, type Tools } from './machine.ts'
import { measureNoise, type Noise, noiseLine, requireQuiet } from './noise.ts'

/** Options that all benchmarks share. */
export interface CommonOptions {
  rounds: number
  seconds: number
  quick: boolean
  /** Measures even if the machine is too noisy. */
  noisy: boolean
  tools: Tools
}

/** The conditions under which figures were measured. */
export interface Conditions {
  machine: Machine
  noise: Noise
  rounds: number
  seconds: number
}

/** Measures the noise of the machine. Throws if it is too high for a comparison. */
export async function checkNoise({ noisy }: Pick<CommonOptions, 'noisy'>): Promise<Noise> {
  const noise = await measureNoise()
  process.stderr.write(`  ${noiseLine(noise)}\n`)
  if (!noisy) requireQuiet(noise)
  return noise
}

/** Describes the current conditions. */
export function conditionsOf({ rounds, seconds, tools }: CommonOptions, postgres: string, noise: Noise): Conditions {
  return { machine: describeMachine({ postgres, generator: tools.generator, pgbench: tools.pgbench }), noise, rounds, seconds }
}

/** The conditions as a paragraph, with the amount that was measured and the time of the fixed loop before each round. */
export function conditionsText(
  { machine, noise, rounds, seconds }: Conditions,
  loopMs: number[],
  amount = `${rounds} rounds of ${seconds} s per cell.`,
): string {
  return `${machineText(machine)} ${amount} Noise: ${noiseLine(noise)}; before each round it took ${range(loopMs)} ms.`
}
