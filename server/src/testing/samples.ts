import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Client } from './api.ts'

type Maker = (client: Client, operationId: string) => string | Promise<string>
type Body = (client: Client) => Record<string, unknown> | Promise<Record<string, unknown>>

/** A resource's input for the rules that hold for every route: `samples.ts` next to its `routes.ts` exports one of these. */
export interface Samples {
  /** For each path parameter, how a test gets an object of a business for it. */
  makers?: Record<string, Maker>
  /** For each operation with a body, a valid one. */
  bodies?: Record<string, Body>
  /** Operations whose responses do not show what was sent. */
  actions?: readonly string[]
}

/** The samples of all resources together. Throws when two resources give a sample of one name. */
export async function allSamples(): Promise<{ makers: Map<string, Maker>; bodies: Map<string, Body>; actions: Set<string> }> {
  const folder = new URL('../resources/', import.meta.url)
  const files = readdirSync(fileURLToPath(folder), { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('samples.ts'))
  const all = { makers: new Map<string, Maker>(), bodies: new Map<string, Body>(), actions: new Set<string>() }
  const add = <Value>(to: Map<string, Value>, entries: Record<string, Value> = {}) => {
    for (const [name, value] of Object.entries(entries)) {
      if (to.has(name)) throw new Error(`two resources give a sample of ${name}`)
      to.set(name, value)
    }
  }
  for (const file of files.sort()) {
    const { samples } = (await import(new URL(file.replaceAll('\\', '/'), folder).href)) as { samples: Samples }
    add(all.makers, samples.makers)
    add(all.bodies, samples.bodies)
    for (const action of samples.actions ?? []) all.actions.add(action)
  }
  return all
}
