import { readFileSync } from 'node:fs'
import { describe, expect, onTestFinished, test } from 'vitest'
import { openDatabase } from '#foundation/database/database.ts'
import { randomHex } from '#foundation/shared/ids.ts'
import { aBusiness, customerBody, send, startTestServer, testServer } from '#testing/api.ts'
import { cloneDatabase, testDatabase } from '#testing/database.ts'
import { describeError } from './observability.ts'

async function ownServer() {
  const server = await startTestServer(await testDatabase())
  onTestFinished(() => server.app.fastify.close())
  return server
}

describe('the log', () => {
  test('the log never contains a secret or personal data, wherever it was sent', async () => {
    const server = await ownServer()
    const client = await aBusiness({}, server)
    const canary = `canary${randomHex(6)}`
    const email = `${canary}@example.com`
    const all = {
      name: `${canary} name`,
      email,
      phone_number: `9${canary}`.slice(0, 32),
      remark: canary,
      gender: canary,
      external_id: `${canary}-ext`,
      birth_date: '2001-02-03',
      address: { city: canary, state: canary, street: canary, postal_code: canary, country: 'SG' },
      metadata: { [canary]: canary },
    }
    const made = await client.post('/v1/customers', all)
    expect(made.status).toBe(201)
    const headers = {
      'idempotency-key': canary,
      'if-match': `"${canary}"`,
      authorization: `Bearer ${canary}`,
      cookie: `session=${canary}`,
      'user-agent': canary,
      referer: `https://${canary}.example`,
      'x-forwarded-for': canary,
    }
    const query = Object.entries({
      keywords: canary,
      email,
      phone_number: canary,
      external_id: canary,
      'metadata[x]': canary,
      created_from: canary,
      cursor: canary,
      'order_by[name]': canary,
    })
    await client.post('/v1/customers', all) // an external id that is in use
    await client.post('/v1/customers', all, { headers })
    await client.post('/v1/customers', { ...all, email: canary, birth_date: canary, metadata: { [canary.repeat(9)]: [canary] } })
    await client.post('/v1/customers', undefined, { raw: { body: `{"name":"${canary}`, type: 'application/json' } })
    await client.post('/v1/customers', undefined, { raw: { body: canary, type: `text/${canary}` } })
    await client.post('/v1/customers', undefined, { form: `name=${canary}&${`a${'[b]'.repeat(40)}`}=${canary}` })
    await client.patch(`/v1/customers/ext:${canary}-ext`, { name: `${canary} two` }, { headers })
    await client.patch(`/v1/customers/ext:${canary}-ext`, { name: `${canary} two` })
    for (const [name, value] of query) await client.get(`/v1/customers?${name}=${value}`)
    for (const path of [
      `/v1/customers/${canary}`,
      `/v1/customers/ext:${canary}`,
      `/${canary}`,
      `/v1/customers/%zz${canary}`,
      `/v1/events?type=${canary}`,
      `/v1/events?after=${canary}`,
      `/v1/customer/${canary}`,
    ])
      await client.get(path)
    await send(server, 'GET', '/v1/customers', { headers: { 'x-business-api-key': canary } })
    await client.post(`/v1/customers/ext:${canary}-ext`, undefined, { form: `_method=PATCH&name=${canary}` })
    await client.delete(`/v1/customers/ext:${canary}-ext`)
    const log = server.log()
    expect(log.split('\n').length).toBeGreaterThan(20)
    expect(log).not.toContain(canary)
    for (const secret of [client.key, client.salt, '2001-02-03']) expect(log).not.toContain(secret)
    for (const line of log.trim().split('\n'))
      expect(JSON.parse(line)).toMatchObject({ level: expect.any(String), time: expect.any(String), message: expect.any(String) })
    expect(log).toContain('"route":"/v1/customers/:customer_id"')
    expect(log).toContain(client.business.id)
  })

  test("the log describes a database error without the row's values", async () => {
    const connection = await cloneDatabase()
    const database = openDatabase(connection, { guardTenancy: true })
    const server = await startTestServer(database)
    onTestFinished(async () => {
      await server.app.fastify.close()
      await database.close()
    })
    const client = await aBusiness({}, server)
    const canary = `canary${randomHex(6)}`
    await database.pool.query("alter table hawker.customers add constraint customers_refused check (name not like 'canary%')")
    const refused = await client.post('/v1/customers', customerBody({ name: canary, email: `${canary}@example.com` }))
    expect([refused.status, refused.json]).toEqual([500, { message: 'Server Error', code: 'server_error', request_id: refused.headers.get('x-request-id') }])
    const log = server.log()
    expect(log).toContain('"code":"23514"')
    expect(log).toContain('"constraint":"customers_refused"')
    expect(log).toContain(refused.json.request_id)
    expect(log).not.toContain(canary)
  })

  test('the log describes errors by type, code and stack', () => {
    const error = Object.assign(new Error('duplicate key (name)=(Jane)'), {
      code: '23505',
      detail: 'Key (name)=(Jane) already exists.',
      constraint: 'x',
      table: 'y',
    })
    expect(JSON.stringify(describeError(error))).not.toContain('Jane')
    expect(describeError(error)).toMatchObject({ type: 'Error', code: '23505', constraint: 'x', table: 'y' })
    expect(describeError(new TypeError('oops'))).toMatchObject({ type: 'TypeError', message: 'oops', stack: expect.any(Array) })
    expect(describeError('text with a secret')).toEqual({ type: 'string' })
  })
})

