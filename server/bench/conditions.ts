import { range } from './figures.ts'
import { describeMachine, type Machine, machineText, type Tools } from './machine.ts'
import { measureNoise, type Noise, noiseLine, requireQuiet } from './noise.ts'

/** The options of every benchmark. */
export interface CommonOptions {
  rounds: number
  seconds: number
  quick: boolean
  /** Also measures on a machine that is too noisy. */
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

/** Examines the machine, and throws if its figures would be worthless. */
export async function lookAround({ noisy }: Pick<CommonOptions, 'noisy'>): Promise<Noise> {
  const noise = await measureNoise()
  process.stderr.write(`  ${noiseLine(noise)}\n`)
  if (!noisy) requireQuiet(noise)
  return noise
}

/** The conditions at the time of the measurement. */
export function conditionsOf({ rounds, seconds, tools }: CommonOptions, postgres: string, noise: Noise): Conditions {
  return { machine: describeMachine({ postgres, generator: tools.generator, pgbench: tools.pgbench }), noise, rounds, seconds }
}

/** The conditions in a paragraph, with how much was measured, and how long the fixed loop took before each round. */
export function conditionsText({ machine, noise, rounds, seconds }: Conditions, loopMs: number[], amount = `${rounds} rounds of ${seconds} s a cell.`): string {
  return `${machineText(machine)} ${amount} Noise: ${noiseLine(noise)}; before each round it took ${range(loopMs)} ms.`
}
