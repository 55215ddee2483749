import { createHmac } from 'node:crypto'
import { sql } from 'kysely'
import { afterEach, describe, expect, test } from 'vitest'
import { createLog } from '#foundation/http/observability.ts'
import { systemClock } from '#foundation/shared/clock.ts'
import { newId, randomHex } from '#foundation/shared/ids.ts'
import type { ChargeRow } from '#resources/payments/charges/queries.ts'
import { settleCharges } from '#resources/payments/settlement/settle-charges.ts'
import { deliveriesOf } from '#resources/webhooks/delivery/delivery-queries.ts'
import { aBusiness, type Client, testSecretKey } from '#testing/api.ts'
import { anEndpoint, placeEvents, tellEvents, testDispatcher } from '#testing/deliveries.ts'
import { type FakeMerchant, fakeMerchant, type MerchantAnswer } from '#testing/fake-merchant.ts'
import { anOrigin } from '#testing/payments.ts'

const open: { stop(): Promise<void> }[] = []
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.stop()
})

async function merchant(first?: MerchantAnswer): Promise<FakeMerchant> {
  const made = await fakeMerchant(first)
  open.push(made)
  return made
}

async function sendAll(client: Client): Promise<void> {
  const dispatcher = testDispatcher(client)
  await dispatcher.settle(client.business.id)
  await dispatcher.stop()
}

const eventIds = ({ received }: FakeMerchant) => received.map(({ headers }) => headers['webhook-id'])

/** A payment request with a webhook, paid; returns the ids of request and charge. */
async function aPaidRequest(client: Client, webhook: string): Promise<{ requestId: string; chargeId: string }> {
  const { database } = client.server
  const { business, clock } = client
  const at = clock.now()
  const key = await database.db.selectFrom('api_keys').select('id').where('business_id', '=', business.id).executeTakeFirstOrThrow()
  const shared = { business_id: business.id, currency: 'sgd', amount_minor: 59_900n, metadata: '{}', search: '', created_at: at, updated_at: at }
  const requestId = newId(at)
  const flags = { send_sms: false, send_email: false, allow_repeated_payments: false, add_admin_fee: false, is_currency_editable: false, is_default: false }
  await database.db
    .insertInto('payment_requests')
    .values({
      ...shared,
      ...flags,
      id: requestId,
      status: 'pending',
      webhook,
      reference_number: 'ABC123',
      payment_methods: ['card'],
      sms_status: 'pending',
      email_status: 'pending',
      generate_qr: false,
      generate_direct_link: false,
      channel: 'api_custom',
      api_key_id: key.id,
      payment_reference: randomHex(8),
      version: 1,
    })
    .execute()
  const blank = {
    customer_id: null,
    customer_name: null,
    customer_email: null,
    customer_phone: null,
    payer_language: null,
    location_id: null,
    card: null,
    remark: null,
  }
  const row: ChargeRow = {
    ...shared,
    ...blank,
    id: newId(at),
    payment_request_id: requestId,
    channel: 'api_custom',
    method: 'card',
    rail: 'simulator',
    status: 'pending',
    refunded_minor: 0n,
    fixed_fee_minor: 0n,
    discount_fee_minor: 0n,
    discount_fee_rate: 0,
    admin_fee_minor: 0n,
    unapplied_reason: null,
    failure_code: null,
    failure_message: null,
    rail_reference: null,
    rail_data: {},
    reference_number: 'ABC123',
    metadata: {},
    closed_at: null,
    refunded_at: null,
  }
  const settle = settleCharges({
    database,
    onEvent: () => undefined,
    baseUrl: () => 'http://localhost',
    secretKey: () => testSecretKey,
    groupAcrossBusinesses: true,
    log: createLog('silent'),
    clock: systemClock,
  })
  await settle({ business, charge: { isNew: true, row }, outcome: { status: 'succeeded', reference: randomHex(8) }, origin: anOrigin({ at: clock.now() }) })
  await placeEvents(client)
  return { requestId, chargeId: row.id }
}

