import { createHmac } from 'node:crypto'
import { sql } from 'kysely'
import { Webhook } from 'standardwebhooks'
import { afterEach, describe, expect, onTestFinished, test } from 'vitest'
import { emitEvent } from '#engine/events/emit-event.ts'
import { startRelay } from '#engine/events/order-events.ts'
import { createLog } from '#foundation/http/observability.ts'
import { system } from '#foundation/shared/caller.ts'
import { createApiKey } from '#resources/business/businesses/create-business.ts'
import { revokeApiKey } from '#resources/business/businesses/queries.ts'
import { aBusiness, type Client, testSecretKey } from '#testing/api.ts'
import { anEndpoint, placeEvents, tellEvents, testDispatcher } from '#testing/deliveries.ts'
import { type FakeMerchant, fakeMerchant, type MerchantAnswer } from '#testing/fake-merchant.ts'
import type { Dispatcher, DispatcherOptions } from './deliver-events.ts'
import { claimDeliveries, deliveriesOf, dueLanes } from './delivery-queries.ts'
import { fanOut } from './fan-out.ts'
import { createLeaseOwner } from './lease-owner.ts'
import { retryWaits } from './retry-schedule.ts'

const open: { stop(): Promise<void> }[] = []
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.stop()
})

async function merchant(first?: MerchantAnswer): Promise<FakeMerchant> {
  const made = await fakeMerchant(first)
  open.push(made)
  return made
}

function dispatcher(client: Client, more: Partial<DispatcherOptions> = {}): Dispatcher {
  const made = testDispatcher(client, more)
  open.push(made)
  return made
}

const deliveries = async (client: Client, query = '') => (await client.get(`/v1/webhook-deliveries${query}`)).json.data

describe('an event of version 2', () => {
  test('an event arrives byte for byte, with headers that HitPay clients and the Standard Webhooks library accept', async () => {
    const client = await aBusiness()
    const shop = await merchant()
    const endpoint = await anEndpoint(client, `${shop.url}/hook?shop=1`)
    const data = '{"id":"9ef68e2e","name":"Caf\\u00e9 é 咖啡","url":"https:\\/\\/example.com/","amount": 10.00,  "nested":{"b":1,"a":[]}}'
    const [eventId] = await tellEvents(client, [{ type: 'payment_request.completed', data }])
    await dispatcher(client).settle(client.business.id)

    const [got] = shop.received
    expect(shop.received).toHaveLength(1)
    expect(got?.path).toBe('/hook?shop=1')
    expect(got?.body.toString('utf8')).toBe(data)
    expect(got?.headers).toMatchObject({
      'content-type': 'application/json',
      'user-agent': 'HitPay v2.0',
      'hitpay-event-object': 'payment_request',
      'hitpay-event-type': 'completed',
      'hitpay-signature': createHmac('sha256', endpoint.salt)
        .update(got?.body ?? '')
        .digest('hex'),
      'webhook-id': eventId,
      'webhook-sequence': '1',
    })
    const verifier = new Webhook(Buffer.from(endpoint.salt).toString('base64'))
    expect(verifier.verify(got?.body.toString('utf8') ?? '', got?.headers as Record<string, string>)).toEqual(JSON.parse(data))
    expect(await deliveries(client)).toMatchObject([{ status: 'succeeded', attempts: 1, response_status: 200, event_id: eventId }])
  })

  test('an event is delivered once to every endpoint that subscribes to its type, however often the business is polled', async () => {
    const client = await aBusiness()
    const [all, some, none] = await Promise.all([merchant(), merchant(), merchant()])
    await anEndpoint(client, all.url)
    await anEndpoint(client, some.url, { event_types: ['charge.*', 'customer.deleted'] })
    await anEndpoint(client, none.url, { event_types: ['refund.created'] })
    await tellEvents(client, [{ type: 'charge.created' }, { type: 'customer.deleted' }, { type: 'customer.created' }])
    await Promise.all([placeEvents(client), client.get('/v1/events'), placeEvents(client)])
    const [one, other] = [dispatcher(client), dispatcher(client)]
    await Promise.all([one.settle(client.business.id), other.settle(client.business.id), one.settle(client.business.id)])
    const types = ({ received }: FakeMerchant) => received.map(({ headers }) => `${headers['hitpay-event-object']}.${headers['hitpay-event-type']}`).sort()
    expect(types(all)).toEqual(['charge.created', 'customer.created', 'customer.deleted'])
    expect(types(some)).toEqual(['charge.created', 'customer.deleted'])
    expect(types(none)).toEqual([])
  })
})

