import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { forgetIdempotencyKeys } from '#foundation/jobs/forget-idempotency-keys.ts'
import { newId, randomHex } from '#foundation/shared/ids.ts'
import { aBusiness, type Client, customerBody, eventsOf, type Reply } from '#testing/api.ts'
import { clockAt } from '#testing/clock.ts'
import { testDatabase } from '#testing/database.ts'
import { createLog } from './observability.ts'

const withKey = (key: string, more: Record<string, string> = {}) => ({ headers: { 'idempotency-key': key, ...more } })
const replayed = ({ headers }: Reply) => headers.get('idempotent-replayed')

async function rows({ business, server }: Client): Promise<number> {
  return (await server.database.db.selectFrom('customers').select('id').where('business_id', '=', business.id).execute()).length
}

function expectReplay(again: Reply, first: Reply): void {
  expect(replayed(first)).toBeNull()
  expect([again.status, again.text, again.headers.get('etag'), again.headers.get('location'), replayed(again)]).toEqual([
    first.status,
    first.text,
    first.headers.get('etag'),
    first.headers.get('location'),
    'true',
  ])
}

describe('retried requests', () => {
  test('a retried request returns the stored answer, byte for byte', async () => {
    const client = await aBusiness()
    const body = customerBody({ name: 'Jané 😀', metadata: { b: '1', a: '2' } })
    const first = await client.post('/v1/customers', body, withKey('create'))
    expect(first.status).toBe(201)
    expectReplay(await client.post('/v1/customers', body, withKey('create')), first)
    expectReplay(await client.post('/v1/customers/', { ...body, metadata: { a: '2', b: '1' } }, withKey('create')), first)
    expect(await rows(client)).toBe(1)
    expect(await eventsOf(client)).toHaveLength(1)
  })

  test('a retry may be sent as JSON, form or multipart', async () => {
    const client = await aBusiness()
    const body = { email: 'a@example.com', phone_number: '91234567', address: { city: 'S', state: 'S', street: 'S', postal_code: '1' } }
    const first = await client.post('/v1/customers', body, withKey('spelling'))
    const form = 'phone_number=91234567&email=a%40example.com&address[street]=S&address[city]=S&address[state]=S&address[postal_code]=1'
    expectReplay(await client.post('/v1/customers', undefined, { form, ...withKey('spelling') }), first)
    const multipart = new FormData()
    for (const [name, value] of new URLSearchParams(form)) multipart.set(name, value)
    expectReplay(await client.post('/v1/customers', undefined, { raw: { body: multipart }, ...withKey('spelling') }), first)
    expectReplay(await client.post('/v1/customers', { ...body, phone_number: 91234567, name: null }, withKey('spelling')), first)
  })

  test('a retry with another body is a 422 that names the differing fields', async () => {
    const client = await aBusiness()
    const body = customerBody({ name: 'Jane', remark: 'x' })
    await client.post('/v1/customers', body, withKey('reuse'))
    const { remark: _remark, ...less } = body
    const other = await client.post('/v1/customers', { ...less, name: 'John', gender: 'male' }, withKey('reuse'))
    expect(other.status).toBe(422)
    expect(other.json).toMatchObject({
      code: 'idempotency_key_reused',
      message: 'This Idempotency-Key was used before, with a different gender. (and 2 more errors)',
      errors: { gender: [expect.any(String)], name: [expect.any(String)], remark: [expect.any(String)] },
    })
    expect(await rows(client)).toBe(1)
  })

  test('a retry with other nested values is a 422, whether it is an item of a list, an address or metadata that differs', async () => {
    const client = await aBusiness()
    const item = { name: 'Kopi', quantity: 2, price: '1.50' }
    const address = { line1: '1 Jalan Besar', city: 'Singapore', state: 'Singapore', country: 'SG', postal_code: '208787' }
    const body = { amount: '3.00', currency: 'sgd', line_items: [item, { ...item, name: 'Teh' }], address, metadata: { table: '7', seat: 'a' } }
    const create = (changed: object) => client.post('/v1/payment-requests', { ...body, ...changed }, withKey('nested'))
    const first = await create({})
    expect([first.status, first.json.errors]).toEqual([201, undefined])
    const others: [string, object][] = [
      ['line_items', { line_items: [{ ...item, quantity: 3 }, body.line_items[1]] }],
      ['line_items', { line_items: [...body.line_items].reverse() }],
      ['line_items', { line_items: [item] }],
      ['address', { address: { ...address, city: 'Johor' } }],
      ['metadata', { metadata: { table: '8', seat: 'a' } }],
      ['metadata', { metadata: { table: '7', seat: 'a', more: 'b' } }],
      ['metadata', { metadata: { table: 'a', seat: '7' } }],
    ]
    for (const [field, changed] of others) {
      const { status, json } = await create(changed)
      expect([changed, status, json.code, Object.keys(json.errors)]).toEqual([changed, 422, 'idempotency_key_reused', [field]])
    }
    expectReplay(await create({ metadata: { seat: 'a', table: '7' } }), first)
    expect((await client.get('/v1/payment-requests')).json.data).toHaveLength(1)
  })

  test('a retry with another method or path is a 422 that says so', async () => {
    const client = await aBusiness()
    const one = await client.post('/v1/customers', customerBody())
    const two = await client.post('/v1/customers', customerBody())
    expect((await client.patch(`/v1/customers/${one.json.id}`, { name: 'x' }, withKey('path'))).status).toBe(200)
    for (const answer of [
      await client.patch(`/v1/customers/${two.json.id}`, { name: 'x' }, withKey('path')),
      await client.put(`/v1/customers/${one.json.id}`, { name: 'x' }, withKey('path')),
    ]) {
      expect([answer.status, answer.json.code, answer.json.errors]).toEqual([
        422,
        'idempotency_key_reused',
        { request: ['This Idempotency-Key was used before, with a different method or path.'] },
      ])
    }
  })

  test('a retry is not judged by the state that the first request left', async () => {
    const client = await aBusiness()
    const { json, headers } = await client.post('/v1/customers', customerBody())
    const path = `/v1/customers/${json.id}`
    const match = { 'if-match': headers.get('etag') ?? '' }
    const patched = await client.patch(path, { name: 'x' }, withKey('patch', match))
    expect(patched.status).toBe(200)
    expectReplay(await client.patch(path, { name: 'x' }, withKey('patch', match)), patched)
    const gone = await client.delete(path, withKey('delete'))
    expect(gone.status).toBe(204)
    expectReplay(await client.delete(path, withKey('delete')), gone)
    expectReplay(await client.patch(path, { name: 'x' }, withKey('patch')), patched)
    expect((await client.delete(path)).status).toBe(404)
    const upsert = `/v1/customers/ext:${randomHex(4)}`
    const body = customerBody()
    const made = await client.put(upsert, body, withKey('upsert', { 'if-none-match': '*' }))
    expect(made.status).toBe(201)
    expectReplay(await client.put(upsert, body, withKey('upsert', { 'if-none-match': '*' })), made)
    expect((await eventsOf(client)).map(({ type }) => type)).toEqual(['customer.created', 'customer.updated', 'customer.deleted', 'customer.created'])
  })

  test('a retry after a failure is a new request', async () => {
    const client = await aBusiness()
    expect((await client.post('/v1/customers', { name: 'x' }, withKey('failed'))).status).toBe(422)
    expect((await client.post('/v1/customers', undefined, { raw: { body: '{', type: 'application/json' }, ...withKey('failed') })).status).toBe(400)
    const other = customerBody({ external_id: 'taken' })
    await client.post('/v1/customers', other)
    expect((await client.post('/v1/customers', other, withKey('failed'))).json.code).toBe('external_id_taken')
    const done = await client.post('/v1/customers', customerBody(), withKey('failed'))
    expect([done.status, replayed(done)]).toEqual([201, null])
    expect((await client.patch(`/v1/customers/${newId(new Date())}`, { name: 'x' }, withKey('missing'))).status).toBe(404)
    expect((await client.patch(`/v1/customers/${done.json.id}`, { name: 'x' }, withKey('missing'))).status).toBe(200)
  })

  test('a request of another business with the same key is a request of its own', async () => {
    const [one, two] = await Promise.all([aBusiness(), aBusiness()])
    const body = customerBody()
    const first = await one.post('/v1/customers', body, withKey('shared'))
    const second = await two.post('/v1/customers', body, withKey('shared'))
    expect([second.status, replayed(second), second.json.id === first.json.id]).toEqual([201, null, false])
  })

  test('a hundred concurrent retries make one row and one event and get equal answers', async () => {
    const client = await aBusiness()
    const body = customerBody()
    const answers = await Promise.all(Array.from({ length: 100 }, () => client.post('/v1/customers', body, withKey('storm'))))
    expect(new Set(answers.map(({ status, text }) => `${status} ${text}`)).size).toBe(1)
    expect(answers.filter((answer) => replayed(answer) === null)).toHaveLength(1)
    expect(await rows(client)).toBe(1)
    expect(await eventsOf(client)).toHaveLength(1)
  })

  test('a retry while the first request is in progress elsewhere is a 409 that says when to retry', async () => {
    const client = await aBusiness()
    const { pool } = client.server.database
    const made = await client.post('/v1/customers', customerBody())
    const holder = await pool.connect()
    try {
      await holder.query('begin')
      for (const key of ['held-create', 'held-patch']) {
        await holder.query("insert into hawker.idempotency_keys values ($1, $2, $3, '{}', 200, '{}', '', now())", [client.business.id, key, newId(new Date())])
      }
      const answers = await Promise.all([
        client.post('/v1/customers', customerBody(), withKey('held-create')),
        client.patch(`/v1/customers/${made.json.id}`, { name: 'x' }, withKey('held-patch')),
      ])
      for (const { status, json, headers } of answers) {
        expect([status, json.code, headers.get('retry-after')]).toEqual([409, 'idempotency_key_in_flight', '1'])
      }
      await holder.query('rollback')
      expect((await client.post('/v1/customers', customerBody(), withKey('held-create'))).status).toBe(201)
    } finally {
      holder.release()
    }
  })
})