test('a paid request calls its webhook once, and the delivery shows the request and the response', async () => {
  const client = await aBusiness()
  const shop = await merchant({ status: 200, headers: { 'content-type': 'text/plain' }, body: 'Thank you' })
  const { requestId, chargeId } = await aPaidRequest(client, `${shop.url}/?wc-api=wc_hitpay&hitpay_order_id=7`)
  await sendAll(client)
  expect(shop.received).toHaveLength(1)
  expect(shop.received[0]?.path).toBe('/?wc-api=wc_hitpay&hitpay_order_id=7')
  const { hmac, ...fields } = Object.fromEntries(new URLSearchParams(shop.received[0]?.body.toString()))
  expect(fields).toEqual({
    payment_id: chargeId,
    payment_request_id: requestId,
    phone: '',
    amount: '599.00',
    currency: 'SGD',
    status: 'completed',
    reference_number: 'ABC123',
  })
  const signed = `amount599.00currencySGDpayment_id${chargeId}payment_request_id${requestId}phonereference_numberABC123statuscompleted`
  expect(hmac).toBe(createHmac('sha256', client.salt).update(signed).digest('hex'))

  const [row] = await deliveriesOf(client.server.database.db, client.business.id, requestId)
  const { json } = await client.get(`/v1/webhook-deliveries/${row?.id}`)
  expect(json).toMatchObject({ version: 1, endpoint_id: null, event_type: 'payment_request.completed', status: 'succeeded' })
  expect(json.body).toBe(shop.received[0]?.body.toString())
  expect(json.tries).toMatchObject([{ number: 1, request: { headers: { 'User-Agent': 'HitPay v1.0' } }, response: { status: 200, body: 'Thank you' } }])
  const charge = await client.get(`/v1/charges/${chargeId}`)
  expect(charge.json.webhook_logs).toEqual([
    { id: row?.id, event_type: json.event_type, url: json.url, status: 'succeeded', attempts: 1, response_status: 200, created_at: expect.any(String) },
  ])
})

describe('GET /v1/webhook-deliveries', () => {
  test('the list filters, and is paged by cursor without a gap', async () => {
    const client = await aBusiness()
    const [good, bad] = [await merchant(), await merchant({ status: 500 })]
    const endpoint = await anEndpoint(client, good.url)
    const [eventId] = await tellEvents(client, [{ type: 'customer.created' }, ...Array.from({ length: 6 }, () => ({}))])
    const other = await anEndpoint(client, bad.url)
    await tellEvents(client, [{}])
    await sendAll(client)
    const list = async (query: string) => (await client.get(`/v1/webhook-deliveries?${query}`)).json.data as { id: string; event_id: string }[]
    expect(await list('status=succeeded')).toHaveLength(8)
    expect(await list('status=pending')).toHaveLength(1)
    expect(await list(`endpoint_id=${other.id}`)).toHaveLength(1)
    expect(await list(`endpoint_id=${endpoint.id}&event_type=customer.*`)).toMatchObject([{ event_id: eventId }])
    expect(await list(`event_id=${eventId}`)).toHaveLength(1)
    expect((await client.get('/v1/webhook-deliveries?status=lost')).status).toBe(422)

    const seen: string[] = []
    for (let path: string | null = '/v1/webhook-deliveries?per_page=4'; path; ) {
      const { json } = await client.get(path)
      seen.push(...json.data.map(({ id }: { id: string }) => id))
      path = json.links.next?.replace(client.server.url, '') ?? null
    }
    expect(seen).toEqual((await list('per_page=100')).map(({ id }) => id))
    expect(seen).toEqual([...seen].sort().reverse())
  })

  test('a page of rare deliveries ends after ten thousand others, and its cursors continue in both directions', async () => {
    const client = await aBusiness()
    const [first] = await tellEvents(client, [{ type: 'customer.created' }, {}])
    await anEndpoint(client, 'http://127.0.0.1:9/hook')
    const { db } = client.server.database
    await client.post('/v1/webhook-deliveries/replay', { from_sequence: 1 })
    await sql`
      insert into webhook_deliveries (business_id, id, event_id, event_type, event_sequence, object_id, version, url, target, body, status, attempts, step,
        queued_at, created_at, updated_at)
      select business_id, ('ffffffff-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, gen_random_uuid(), 'charge.created', 3, object_id, 2, url, target, '{}',
        'succeeded', 1, 0, now(), now(), now()
      from webhook_deliveries, generate_series(1, 10100) n where business_id = ${client.business.id} and event_type = 'customer.created'`.execute(db)
    const page = async (path: string) => (await client.get(path.replace(client.server.url, ''))).json
    const empty = await page('/v1/webhook-deliveries?event_type=customer.created')
    expect(empty.data).toEqual([])
    const found = await page(empty.links.next)
    expect([found.data.map((one: { event_id: string }) => one.event_id), found.links.next]).toEqual([[first], null])
    const back = await page(found.links.prev)
    expect([back.data, back.links.prev === null]).toEqual([[], false])
    const newest = await page(back.links.prev)
    expect([newest.data, newest.links.prev]).toEqual([[], null])
    // What waits is found in the queue, behind any number of others.
    expect((await page('/v1/webhook-deliveries?status=pending&event_type=customer.created')).data).toHaveLength(1)
  })

  test('a delivery of another business is like an unknown one', async () => {
    const [owner, stranger] = [await aBusiness(), await aBusiness()]
    await anEndpoint(owner, 'http://127.0.0.1:9/')
    await tellEvents(owner, [{}])
    const [{ id }] = (await owner.get('/v1/webhook-deliveries')).json.data
    expect((await stranger.get(`/v1/webhook-deliveries/${id}`)).status).toBe(404)
    expect((await stranger.post(`/v1/webhook-deliveries/${id}/redeliver`)).status).toBe(404)
    expect((await stranger.get('/v1/webhook-deliveries')).json.data).toEqual([])
  })
})