test("a callback of version 1 is HitPay's form, signed with the salt of the API key", async () => {
  const client = await aBusiness()
  const shop = await merchant()
  const [key] = (await client.server.database.db.selectFrom('api_keys').select('id').where('business_id', '=', client.business.id).execute()) ?? []
  const fields = { payment_id: 'p', payment_request_id: 'r', phone: '', amount: '599.00', currency: 'SGD', status: 'completed', reference_number: 'A&B é' }
  await tellEvents(client, [{ type: 'payment_request.completed', callbacks: [{ url: `${shop.url}/?wc-api=hitpay`, apiKeyId: key?.id ?? '', fields }] }])
  await dispatcher(client).settle(client.business.id)

  const [got] = shop.received
  expect(got?.path).toBe('/?wc-api=hitpay')
  expect(got?.headers).toMatchObject({ 'content-type': 'application/x-www-form-urlencoded', 'user-agent': 'HitPay v1.0' })
  expect(got?.headers['hitpay-signature']).toBeUndefined()
  const posted = Object.fromEntries(new URLSearchParams(got?.body.toString('utf8')))
  const { hmac, ...rest } = posted
  expect(rest).toEqual(fields)
  expect(Object.keys(posted)).toEqual([...Object.keys(fields), 'hmac'])
  const text = Object.keys(rest)
    .sort()
    .map((name) => `${name}${rest[name]}`)
    .join('')
  expect(hmac).toBe(createHmac('sha256', client.salt).update(text).digest('hex'))
})

test('a callback that no API key asked for is signed with the salt of the oldest active key', async () => {
  const client = await aBusiness()
  const { db } = client.server.database
  const shop = await merchant()
  const [first] = await db.selectFrom('api_keys').select('id').where('business_id', '=', client.business.id).execute()
  const options = { name: 'Second', secretKey: testSecretKey, at: new Date() }
  const second = await db.transaction().execute((tx) => createApiKey(tx, client.business, options))
  const hmacOf = (salt: string) => createHmac('sha256', salt).update('amount1.00').digest('hex')
  const call = async () => {
    await tellEvents(client, [{ type: 'payment_request.completed', callbacks: [{ url: shop.url, apiKeyId: null, fields: { amount: '1.00' } }] }])
    await dispatcher(client).settle(client.business.id)
    return new URLSearchParams(shop.received.at(-1)?.body.toString('utf8')).get('hmac')
  }
  expect(await call()).toBe(hmacOf(client.salt))
  await db.transaction().execute((tx) => revokeApiKey(tx, client.business.id, first?.id ?? '', new Date()))
  expect(await call()).toBe(hmacOf(second.salt))
  const { json } = await client.get('/v1/webhook-deliveries', { headers: { 'x-business-api-key': second.key } })
  expect(json.data.map(({ status }: { status: string }) => status)).toEqual(['succeeded', 'succeeded'])
})

