import { readFileSync } from 'node:fs'
import { expect, onTestFinished, test } from 'vitest'
import { aBusiness, type Client, startTestServer, type TestServer } from '#testing/api.ts'
import { testDatabase } from '#testing/database.ts'
import { type FuzzReport, fuzz } from '#testing/fuzz/fuzz.ts'
import { type FuzzOperation, shots } from '#testing/fuzz/shots.ts'
import type { FuzzSchema } from '#testing/fuzz/values.ts'
import { allSamples } from '#testing/samples.ts'

// `npm run fuzz -- --requests N --seed S` sets both.
const requests = Number(process.env['HAWKER_FUZZ_REQUESTS'] ?? 2_000)
const seed = Number(process.env['HAWKER_FUZZ_SEED'] ?? 1)
/** What a request may take on a slow machine, on average. */
const patienceMs = 60_000 + requests * 30

interface Document {
  paths: Record<
    string,
    Record<string, { operationId: string; parameters?: FuzzOperation['parameters']; requestBody?: { content: Record<string, { schema: FuzzSchema }> } }>
  >
  components: { schemas: Record<string, FuzzSchema> }
}
const document: Document = JSON.parse(readFileSync(new URL('../../openapi.json', import.meta.url), 'utf8'))
const schemas = new Map(Object.entries(document.components.schemas))
const { makers, bodies } = await allSamples()

/** A text that only the other business has. */
const secret = 'Zq7 Warung'
const text: FuzzSchema = { type: 'string' }
/** What pages and their forms read, none of which openapi.json describes. */
const pageQuery = ['lang', 'method', 'amount', 'embed', 'attempt', 'v', 'reference', 'status', 'outcome', 'width'].map((name) => ({
  name,
  in: 'query',
  schema: text,
}))
const pageBody: FuzzSchema = {
  type: 'object',
  properties: Object.fromEntries(
    ['amount', 'exact_amount', 'name', 'purpose', 'email', 'method', 'token', 'code', 'outcome', 'card', 'number', 'expiry', 'cvc'].map((name) => [name, text]),
  ),
}

/** Every route of a server, as `GET /v1/customers/{customer_id}`; Fastify prints them as a tree. */
function routesOf({ app }: TestServer): string[] {
  const parents: string[] = []
  return app.fastify
    .printRoutes({ commonPrefix: false })
    .split('\n')
    .flatMap((line) => {
      const at = line.indexOf('── ')
      if (at < 0) return []
      const [, own = '', methods = ''] = /^(.*?)(?: \((.*)\))?$/.exec(line.slice(at + 3)) ?? []
      const depth = (at - 1) / 4
      parents.length = depth
      parents[depth] = own
      const path = parents.join('').replaceAll(/:(\w+)(\|:\w+)*/g, '{$1}')
      return methods === '' ? [] : methods.split(', ').map((method) => `${method} ${path}`)
    })
}

async function operationsOf(server: TestServer, client: Client): Promise<FuzzOperation[]> {
  const documented = await Promise.all(
    Object.entries(document.paths).flatMap(([path, item]) =>
      Object.entries(item).map(
        async ([method, { operationId, parameters = [], requestBody }]): Promise<FuzzOperation> => ({
          method: method.toUpperCase(),
          path,
          parameters,
          body: Object.values(requestBody?.content ?? {})[0]?.schema,
          sample: await bodies.get(operationId)?.(client),
        }),
      ),
    ),
  )
  const known = new Set(documented.map(({ method, path }) => `${method} ${path}`))
  const others = routesOf(server).filter((route) => !known.has(route) && !route.startsWith('HEAD '))
  return [
    ...documented,
    ...others.map((route): FuzzOperation => {
      const [method = '', path = ''] = route.split(' ')
      return { method, path, parameters: pageQuery, body: method === 'GET' ? undefined : pageBody, sample: undefined }
    }),
  ]
}

/** Two objects of each kind of the caller, and one of the other business. */
async function idsOf(client: Client, other: Client): Promise<Map<string, string[]>> {
  const operationId = 'getCustomer'
  const ids = new Map<string, string[]>()
  for (const [name, make] of makers) ids.set(name, [await make(client, operationId), await make(client, operationId), await make(other, operationId)])
  const request = (await client.post('/v1/payment-requests', { amount: '12.50', currency: 'sgd' })).json
  const paid = (await client.post(`/v1/sandbox/payment-requests/${request.id}/pay`, { method: 'card' })).json
  const receipt = String((await client.get(`/v1/charges/${paid.payment_id}`)).json.receipt_url ?? '')
  return new Map([
    ...ids,
    ['slug', [client.business.slug, other.business.slug]],
    ['id', [...(ids.get('request_id') ?? ids.get('payment_request_id') ?? []), request.id, client.business.id]],
    ['business_id', [client.business.id]],
    ['token', [receipt.split('/').at(-1) ?? '']],
    ['rail', ['stripe', 'simulator']],
    ['adapter', ['hawker', 'json']],
    ['folder', ['light', 'dark']],
    ['file', ['card.svg', 'card.png']],
  ])
}

