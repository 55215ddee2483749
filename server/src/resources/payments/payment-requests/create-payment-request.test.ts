import { describe, expect, test } from 'vitest'
import { payer, system } from '#foundation/shared/caller.ts'
import { newId } from '#foundation/shared/ids.ts'
import { aBusiness, type Client, customerBody, eventsOf } from '#testing/api.ts'
import { createPaymentRequest, type PaymentRequestInput } from './create-payment-request.ts'

const input = (more: Partial<PaymentRequestInput> = {}): PaymentRequestInput => ({ fields: { amount: '10.00', currency: 'sgd' }, ...more })

/** The operation as a job calls it: no request, no key. */
const jobOrigin = ({ clock, server }: Client) => ({ requestId: null, caller: system, at: clock.now(), baseUrl: server.url })

/** Everything that the creation of a request writes, by table. */
async function writtenFor({ business, server: { database } }: Client) {
  const of = (table: 'payment_requests' | 'payment_request_expiries' | 'search_grams' | 'directory' | 'events' | 'idempotency_keys') =>
    database.db.selectFrom(table).selectAll().where('business_id', '=', business.id).execute()
  const directory = (await of('directory')) as { kind: string }[]
  return {
    requests: (await of('payment_requests')).length,
    expiries: (await of('payment_request_expiries')).length,
    grams: (await of('search_grams')).length,
    references: directory.filter(({ kind }) => kind === 'payment_reference').length,
    events: (await of('events')).length,
    answers: (await of('idempotency_keys')).length,
  }
}

const once = { requests: 1, expiries: 1, grams: 1, references: 1, events: 1, answers: 0 }
const nothing = { requests: 0, expiries: 0, grams: 0, references: 0, events: 0, answers: 0 }

describe('createPaymentRequest, called without HTTP', () => {
  test('a job creates a request that no API key made, by group commit', async () => {
    const client = await aBusiness()
    const create = createPaymentRequest(client.server.app.payments)
    const fields = { amount: '10.00', currency: 'sgd', expires_after: '5 mins' }
    const { row, answer } = await create(undefined, client.business, { fields }, jobOrigin(client))
    expect(row).toMatchObject({ api_key_id: null, source_type: null, source_id: null, amount_minor: 1000n })
    expect(JSON.parse(answer.body ?? '')).toMatchObject({ id: row.id, amount: '10.00' })
    expect((await client.get(`/v1/payment-requests/${row.id}`)).json).toMatchObject({ id: row.id, status: 'pending' })
    expect(await writtenFor(client)).toEqual(once)
    const [event] = await client.server.database.db
      .selectFrom('events')
      .select(['type', 'caller', 'request_id', 'created_at'])
      .where('business_id', '=', client.business.id)
      .execute()
    expect(event).toEqual({ type: 'payment_request.created', caller: 'system', request_id: null, created_at: row.created_at })
  })

  test('a request that is created in a transaction exists when that commits', async () => {
    const client = await aBusiness()
    const create = createPaymentRequest(client.server.app.payments)
    const source = { type: 'order', id: newId(new Date()) }
    const fields = { amount: '10.00', currency: 'sgd', expires_after: '5 mins' }
    const { row } = await client.server.database.db
      .transaction()
      .execute((tx) => create(tx, client.business, { fields, source }, { ...jobOrigin(client), caller: payer }))
    expect(row).toMatchObject({ source_type: 'order', source_id: source.id, api_key_id: null })
    expect(await writtenFor(client)).toEqual(once)
    expect(await eventsOf(client)).toMatchObject([{ type: 'payment_request.created', object_id: row.id }])
  })

  test('nothing remains of a request whose transaction rolls back', async () => {
    const client = await aBusiness()
    const create = createPaymentRequest(client.server.app.payments)
    const key = `once-${newId(new Date())}`
    const origin = { ...jobOrigin(client), claim: { businessId: client.business.id, key, fingerprint: {} } }
    const fields = { amount: '10.00', currency: 'sgd', expires_after: '5 mins' }
    const rolledBack = client.server.database.db.transaction().execute(async (tx) => {
      await create(tx, client.business, { fields }, origin)
      throw new Error('the order is sold out')
    })
    await expect(rolledBack).rejects.toThrow('the order is sold out')
    expect(await writtenFor(client)).toEqual(nothing)
  })

  test('a request is linked to a customer as its own transaction changed it', async () => {
    const client = await aBusiness()
    const { database } = client.server
    const create = createPaymentRequest(client.server.app.payments)
    const { json: customer } = await client.post('/v1/customers', customerBody())
    const { row } = await database.db.transaction().execute(async (tx) => {
      await tx.updateTable('customers').set({ email: 'new@example.com' }).where('business_id', '=', client.business.id).where('id', '=', customer.id).execute()
      return create(tx, client.business, { fields: { amount: '10.00', currency: 'sgd', email: 'new@example.com' } }, jobOrigin(client))
    })
    expect(row.customer_id).toBe(customer.id)
  })

  test('a source cannot be given through the API', async () => {
    const client = await aBusiness()
    const id = newId(new Date())
    const { status, json } = await client.post('/v1/payment-requests', {
      ...input().fields,
      source: { type: 'order', id },
      source_type: 'order',
      source_id: id,
    })
    expect(status).toBe(201)
    const row = await client.server.database.db
      .selectFrom('payment_requests')
      .select(['source_type', 'source_id'])
      .where('business_id', '=', client.business.id)
      .where('id', '=', json.id)
      .executeTakeFirst()
    expect(row).toEqual({ source_type: null, source_id: null })
  })

  test('an invalid input is a 422 that leaves the transaction usable', async () => {
    const client = await aBusiness()
    const create = createPaymentRequest(client.server.app.payments)
    await client.server.database.db.transaction().execute(async (tx) => {
      await expect(create(tx, client.business, { fields: { amount: 'ten', currency: 'sgd' } }, jobOrigin(client))).rejects.toMatchObject({ status: 422 })
      await create(tx, client.business, input(), jobOrigin(client))
    })
    expect((await writtenFor(client)).requests).toBe(1)
  })
})
