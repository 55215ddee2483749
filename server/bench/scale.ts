import { Agent, request } from 'node:http'
import { type CommonOptions, type Conditions, checkNoise, conditionsOf, conditionsText } from './conditions.ts'
import { idOf, loadCustomers, type Population, pageAfter, population } from './customers.ts'
import { type Goal, goalOf, goalsTable, short, table } from './figures.ts'
import { type Load, loadOf, median } from './load.ts'
import { loopNow } from './noise.ts'
import type { Report } from './page.ts'
import { familyNames, givenNames, personOf, rareNames } from './people.ts'
import { drawGrowth } from './plots/growth.ts'
import { type Cluster, databaseUrl, freeBytes, type HawkerProcess, openLoader, startCluster, startHawker } from './servers.ts'
import type { Workspace } from './workspace.ts'

export interface ScaleOptions extends Omit<CommonOptions, 'seconds'> {
  rows: number[]
  /** Requests of each kind in a round. */
  requests: number
}

export interface ScaleFigures {
  conditions: Conditions
  loopMs: number[]
  rows: number[]
  requests: number
  /** The results of each kind by number of rows, one per round. */
  kinds: Record<string, Record<number, Load[]>>
}

interface Size {
  people: Population
  hawker: HawkerProcess
  /** Email addresses of random customers. */
  emails: string[]
}

type Kind = (size: Size) => string

const agent = new Agent({ keepAlive: true, maxSockets: 1 })
const bytesPerRow = 1500

const any = <Value>(values: readonly Value[]): Value => values[Math.floor(Math.random() * values.length)] as Value
const anyNumber = ({ people }: Size) => 1 + Math.floor(Math.random() * people.rows)
const digits = (count: number) => String(Math.floor(Math.random() * 10 ** count)).padStart(count, '0')
const search = (keywords: string) => `/v1/customers?per_page=10&keywords=${encodeURIComponent(keywords)}`

/** A page in the oldest tenth: an offset to it would read almost everything. */
function deepPage({ people }: Size): string {
  return pageAfter(people, 26 + Math.floor(Math.random() * (people.rows / 10 - 26)), 25)
}

const kinds: Record<string, Kind> = {
  get: (size) => `/v1/customers/${idOf(size.people, anyNumber(size))}`,
  'first page of 25': () => '/v1/customers?per_page=25',
  'deep cursor page of 25': deepPage,
  'exact e-mail': ({ emails }) => `/v1/customers?email=${encodeURIComponent(any(emails))}`,
}

const searches: Record<string, Kind> = {
  'three letters, selective': () => search(any(rareNames).slice(0, 3)),
  'three letters, common': () => search(any(['tan', 'lim', 'lee', 'sit', 'ahm', 'nur', 'wei'])),
  'three letters, in between': () => search(any(['oph', 'hja', 'oko', 'zhu', 'yvo', 'vil', 'xav'])),
  'full name, rare': () => search(`${any(givenNames.slice(-10))} ${any(familyNames.slice(-12))}`),
  'part of an e-mail': ({ emails }) => search(any(emails).split('@')[0] ?? ''),
  'last four phone digits': () => search(digits(4)),
  'whole phone number': () => search(`9${digits(7)}`),
  'two letters': () => search(any(['ta', 'li', 'xa', 'zu', 'pr', 'hj'])),
  'two letters, no word': () => search(any(['qq', 'zx', 'vq', 'wq'])),
  'no match': () => search(any(['qwzxv', 'zzyyxx', 'nobody-here', 'xqj'])),
  'Tamil or Thai': () => search(any(['கவிதா', 'முருகன்', 'สมชาย', 'อรุณี', 'ใจดี', 'நாயர்'])),
}

function ask(url: string, apiKey: string, body?: string): Promise<number> {
  const began = performance.now()
  return new Promise((done, fail) => {
    const headers = { 'x-business-api-key': apiKey, ...(body ? { 'content-type': 'application/json' } : {}) }
    const sent = request(url, { agent, headers, method: body ? 'POST' : 'GET', timeout: 60_000 }, (answer) => {
      answer.resume()
      answer.once('end', () => {
        if (answer.statusCode && answer.statusCode < 300) done(performance.now() - began)
        else fail(new Error(`${new URL(url).pathname} was answered with ${answer.statusCode}.`))
      })
    })
    sent.once('error', fail)
    sent.end(body)
  })
}

/** Loads one size into a database of its own and starts a server on it. */
async function prepareSize(workspace: Workspace, cluster: Cluster, rows: number): Promise<Size> {
  const name = `rows_${rows}`
  await cluster.copy(name)
  const people = population(cluster.businessId, cluster.otherBusinessId, rows)
  const loader = await openLoader(cluster, name)
  const began = performance.now()
  await loadCustomers(loader, people)
  const numbers = Array.from({ length: 200 }, () => 1 + Math.floor(Math.random() * rows))
  const { rows: found } = await loader.query<{ email: string }>('select email from customers where business_id = $1 and id = any($2)', [
    people.businessId,
    numbers.map((number) => idOf(people, number)),
  ])
  await loader.end()
  process.stderr.write(`  ${rows} rows loaded in ${((performance.now() - began) / 1000).toFixed(0)} s\n`)
  const hawker = await startHawker(workspace, name, { apiKey: cluster.apiKey, environment: { DATABASE_URL: databaseUrl(cluster, name), LOG_LEVEL: 'warn' } })
  // Some rows that were created one by one: a search also reads what the trigram index has not merged yet.
  for (let i = 0; i < 100; i++) {
    const { email, phone } = personOf(rows + i)
    await ask(
      `${hawker.url}/v1/customers`,
      cluster.apiKey,
      JSON.stringify({ name: 'Recent Customer', email, phone_number: phone, phone_number_country_code: '65' }),
    )
  }
  return { people, hawker, emails: found.map(({ email }) => email) }
}

