import { EventEmitter } from 'node:events'
import { connect } from 'node:net'
import { gzipSync } from 'node:zlib'
import { expect, onTestFinished, test } from 'vitest'
import { openDatabase } from '#foundation/database/database.ts'
import { restartWaitMs } from '#foundation/database/keep-embedded.ts'
import { aBusiness, type Client, customerBody, startTestServer } from '#testing/api.ts'
import { cloneDatabase, testDatabase } from '#testing/database.ts'
import { lastResort } from './last-resort.ts'
import { createLog } from './observability.ts'

const { email, phone_number } = customerBody() as Record<string, string>
const boundary = 'x7x'
const multipart = `--${boundary}\r\ncontent-disposition: form-data; name="email"\r\n\r\n${email}\r\n--${boundary}\r\ncontent-disposition: form-data; name="f"; filename="a.png"\r\ncontent-type: image/png\r\n\r\n\x89PNG\r\n--${boundary}--\r\n`

const bodies: [type: string | undefined, body: Buffer, encoding?: string][] = [
  ['application/json', Buffer.from(JSON.stringify({ email, phone_number, metadata: { 'a"\u{1f600}': '\\' } }))],
  ['application/json', gzipSync(JSON.stringify({ email, phone_number })), 'gzip'],
  ['application/json; charset=utf-16le', Buffer.from(JSON.stringify({ email }), 'utf16le')],
  ['application/x-www-form-urlencoded', Buffer.from(`email=${email}&metadata[a][b]=%E9%20&phone_number=${phone_number}&a[]=1`)],
  [`multipart/form-data; boundary=${boundary}`, Buffer.from(multipart, 'latin1')],
  ['multipart/form-data', Buffer.from(multipart, 'latin1')],
  ['text/plain', Buffer.from('hello')],
  [undefined, Buffer.from('{"email":"a@example.com"}')],
]

/** Sends a request as bytes; resolves to the status, or undefined if the connection ends without one. `declared` is the length that it announces. */
function exchange(
  { server, key }: Client,
  path: string,
  [type, , encoding]: (typeof bodies)[number],
  sent: Buffer,
  declared = sent.length,
): Promise<number | undefined> {
  return new Promise((done) => {
    const { port } = new URL(server.url)
    const socket = connect(Number(port), '127.0.0.1')
    let text = ''
    socket.on('error', () => undefined)
    socket.on('data', (data) => {
      text += data
      socket.end()
    })
    socket.on('close', () => done(text === '' ? undefined : Number(text.split(' ')[1])))
    const headers = [`POST ${path} HTTP/1.1`, 'host: localhost', 'connection: close', `x-business-api-key: ${key}`, `content-length: ${declared}`]
    if (type) headers.push(`content-type: ${type}`)
    if (encoding) headers.push(`content-encoding: ${encoding}`)
    socket.write(`${headers.join('\r\n')}\r\n\r\n`)
    socket.write(sent, () => {
      if (declared > sent.length) socket.destroy()
    })
  })
}

const paths = ['/v1/customers', '/v1/payment-requests', '/v1/customers/import', '/healthz', '/nowhere', '/sandbox/tokens']

