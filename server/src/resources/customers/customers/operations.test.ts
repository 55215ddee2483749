import { describe, expect, test } from 'vitest'
import { change } from '#engine/records/change.ts'
import { system } from '#foundation/shared/caller.ts'
import { aBusiness, type Client, customerBody, eventsOf } from '#testing/api.ts'
import { changeCustomer, removeCustomer, upsertCustomer } from './change-customer.ts'
import { createCustomer } from './create-customer.ts'
import type { CreateCustomer } from './wire.ts'

/** The origin of a job. */
const jobOrigin = ({ business, server }: Client) => ({ requestId: null, caller: system, at: server.clock.now(business.id), baseUrl: server.url })
const body = (more: Record<string, unknown> = {}) => customerBody(more) as CreateCustomer

async function rowsOf({ business, server: { database } }: Client) {
  const customers = await database.db.selectFrom('customers').select('id').where('business_id', '=', business.id).execute()
  const events = await database.db.selectFrom('events').select(['type', 'caller']).where('business_id', '=', business.id).orderBy('created_at').execute()
  return { customers: customers.length, events }
}

describe('operations of customers without HTTP', () => {
  test('a job creates customers by group commit, each with its own failure', async () => {
    const client = await aBusiness()
    const create = createCustomer(client.server.app.payments)
    const inputs = [body({ external_id: 'a' }), body({ external_id: 'a' }), body({ birth_date: '2999-01-01' }), body()]
    const made = await Promise.allSettled(inputs.map((input) => create(undefined, client.business, input, jobOrigin(client))))
    expect(made.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected', 'fulfilled'])
    expect(made[1]).toMatchObject({ reason: { status: 422, code: 'external_id_taken' } })
    expect(made[0]).toMatchObject({ value: { row: { external_id: 'a', version: 1 }, answer: { status: 201 } } })
    const created = { type: 'customer.created', caller: 'system' }
    expect(await rowsOf(client)).toEqual({ customers: 2, events: [created, created] })
  })

  test('a customer is created, changed, upserted and deleted in one transaction', async () => {
    const client = await aBusiness()
    const { business } = client
    const origin = jobOrigin(client)
    const create = createCustomer(client.server.app.payments)
    await change(client.server.app.payments, origin, async (tx) => {
      const { row } = await create(tx, business, body({ external_id: 'a' }), origin)
      const changed = await changeCustomer(tx, business, { id: row.id, changes: { name: 'Changed' } }, origin)
      expect(changed).toMatchObject({ row: { name: 'Changed', version: 2 }, isChanged: true })
      const upserted = await upsertCustomer(tx, business, { externalId: 'a', changes: { name: 'Upserted' } }, origin)
      expect(upserted).toMatchObject({ row: { id: row.id, name: 'Upserted', version: 3 }, isNew: false })
      const other = await upsertCustomer(tx, business, { externalId: 'b', changes: body() }, origin)
      expect(other.isNew).toBe(true)
      await removeCustomer(tx, business, { id: 'ext:a' }, origin)
      return { status: 204 }
    })
    expect((await eventsOf(client)).map(({ type, previous_attributes }) => [type, previous_attributes])).toEqual([
      ['customer.created', null],
      ['customer.updated', { name: null }],
      ['customer.updated', { name: 'Changed' }],
      ['customer.created', null],
      ['customer.deleted', null],
    ])
    expect((await rowsOf(client)).customers).toBe(1)
  })

  test('nothing remains of customers whose transaction rolls back', async () => {
    const client = await aBusiness()
    const { business } = client
    const origin = jobOrigin(client)
    const create = createCustomer(client.server.app.payments)
    const rolledBack = client.server.database.db.transaction().execute(async (tx) => {
      await create(tx, business, body({ external_id: 'a' }), origin)
      await upsertCustomer(tx, business, { externalId: 'b', changes: body() }, origin)
      throw new Error('the import was canceled')
    })
    await expect(rolledBack).rejects.toThrow('the import was canceled')
    expect(await rowsOf(client)).toEqual({ customers: 0, events: [] })
  })

  test('a taken external id is a 422 inside a transaction too, before anything is written', async () => {
    const client = await aBusiness()
    await client.post('/v1/customers', body({ external_id: 'a' }))
    const create = createCustomer(client.server.app.payments)
    await client.server.database.db.transaction().execute(async (tx) => {
      const again = create(tx, client.business, body({ external_id: 'a' }), jobOrigin(client))
      await expect(again).rejects.toMatchObject({ status: 422, code: 'external_id_taken' })
      await create(tx, client.business, body({ external_id: 'b' }), jobOrigin(client))
    })
    expect((await rowsOf(client)).customers).toBe(2)
  })
})