describe('failed attempts', () => {
  test('a failed attempt is retried on schedule with the same id and bytes, and the delivery fails after two days', async () => {
    const client = await aBusiness()
    const { clock } = client
    clock.set('2026-03-01T00:00:00Z')
    const shop = await merchant({ status: 500, body: 'no' })
    const other = await merchant()
    const endpoint = await anEndpoint(client, shop.url)
    const [eventId] = await tellEvents(client, [{}])
    await anEndpoint(client, other.url)
    const sender = dispatcher(client)
    await sender.settle(client.business.id)
    for (const wait of retryWaits) {
      const before = shop.received.length
      clock.advance(wait - 1)
      await sender.settle(client.business.id)
      expect(shop.received).toHaveLength(before)
      clock.advance(1)
      await sender.settle(client.business.id)
      expect(shop.received).toHaveLength(before + 1)
    }
    expect(shop.received).toHaveLength(12)
    expect(new Set(shop.received.map(({ headers }) => headers['webhook-id']))).toEqual(new Set([eventId]))
    expect(new Set(shop.received.map(({ body }) => body.toString())).size).toBe(1)
    expect(new Set(shop.received.map(({ headers }) => headers['webhook-timestamp'])).size).toBe(12)
    const [failed] = await deliveries(client, '?status=failed')
    expect(failed).toMatchObject({ attempts: 12, response_status: 500, next_attempt_at: null })

    // The failure is emitted, but not to the endpoint that failed.
    await placeEvents(client)
    await sender.settle(client.business.id)
    expect(shop.received).toHaveLength(12)
    expect(other.received).toHaveLength(1)
    expect(JSON.parse(other.received[0]?.body.toString() ?? '')).toMatchObject({ id: failed.id, endpoint_id: endpoint.id, status: 'failed', attempts: 12 })
  })

  test('a failed attempt waits as long as Retry-After asks', async () => {
    const client = await aBusiness()
    const { clock } = client
    clock.set('2026-03-01T00:00:00Z')
    const shop = await merchant({ status: 503, headers: { 'retry-after': '120' } })
    await anEndpoint(client, shop.url)
    await tellEvents(client, [{}])
    const sender = dispatcher(client)
    await sender.settle(client.business.id)
    expect(await deliveries(client)).toMatchObject([{ status: 'pending', next_attempt_at: '2026-03-01T08:02:00+08:00' }])
    clock.advance(119_000)
    await sender.settle(client.business.id)
    expect(shop.received).toHaveLength(1)
    shop.answer({ status: 204 })
    clock.advance(1_000)
    await sender.settle(client.business.id)
    expect(await deliveries(client)).toMatchObject([{ status: 'succeeded', attempts: 2, response_status: 204 }])
  })

  test('a 410 disables the endpoint and cancels its pending deliveries', async () => {
    const client = await aBusiness()
    const shop = await merchant({ status: 410 })
    const endpoint = await anEndpoint(client, shop.url)
    await tellEvents(client, [{}])
    const sender = dispatcher(client)
    await sender.settle(client.business.id)
    expect((await client.get(`/v1/webhook-events/${endpoint.id}`)).json).toMatchObject({ enabled: false, disabled_reason: 'gone' })
    await tellEvents(client, [{}])
    expect(await deliveries(client)).toMatchObject([{ status: 'failed', response_status: 410 }])
    expect((await client.put(`/v1/webhook-events/${endpoint.id}`, { enabled: true })).json).toMatchObject({ enabled: true, disabled_reason: null })
    await tellEvents(client, [{}])
    await client.delete(`/v1/webhook-events/${endpoint.id}`)
    await sender.settle(client.business.id)
    expect(shop.received).toHaveLength(1)
    expect((await deliveries(client)).map(({ status }: { status: string }) => status)).toEqual(['canceled', 'failed'])
  })

  test('an attempt interrupted by a crash is retried with the same id when its lease ends', async () => {
    const client = await aBusiness()
    const { clock } = client
    const { database } = client.server
    clock.set('2026-03-01T00:00:00Z')
    const shop = await merchant()
    await anEndpoint(client, shop.url)
    const ids = await tellEvents(client, [{}, {}, {}])
    const now = clock.now()
    const lanes = await dueLanes(database.db, client.business.id, now)
    // A process that claims and then dies.
    const claimed = await claimDeliveries(
      database.db,
      client.business.id,
      lanes.map(({ lane }) => ({ lane, count: 2 })),
      { now, leaseUntil: new Date(now.getTime() + 60_000), owner: 1 },
    )
    expect(claimed).toHaveLength(2)
    const sender = dispatcher(client)
    await sender.settle(client.business.id)
    expect(shop.received).toHaveLength(1)
    clock.advance(60_000)
    await sender.settle(client.business.id)
    expect(shop.received.map(({ headers }) => headers['webhook-id']).sort()).toEqual([...ids].sort())
    expect(await deliveries(client, '?status=succeeded')).toHaveLength(3)
  })
})

describe('leases', () => {
  test('the lease of a process that is gone is released immediately', async () => {
    const client = await aBusiness()
    const { clock } = client
    const { database } = client.server
    const shop = await merchant()
    await anEndpoint(client, shop.url)
    const ids = await tellEvents(client, [{}, {}])
    const now = clock.now()
    const lanes = (await dueLanes(database.db, client.business.id, now)).map(({ lane }) => ({ lane, count: 2 }))
    const gone = createLeaseOwner(database.pool)
    await claimDeliveries(database.db, client.business.id, lanes, { now, leaseUntil: new Date(now.getTime() + 60_000), owner: await gone.number() })
    const sender = dispatcher(client)
    await sender.recover()
    await sender.settle(client.business.id)
    expect(shop.received).toHaveLength(0)
    await gone.release()
    await sender.recover()
    await sender.settle(client.business.id)
    expect(shop.received.map(({ headers }) => headers['webhook-id']).sort()).toEqual([...ids].sort())
  })

  test('a process whose connection breaks keeps its lease', async () => {
    const { database } = (await aBusiness()).server
    const owner = createLeaseOwner(database.pool)
    onTestFinished(owner.release)
    const number = await owner.number()
    const holder = async () =>
      (await sql<{ pid: number }>`select pid from pg_locks where locktype = 'advisory' and granted and objid::bigint = ${number}`.execute(database.db)).rows[0]
        ?.pid
    const first = await holder()
    await sql`select pg_terminate_backend(${first}::int)`.execute(database.db)
    // Nobody asks for the number: what it leases is in flight.
    await expect.poll(async () => [undefined, first].includes(await holder()), { timeout: 10_000 }).toBe(false)
    expect(await owner.number()).toBe(number)
  })

  test('the lease of a live process is not taken over by another that starts, and no retry is moved forward', async () => {
    const client = await aBusiness()
    const [slow, failing] = [await merchant('hang'), await merchant({ status: 500 })]
    await anEndpoint(client, slow.url)
    await anEndpoint(client, failing.url)
    await tellEvents(client, [{}])
    const first = dispatcher(client, { timeoutMs: 1_000 })
    first.wake(client.business.id)
    await Promise.all([slow.got(1), failing.got(1)])
    const second = dispatcher(client)
    await second.recover()
    await second.settle(client.business.id)
    expect(slow.received).toHaveLength(1)
    await first.stop()
    await second.recover()
    await second.settle(client.business.id)
    expect([slow.received.length, failing.received.length]).toEqual([1, 1])
    expect((await deliveries(client)).map(({ attempts }: { attempts: number }) => attempts)).toEqual([1, 1])
  })
})