test('a body of any content type that is cut at any byte, complete or with its connection, is answered or dropped, and leaves nothing', async () => {
  const database = await testDatabase()
  const server = await startTestServer(database)
  onTestFinished(() => server.app.fastify.close())
  const client = await aBusiness({}, server)
  const statuses = new Set<number | undefined>()
  for (const path of paths) {
    for (const body of bodies) {
      const [, bytes] = body
      // Every byte on the first path; on the others, where the same parsers run, every ninth.
      const step = path === paths[0] ? 1 : 9
      const cuts = Array.from({ length: Math.ceil(bytes.length / step) }, (_, i) => i * step)
      for (let i = 0; i < cuts.length; i += 40) {
        const some = cuts.slice(i, i + 40)
        for (const status of await Promise.all(some.map((cut) => exchange(client, path, body, bytes.subarray(0, cut))))) statuses.add(status)
        await Promise.all(some.filter((cut) => cut % 5 === 0).map((cut) => exchange(client, path, body, bytes.subarray(0, cut), bytes.length)))
      }
    }
  }
  expect([...statuses].filter((status) => status === undefined || status >= 500)).toEqual([])
  expect((await fetch(`${server.url}/healthz`)).status).toBe(200)
  // What is whole was stored; what is cut never has both fields.
  const { json } = await client.get('/v1/customers?per_page=100')
  for (const one of json.data) expect([one.email, one.phone_number ?? phone_number]).toEqual([email, phone_number])
  // An upload that its client gave up is no error of the server.
  expect(
    server
      .log()
      .split('\n')
      .filter((line) => line.includes('"level":"error"') || line.includes('request failed')),
  ).toEqual([])
}, 60_000)

test('a request that an uncaught error has left without a response gets a 500, a finished one is left alone, and too many errors end the process', async () => {
  const process = new EventEmitter()
  let givenUp = 0
  const server = await startTestServer(
    await testDatabase(),
    {},
    {
      routes: ({ fastify }) => {
        fastify.get('/never', () => new Promise(() => undefined))
        fastify.get('/soon', () => 'answered')
      },
    },
  )
  onTestFinished(() => server.app.fastify.close())
  const lines: string[] = []
  const log = createLog('info', { write: (line) => void lines.push(line) })
  const forget = lastResort(server.app.fastify.openRequests, { log, giveUp: () => (givenUp += 1), survives: 2, from: process, waitMs: 50 })
  const never = fetch(`${server.url}/never`)
  expect(await (await fetch(`${server.url}/soon`)).text()).toBe('answered')
  await expect.poll(() => server.app.fastify.openRequests.size).toBe(1)
  process.emit('uncaughtException', new Error('thrown'))
  const { status } = await never
  expect(status).toBe(500)
  expect(lines.join('')).toContain('"open_requests":1')
  await expect.poll(() => server.app.fastify.openRequests.size).toBe(0)
  expect(givenUp).toBe(0)
  for (let i = 0; i < 3; i++) process.emit('unhandledRejection', new Error('rejected'))
  expect(givenUp).toBe(1)
  forget()
  expect(process.eventNames()).toEqual([])
})

test('a full disk is named in the answer and by /readyz, and nothing is written', async () => {
  const connection = await cloneDatabase()
  const database = openDatabase(connection, { connections: 4 })
  onTestFinished(() => database.close())
  const server = await startTestServer(database)
  onTestFinished(() => server.app.fastify.close())
  const client = await aBusiness({}, server)
  expect((await fetch(`${server.url}/readyz`)).status).toBe(200)
  await database.pool.query(`
    create function hawker.full_disk() returns trigger language plpgsql as $$ begin raise exception 'No space left on device' using errcode = '53100'; end $$;
    create trigger full_disk before insert on hawker.customers execute function hawker.full_disk()`)
  const refused = await client.post('/v1/customers', customerBody(), { headers: { 'idempotency-key': 'full' } })
  expect([refused.status, refused.json.code, refused.headers.get('retry-after')]).toEqual([503, 'disk_full', '30'])
  expect(refused.json.message).toBe('The disk of the database is full, so nothing was written. Free some space, then try again.')
  const ready = await fetch(`${server.url}/readyz`)
  expect([ready.status, await ready.json()]).toEqual([503, { status: 'disk full' }])
  await database.pool.query('drop trigger full_disk on hawker.customers')
  expect((await client.post('/v1/customers', customerBody(), { headers: { 'idempotency-key': 'full' } })).status).toBe(201)
})

test('a server that ends soon after its start waits twice as long each time, up to half a minute', () => {
  expect([0, 1, 2, 3, 6, 7, 100].map(restartWaitMs)).toEqual([0, 500, 1_000, 2_000, 16_000, 30_000, 30_000])
})
