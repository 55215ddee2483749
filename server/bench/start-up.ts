import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Goal, goalOf, goalsTable, range, table } from './figures.ts'
import { runTraffic } from './generator.ts'
import { median } from './load.ts'
import { proportionalBytes, residentBytes, type Tools } from './machine.ts'
import type { Report } from './page.ts'
import { makePaymentRequest, sandboxPayment } from './payment-requests.ts'
import { commandFlags, type HawkerProcess, hawkerProgram, startHawker } from './servers.ts'
import { finish, sleep, type Workspace } from './workspace.ts'

/** Memory of a running `hawker start` in megabytes. */
export interface Memory {
  node: number
  postgres: number
}

/** The program's start, its help and its memory. */
export interface StartUp {
  /** Milliseconds from the start of the process to the first answer, on an empty data directory and on an existing one. */
  firstMs: number[]
  laterMs: number[]
  /** Milliseconds until a command has printed its help and exited. */
  helpMs: Record<string, number[]>
  atRest: Memory | undefined
  /** Peak while customers are created, read and listed and payments are made. */
  underLoad: Memory | undefined
}

export interface StartUpOptions {
  times: number
  restSeconds: number
  seconds: number
  tools: Tools
}

const commands = ['start', 'api', 'worker', 'migrate', 'keys', 'businesses', 'listen', 'verify', 'doctor', 'pay', 'trigger']

/** The API key of the first business. */
const apiKey = `test_${'0'.repeat(64)}`

function memoryOf(pid: number, postmaster: number): Memory | undefined {
  const [node, postgres] = [residentBytes(pid, { without: postmaster }), proportionalBytes(postmaster)]
  return node === undefined || postgres === undefined ? undefined : { node: node / 2 ** 20, postgres: postgres / 2 ** 20 }
}

/** Processes items, 64 at a time. */
async function inParallel<Item>(items: Item[], act: (item: Item) => Promise<void>): Promise<void> {
  const waiting = [...items]
  const work = async () => {
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) await act(next)
  }
  await Promise.all(Array.from({ length: 64 }, work))
}

/** The load of the benchmarks in short: each operation in turn, at 64 connections. */
async function loadAll(workspace: Workspace, { url }: HawkerProcess, { seconds, tools }: StartUpOptions): Promise<void> {
  const traffic = { url, apiKey, connections: 64, seconds }
  await runTraffic(workspace, traffic, tools)
  const answer = await fetch(`${url}/v1/customers?per_page=100`, { headers: { 'x-business-api-key': apiKey } })
  const { data } = (await answer.json()) as { data: { id: string }[] }
  await runTraffic(workspace, { ...traffic, paths: data.map(({ id }) => `/v1/customers/${id}`) }, tools)
  await runTraffic(workspace, { ...traffic, paths: ['/v1/customers?per_page=25'] }, tools)
  const merchant = { apiKey }
  const ids: string[] = []
  await inParallel(Array.from({ length: 500 * seconds }), async () => void ids.push(await makePaymentRequest(url, merchant, 'paynow_online')))
  await inParallel(ids, async (id) => {
    const { path, headers, body } = sandboxPayment({ id, merchant })
    const paid = await fetch(url + path, { method: 'POST', headers, body })
    if (!paid.ok) throw new Error(`A payment was refused: ${paid.status} ${await paid.text()}`)
    await paid.arrayBuffer()
  })
}

/** Peak memory while something runs. */
async function mostMemory(look: () => Memory | undefined, run: () => Promise<void>): Promise<Memory | undefined> {
  let most: Memory | undefined
  const sum = (memory: Memory | undefined) => (memory ? memory.node + memory.postgres : 0)
  const timer = setInterval(() => {
    const memory = look()
    if (sum(memory) > sum(most)) most = memory
  }, 250)
  await run().finally(() => clearInterval(timer))
  return most
}

async function measureHelp(workspace: Workspace, times: number): Promise<Record<string, number[]>> {
  const took: Record<string, number[]> = {}
  for (let i = 0; i < times; i++) {
    for (const command of commands) {
      const began = performance.now()
      const child = workspace.start(process.execPath, [...commandFlags(), hawkerProgram, command, '--help'], { stdio: ['ignore', 'pipe', 'pipe'] })
      await finish(child, 20)
      took[command] = [...(took[command] ?? []), performance.now() - began]
    }
  }
  return took
}

/** Starts the program on an empty data directory and again on the same one, repeatedly. The last instance is measured at rest and under load. */
export async function measureStartUp(workspace: Workspace, options: StartUpOptions): Promise<StartUp> {
  const { times, restSeconds } = options
  const figures: StartUp = { firstMs: [], laterMs: [], helpMs: await measureHelp(workspace, times), atRest: undefined, underLoad: undefined }
  for (let i = 0; i < times; i++) {
    const folder = join(workspace.folder, `start-${i}`)
    mkdirSync(folder)
    const how = { apiKey, environment: { HAWKER_DATA_DIR: folder, HAWKER_API_KEY: apiKey } }
    const first = await startHawker(workspace, `start-${i}`, how)
    figures.firstMs.push(first.firstAnswerMs)
    await first.stop()
    const later = await startHawker(workspace, `start-${i}`, how)
    figures.laterMs.push(later.firstAnswerMs)
    if (i === times - 1) {
      await sleep(restSeconds * 1000)
      const postmaster = Number(readFileSync(join(folder, 'postgres', 'postmaster.pid'), 'utf8').split('\n')[0])
      const look = () => memoryOf(later.pid, postmaster)
      figures.atRest = look()
      figures.underLoad = await mostMemory(look, () => loadAll(workspace, later, options))
    }
    await later.stop()
  }
  return figures
}

function goalsOf({ firstMs, laterMs, helpMs, atRest, underLoad }: StartUp): Goal[] {
  const together = (memory: StartUp['atRest']) => (memory ? [memory.node + memory.postgres] : [])
  const help = Object.values(helpMs).map((values) => median(values))
  return [
    goalOf('first answer, first start ever', 1300, firstMs, { unit: ' ms' }),
    goalOf('first answer, later start', 350, laterMs, { unit: ' ms' }),
    goalOf('`--help` of the slowest command', 150, help.length > 0 ? [Math.max(...help)] : [], { unit: ' ms' }),
    goalOf('memory of Node.js and PostgreSQL at rest', 130, together(atRest), { unit: ' MB' }),
    goalOf('memory of Node.js and PostgreSQL under load', 220, together(underLoad), { unit: ' MB' }),
  ]
}

function figuresTable({ firstMs, laterMs, helpMs, atRest, underLoad }: StartUp): string {
  const memory = (name: string, of: StartUp['atRest']) => [name, of ? `${range([of.node])} + ${range([of.postgres])} MB` : '–']
  return table([
    ['', 'median (range)'],
    ['first answer, first start ever', `${range(firstMs)} ms`],
    ['first answer, later start', `${range(laterMs)} ms`],
    ...Object.entries(helpMs).map(([command, values]) => [`\`hawker ${command} --help\``, `${range(values)} ms`]),
    memory('memory at rest, Node.js + PostgreSQL', atRest),
    memory('the most under load, Node.js + PostgreSQL', underLoad),
  ])
}

/** The report of start and memory. */
export const reportStartUp = (figures: StartUp): Report => ({
  parts: { 'start goals': goalsTable(goalsOf(figures)), 'start figures': figuresTable(figures) },
  drawings: {},
})