async function fuzzed(
  server: TestServer,
  options: { requests: number; seed: number; only?: string; slowMs?: number; onProgress?: (sent: number) => void },
): Promise<FuzzReport> {
  const client = await aBusiness({}, server)
  const other = await aBusiness({}, server)
  await other.post('/v1/customers', { email: 'zq7@example.com', phone_number: '91234567', name: secret })
  const operations = (await operationsOf(server, client)).filter(({ path }) => options.only === undefined || path === options.only)
  const { port } = new URL(server.url)
  const callers = { key: client.key, others: [`test_${'0'.repeat(64)}`, 'x', `Bearer ${client.key}`] }
  return fuzz(shots(operations, await idsOf(client, other), schemas, callers), {
    ...options,
    port: Number(port),
    secrets: [secret, 'zq7@example.com', client.salt, other.salt],
  })
}

/** Requests that one server gets; a longer run starts another one, with new businesses. */
const requestsOfServer = 50_000

async function fuzzServer(count: number, from: number): Promise<{ statuses: ReadonlyMap<number, number>; sent: number; slowestMs: number }> {
  const server = await startTestServer(await testDatabase())
  try {
    const { findings, ...figures } = await fuzzed(server, { requests: count, seed: from })
    const errors = server
      .log()
      .split('\n')
      .filter((line) => /"level":"(error|fatal)"/.test(line))
    expect({ findings, errors: errors.slice(0, 10) }).toEqual({ findings: [], errors: [] })
    expect((await fetch(`${server.url}/healthz`)).status).toBe(200)
    return figures
  } finally {
    await server.app.fastify.close()
  }
}

test(
  'generated requests of every kind are answered within two seconds, as documented, without a server error and without a leak',
  async () => {
    const statuses = new Map<number, number>()
    let sent = 0
    let slowestMs = 0
    for (let from = 0; from < requests; from += requestsOfServer) {
      const figures = await fuzzServer(Math.min(requestsOfServer, requests - from), seed + from)
      sent += figures.sent
      slowestMs = Math.max(slowestMs, figures.slowestMs)
      for (const [status, count] of figures.statuses) statuses.set(status, (statuses.get(status) ?? 0) + count)
      if (process.env['HAWKER_FUZZ_REQUESTS'])
        process.stderr.write(`${JSON.stringify({ sent, seed, slowest_ms: Math.round(slowestMs), statuses: Object.fromEntries([...statuses].sort()) })}\n`)
    }
    expect(sent).toBeGreaterThanOrEqual(requests)
    // The requests reach what they are meant for.
    const share = (first: number) =>
      [...statuses].filter(([status]) => status >= first && status < first + 100).reduce((sum, [, count]) => sum + count, 0) / sent
    expect(share(200)).toBeGreaterThan(0.2)
    expect([400, 401, 404, 405, 409, 415, 422].filter((status) => !statuses.has(status))).toEqual([])
  },
  patienceMs,
)

test('a route that fails, waits, answers no JSON or shows its inside is found, with the smallest request that causes it', async () => {
  const faults: Record<string, (reply: { type: (type: string) => { send: (text: string) => void }; send: (body: object) => void }) => unknown> = {
    fails: () => {
      throw new Error('broken')
    },
    waits: (reply) => setTimeout(() => reply.send({}), 400),
    says: (reply) => reply.type('text/plain').send('no JSON'),
    shows: (reply) => reply.send({ message: 'TypeError: x\n    at work (file:///srv/app.js:1:2)' }),
    tells: (reply) => reply.send({ name: secret }),
  }
  const server = await startTestServer(
    await testDatabase(),
    {},
    {
      routes: (api) => {
        for (const [name, answer] of Object.entries(faults)) {
          api.fastify.get(`/v1/broken/${name}`, (request, reply) => {
            if (!Object.hasOwn(request.query as object, 'lang')) return reply.send({})
            answer(reply as never)
            return reply
          })
        }
      },
    },
  )
  onTestFinished(() => server.app.fastify.close())
  const found = await Promise.all(
    Object.keys(faults).map(async (name) => {
      const { findings } = await fuzzed(server, { requests: 80, seed: 7, only: `/v1/broken/${name}`, slowMs: 300 })
      return [name, findings.map(({ kind }) => kind), (findings[0]?.request ?? '').split(' HTTP')[0]]
    }),
  )
  expect(found).toEqual([
    ['fails', ['server error'], expect.stringMatching(/^GET \/v1\/broken\/fails\?lang=1?$/)],
    ['waits', ['slow'], expect.any(String)],
    ['says', ['not JSON'], expect.any(String)],
    ['shows', ['leak'], expect.any(String)],
    ['tells', ['leak'], expect.any(String)],
  ])
}, 60_000)