describe('redelivery and replay', () => {
  test('a redelivery sends the same bytes with the same id immediately', async () => {
    const client = await aBusiness()
    const shop = await merchant()
    const endpoint = await anEndpoint(client, shop.url)
    const [eventId] = await tellEvents(client, [{ data: '{"a": 1}' }])
    await sendAll(client)
    const [{ id }] = (await client.get('/v1/webhook-deliveries')).json.data
    const again = await client.post(`/v1/webhook-deliveries/${id}/redeliver`)
    expect(again.json).toMatchObject({ id, status: 'pending', attempts: 1 })
    await sendAll(client)
    expect(eventIds(shop)).toEqual([eventId, eventId])
    expect(shop.received.map(({ body }) => body.toString())).toEqual(['{"a": 1}', '{"a": 1}'])
    expect((await client.get(`/v1/webhook-deliveries/${id}`)).json).toMatchObject({ status: 'succeeded', attempts: 2, tries: [{ number: 1 }, { number: 2 }] })
    await client.put(`/v1/webhook-events/${endpoint.id}`, { enabled: false })
    expect((await client.post(`/v1/webhook-deliveries/${id}/redeliver`)).status).toBe(409)
  })

  test('a replayed range goes to the same endpoints, to one registered later, or to a URL', async () => {
    const client = await aBusiness()
    const [shop, late, elsewhere] = [await merchant(), await merchant(), await merchant()]
    await anEndpoint(client, shop.url, { event_types: ['charge.*'] })
    const ids = await tellEvents(client, [{}, { type: 'customer.created' }, {}, {}])
    await sendAll(client)
    const replay = (body: object) => client.post('/v1/webhook-deliveries/replay', body)

    expect((await replay({ from_sequence: 2, to_sequence: 3 })).json).toMatchObject({ status: 'succeeded', events: 2, queued: 1 })
    const endpoint = await anEndpoint(client, late.url, { event_types: ['refund.created'] })
    expect((await replay({ event_type: 'charge.*', endpoint_id: endpoint.id })).json).toMatchObject({ events: 3, queued: 3 })
    expect((await replay({ from: '2020-01-01', url: elsewhere.url })).json).toMatchObject({ events: 4, queued: 4 })
    expect((await replay({ to: '2020-01-01' })).json).toMatchObject({ events: 0, queued: 0 })
    await sendAll(client)
    expect(eventIds(shop)).toEqual([ids[0], ids[2], ids[3], ids[2]])
    expect(eventIds(late).sort()).toEqual([ids[0], ids[2], ids[3]].sort())
    expect(eventIds(elsewhere).sort()).toEqual([...ids].sort())
    const [first] = elsewhere.received
    expect(first?.headers['hitpay-signature']).toBe(
      createHmac('sha256', client.salt)
        .update(first?.body ?? '')
        .digest('hex'),
    )

    for (const body of [{}, { from_sequence: 3, to_sequence: 2 }, { from: 'soon' }, { event_type: 'charge.created', url: 'nowhere' }])
      expect((await replay(body)).status).toBe(422)
  })

  test('a replay to a URL with an endpoint’s id is signed with that endpoint’s salt, and not with the key’s', async () => {
    const client = await aBusiness()
    const [shop, elsewhere] = [await merchant(), await merchant()]
    const endpoint = await anEndpoint(client, shop.url, { event_types: ['refund.created'] })
    await tellEvents(client, [{}])
    const { status } = await client.post('/v1/webhook-deliveries/replay', { from_sequence: 1, url: elsewhere.url, endpoint_id: endpoint.id })
    expect(status).toBeLessThan(300)
    await sendAll(client)
    const [{ headers, body } = expect.fail('nothing was delivered')] = elsewhere.received
    const signed = (salt: string) => createHmac('sha256', salt).update(body).digest('hex')
    expect(headers['hitpay-signature']).toBe(signed(endpoint.salt))
    expect(endpoint.salt).not.toBe(client.salt)
    expect(shop.received).toEqual([])
  })

  test('one Idempotency-Key replays once', async () => {
    const client = await aBusiness()
    const shop = await merchant()
    await anEndpoint(client, shop.url)
    await tellEvents(client, [{}])
    const options = { headers: { 'idempotency-key': 'again' } }
    const replies = [
      await client.post('/v1/webhook-deliveries/replay', { from_sequence: 1 }, options),
      await client.post('/v1/webhook-deliveries/replay', { from_sequence: 1 }, options),
    ]
    expect(replies.map(({ json }) => json.queued)).toEqual([1, 1])
    await sendAll(client)
    expect(shop.received).toHaveLength(2)
  })
})