describe('/metrics', () => {
  test('/metrics has durations by route, the pools and the backlog of events, and never a URL as sent', async () => {
    const server = await ownServer()
    const client = await aBusiness({}, server)
    const canary = `canary${randomHex(6)}`
    await client.post('/v1/customers', customerBody())
    await client.get(`/v1/customers/${canary}?keywords=${canary}`)
    await client.get(`/${canary}`)
    const { text, headers, status } = await send(server, 'GET', '/metrics')
    expect([status, headers.get('content-type')]).toEqual([200, expect.stringMatching(/^text\/plain; version=0\.0\.4/)])
    expect(text).toContain('hawker_http_request_duration_seconds_count{method="POST",route="/v1/customers",status="201"} 1')
    expect(text).toContain('hawker_http_request_duration_seconds_count{method="GET",route="/v1/customers/:customer_id",status="404"} 1')
    expect(text).toMatch(/^hawker_database_connections \d+$/m)
    expect(text).toMatch(/^hawker_database_waiting \d+$/m)
    expect(text).toMatch(/^hawker_events_pending \d+$/m)
    expect(text).not.toContain(canary)
  })
})

describe('without a database', () => {
  test('a process without its database is alive, not ready, reports its metrics and answers requests with 503', async () => {
    const connection = await cloneDatabase()
    const database = openDatabase(connection, { guardTenancy: true })
    const server = await startTestServer(database)
    onTestFinished(async () => {
      await server.app.fastify.close()
      await database.close()
    })
    const client = await aBusiness({}, server)
    expect((await send(server, 'GET', '/readyz')).text).toBe('{"status":"ready"}')
    expect((await client.get('/v1/customers')).status).toBe(200)
    const { pool } = await testDatabase()
    await pool.query(`drop database ${connection.database} with (force)`)
    const ready = await send(server, 'GET', '/readyz')
    expect([ready.status, ready.json]).toEqual([503, { status: 'database unavailable' }])
    expect((await send(server, 'GET', '/healthz')).text).toBe('{"status":"ok"}')
    const metrics = await send(server, 'GET', '/metrics')
    expect(metrics.status).toBe(200)
    expect(metrics.text).toContain('hawker_events_pending Nan')
    const answer = await client.post('/v1/customers', customerBody())
    expect([answer.status, answer.json.code]).toEqual([503, 'database_unavailable'])
    expect(answer.headers.get('retry-after')).toBe('2')
  })
})

describe('the API reference', () => {
  const file = readFileSync(new URL('../../../../openapi.json', import.meta.url), 'utf8')

  test('/openapi.json is the committed file', async () => {
    const { text, headers } = await send(await testServer(), 'GET', '/openapi.json')
    expect(text).toBe(file)
    expect(headers.get('content-type')).toMatch(/^application\/json/)
    expect(JSON.parse(text).openapi).toBe('3.1.0')
  })

  test('/docs and everything it loads come from this server, and its policy allows nothing else', async () => {
    const server = await testServer()
    const root = await send(server, 'GET', '/')
    expect([root.status, root.headers.get('location')]).toEqual([302, '/docs'])
    const page = await send(server, 'GET', '/docs')
    expect(page.headers.get('content-type')).toMatch(/^text\/html/)
    const policy = page.headers.get('content-security-policy') ?? ''
    expect(policy).toContain("default-src 'none'")
    expect(policy).not.toMatch(/https?:|\*|'unsafe-eval'|script-src[^;]*'unsafe-inline'/)
    const links = [...page.text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, link = '']) => link)
    expect(links.length).toBeGreaterThan(3)
    for (const link of links) {
      expect(link).toMatch(/^\/(?!\/)/)
      const asset = await send(server, 'GET', link)
      expect([link, asset.status, asset.text.length > 50]).toEqual([link, 200, true])
      expect(asset.headers.get('x-content-type-options')).toBe('nosniff')
      if (link.endsWith('.css')) {
        const outside = [...asset.text.matchAll(/(?:url\(\s*['"]?|@import\s+['"]?)([^'")\s]+)/g)]
          .map(([, to = '']) => to)
          .filter((to) => !to.startsWith('data:') && !to.startsWith('#'))
        expect([link, outside]).toEqual([link, []])
      }
    }
    expect(page.text).not.toMatch(/<script>|\son\w+=|style=/)
  })
})