test('an endpoint that hangs delays no other', async () => {
  const client = await aBusiness()
  const [dead, alive] = [await merchant('hang'), await merchant()]
  await anEndpoint(client, dead.url)
  await anEndpoint(client, alive.url)
  await tellEvents(
    client,
    Array.from({ length: 300 }, () => ({})),
  )
  // Everything has arrived before the first of the others has failed.
  const sender = dispatcher(client, { timeoutMs: 12_000 })
  const began = performance.now()
  sender.wake(client.business.id)
  await alive.got(300)
  expect(performance.now() - began).toBeLessThan(11_900)
  expect(dead.received.length).toBeLessThanOrEqual(8)
})

test('live businesses send to no private address, and the sandbox does', async () => {
  const client = await aBusiness({ mode: 'live' })
  const shop = await merchant()
  for (const url of [shop.url.replace('http:', 'https:'), 'https://10.0.0.1/hook', 'https://[::1]:8443/']) {
    // Such an address is refused by the API; it is stored as if the rule had been another one then.
    const { id } = await anEndpoint(client, 'https://example.com/')
    await client.server.database.db.updateTable('webhook_endpoints').set({ url }).where('business_id', '=', client.business.id).where('id', '=', id).execute()
  }
  expect((await client.post('/v1/webhook-events', { name: 'Shop', url: shop.url })).status).toBe(422)
  await tellEvents(client, [{}])
  await dispatcher(client).settle(client.business.id)
  const rows = await deliveries(client)
  expect(rows).toHaveLength(3)
  for (const { id } of rows) {
    const { tries } = (await client.get(`/v1/webhook-deliveries/${id}`)).json
    expect(tries).toMatchObject([{ response: null, error: expect.stringMatching(/^blocked: /) }])
  }
  expect(shop.received).toHaveLength(0)
})

test('an event is sent immediately and not at the next poll, and so are hundreds', async () => {
  const client = await aBusiness()
  const { database, clock } = client.server
  const shop = await merchant()
  await anEndpoint(client, shop.url)
  const sender = dispatcher(client)
  const relay = startRelay(database.db, {
    pollMs: 60_000,
    onOrdered: fanOut({ secretKey: () => testSecretKey, clock }),
    onSequenced: (businessId) => sender.wake(businessId),
    onError: (error) => createLog('error').error({ error }),
  })
  open.push(relay)
  const about = { type: 'charge.created', data: '{}', requestId: null, caller: system } as const
  const latencies: number[] = []
  for (let i = 0; i < 11; i++) {
    await database.db.transaction().execute((tx) => emitEvent(tx, client.business.id, { ...about, objectId: client.business.id, at: client.clock.now() }))
    const committed = performance.now()
    relay.wake(client.business.id)
    await shop.got(i + 1)
    latencies.push(performance.now() - committed)
  }
  latencies.sort((a, b) => a - b)
  // How fast is the benchmark's business; here the next poll would be a minute away.
  expect(latencies[5]).toBeLessThan(5_000)

  await database.db.transaction().execute(async (tx) => {
    for (let i = 0; i < 500; i++) await emitEvent(tx, client.business.id, { ...about, objectId: client.business.id, at: client.clock.now() })
  })
  const began = performance.now()
  relay.wake(client.business.id)
  await shop.got(511)
  expect(performance.now() - began).toBeLessThan(30_000)
  await sender.settle(client.business.id)
  const sent = await deliveriesOf(database.db, client.business.id, client.business.id, 1_000)
  expect(sent).toHaveLength(511)
  expect(sent.every(({ status, attempts }) => status === 'succeeded' && attempts === 1)).toBe(true)
  expect(client.server.log()).not.toContain(client.salt)
})
