import { describe, expect, test } from 'vitest'
import { aBusiness, type Client, eventsOf } from '#testing/api.ts'
import { defaultLinkId } from './default-link.ts'
import { expireDuePaymentRequests } from './expire-payment-requests-job.ts'
import { firstPageSql } from './list-queries.ts'

const path = '/v1/payment-requests'
const create = (client: Client, more: Record<string, unknown> = {}) => client.post(path, { amount: '10.00', currency: 'SGD', ...more })

describe('PUT, PATCH and DELETE', () => {
  test('an update returns 202, makes a new version and emits the previous values', async () => {
    const client = await aBusiness()
    const made = await create(client, { name: 'Jane' })
    const changed = await client.put(`${path}/${made.json.id}`, { amount: 20, currency: 'SGD', name: null, send_email: '1' })
    expect(changed.status).toBe(202)
    expect(changed.json).toMatchObject({ id: made.json.id, amount: '20.00', name: null, send_email: true, payment_methods: made.json.payment_methods })
    expect(changed.headers.get('etag')).not.toBe(made.headers.get('etag'))
    const events = await eventsOf(client)
    expect(events[1]).toMatchObject({
      type: 'payment_request.updated',
      previous_attributes: { amount: '10.00', name: 'Jane', send_email: false },
      data: changed.json,
    })
    const { json } = await client.get(`${path}/${made.json.id}`)
    expect(json).toMatchObject(changed.json)
  })

  test('an update that changes nothing keeps the version and emits no event', async () => {
    const client = await aBusiness()
    const made = await create(client, { metadata: { a: '1', b: '2' } })
    const same = await client.patch(`${path}/${made.json.id}`, { amount: '10', metadata: { b: '2' } })
    expect(same.status).toBe(202)
    expect(same.headers.get('etag')).toBe(made.headers.get('etag'))
    expect(await eventsOf(client)).toHaveLength(1)
  })

  test('If-Match rejects an update of a version that has changed in the meantime', async () => {
    const client = await aBusiness()
    const made = await create(client)
    const headers = { 'if-match': made.headers.get('etag') ?? '' }
    expect((await client.patch(`${path}/${made.json.id}`, { name: 'A' }, { headers })).status).toBe(202)
    expect((await client.patch(`${path}/${made.json.id}`, { name: 'B' }, { headers })).status).toBe(412)
    expect((await client.delete(`${path}/${made.json.id}`, { headers })).status).toBe(412)
  })

  test('an expiry can be set and removed', async () => {
    const client = await aBusiness()
    const { json } = await create(client)
    const due = async () =>
      (await client.server.database.pool.query('select 1 from payment_request_expiries where business_id = $1', [client.business.id])).rowCount
    expect((await client.patch(`${path}/${json.id}`, { expires_after: '2 hours' })).json.expiry_date).not.toBeNull()
    expect(await due()).toBe(1)
    expect((await client.patch(`${path}/${json.id}`, { expiry_date: '' })).json.expiry_date).toBeNull()
    expect(await due()).toBe(0)
  })

  test('another currency brings its own methods', async () => {
    const client = await aBusiness()
    const { json } = await create(client)
    const changed = await client.patch(`${path}/${json.id}`, { currency: 'MYR' })
    expect(changed.json).toMatchObject({ currency: 'myr', amount: '10.00' })
    expect(changed.json.payment_methods).toContain('fpx')
    expect(changed.json.payment_methods).not.toContain('paynow_online')
  })

  test('a deleted request is canceled and no longer found', async () => {
    const client = await aBusiness()
    const { json } = await create(client, { expires_after: '1 days' })
    const deleted = await client.delete(`${path}/${json.id}`)
    expect(deleted.status).toBe(200)
    expect(deleted.json).toEqual({ success: true })
    for (const answer of [await client.get(`${path}/${json.id}`), await client.delete(`${path}/${json.id}`), await client.patch(`${path}/${json.id}`, {})]) {
      expect(answer.status).toBe(404)
      expect(answer.json.message).toBe(`No query results for model [App\\Business\\PaymentRequest] ${json.id}`)
    }
    expect((await client.get(path)).json.data).toEqual([])
    const events = await eventsOf(client)
    expect(events[1]).toMatchObject({ type: 'payment_request.canceled', data: { id: json.id, status: 'canceled' } })
  })

  test('a request of another business is like an unknown one', async () => {
    const [owner, stranger] = [await aBusiness(), await aBusiness()]
    const { json } = await create(owner)
    const at = `${path}/${json.id}`
    for (const { status } of [await stranger.get(at), await stranger.put(at, {}), await stranger.patch(at, {}), await stranger.delete(at)])
      expect(status).toBe(404)
    expect((await owner.get(`${path}/nothing`)).status).toBe(404)
  })
})

