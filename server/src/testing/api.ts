import type { AddressInfo } from 'node:net'
import { Ajv } from 'ajv'
import addFormats from 'ajv-formats'
import { inject } from 'vitest'
import { type App, type AppDeps, createApp } from '#app.ts'
import type { Database } from '#foundation/database/database.ts'
import type { Deps } from '#foundation/deps.ts'
import type { Api } from '#foundation/http/api.ts'
import { createLog, createMetrics } from '#foundation/http/observability.ts'
import type { Business } from '#foundation/shared/business.ts'
import { randomHex } from '#foundation/shared/ids.ts'
import { createApiKey, createBusiness } from '#resources/business/businesses/create-business.ts'
import { openApiFile } from '#serve.ts'
import { type BusinessTestClock, type TestClock, testClock } from './clock.ts'
import { testDatabase } from './database.ts'

/** A real server on a real port over the worker's database. */
export interface TestServer {
  app: App
  url: string
  database: Database
  clock: TestClock
  /** Everything that the server logged, as text. */
  log(): string
}

export const testSecretKey = Buffer.alloc(32, 7)

type Checker = (operationId: string, status: number, body: string | undefined) => void
type Validate = ((value: unknown) => boolean) & { errors?: unknown }

let checker: Checker | undefined

/** Checks responses against the OpenAPI document of the routes: one strict shape, in every test. A schema is compiled when its operation first responds. */
function answerChecker(): Checker {
  const document = JSON.parse(inject('openApi')) as { components: object; paths: Record<string, Record<string, { operationId: string; responses: object }>> }
  const ajv = new Ajv({ strict: false, allErrors: true })
  addFormats.default(ajv)
  const closed = (schema: unknown): unknown => {
    if (Array.isArray(schema)) return schema.map(closed)
    if (typeof schema !== 'object' || schema === null) return schema
    const out = Object.fromEntries(Object.entries(schema).map(([name, inner]) => [name, name === '$ref' ? `document${inner}` : closed(inner)]))
    // A response may have no field that the document does not know.
    if ('properties' in out && !('additionalProperties' in out)) out.additionalProperties = false
    return out
  }
  ajv.addSchema({ $id: 'document', ...(closed({ components: document.components }) as object) })
  const schemas = new Map<string, object>()
  for (const operation of Object.values(document.paths).flatMap((item) => Object.values(item))) {
    for (const [status, response] of Object.entries(operation.responses) as [string, { content?: Record<string, { schema: object }> }][]) {
      const schema = response.content?.['application/json']?.schema
      if (schema) schemas.set(`${operation.operationId} ${status}`, schema)
    }
  }
  const compiled = new Map<string, Validate>()
  return (operationId, status, body) => {
    const name = `${operationId} ${status}`
    if (body === undefined) {
      if (status !== 204 && status !== 304) throw new Error(`${operationId} answers ${status} without a body`)
      return
    }
    const schema = schemas.get(name)
    if (!schema) throw new Error(`${operationId} answers ${status}, which openapi.json does not know`)
    let check = compiled.get(name)
    if (!check) {
      check = ajv.compile(closed(schema) as object)
      compiled.set(name, check)
    }
    if (!check(JSON.parse(body))) throw new Error(`${name} does not fit its schema: ${JSON.stringify(check.errors)}`)
  }
}

/** One for all servers of a worker. */
function theChecker(): Checker {
  checker ??= answerChecker()
  return checker
}

/** Starts a server of its own; `testServer` shares one. */
export async function startTestServer(
  database: Database,
  config: Partial<Parameters<typeof createApp>[0]['config']> = {},
  { routes, ...more }: Partial<Pick<AppDeps, 'rails' | 'onEvent' | 'metrics' | 'checkAnswer'>> & { routes?: (api: Api, deps: Deps) => void } = {},
): Promise<TestServer> {
  const clock = testClock()
  let written = ''
  const log = createLog('info', {
    write(line) {
      written += line
    },
  })
  let url = ''
  const app = await createApp({
    config: { publicUrl: undefined, rateLimit: 0, groupCommitAcrossBusinesses: true, ...config },
    database,
    log,
    metrics: createMetrics(),
    clock,
    baseUrl: () => url,
    secretKey: () => testSecretKey,
    openApiFile: openApiFile(),
    checkAnswer: theChecker(),
    ...more,
  })
  routes?.(app, app.payments)
  await app.fastify.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.fastify.server.address() as AddressInfo
  url = `http://127.0.0.1:${port}`
  return { app, url, database, clock, log: () => written }
}

