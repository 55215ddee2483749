import { mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { SourceMap } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Database } from '#foundation/database/database.ts'
import { idOf, loadCustomers, pageAfter, population } from './customers.ts'
import { measureBacklog } from './deliveries.ts'
import { runTraffic } from './generator.ts'
import { findTools } from './machine.ts'
import { pay, paymentsPerSecond, preparePaying } from './paying.ts'
import { resetPayments } from './payment-requests.ts'
import { prepareDelivering } from './payments.ts'
import { databaseUrl, openLoader, startCluster, startHawker } from './servers.ts'
import type { Workspace } from './workspace.ts'

const startMicroseconds = 1_500_000

interface CpuProfile {
  nodes: { id: number; callFrame: { functionName: string; url: string; lineNumber: number; columnNumber: number } }[]
  samples: number[]
  timeDeltas: number[]
}

/** The source file and name of a position in the bundled program. */
function sourceMap(): SourceMap {
  return new SourceMap(JSON.parse(readFileSync(fileURLToPath(new URL('./main.js.map', import.meta.url)), 'utf8')))
}

function sourceOf(map: SourceMap, line: number, column: number): string {
  const entry = map.findEntry(line, column)
  const source: string | undefined = 'originalSource' in entry ? entry.originalSource : undefined
  return (source ?? '').replace(/^(?:.*\.\.\/)+/, '').replace(/^.*\/(?=(?:node_modules|server)\/)/, '')
}

/** The place of a function: a package, a file of ours, or Node itself. */
const areaOf = (where: string) => /^node_modules\/(?:@[^/]+\/)?[^/]+/.exec(where)?.[0] ?? (where.startsWith('node:') || where === '' ? 'Node.js' : where)

