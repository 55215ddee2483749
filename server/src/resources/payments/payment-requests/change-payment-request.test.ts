import { sql } from 'kysely'
import { describe, expect, test } from 'vitest'
import { systemOrigin } from '#foundation/http/origin.ts'
import { payer } from '#foundation/shared/caller.ts'
import { aBusiness, type Client, customerBody, startTestServer } from '#testing/api.ts'
import { testDatabase } from '#testing/database.ts'
import { aPaymentRequest } from '#testing/payments.ts'
import { changePaymentRequest } from './change-payment-request.ts'
import { deletePaymentRequest, expirePaymentRequests } from './end-payment-request.ts'
import type { PaymentRequestRow } from './queries.ts'

const originOf = ({ server, business }: Client) => systemOrigin(server.app.payments, business.id)
const inTransaction = ({ server }: Client) => server.database.db.transaction()

/** Everything that is stored of a business's payment requests, in the order in which transactions wrote it. */
async function storedOf({ business, server: { database } }: Client) {
  const of = (table: 'payment_requests' | 'payment_request_expiries' | 'payment_request_endings' | 'search_grams' | 'events') =>
    database.db
      .selectFrom(table)
      .selectAll()
      .where('business_id', '=', business.id)
      .orderBy(sql`xmin::text::bigint, to_jsonb(${sql.table(table)}) ->> 'id'`)
      .execute()
  return {
    requests: await of('payment_requests'),
    expiries: await of('payment_request_expiries'),
    endings: await of('payment_request_endings'),
    grams: await of('search_grams'),
    events: (await of('events')) as { type: string; object_id: string; caller: string | null; request_id: string | null; created_at: Date }[],
  }
}

const future = () => new Date(Date.now() + 60_000)

/** A request that expires in a minute, as the API would have written it. */
async function aRequest(client: Client, about: Partial<PaymentRequestRow> = {}): Promise<PaymentRequestRow> {
  const expires_at = about.expires_at === undefined ? future() : about.expires_at
  const row = await aPaymentRequest(client, { ...about, expires_at })
  if (expires_at) {
    await client.server.database.db.insertInto('payment_request_expiries').values({ business_id: row.business_id, id: row.id, due_at: expires_at }).execute()
  }
  return row
}

type Operation = (client: Client, row: PaymentRequestRow, tx: Parameters<typeof changePaymentRequest>[0]) => Promise<unknown>

/** The operations, each with the event that it emits and the status that it leaves. */
const operations: [name: string, event: string, status: string, run: Operation][] = [
  [
    'changePaymentRequest',
    'payment_request.updated',
    'pending',
    (client, { id }, tx) => changePaymentRequest(tx, client.business, { id, fields: { name: 'Lim', expiry_date: '2099-01-01 00:00:00' } }, originOf(client)),
  ],
  ['deletePaymentRequest', 'payment_request.canceled', 'canceled', (client, { id }, tx) => deletePaymentRequest(tx, client.business, { id }, originOf(client))],
  [
    'expirePaymentRequests',
    'payment_request.expired',
    'expired',
    (client, { id }, tx) => expirePaymentRequests(tx, client.business, { ids: [id] }, { ...originOf(client), at: new Date(Date.now() + 120_000) }),
  ],
]

describe.each(operations)('%s, called by a job inside a transaction of its own', (_name, type, status, run) => {
  test('the operation leaves nothing when the transaction rolls back', async () => {
    const client = await aBusiness()
    const row = await aRequest(client)
    const before = await storedOf(client)
    const rolledBack = inTransaction(client).execute(async (tx) => {
      await run(client, row, tx)
      throw new Error('the order was changed meanwhile')
    })
    await expect(rolledBack).rejects.toThrow('the order was changed meanwhile')
    expect(await storedOf(client)).toEqual(before)
  })

  test('the operation is complete when the transaction commits, with an event of the system', async () => {
    const client = await aBusiness()
    const row = await aRequest(client)
    await inTransaction(client).execute((tx) => run(client, row, tx))
    const { requests, expiries, endings, events } = await storedOf(client)
    expect(requests).toMatchObject([{ id: row.id, status, version: 2 }])
    expect(expiries).toHaveLength(status === 'pending' ? 1 : 0)
    expect(endings.map((ending) => (ending as { status: string }).status)).toEqual(status === 'pending' ? [] : [status])
    expect(events).toMatchObject([{ type, object_id: row.id, caller: 'system', request_id: null, created_at: (requests[0] as PaymentRequestRow).updated_at }])
  })

  test('the operation is done once when another transaction does it at the same time', async () => {
    const client = await aBusiness()
    const row = await aRequest(client)
    await Promise.allSettled([1, 2, 3].map(() => inTransaction(client).execute((tx) => run(client, row, tx))))
    expect((await storedOf(client)).events).toHaveLength(1)
  })
})