test('random sequences of requests with repeated keys have exactly one effect per key', async () => {
  const step = fc.record({ key: fc.nat(4), what: fc.constantFrom('create', 'form', 'patch', 'burst'), other: fc.boolean() })
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), async (steps) => {
      const client = await aBusiness()
      const { json: target } = await client.post('/v1/customers', { email: 'target@example.com', phone_number: '1' })
      const first = new Map<string, { request: string; text: string }>()
      let created = 1
      let changed = 0
      for (const { key: n, what, other } of steps) {
        const key = `key-${n}`
        const name = other ? 'Other' : `Name ${n}`
        const body = { email: `${n}@example.com`, phone_number: '91234567', name }
        const isPatch = what === 'patch'
        const send = () =>
          isPatch
            ? client.patch(`/v1/customers/${target.id}`, { name: `${name} ${n}` }, withKey(key))
            : client.post('/v1/customers', what === 'form' ? undefined : body, {
                ...(what === 'form' ? { form: new URLSearchParams(body) } : {}),
                ...withKey(key),
              })
        const answers = await Promise.all(Array.from({ length: what === 'burst' ? 4 : 1 }, send))
        const request = `${isPatch} ${name}`
        const known = first.get(key)
        if (known && known.request !== request) expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 422))
        else {
          const text = known?.text ?? answers[0]?.text ?? ''
          expect(answers.map((answer) => answer.text)).toEqual(answers.map(() => text))
          expect(answers.filter((answer) => replayed(answer) === null)).toHaveLength(known ? 0 : 1)
          if (!known) {
            first.set(key, { request, text })
            if (isPatch) changed += 1
            else created += 1
          }
        }
      }
      expect(await rows(client)).toBe(created)
      const types = (await eventsOf(client)).map(({ type }) => type)
      expect(types.filter((type) => type === 'customer.created')).toHaveLength(created)
      // A change to the name that the customer already has is answered, but emits no event.
      expect(types.filter((type) => type === 'customer.updated').length).toBeLessThanOrEqual(changed)
    }),
    { numRuns: 12 },
  )
})

test('the job deletes only keys older than the retention', async () => {
  const client = await aBusiness()
  const body = customerBody()
  for (const key of ['old', 'young']) await client.post('/v1/customers', body, withKey(key))
  const database = await testDatabase()
  const now = new Date()
  const age = async (key: string, days: number) =>
    database.pool.query('update hawker.idempotency_keys set created_at = $3 where business_id = $1 and key = $2', [
      client.business.id,
      key,
      new Date(now.getTime() - days * 86_400_000),
    ])
  await age('old', 30.01)
  await age('young', 29.99)
  const deps = { database, clock: clockAt(() => now), log: createLog('silent'), idempotencyDays: 30, deliveryDays: 30, failedDeliveryDays: 90, mailDays: 90 }
  await forgetIdempotencyKeys.run({}, deps)
  await forgetIdempotencyKeys.run({}, deps)
  expect(replayed(await client.post('/v1/customers', body, withKey('young')))).toBe('true')
  expect(replayed(await client.post('/v1/customers', body, withKey('old')))).toBeNull()
  expect(await rows(client)).toBe(3)
})
