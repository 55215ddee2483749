import { describe, expect, test } from 'vitest'
import { recordsConformance } from '#engine/records/conformance.ts'
import { randomHex } from '#foundation/shared/ids.ts'
import { aBusiness } from '#testing/api.ts'
import { knownEventTypes } from './wire.ts'

const body = (more: Record<string, unknown> = {}) => ({ name: 'Shop', url: 'https://example.com/hook', event_types: ['charge.created'], ...more })

describe('/v1/webhook-events', () => {
  test('an endpoint is created, listed in a bare array, returned, updated and deleted, with its salt in every response', async () => {
    const client = await aBusiness()
    const created = await client.post('/v1/webhook-events', body())
    expect(created.status).toBe(201)
    expect(created.json).toMatchObject({ ...body(), business_id: client.business.id, salt: expect.stringMatching(/^[0-9a-f]{64}$/), enabled: true })
    expect((await client.get('/v1/webhook-events')).json).toEqual([created.json])
    const path = `/v1/webhook-events/${created.json.id}`
    expect((await client.get(path)).json).toEqual(created.json)
    const updated = await client.put(path, { url: 'https://example.com/other', event_types: ['customer.*'] })
    expect(updated.json).toMatchObject({ name: 'Shop', url: 'https://example.com/other', event_types: ['customer.*'], salt: created.json.salt })
    expect((await client.patch(path, { name: 'Other' })).json).toMatchObject({ name: 'Other', url: 'https://example.com/other' })
    expect((await client.delete(path)).status).toBe(204)
    expect((await client.get(path)).json.message).toBe(`No query results for model [App\\Business\\Webhook] ${created.json.id}`)
    expect((await client.get('/v1/webhook-events')).json).toEqual([])
  })

  test('an endpoint without event types subscribes to all of them', async () => {
    const client = await aBusiness()
    for (const event_types of [undefined, null, ['*']]) {
      const { status, json } = await client.post('/v1/webhook-events', body({ event_types }))
      expect(status).toBe(201)
      expect(json.event_types).toEqual(knownEventTypes)
    }
  })

  test('an endpoint is created from a form, as the command line sends it', async () => {
    const client = await aBusiness()
    const form = 'name=Shop&url=https%3A%2F%2Fexample.com%2F&event_types[]=charge.created&event_types[]=payout.created'
    const { status, json } = await client.request('POST', '/v1/webhook-events', { form })
    expect(status).toBe(201)
    expect(json.event_types).toEqual(['charge.created', 'payout.created'])
  })

  test('an invalid endpoint names every invalid field', async () => {
    const client = await aBusiness()
    const fieldsOf = async (more: Record<string, unknown>) => {
      const { status, json } = await client.post('/v1/webhook-events', body(more))
      expect(status).toBe(422)
      return Object.keys(json.errors)
    }
    expect(await fieldsOf({ event_types: ['charge.created', 'charge.exploded', 'nothing.*'] })).toEqual(['event_types.1', 'event_types.2'])
    expect(await fieldsOf({ url: 'ftp://example.com/' })).toEqual(['url'])
    expect(await fieldsOf({ url: 'not a url' })).toEqual(['url'])
    expect(await fieldsOf({ url: 'https://user:secret@example.com/' })).toEqual(['url'])
    expect(await fieldsOf({ url: `https://example.com/${'x'.repeat(1010)}` })).toEqual(['url'])
    expect(await fieldsOf({ name: undefined, url: undefined })).toEqual(['name', 'url'])
  })

  test('a live endpoint must use https, and a sandbox endpoint may use http', async () => {
    const [sandbox, live] = [await aBusiness(), await aBusiness({ mode: 'live' })]
    const http = body({ url: 'http://127.0.0.1:3000/hook' })
    expect((await sandbox.post('/v1/webhook-events', http)).status).toBe(201)
    expect((await live.post('/v1/webhook-events', http)).status).toBe(422)
    expect((await live.post('/v1/webhook-events', body())).status).toBe(201)
  })

  test('an endpoint of another business is like an unknown one', async () => {
    const [owner, stranger] = [await aBusiness(), await aBusiness()]
    const { id } = (await owner.post('/v1/webhook-events', body())).json
    const path = `/v1/webhook-events/${id}`
    for (const { status } of [await stranger.get(path), await stranger.put(path, { name: 'x' }), await stranger.delete(path)]) expect(status).toBe(404)
    expect((await owner.get(path)).status).toBe(200)
  })

  test('a repeated create with one Idempotency-Key makes one endpoint', async () => {
    const client = await aBusiness()
    const options = { headers: { 'idempotency-key': 'one' } }
    const replies = await Promise.all([1, 2, 3].map(() => client.post('/v1/webhook-events', body(), options)))
    expect(new Set(replies.map(({ text }) => text)).size).toBe(1)
    expect((await client.get('/v1/webhook-events')).json).toHaveLength(1)
  })

  test('salts are stored encrypted and never logged', async () => {
    const client = await aBusiness()
    const { id, salt } = (await client.post('/v1/webhook-events', body())).json
    const row = await client.server.database.db
      .selectFrom('webhook_endpoints')
      .selectAll()
      .where('business_id', '=', client.business.id)
      .where('id', '=', id)
      .executeTakeFirst()
    expect(JSON.stringify(row)).not.toContain(salt)
    expect(client.server.log()).not.toContain(salt)
  })
})

recordsConformance({
  path: '/v1/webhook-events',
  name: 'Webhook',
  aClient: () => aBusiness(),
  body: () => body({ name: `Shop ${randomHex(4)}` }),
  changeTo: (n) => ({ name: `Shop ${n}`, url: `https://example.com/${n}` }),
  list: 'array',
  deleted: 'gone',
})