/** Shares of the busy time by function and by package or file, without the start of the program. */
function shares(file: string, limit: number): { functions: string[]; areas: string[] } {
  const { nodes, samples, timeDeltas } = JSON.parse(readFileSync(file, 'utf8')) as CpuProfile
  const map = sourceMap()
  const names = new Map(
    nodes.map(({ id, callFrame: { functionName, url, lineNumber, columnNumber } }) => {
      const where = url.endsWith('/dist/main.js') ? sourceOf(map, lineNumber, columnNumber) : url.replace(/^.*\/node_modules\//, 'node_modules/')
      return [id, { name: `${functionName || '(anonymous)'}  ${where}`.trim(), area: /^\(.*\)$/.test(functionName) && !where ? functionName : areaOf(where) }]
    }),
  )
  const functions = new Map<string, number>()
  const areas = new Map<string, number>()
  let passed = 0
  let busy = 0
  samples.forEach((id, i) => {
    const spent = timeDeltas[i] ?? 0
    passed += spent
    const { name, area } = names.get(id) ?? { name: '?', area: '?' }
    if (passed < startMicroseconds || name === '(idle)') return
    busy += spent
    functions.set(name, (functions.get(name) ?? 0) + spent)
    areas.set(area, (areas.get(area) ?? 0) + spent)
  })
  const top = (spent: Map<string, number>) =>
    [...spent]
      .sort(([, a], [, b]) => b - a)
      .slice(0, limit)
      .map(([name, time]) => `  ${((time / busy) * 100).toFixed(1).padStart(8)} %  ${name}`)
  return { functions: top(functions), areas: top(areas) }
}

/** Runs the server under V8's profiler at 64 connections and prints the functions with the most time of their own. */
export async function profile(workspace: Workspace, { rows, seconds }: { rows: number; seconds: number }): Promise<void> {
  const cluster = await startCluster(workspace)
  const people = population(cluster.businessId, cluster.otherBusinessId, rows)
  const loader = await openLoader(cluster, 'postgres')
  await loadCustomers(loader, people)
  await loader.end()
  const tools = findTools(undefined)
  const numbers = Array.from({ length: 2000 }, () => 30 + Math.floor(Math.random() * (rows - 30)))
  const paths = {
    create: undefined,
    get: numbers.map((number) => `/v1/customers/${idOf(people, number)}`),
    list: numbers.map((number) => pageAfter(people, number, 25)),
  }
  for (const operation of ['create', 'get', 'list'] as const) {
    await cluster.copy(operation)
    const folder = join(workspace.folder, `profile-${operation}`)
    mkdirSync(folder)
    const hawker = await startHawker(workspace, operation, {
      apiKey: cluster.apiKey,
      environment: { DATABASE_URL: databaseUrl(cluster, operation) },
      nodeArguments: ['--cpu-prof', '--cpu-prof-dir', folder],
    })
    const wanted = paths[operation]
    const traffic = { url: hawker.url, apiKey: cluster.apiKey, connections: 64, seconds, ...(wanted ? { paths: wanted } : {}) }
    const { perSecond } = await runTraffic(workspace, traffic, tools)
    await hawker.stop()
    report(operation, perSecond, folder)
  }
}

function report(name: string, perSecond: number, folder: string): void {
  const [file] = readdirSync(folder)
  process.stdout.write(`\n  ${name}: ${perSecond.toFixed(0)} requests/s under the profiler\n\n`)
  if (!file) return
  const { functions, areas } = shares(join(folder, file), 40)
  process.stdout.write(`${functions.join('\n')}\n\n  ${name}, by package or file\n\n${areas.slice(0, 30).join('\n')}\n`)
}

/** PostgreSQL's time by statement, for each request or delivery. */
async function reportStatements({ pool }: Database, requests: number): Promise<void> {
  const { rows } = await pool.query<{ calls: number; took: number; text: string }>(
    `select calls::int, total_exec_time + total_plan_time as took, left(regexp_replace(query, '\\s+', ' ', 'g'), 90) as text
    from pg_stat_statements order by took desc limit 15`,
  )
  const lines = rows.map(
    ({ calls, took, text }) => `  ${((took / requests) * 1000).toFixed(1).padStart(8)} µs each  ${String(calls).padStart(7)} calls  ${text}`,
  )
  process.stdout.write(`\n  by statement\n\n${lines.join('\n')}\n`)
}

const countingStatements = { shared_preload_libraries: 'pg_stat_statements', 'pg_stat_statements.track_planning': 'on' }

/** The same for the deliveries of a backlog. */
export async function profileDelivering(workspace: Workspace, events: number): Promise<void> {
  const cluster = await startCluster(workspace, countingStatements)
  const folder = join(workspace.folder, 'profile-deliver')
  mkdirSync(folder)
  const { delivering } = await prepareDelivering(workspace, cluster, 1, ['--cpu-prof', '--cpu-prof-dir', folder])
  const { database, hawker } = delivering
  await database.pool.query('create extension pg_stat_statements')
  await measureBacklog(delivering, events)
  await database.pool.query('select pg_stat_statements_reset()')
  const { perSecond, nodeCpuMs, postgresCpuMs } = await measureBacklog(delivering, events)
  process.stdout.write(`\n  CPU ms of each: Node.js ${nodeCpuMs?.toFixed(3)}, PostgreSQL ${postgresCpuMs?.toFixed(3)}\n`)
  await reportStatements(database, events)
  await hawker.stop()
  report('deliver', perSecond, folder)
}

/** The same for payments by one of the ways. */
export async function profilePaying(workspace: Workspace, seconds: number, name: string): Promise<void> {
  const cluster = await startCluster(workspace, countingStatements)
  const folder = join(workspace.folder, 'profile-settle')
  mkdirSync(folder)
  const nodeArguments = ['--cpu-prof', '--cpu-prof-dir', folder]
  const warmUp = 16_000
  const requests = warmUp + paymentsPerSecond * seconds
  const paying = await preparePaying(workspace, cluster, { names: [name], recorded: [], requests, nodeArguments })
  const { hawker, database, ways } = paying
  const [way] = ways
  if (!way) throw new Error('There is no payment request.')
  await database.pool.query('create extension pg_stat_statements')
  const how = { connections: 64, tools: findTools(undefined) }
  await resetPayments(database, way.prepared)
  await pay(workspace, paying, way, { ...how, seconds: 2 })
  await database.pool.query('select pg_stat_statements_reset()')
  const { perSecond, requests: paid, nodeCpuMs, postgresCpuMs } = await pay(workspace, paying, way, { ...how, seconds, from: warmUp })
  process.stdout.write(`\n  CPU ms of each: Node.js ${nodeCpuMs?.toFixed(3)}, PostgreSQL ${postgresCpuMs?.toFixed(3)}\n`)
  await reportStatements(database, paid)
  await hawker.stop()
  report(name, perSecond, folder)
}
