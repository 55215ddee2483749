import { afterEach, describe, expect, test, vi } from 'vitest'
import { randomHex } from '#foundation/shared/ids.ts'
import { sha256 } from '#foundation/shared/secrets.ts'
import { revokeApiKey } from '#resources/business/businesses/queries.ts'
import { aBusiness, send } from '#testing/api.ts'

afterEach(() => {
  vi.useRealTimers()
})

describe('API keys', () => {
  test('an API key is accepted in X-BUSINESS-API-KEY and as a bearer token', async () => {
    const { server, key } = await aBusiness()
    for (const headers of [{ 'X-BUSINESS-API-KEY': key }, { 'x-business-api-key': ` ${key} ` }, { authorization: `Bearer ${key}` }]) {
      expect((await send(server, 'GET', '/v1/customers', { headers })).status).toBe(200)
    }
  })

  test('API keys that are missing, wrong, empty or too long are rejected alike', async () => {
    const { server, key } = await aBusiness()
    const keys: Record<string, string>[] = [
      {},
      { 'x-business-api-key': '' },
      { 'x-business-api-key': `${key}0` },
      { 'x-business-api-key': key.toUpperCase() },
      { 'x-business-api-key': sha256(key) },
      { 'x-business-api-key': 'x'.repeat(5000) },
      { authorization: key },
      { authorization: `Basic ${key}` },
      { authorization: 'Bearer ' },
    ]
    for (const headers of keys) {
      const answer = await send(server, 'GET', '/v1/customers', { headers: { ...headers, 'x-request-id': 'the-same' } })
      expect(answer.status).toBe(401)
      expect(answer.text).toBe('{"message":"Invalid business api key.","code":"invalid_api_key","request_id":"the-same"}')
    }
  })

  test('an API key is checked before the body', async () => {
    const { server } = await aBusiness()
    expect((await send(server, 'POST', '/v1/customers', { raw: { body: '{', type: 'application/json' } })).status).toBe(401)
  })

  test('an API key revoked by another process stops working within seconds', async () => {
    const client = await aBusiness()
    const { db } = client.server.database
    expect((await client.get('/v1/customers')).status).toBe(200)
    const { id } = await db.selectFrom('api_keys').select('id').where('business_id', '=', client.business.id).executeTakeFirstOrThrow()
    expect(await db.transaction().execute((tx) => revokeApiKey(tx, client.business.id, id, new Date()))).toBe(true)
    expect(await db.transaction().execute((tx) => revokeApiKey(tx, client.business.id, id, new Date()))).toBe(false)
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 5_001 })
    expect((await client.get('/v1/customers')).status).toBe(401)
  })

  test('an API key revoked by this process stops working immediately', async () => {
    const client = await aBusiness()
    const { db } = client.server.database
    expect((await client.get('/v1/customers')).status).toBe(200)
    const { id } = await db.selectFrom('api_keys').select('id').where('business_id', '=', client.business.id).executeTakeFirstOrThrow()
    await db.transaction().execute((tx) => revokeApiKey(tx, client.business.id, id, new Date()))
    client.server.app.apiKeys.forget()
    expect((await client.get('/v1/customers')).status).toBe(401)
  })

  test('API keys are stored as digests, and their last use is recorded outside the request', async () => {
    const client = await aBusiness()
    const { pool } = client.server.database
    client.server.app.apiKeys.takeUses()
    await client.get('/v1/customers')
    await client.get('/v1/customers')
    const uses = client.server.app.apiKeys.takeUses().filter(({ business_id }) => business_id === client.business.id)
    expect(uses).toHaveLength(1)
    const { rows } = await pool.query('select row_to_json(k)::text as text, key_hash from hawker.api_keys k where business_id = $1', [client.business.id])
    expect(rows[0].key_hash).toBe(sha256(client.key))
    expect(rows[0].text).not.toContain(client.key)
    expect(rows[0].text).not.toContain(client.salt)
  })
})

describe('X-Request-Id', () => {
  test('a plain X-Request-Id is accepted as sent, on every kind of answer', async () => {
    const client = await aBusiness()
    const headers = { 'x-request-id': `trace-${randomHex(4)}:1/2+3=` }
    for (const path of ['/v1/customers', '/v1/customers/x', '/nowhere', '/healthz', '/v1/customers/%zz', '/v1/customers?per_page=0']) {
      const answer = await client.get(path, { headers })
      expect([path, answer.headers.get('x-request-id')]).toEqual([path, headers['x-request-id']])
      if (answer.status >= 400) expect(answer.json.request_id).toBe(headers['x-request-id'])
    }
  })

  test('an X-Request-Id is generated when none is sent or the sent one is not plain', async () => {
    const client = await aBusiness()
    const ids = new Set<string>()
    for (const sent of [undefined, '', 'a b', 'x'.repeat(129), 'é', '<script>', 'a@example.com', '"quoted"']) {
      const answer = await client.get('/v1/customers', sent === undefined ? {} : { headers: { 'x-request-id': sent } })
      const id = answer.headers.get('x-request-id') ?? ''
      expect(id).toMatch(/^req_[0-9a-z]{18,}$/)
      ids.add(id)
    }
    expect(ids.size).toBe(8)
  })
})