describe('GET /v1/payment-requests', () => {
  test('the list is paged with numbers, links and a cursor', async () => {
    const client = await aBusiness()
    const ids: string[] = []
    for (let i = 0; i < 5; i++) ids.unshift((await create(client, { reference_number: `R-${i}` })).json.id)
    const { json } = await client.get(`${path}?per_page=2&current_page=2&page=9&status=pending`)
    expect(json.data.map(({ id }: { id: string }) => id)).toEqual(ids.slice(2, 4))
    const at = (page: number) => `${client.server.url}${path}?per_page=2&status=pending&current_page=${page}`
    expect(json.links).toEqual({ first: at(1), last: at(3), prev: at(1), next: at(3) })
    expect(json.meta).toMatchObject({ current_page: 2, from: 3, to: 4, last_page: 3, per_page: 2, total: 5, path: `${client.server.url}${path}` })
    expect(json.meta.links.map(({ label }: { label: string }) => label)).toEqual(['&laquo; Previous', '1', '2', '3', 'Next &raquo;'])
    expect(json.meta.links[2]).toEqual({ url: at(2), label: '2', active: true })
    const rest = await client.get(`${path}?per_page=2&cursor=${json.meta.next_cursor}`)
    expect(rest.json.data.map(({ id }: { id: string }) => id)).toEqual(ids.slice(4))
    expect(rest.json.meta.next_cursor).toBeNull()
    expect(rest.json.links.next).toBeNull()
    const beyond = await client.get(`${path}?current_page=9`)
    expect(beyond.json).toMatchObject({ data: [], meta: { from: null, to: null, total: 5 } })
  })

  test('the list filters by search, metadata, status and default links', async () => {
    const client = await aBusiness()
    const first = (await create(client, { email: 'jane.doe@example.com', reference_number: 'INV-2001', metadata: { tag: 'x', other: 'y' } })).json
    const second = (await create(client, { email: 'bob@example.org', reference_number: 'INV-2002', channel: 'link' })).json
    const ids = async (query: string) => (await client.get(`${path}?${query}`)).json.data.map(({ id }: { id: string }) => id)
    expect(await ids('search=DOE@exam')).toEqual([first.id])
    expect(await ids('search=2002')).toEqual([second.id])
    expect(await ids('search=INV-200')).toEqual([second.id, first.id])
    expect(await ids(`search=${first.id.slice(9, 30)}`)).toEqual([first.id])
    expect(await ids('search=100%25')).toEqual([])
    expect(await ids('metadata[tag]=x&metadata[nothing]=z')).toEqual([first.id])
    expect(await ids('metadata[tag]=z')).toEqual([])
    expect(await ids('is_default=1')).toEqual([defaultLinkId(client.business.id), second.id])
    expect(await ids('status=completed')).toEqual([])
    expect(await ids('status=pending')).toEqual([second.id, first.id])
  })

  test.each(['per_page=0', 'per_page=101', 'current_page=0', 'current_page=1002', 'status=none', 'cursor=x', `search=${'x'.repeat(256)}`])(
    'a list with %s is a 422',
    async (query) => {
      const client = await aBusiness()
      expect((await client.get(`${path}?${query}`)).status).toBe(422)
    },
  )
})

test('a list of requests that ended unpaid reads their index, however many others there are', async () => {
  const client = await aBusiness()
  const { clock } = client
  const { database } = client.server
  const made = (await create(client, { expires_after: '5 mins' })).json
  await create(client)
  await database.pool.query('update payment_requests set expires_at = $2 where business_id = $1 and expires_at is not null', [client.business.id, clock.now()])
  await database.pool.query('update payment_request_expiries set due_at = $2 where business_id = $1', [client.business.id, clock.now()])
  await expireDuePaymentRequests(client.server.app.payments, { until: clock.now(), businessId: client.business.id })
  await database.pool.query(
    `insert into payment_requests select (jsonb_populate_record(r, jsonb_build_object('id', gen_random_uuid(), 'status', 'completed', 'payment_reference', n))).*
     from payment_requests r, generate_series(1, 5000) n where r.business_id = $1 and r.status = 'pending'`,
    [client.business.id],
  )
  await database.pool.query('analyze payment_requests, payment_request_endings')
  const statement = firstPageSql(client.business.id, { status: 'expired' }, 26).compile(database.db)
  const { rows } = await database.pool.query(`explain ${statement.sql}`, [...statement.parameters])
  const plan = rows.map((row) => row['QUERY PLAN']).join('\n')
  expect(plan).toContain('payment_request_endings')
  expect(plan).not.toMatch(/Seq Scan on payment_requests|Index Scan Backward using payment_requests_pkey/)
  const ids = async (query: string) => (await client.get(`${path}?${query}`)).json.data.map(({ id }: { id: string }) => id)
  expect(await ids('status=expired')).toEqual([made.id])
  expect(await ids('status=failed')).toEqual([])
  await client.delete(`${path}/${made.id}`)
  expect(await ids('status=expired')).toEqual([])
})

describe('locations and account status', () => {
  test('a business starts with one location', async () => {
    const [client, stranger] = [await aBusiness(), await aBusiness()]
    const { json } = await client.get('/v1/locations')
    expect(json).toHaveLength(1)
    expect(json[0]).toMatchObject({ name: 'Test business', country: 'sg', active: true, business_id: client.business.id, pickups: [] })
    expect(json[0].created_at).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/)
    expect((await client.get(`/v1/locations/${json[0].id}`)).json).toEqual(json[0])
    expect((await stranger.get(`/v1/locations/${json[0].id}`)).status).toBe(404)
    expect((await client.get('/v1/locations/x')).status).toBe(404)
  })

  test("the account status names the providers of the business's methods", async () => {
    const client = await aBusiness({ payment_methods: ['card', 'paynow_online', 'shopee_pay'] })
    expect((await client.get('/v1/account-status')).json).toEqual({
      bank_account_status: 'completed',
      verification: { overall_status: 'completed', owner_verification: 'not_required', business_verification: 'completed' },
      payment_providers: {
        dbs_sg: { setup_status: 'completed' },
        shopee_pay: { setup_status: 'completed' },
        stripe_sg: { setup_status: 'completed', payment_enabled: true, payout_enabled: true },
      },
    })
    const live = await aBusiness({ mode: 'live', payment_methods: ['paynow_online'] })
    expect((await live.get('/v1/account-status')).json).toMatchObject({
      bank_account_status: 'pending',
      payment_providers: { dbs_sg: { setup_status: 'pending' } },
    })
  })
})