describe('changePaymentRequest', () => {
  test('a change of nothing writes nothing and emits no event', async () => {
    const client = await aBusiness()
    const { id } = (await client.post('/v1/payment-requests', { amount: '10.00', currency: 'sgd', name: 'Lim' })).json
    const before = await storedOf(client)
    const changed = await inTransaction(client).execute((tx) => changePaymentRequest(tx, client.business, { id, fields: { name: 'Lim' } }, originOf(client)))
    expect(changed.isChanged).toBe(false)
    expect(await storedOf(client)).toEqual(before)
  })

  test('a request is linked to a customer as its own transaction changed it', async () => {
    const client = await aBusiness()
    const row = await aRequest(client)
    const { json: customer } = await client.post('/v1/customers', customerBody())
    const { row: after } = await inTransaction(client).execute(async (tx) => {
      await tx.updateTable('customers').set({ email: 'new@example.com' }).where('business_id', '=', client.business.id).where('id', '=', customer.id).execute()
      return changePaymentRequest(tx, client.business, { id: row.id, fields: { email: 'new@example.com' } }, originOf(client))
    })
    expect(after.customer_id).toBe(customer.id)
  })

  test('another version, another business and an impossible id are rejected', async () => {
    const [client, other] = [await aBusiness(), await aBusiness()]
    const row = await aRequest(client)
    const change = (business: Client, target: { id: string; ifMatch?: string }) =>
      inTransaction(client).execute((tx) => changePaymentRequest(tx, business.business, { ...target, fields: { name: 'X' } }, originOf(business)))
    await expect(change(client, { id: row.id, ifMatch: '"7"' })).rejects.toMatchObject({ status: 412 })
    await expect(change(other, { id: row.id })).rejects.toMatchObject({ status: 404 })
    await expect(change(client, { id: 'not-an-id' })).rejects.toMatchObject({ status: 404 })
  })

  test('the caller of a change is the payer who makes it', async () => {
    const client = await aBusiness()
    const row = await aRequest(client)
    const origin = { ...originOf(client), caller: payer, requestId: 'req_page' }
    await inTransaction(client).execute((tx) => changePaymentRequest(tx, client.business, { id: row.id, fields: { name: 'Ng' } }, origin))
    expect((await storedOf(client)).events).toMatchObject([{ caller: 'payer', request_id: 'req_page' }])
  })
})

describe('the routes', () => {
  test('a route wakes the relay after a change, and not after a change of nothing', async () => {
    const woken: string[] = []
    const server = await startTestServer(await testDatabase(), {}, { onEvent: (businessId) => woken.push(businessId) })
    const client = await aBusiness({}, server)
    const { id } = (await client.post('/v1/payment-requests', { amount: '10.00', currency: 'sgd', name: 'Lim' })).json
    woken.length = 0
    await client.put(`/v1/payment-requests/${id}`, { name: 'Lim' })
    expect(woken).toEqual([])
    await client.put(`/v1/payment-requests/${id}`, { name: 'Ng' })
    await client.delete(`/v1/payment-requests/${id}`)
    expect(woken).toEqual([client.business.id, client.business.id])
    const { events } = await storedOf(client)
    expect(events.map(({ type, caller }) => [type, caller?.split(':')[0]])).toEqual([
      ['payment_request.created', 'key'],
      ['payment_request.updated', 'key'],
      ['payment_request.canceled', 'key'],
    ])
    await server.app.fastify.close()
  })
})
