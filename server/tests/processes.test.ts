import { connect } from 'node:net'
import { afterAll, describe, expect, test } from 'vitest'
import { fakeMerchant } from '#testing/fake-merchant.ts'
import { ask, keepSending, postOf, type Tally } from './keep-sending.ts'
import { clearAll, createCustomer, type Hawker, hawker, key, newFolder, postgresOf } from './process.ts'

afterAll(clearAll)

const sleep = (ms: number) => new Promise((done) => setTimeout(done, ms))
const headers = { 'x-business-api-key': key, 'content-type': 'application/json' }

/** A `hawker start` of two processes that log every request. */
async function several(more: Record<string, string> = {}): Promise<{ one: Hawker; url: string; port: number; directory: string }> {
  const directory = newFolder('data')
  const environment = { HAWKER_DATA_DIR: directory, HAWKER_API_KEY: key, HAWKER_PROCESSES: '2', LOG_LEVEL: 'info', ...more }
  const one = hawker(['start'], { environment })
  const url = await one.ready()
  return { one, url, port: Number(new URL(url).port), directory }
}

const linesOf = (one: Hawker) =>
  one
    .out()
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as { pid: number; message: string })

/** The processes that answered requests, as the log names them. */
const serving = (one: Hawker) => [...new Set(linesOf(one).flatMap(({ pid, message }) => (message === 'request' ? [pid] : [])))]

/** One request over a connection of its own; connections go to the processes in turn. */
async function createAnew(port: number, label: string): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  const answer = await ask(socket, postOf(label))
  socket.destroy()
  return typeof answer === 'string' ? answer : answer.cut
}

async function lastSequence(url: string): Promise<number> {
  let last = 0
  for (;;) {
    const page = (await (await fetch(`${url}/v1/events?after=${last}&per_page=100`, { headers })).json()) as { data: { sequence: number }[] }
    if (page.data.length === 0) return last
    last = page.data.at(-1)?.sequence ?? last
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

/** Waits until something is so, and does something again and again meanwhile. */
async function until(isSo: () => boolean, meanwhile: () => unknown = () => undefined): Promise<void> {
  for (const end = performance.now() + 20_000; !isSo(); await sleep(20)) {
    if (performance.now() > end) throw new Error('it did not come to that')
    await meanwhile()
  }
}

describe('two API processes', () => {
  test('two API processes both serve, their webhooks are delivered, and metrics and the rate limit cover both', async () => {
    const { one, url, port } = await several({ HAWKER_RATE_LIMIT: '60' })
    const shop = await fakeMerchant({ status: 200 })
    await fetch(`${url}/v1/webhook-events`, { method: 'POST', headers, body: JSON.stringify({ name: 'Shop', url: shop.url }) })
    for (let i = 0; i < 8; i++) expect(await createAnew(port, `both-${i}`)).toMatch(/^HTTP\/1.1 201/)
    await shop.got(8, 20_000)
    await until(() => serving(one).length === 2)
    expect(serving(one)).not.toContain(one.pid)

    const metrics = await (await fetch(`${url}/metrics`)).text()
    expect(metrics).toMatch(/hawker_http_request_duration_seconds_count\{method="POST",route="\/v1\/customers",status="201"\} 8\n/)
    expect(metrics).toMatch(/\nhawker_webhook_deliveries_succeeded_total 8\n/)
    expect(metrics).toMatch(/\nhawker_events_pending 0\n/)

    let made = 0
    while ((await createAnew(port, `limit-${made}`)).startsWith('HTTP/1.1 201')) {
      made += 1
      await sleep(20)
    }
    // 60 less those above; what the other process counted is heard of a fifth of a second later.
    expect(made).toBeGreaterThanOrEqual(51)
    expect(made).toBeLessThan(70)
    expect(await one.stop()).toBe(0)
    await shop.stop()
  }, 60_000)

  test('SIGHUP under load replaces every process without refusing a connection, and SIGTERM cuts no request', async () => {
    const { one, url, port, directory } = await several()
    const tally: Tally = { answered: 0, refused: 0, closed: 0, cut: [] }
    let isOver = false
    const clients = Array.from({ length: 16 }, (_, i) => keepSending(port, `c${i}`, tally, () => isOver, { reconnects: i % 2 === 0 }))
    await until(() => serving(one).length === 2)
    const before = serving(one)
    one.child.kill('SIGHUP')
    await one.until('every process was replaced')
    expect(before.filter(isAlive)).toEqual([])
    await until(() => serving(one).length === 4)
    expect(tally).toMatchObject({ refused: 0, cut: [] })

    const code = await one.stop('SIGTERM')
    isOver = true
    await Promise.all(clients)
    expect(tally.cut).toEqual([])
    expect([code, one.err()]).toEqual([0, ''])
    expect(serving(one).filter(isAlive)).toEqual([])
    expect(postgresOf(directory)).toEqual([])

    // And every response was true.
    const again = hawker(['start'], { environment: { HAWKER_DATA_DIR: directory, HAWKER_API_KEY: key } })
    expect(await lastSequence(await again.ready())).toBe(tally.answered)
    await again.stop()
    expect(url).not.toBe('')
  }, 90_000)

  test('a killed process is replaced, and no answered write is lost', async () => {
    const { one, url, port } = await several()
    const tally: Tally = { answered: 0, refused: 0, closed: 0, cut: [] }
    let isOver = false
    const clients = Array.from({ length: 12 }, (_, i) => keepSending(port, `k${i}`, tally, () => isOver))
    await until(() => serving(one).length === 2)
    const [victim = 0] = serving(one)
    process.kill(victim, 'SIGKILL')
    await one.until('a process ended unexpectedly')
    // Clients that keep their connections stay where they are; new connections reach the new process.
    await until(
      () => serving(one).length === 3,
      async () => {
        await createAnew(port, 'anew')
        tally.answered += 1
      },
    )
    isOver = true
    await Promise.all(clients)
    expect(tally.refused).toBe(0)
    // Only those that were with the victim, one request each.
    expect(tally.cut.length).toBeLessThanOrEqual(12)
    const last = await lastSequence(url)
    expect(last).toBeGreaterThanOrEqual(tally.answered)
    expect(last).toBeLessThanOrEqual(tally.answered + tally.cut.length)
    expect(await one.stop()).toBe(0)
  }, 60_000)

  test('when the first process is killed, the others end, and the next start works', async () => {
    const { one, port, directory } = await several()
    for (let i = 0; i < 4; i++) await createAnew(port, `gone-${i}`)
    await until(() => serving(one).length === 2)
    const pids = serving(one)
    await one.stop('SIGKILL')
    await until(() => !pids.some(isAlive))
    const again = hawker(['start'], { environment: { HAWKER_DATA_DIR: directory, HAWKER_API_KEY: key } })
    expect((await createCustomer(await again.ready())).status).toBe(201)
    expect(await again.stop()).toBe(0)
  }, 60_000)
})