let shared: Promise<TestServer> | undefined

/** The worker's server; each test brings its own business. */
export function testServer(): Promise<TestServer> {
  shared ??= testDatabase().then((database) => startTestServer(database))
  return shared
}

/** A response, parsed. */
export interface Reply {
  status: number
  headers: Headers
  text: string
  // biome-ignore lint/suspicious/noExplicitAny: tests read answers freely; their shape is checked by the server
  json: any
}

export interface RequestOptions {
  headers?: Record<string, string>
  /** Sent as JSON. */
  body?: unknown
  /** Sent as form. */
  form?: string | URLSearchParams
  /** Sent unchanged. */
  raw?: { body: string | Buffer | FormData; type?: string }
}

/** A business with a key, and requests on its behalf. */
export interface Client {
  business: Business
  key: string
  salt: string
  server: TestServer
  /** The business's clock. */
  clock: BusinessTestClock
  request(method: string, path: string, options?: RequestOptions): Promise<Reply>
  get(path: string, options?: RequestOptions): Promise<Reply>
  post(path: string, body?: unknown, options?: RequestOptions): Promise<Reply>
  put(path: string, body?: unknown, options?: RequestOptions): Promise<Reply>
  patch(path: string, body?: unknown, options?: RequestOptions): Promise<Reply>
  delete(path: string, options?: RequestOptions): Promise<Reply>
}

/** A new business on the worker's server (or on `on`): the isolation that every test has. */
export async function aBusiness(about: Partial<Omit<Business, 'id'>> = {}, on?: TestServer): Promise<Client> {
  const server = on ?? (await testServer())
  const at = new Date()
  const { business, key, salt } = await server.database.db.transaction().execute(async (tx) => {
    const made = await createBusiness(tx, at, { name: 'Test business', slug: `test-${randomHex(4)}`, ...about })
    return { business: made, ...(await createApiKey(tx, made, { name: 'Test', secretKey: testSecretKey, at })) }
  })
  const request = (method: string, path: string, options: RequestOptions = {}) =>
    send(server, method, path, { ...options, headers: { 'x-business-api-key': key, ...options.headers } })
  return {
    business,
    key,
    salt,
    server,
    clock: server.clock.of(business),
    request,
    get: (path, options) => request('GET', path, options),
    post: (path, body, options) => request('POST', path, { body, ...options }),
    put: (path, body, options) => request('PUT', path, { body, ...options }),
    patch: (path, body, options) => request('PATCH', path, { body, ...options }),
    delete: (path, options) => request('DELETE', path, options),
  }
}

/** A request without a business. */
export async function send(server: TestServer, method: string, path: string, { headers = {}, body, form, raw }: RequestOptions = {}): Promise<Reply> {
  const init: RequestInit = { method, headers: { ...headers } }
  const set = (type: string, content: RequestInit['body']) => {
    init.headers = { 'content-type': type, ...headers }
    init.body = content as NonNullable<RequestInit['body']>
  }
  if (raw) {
    if (raw.type) set(raw.type, raw.body as string)
    else init.body = raw.body as string
  } else if (form !== undefined) set('application/x-www-form-urlencoded', String(form))
  else if (body !== undefined) set('application/json', JSON.stringify(body))
  const response = await fetch(`${server.url}${path}`, { ...init, redirect: 'manual' })
  const text = await response.text()
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    json = undefined
  }
  return { status: response.status, headers: response.headers, text, json }
}

/** A valid customer body, with a test's changes. */
export function customerBody(more: Record<string, unknown> = {}): Record<string, unknown> {
  return { email: `${randomHex(6)}@example.com`, phone_number: '91234567', ...more }
}

/** Every event of a business, in order. */
export async function eventsOf(client: Client): Promise<Record<string, unknown>[]> {
  const all: Record<string, unknown>[] = []
  for (let after = '0'; ; ) {
    const { json } = await client.get(`/v1/events?per_page=100&after=${after}`)
    all.push(...json.data)
    after = json.meta.next_cursor
    if (!json.meta.has_more) return all
  }
}
