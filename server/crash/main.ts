// The crash test: kills the server under load, again and again, and shows that every acknowledged write exists once,
// with exactly one event. Run by `npm run test:crash`.
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import pg from 'pg'
import { poolOptions } from '#foundation/database/database.ts'
import { runningConnection } from '#foundation/database/embedded.ts'
import { acknowledged, type Choices, choices, type Worker, work } from './load.ts'
import { type Payer, payAndRefund } from './money.ts'
import { checkBooks, checkDeliveries, checkExpiries, checkMoney, makeQuietly, replayMoney, retryMoney } from './money-verify.ts'
import { client, kill, postgresProcesses, type Running, runVerify, salt, startServer } from './server.ts'
import { type Sink, startSink } from './sink.ts'
import { checkAcknowledged, checkDatabase, followEvents, learnOutcomes, replaySome, retryUnacknowledged, Violation } from './verify.ts'

const say = (text: string) => process.stdout.write(`${text}\n`)
const sleep = (ms: number) => new Promise((done) => setTimeout(done, ms))

function readOptions(): { rounds: number; seed: number; workers: number } {
  const { values } = parseArgs({
    options: { rounds: { type: 'string', default: '20' }, seed: { type: 'string' }, workers: { type: 'string', default: '48' } },
  })
  const whole = (name: 'rounds' | 'seed' | 'workers', fallback: number) => {
    const value = values[name] ?? String(fallback)
    if (!/^\d{1,9}$/.test(value)) {
      process.stderr.write(`--${name} takes a whole number, not "${value}".\n`)
      process.exit(2)
    }
    return Number(value)
  }
  return { rounds: whole('rounds', 20), seed: whole('seed', process.pid * 7919 + new Date().getMilliseconds()), workers: whole('workers', 48) }
}

/** What is killed: only Hawker (PostgreSQL continues), or PostgreSQL's main process too, or all of it, or PostgreSQL first. */
const ways = ['hawker', 'hawker', 'hawker + postmaster', 'hawker + postgres', 'postmaster first', 'postgres first'] as const

async function killServer(server: Running, directory: string, way: (typeof ways)[number], { below }: Choices): Promise<void> {
  const [postmaster, ...children] = postgresProcesses(directory)
  if (way === 'postmaster first' || way === 'postgres first') {
    kill(postmaster)
    if (way === 'postgres first') children.forEach(kill)
    await sleep(below(30))
    kill(server.child.pid)
  } else {
    kill(server.child.pid)
    if (way !== 'hawker') kill(postmaster)
    if (way === 'hawker + postgres') children.forEach(kill)
  }
  await server.ended
}

/** Restarts immediately; in some rounds twice at the same moment, of which exactly one may win. */
async function restart(directory: string, twice: boolean): Promise<Running> {
  const started = await Promise.all(twice ? [startServer(directory), startServer(directory)] : [startServer(directory)])
  const running = started.filter((one) => 'url' in one)
  const refused = started.filter((one) => 'said' in one)
  const [winner, second] = running
  const wrong = !winner
    ? `the server does not start again: ${refused.map(({ code, said }) => `${code} ${said}`).join('\n')}`
    : second
      ? 'two servers run on one data directory'
      : refused.some(({ code, said }) => code !== 1 || !said.includes('is in use by another Hawker'))
        ? `the second of two starts says: ${refused.map(({ code, said }) => `${code} ${said}`).join('\n')}`
        : undefined
  if (!winner || wrong) {
    for (const { child } of running) kill(child.pid)
    throw new Violation(wrong ?? '')
  }
  return winner
}

interface Run {
  directory: string
  server: Running
  workers: Worker[]
  payers: Payer[]
  sink: Sink
  money: number
  lastEvent: number
  acknowledged: number
  retried: number
  replayed: number
  restarts: number[]
}

async function round(run: Run, number: number, seed: number): Promise<void> {
  const pick = choices(seed)
  const { directory, workers } = run
  for (const worker of [...workers, ...run.payers]) worker.operations = []
  const way = process.platform === 'linux' ? (ways[pick.below(ways.length)] ?? 'hawker') : 'hawker'
  const killAfter = 100 + pick.below(800)
  const twice = pick.chance(0.3)
  const before = client(run.server.url)
  // Each worker makes its own random choices, so that they do not depend on whose response comes first.
  const working = Promise.all([
    ...workers.map((worker, i) => work(worker, number, choices(seed * 1000 + i), before.send)),
    ...run.payers.map((payer, i) => payAndRefund(payer, number, `${run.sink.url}/callback`, choices(seed * 1000 + 500 + i), before.send)),
  ])
  const [done] = await Promise.all([
    working.then(
      () => undefined,
      (error: unknown) => error,
    ),
    sleep(killAfter).then(() => killServer(run.server, directory, way, pick)),
  ])
  before.close()
  if (done) throw new Violation(String(done))
  const acked = workers.reduce((sum, { operations }) => sum + operations.filter(acknowledged).length, 0)

  const began = performance.now()
  run.server = await restart(directory, twice)
  const restartMs = Math.round(performance.now() - began)
  const after = client(run.server.url)
  const { host, port, user, database } = runningConnection(directory)
  const pool = new pg.Pool(poolOptions({ host, port, user, database }, 2, 60_000))
  pool.on('error', () => undefined)
  try {
    const retried = (await retryUnacknowledged(workers, after.send)) + (await retryMoney(run.payers, after.send))
    await learnOutcomes(workers, pool)
    const replayed = (await replaySome(workers, after.send, pick, 40)) + (await replayMoney(run.payers, after.send, pick, 40))
    const money = await checkMoney(run.payers, pool)
    await checkBooks({ host, port, user, database })
    run.lastEvent = await followEvents(after.send, run.lastEvent)
    await checkDatabase(pool)
    await checkAcknowledged(workers, pool)
    run.money += money
    run.acknowledged += acked
    run.retried += retried
    run.replayed += replayed
    run.restarts.push(restartMs)
    say(
      `round ${String(number).padStart(3)}  seed ${seed}  ${String(acked).padStart(5)} acknowledged, ${String(money).padStart(4)} about money  killed after ${String(killAfter).padStart(3)} ms (${way})  ` +
        `restart ${String(restartMs).padStart(4)} ms${twice ? ' (of two at once)' : ''}  ${retried} retried  ${replayed} replayed  ${run.lastEvent} events`,
    )
  } finally {
    await pool.end()
    after.close()
  }
}