async function measureKind(size: Size, kind: Kind, apiKey: string, requests: number): Promise<Load> {
  const took: number[] = []
  for (let i = -5; i < requests; i++) {
    const milliseconds = await ask(size.hawker.url + kind(size), apiKey)
    if (i >= 0) took.push(milliseconds)
  }
  return loadOf(took, took.reduce((sum, one) => sum + one, 0) / 1000)
}

async function measure(sizes: Size[], apiKey: string, { rounds, requests }: ScaleOptions): Promise<Pick<ScaleFigures, 'kinds' | 'loopMs'>> {
  const figures: ScaleFigures['kinds'] = {}
  const loopMs: number[] = []
  for (let round = 1; round <= rounds; round++) {
    loopMs.push(loopNow())
    for (const [name, kind] of Object.entries({ ...kinds, ...searches })) {
      const bySize = (figures[name] ??= {})
      for (const size of sizes) (bySize[size.people.rows] ??= []).push(await measureKind(size, kind, apiKey, requests))
    }
    process.stderr.write(`  round ${round} of ${rounds}\n`)
  }
  return { kinds: figures, loopMs }
}

function requireSpace(workspace: Workspace, rows: number[]): void {
  const needed = rows.reduce((sum, count) => sum + count * bytesPerRow, 5e9)
  const free = freeBytes(workspace.folder)
  if (free < needed)
    throw new Error(`${(needed / 1e9).toFixed(0)} GB are needed in ${workspace.folder}, and ${(free / 1e9).toFixed(0)} GB are free; set HAWKER_BENCH_DIR.`)
}

/** Measures how responses slow down as the rows of one business grow. */
export async function measureScale(workspace: Workspace, options: ScaleOptions): Promise<ScaleFigures> {
  const noise = await checkNoise(options)
  const rows = [...options.rows].sort((a, b) => a - b)
  requireSpace(workspace, rows)
  const cluster = await startCluster(workspace, { max_parallel_maintenance_workers: '2' })
  const sizes: Size[] = []
  for (const count of rows) sizes.push(await prepareSize(workspace, cluster, count))
  workspace.atEnd(() => agent.destroy())
  const figures = await measure(sizes, cluster.apiKey, options)
  const tools = { ...options.tools, generator: 'one connection', pgbench: undefined }
  return { ...figures, conditions: conditionsOf({ ...options, tools, seconds: 0 }, cluster.version, noise), rows, requests: options.requests }
}

const p50 = (loads: Load[]) => median(loads.map((load) => load.p50Ms))
const p99 = (loads: Load[]) => median(loads.map((load) => load.p99Ms))
const count = (rows: number) => rows.toLocaleString('en')

function figuresTable({ kinds: figures, rows }: ScaleFigures): string {
  return table([
    ['p50 / p99 in ms', ...rows.map((size) => `${count(size)} rows`)],
    ...Object.entries(figures).map(([name, bySize]) => [name, ...rows.map((size) => `${short(p50(bySize[size] ?? []))} / ${short(p99(bySize[size] ?? []))}`)]),
  ])
}

function goalsOf({ kinds: figures, rows }: ScaleFigures): Goal[] {
  const [smallest = 0] = rows
  const largest = rows.at(-1) ?? 0
  const growth = (name: string) => (figures[name]?.[largest] ?? []).map((load, i) => load.p50Ms / (figures[name]?.[smallest]?.[i]?.p50Ms ?? Number.NaN))
  const slowest = (name: string) => (figures[name]?.[largest] ?? []).map((load) => load.p99Ms)
  return [
    ...Object.keys(kinds).map((name) => goalOf(`${name}, p50 at ${count(largest)} ÷ ${count(smallest)} rows`, 1.2, growth(name), { floor: 1.5 })),
    ...Object.keys(searches).map((name) => goalOf(`${name}, p99 at ${count(largest)} rows`, searchGoalMs, slowest(name), { floor: 50, unit: ' ms' })),
  ]
}

const searchGoalMs = 25

/** The report of growth. */
export function reportScale(figures: ScaleFigures): Report {
  const { conditions, loopMs, kinds: all, rows, requests } = figures
  const panels = Object.entries(all).map(([name, bySize]) => ({
    name,
    points: rows.map((size) => ({ rows: size, p50Ms: p50(bySize[size] ?? []), p99Ms: p99(bySize[size] ?? []) })),
    ...(name in searches ? { goalMs: searchGoalMs } : {}),
  }))
  return {
    parts: {
      'scale conditions': conditionsText(conditions, loopMs, `${conditions.rounds} rounds of ${requests} requests of each kind, one after the other.`),
      'scale goals': goalsTable(goalsOf(figures)),
      'scale figures': figuresTable(figures),
    },
    drawings: { growth: (theme) => drawGrowth(theme, 'Answers as the customers of one business grow, one connection', panels) },
  }
}