describe('POST /v1/sandbox/verify-signature', () => {
  test('a delivered body verifies, and a changed one is diagnosed', async () => {
    const client = await aBusiness()
    const shop = await merchant()
    const { salt } = await anEndpoint(client, shop.url)
    await tellEvents(client, [{ data: '{"id":"1","name":"Tan/Lim","amount":10.00}' }])
    await sendAll(client)
    const [got] = shop.received
    const text = got?.body.toString() ?? ''
    const verify = async (more: Record<string, unknown>) =>
      (await client.post('/v1/sandbox/verify-signature', { body: text, headers: got?.headers, salt, ...more })).json
    expect(await verify({})).toMatchObject({ verifies: true, findings: [] })
    expect(await verify({ version: 2 })).toMatchObject({ verifies: true, checks: [{ scheme: 'v2' }] })
    expect(await verify({ version: 'standard' })).toMatchObject({ verifies: true, checks: [{ scheme: 'standard' }] })
    expect(await verify({ salt: client.salt })).toMatchObject({ verifies: false, findings: [{ code: 'wrong_salt' }, { code: 'wrong_salt' }] })
    expect((await verify({ body: `${text}\n`, version: 2 })).findings).toMatchObject([{ code: 'trailing_newline' }])
    const [{ id }] = (await client.get('/v1/webhook-deliveries')).json.data
    const printed = JSON.stringify(JSON.parse(text))
    expect((await verify({ body: printed, version: 2, delivery_id: id })).findings).toMatchObject([{ code: 'reserialised_json', at: expect.any(Number) }])
    expect((await verify({ version: 1 })).verifies).toBe(false)
    expect((await verify({ version: 'constructor' })).errors).toEqual({ version: ['The selected version is invalid.'] })
  })
})
