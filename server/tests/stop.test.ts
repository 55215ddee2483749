import { existsSync, readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { fakeMerchant } from '#testing/fake-merchant.ts'
import { ask, keepSending, postOf, type Tally } from './keep-sending.ts'
import { clearAll, createCustomer, hawker, key, newFolder, postgresOf } from './process.ts'

afterAll(clearAll)

const sleep = (ms: number) => new Promise((done) => setTimeout(done, ms))

/** Whether something takes connections on a port. */
function isTaken(port: number): Promise<boolean> {
  return new Promise((done) => {
    const probe = connect(port, '127.0.0.1', () => {
      probe.destroy()
      done(true)
    })
    probe.once('error', () => done(false))
  })
}

describe('stopping', () => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    test(`${signal} under load cuts no request, exits with 0 and stops PostgreSQL`, async () => {
      const directory = newFolder('data')
      const one = hawker(['start'], { environment: { HAWKER_DATA_DIR: directory, HAWKER_API_KEY: key } })
      const port = Number(new URL(await one.ready()).port)
      const tally: Tally = { answered: 0, refused: 0, closed: 0, cut: [] }
      let over = false
      const clients = Array.from({ length: 24 }, (_, i) => keepSending(port, `c${i}`, tally, () => over))
      // A browser opens connections ahead of need, and an idle client keeps its own: neither delays the end.
      const silent = connect(port, '127.0.0.1').on('error', () => undefined)
      await fetch(`http://127.0.0.1:${port}/healthz`)
      await sleep(300)
      while (tally.answered === 0) await sleep(20)
      const began = performance.now()
      const code = await one.stop(signal)
      const milliseconds = performance.now() - began
      over = true
      await Promise.all(clients)
      silent.destroy()
      expect(tally.cut).toEqual([])
      expect(tally.refused).toBe(24)
      expect(code).toBe(0)
      expect(milliseconds).toBeLessThan(8_000)
      expect(one.err()).toBe('')
      expect(postgresOf(directory)).toEqual([])
      expect(existsSync(join(directory, 'postgres/postmaster.pid'))).toBe(false)
      expect(existsSync(join(directory, 'hawker.lock'))).toBe(false)

      // And every response was true.
      const again = hawker(['start'], { environment: { HAWKER_DATA_DIR: directory, HAWKER_API_KEY: key } })
      const url = await again.ready()
      const events = await (await fetch(`${url}/v1/events?after=${tally.answered - 1}`, { headers: { 'x-business-api-key': key } })).json()
      expect(events).toMatchObject({ data: [{ sequence: tally.answered }], meta: { has_more: false } })
      await again.stop()
    }, 60_000)
  }

  test('requests in one packet are all answered before the connection is closed', async () => {
    const one = hawker(['start'], { environment: { HAWKER_DATA_DIR: newFolder('data'), HAWKER_API_KEY: key } })
    const port = Number(new URL(await one.ready()).port)
    const socket = connect(port, '127.0.0.1')
    await ask(socket, postOf('first'))
    const stopped = one.stop()
    // From then on answers close their connections.
    while (await isTaken(port)) await sleep(5)
    await sleep(20)
    let heard = ''
    socket.on('data', (part) => {
      heard += part
    })
    const closed = new Promise((done) => socket.once('close', done))
    socket.write(postOf('second') + postOf('third') + postOf('fourth'))
    await closed
    expect(heard.match(/HTTP\/1\.1 201/g)).toHaveLength(3)
    expect(heard.match(/connection: close/gi)).toHaveLength(1)
    expect(await stopped).toBe(0)
  }, 60_000)

  test('a signal during the first start leaves nothing running, and the next start works', async () => {
    const directory = newFolder('data')
    const one = hawker(['start'], { environment: { HAWKER_DATA_DIR: directory, HAWKER_API_KEY: key } })
    for (let waited = 0; !existsSync(join(directory, 'postgres.new')) && waited < 5_000; waited += 5) await sleep(5)
    expect(await one.stop('SIGINT')).toBe(0)
    expect(one.out()).toBe('')
    expect(postgresOf(directory)).toEqual([])
    expect(existsSync(join(directory, 'hawker.lock'))).toBe(false)

    const killed = hawker(['start'], { environment: { HAWKER_DATA_DIR: directory, HAWKER_API_KEY: key } })
    await sleep(350)
    await killed.stop('SIGKILL')
    const again = hawker(['start'], { environment: { HAWKER_DATA_DIR: directory, HAWKER_API_KEY: key } })
    expect((await createCustomer(await again.ready())).status).toBe(201)
    expect(await again.stop()).toBe(0)
  }, 60_000)

  test.runIf(process.platform === 'linux')(
    'a killed PostgreSQL is started again; meanwhile requests get a 503 with Retry-After, and what was acknowledged is there afterwards',
    async () => {
      const directory = newFolder('data')
      const one = hawker(['start'], { environment: { HAWKER_DATA_DIR: directory, HAWKER_API_KEY: key } })
      const url = await one.ready()
      const { id } = (await (await createCustomer(url)).json()) as { id: string }
      for (let round = 0; round < 2; round++) {
        process.kill(postgresOf(directory)[0] ?? 0, 'SIGKILL')
        const answers: Response[] = []
        await expect
          .poll(
            async () => {
              const answer = await createCustomer(url)
              answers.push(answer)
              return answer.status
            },
            { timeout: 30_000, interval: 20 },
          )
          .toBe(201)
        const refused = answers.filter(({ status }) => status !== 201)
        for (const answer of refused) expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '2'])
        expect((await fetch(`${url}/healthz`)).status).toBe(200)
      }
      expect(one.err()).toBe('')
      expect(one.out()).toContain('the embedded PostgreSQL stopped unexpectedly; it is started again')
      const found = await fetch(`${url}/v1/customers/${id}`, { headers: { 'x-business-api-key': key } })
      expect(found.status).toBe(200)
      expect(await one.stop()).toBe(0)
      expect(postgresOf(directory)).toEqual([])
      expect(readFileSync(join(directory, 'postgres.log'), 'utf8')).not.toContain('jsmith')
    },
    60_000,
  )
})

test('a webhook in flight when the process was killed is sent by the next start, not when its lease ends', async () => {
  const directory = newFolder('data')
  const environment = { HAWKER_DATA_DIR: directory, HAWKER_API_KEY: key }
  const shop = await fakeMerchant('hang')
  try {
    const first = hawker(['start'], { environment })
    const url = await first.ready()
    const headers = { 'x-business-api-key': key, 'content-type': 'application/json' }
    await fetch(`${url}/v1/webhook-events`, { method: 'POST', headers, body: JSON.stringify({ name: 'Shop', url: shop.url }) })
    await createCustomer(url)
    await shop.got(1, 10_000)
    await first.stop('SIGKILL')
    shop.answer({ status: 200 })
    const second = hawker(['start'], { environment })
    await second.ready()
    // A lease is a minute long.
    await shop.got(2, 30_000)
    expect(shop.received[1]?.headers['webhook-id']).toBe(shop.received[0]?.headers['webhook-id'])
    await second.stop()
  } finally {
    await shop.stop()
  }
}, 60_000)