/** Registers the merchant's endpoint, and a dead one, which must delay no one. */
async function registerEndpoints(server: Running, sink: Sink): Promise<void> {
  const { send, close } = client(server.url)
  for (const [name, url] of [
    ['Shop', `${sink.url}/events`],
    ['Dead', 'http://127.0.0.1:9/events'],
  ] as const) {
    const answer = await send({
      method: 'POST',
      path: '/v1/webhook-events',
      body: { name, url, ...(name === 'Dead' ? { event_types: ['charge.*', 'payment_request.*'] } : {}) },
    })
    if (answer?.status !== 201) throw new Violation(`the endpoint ${name} was not made: ${answer?.status} ${answer?.text}`)
    if (name === 'Shop') sink.setSalt(JSON.parse(answer.text).salt)
  }
  close()
}

/** After the last round: everything has been delivered, and the command finds nothing. */
async function finish({ directory, sink, server }: Run): Promise<string> {
  const { host, port, user, database } = runningConnection(directory)
  const pool = new pg.Pool(poolOptions({ host, port, user, database }, 2, 60_000))
  try {
    const { send, close } = client(server.url)
    const since = await makeQuietly(send)
    close()
    const { waitedMs, delivered, tries, latencies } = await checkDeliveries(sink, pool, since)
    await checkExpiries(pool)
    const wrong = await runVerify(directory)
    if (wrong !== undefined) throw new Violation(`hawker verify says: ${wrong}`)
    const at = (share: number) => latencies[Math.floor((latencies.length - 1) * share)] ?? 0
    return (
      `${delivered} events delivered in ${tries} tries, ${sink.callbacks.size} callbacks, all signed, the last ${(waitedMs / 1000).toFixed(1)} s after the last round; ` +
      `from a change to the merchant, beside a dead endpoint: p50 ${at(0.5)} ms, p90 ${at(0.9)} ms of ${latencies.length} after the last round; hawker verify finds nothing`
    )
  } finally {
    await pool.end()
  }
}

async function clear(server: Running | undefined, directory: string): Promise<void> {
  server?.child.kill('SIGTERM')
  const late = setTimeout(() => kill(server?.child.pid), 20_000)
  await server?.ended
  clearTimeout(late)
  try {
    for (const pid of postgresProcesses(directory)) kill(pid) // there is a pid file only if the server did not shut down properly
  } catch {}
  rmSync(directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 })
}

async function main(): Promise<number> {
  const { rounds, seed, workers } = readOptions()
  const directory = mkdtempSync(join(tmpdir(), 'hawker-crash-'))
  chmodSync(directory, 0o755)
  let run: Run | undefined
  const interrupted = () => {
    kill(run?.server.child.pid)
    void clear(undefined, directory).then(() => process.exit(130))
  }
  process.once('SIGINT', interrupted)
  process.once('SIGTERM', interrupted)
  const began = performance.now()
  let number = 0
  try {
    const named = Array.from({ length: workers }, (_, i) => ({ name: `w${i}`, owned: [], operations: [], slots: new Map() }))
    const payers = Array.from({ length: Math.ceil(workers / 2) }, (_, i) => ({ name: `p${i}`, bills: [], operations: [] }))
    const sink = await startSink(salt)
    const server = await restart(directory, false)
    run = { directory, server, workers: named, payers, sink, money: 0, lastEvent: 0, acknowledged: 0, retried: 0, replayed: 0, restarts: [] }
    await registerEndpoints(server, sink)
    for (number = 1; number <= rounds; number++) await round(run, number, seed + number - 1)
    const delivered = await finish(run)
    const { restarts } = run
    const sorted = [...restarts].sort((a, b) => a - b)
    say(
      `\n${rounds} rounds in ${((performance.now() - began) / 1000).toFixed(1)} s: ${run.acknowledged} acknowledged writes, each there once with exactly one event; ${run.money} about money, each there once, the books right; ` +
        `${run.retried} retried, ${run.replayed} replayed, ${run.lastEvent} events without a gap; ` +
        `restart ${sorted[Math.floor(sorted.length / 2)] ?? 0} ms in the middle, ${sorted.at(-1) ?? 0} ms at most (seed ${seed})\n${delivered}`,
    )
    return 0
  } catch (error) {
    say(`\nround ${number}  seed ${seed + number - 1}  VIOLATION: ${error instanceof Violation ? error.message : error instanceof Error ? error.stack : error}`)
    say(`Again with the same choices: npm run test:crash -- --seed ${seed} --rounds ${rounds}`)
    return 1
  } finally {
    run?.sink.stop()
    await clear(run?.server, directory)
  }
}

process.exitCode = await main()
