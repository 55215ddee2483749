import { readdirSync, readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Database, openDatabase } from '#foundation/database/database.ts'
import { system } from '#foundation/shared/caller.ts'
import { newId, randomHex } from '#foundation/shared/ids.ts'
import { aBusiness, type Client, eventsOf, startTestServer, type TestServer } from '#testing/api.ts'
import { cloneDatabase } from '#testing/database.ts'
import { productCategoriesRoutes } from '#testing/product-categories/routes.ts'
import { productCategoryKind } from '#testing/product-categories/wire.ts'
import { change } from './change.ts'
import { recordsConformance } from './conformance.ts'
import { operationsOf } from './operations.ts'

const folder = new URL('../../testing/product-categories/', import.meta.url)
const read = (file: string) => readFileSync(new URL(file, folder), 'utf8')

let server: TestServer
let database: Database
const woken: string[] = []
const aMerchant = () => aBusiness({}, server)

beforeAll(async () => {
  database = openDatabase(await cloneDatabase(), { guardTenancy: true })
  for (const statement of read('migration.sql').split(/;\n\n?/)) if (statement.trim()) await database.pool.query(statement)
  server = await startTestServer(
    database,
    {},
    { routes: productCategoriesRoutes, checkAnswer: () => undefined, onEvent: (businessId) => woken.push(businessId) },
  )
})
afterAll(async () => {
  await server.app.fastify.close()
  await database.close()
})

recordsConformance({
  path: '/v1/product-categories',
  name: 'ProductCategory',
  aClient: aMerchant,
  body: () => ({ name: `Toast ${randomHex(4)}`, labels: ['kaya', 'butter'] }),
  changeTo: (n) => ({ description: `Version ${n}`, labels: [`label ${n}`] }),
  list: 'cursor',
  deleted: 'gone',
  events: { prefix: 'product_category', of: eventsOf },
})

const create = (client: Client, more: Record<string, unknown> = {}) => client.post('/v1/product-categories', { name: `Toast ${randomHex(4)}`, ...more })

describe('a plain resource', () => {
  test('a plain resource is at most 130 lines of code, apart from its migration and its tests', () => {
    // For a real resource, `npm run generate` writes what is in `generated.ts` here.
    const files = readdirSync(folder).filter((file) => file.endsWith('.ts') && file !== 'generated.ts')
    const lines = files.reduce((sum, file) => sum + read(file).split('\n').length - 1, 0)
    expect(lines).toBeLessThanOrEqual(130)
  })

  test('a plain resource is registered by one call, uses no other resources, and appears in no list of the foundation', () => {
    const imports = ['wire.ts', 'routes.ts'].flatMap((file) => [...read(file).matchAll(/from '([^']+)'/g)].map(([, name]) => name))
    expect(imports.filter((name) => !/^(typebox|\.\/wire\.ts|#(engine\/records|foundation)\/.+|\.\/generated\.ts)$/.test(name ?? ''))).toEqual([])
  })

  test('a list filters by equality', async () => {
    const client = await aMerchant()
    const parent = (await create(client)).json.id
    const child = (await create(client, { parent_id: parent })).json.id
    const hidden = (await create(client, { active: false })).json.id
    const list = async (query: string) => (await client.get(`/v1/product-categories?${query}`)).json.data.map(({ id }: { id: string }) => id)
    expect(await list('')).toEqual([hidden, child, parent])
    expect(await list(`parent_id=${parent}`)).toEqual([child])
    expect(await list('active=true')).toEqual([child, parent])
    expect(await list(`active=false&parent_id=${parent}`)).toEqual([])
  })

  test('a value that is in use is a 422 that names the field, on create and on update', async () => {
    const [client, neighbour] = [await aMerchant(), await aMerchant()]
    const [first, second] = [await create(client, { name: 'Toast' }), await create(client, { name: 'Eggs' })]
    const refused = [await create(client, { name: 'Toast' }), await client.patch(`/v1/product-categories/${second.json.id}`, { name: 'Toast' })]
    for (const { status, json } of refused) {
      expect([status, json.code, json.errors]).toEqual([422, 'name_taken', { name: ['The name has already been taken.'] }])
    }
    expect((await client.patch(`/v1/product-categories/${first.json.id}`, { name: 'Toast' })).status).toBe(200)
    expect((await create(neighbour, { name: 'Toast' })).status).toBe(201)
  })

  test('a body with other fields than its schema cannot move a record to another business or set its version', async () => {
    const [client, neighbour] = [await aMerchant(), await aMerchant()]
    const { json } = await create(client)
    const path = `/v1/product-categories/${json.id}`
    const foreign = { business_id: neighbour.business.id, id: newId(new Date()), version: 40, created_at: '2020-01-01T00:00:00Z' }
    const changed = await client.patch(path, { ...foreign, description: 'changed' })
    expect(changed.json).toMatchObject({ id: json.id, description: 'changed', created_at: json.created_at })
    expect(changed.headers.get('etag')).toContain('.2"')
    expect((await create(client, foreign)).json.id).not.toBe(foreign.id)
    expect((await neighbour.get('/v1/product-categories')).json.data).toEqual([])
    expect((await client.get(path)).json).toEqual(changed.json)
  })
})

describe('operations without HTTP', () => {
  const operations = operationsOf(productCategoryKind)
  const fields = () => ({ name: `Toast ${randomHex(4)}`, description: null, parent_id: null, labels: [], active: true })
  const cause = () => ({ at: new Date(), caller: system, requestId: null, baseUrl: '' })

  test('nothing remains of a record whose transaction rolls back', async () => {
    const { business } = await aMerchant()
    const rolledBack = database.db.transaction().execute(async (tx) => {
      const { row } = await operations.create(tx, business, fields(), cause())
      await operations.update(tx, business, { id: row.id, apply: (before) => ({ ...before, active: false }) }, cause())
      throw new Error('sold out')
    })
    await expect(rolledBack).rejects.toThrow('sold out')
    expect(await operations.table.page(database.db, business.id, { limit: 10 })).toEqual([])
    expect(await database.db.selectFrom('events').select('id').where('business_id', '=', business.id).execute()).toEqual([])
  })

  test('a record is created, changed and deleted in one transaction, with an event for each in order, and the relay is woken once', async () => {
    const client = await aMerchant()
    const { business } = client
    const before = woken.filter((id) => id === business.id).length
    await change({ database, onEvent: (id) => woken.push(id) }, { at: new Date() }, async (tx) => {
      const { row } = await operations.create(tx, business, fields(), cause())
      const changed = await operations.update(tx, business, { id: row.id, apply: (earlier) => ({ ...earlier, active: false }) }, cause())
      await operations.remove(tx, business, changed.row, cause())
      return { status: 204 }
    })
    expect(woken.filter((id) => id === business.id)).toHaveLength(before + 1)
    const events = await eventsOf(client)
    expect(events.map(({ type }) => type)).toEqual(['product_category.created', 'product_category.updated', 'product_category.deleted'])
    expect(events[1]).toMatchObject({ previous_attributes: { active: true }, request_id: null })
    const callers = await database.db.selectFrom('events').select(['caller', 'created_at']).where('business_id', '=', business.id).execute()
    expect(new Set(callers.map(({ caller }) => caller))).toEqual(new Set(['system']))
    expect(new Set(callers.map(({ created_at }) => created_at.getTime())).size).toBe(3)
  })

  test('a write that emits no event wakes nobody', async () => {
    const { business } = await aMerchant()
    const { row } = await database.db.transaction().execute((tx) => operations.create(tx, business, fields(), cause()))
    const calls: string[] = []
    const deps = { database, onEvent: (id: string) => calls.push(id) }
    await change(deps, { at: new Date() }, async (tx) => {
      await operations.update(tx, business, { id: row.id, apply: (before) => before }, cause())
      return { status: 200 }
    })
    expect(calls).toEqual([])
  })

  test('a value that is in use is detected without losing the transaction', async () => {
    const { business } = await aMerchant()
    const taken = fields()
    await database.db.transaction().execute(async (tx) => {
      await operations.create(tx, business, taken, cause())
      expect(await operations.createUnlessTaken(tx, business, taken, cause())).toBeUndefined()
      expect(await operations.createUnlessTaken(tx, business, fields(), cause())).toMatchObject({ isChanged: true })
    })
    expect(await operations.table.page(database.db, business.id, { limit: 10 })).toHaveLength(2)
  })

  test('a kind that keeps deleted records hides them and leaves their rows', async () => {
    const { business } = await aMerchant()
    await database.pool.query('alter table product_categories add column if not exists deleted_at timestamptz')
    const { table } = productCategoryKind
    const columns = { ...table.columns, deleted_at: 'timestamp with time zone?' }
    const keeping = operationsOf({ ...productCategoryKind, table: { ...table, columns }, keepsDeleted: true })
    const { row } = await database.db.transaction().execute(async (tx) => {
      const created = await keeping.create(tx, business, { ...fields(), deleted_at: null } as never, cause())
      await keeping.remove(tx, business, created.row, cause())
      return created
    })
    await expect(keeping.find(database.db, business, row.id)).rejects.toMatchObject({ status: 404 })
    expect(await keeping.table.page(database.db, business.id, { limit: 10 })).toEqual([])
    const kept = await operations.table.find(database.db, business.id, row.id)
    expect(kept).toMatchObject({ version: 2, name: row.name })
  })

  test('a filter by a column that the table does not have is an error, not SQL', async () => {
    const { business } = await aMerchant()
    const filter = { 'name" = name or "name': 'x' } as never
    await expect(operations.table.page(database.db, business.id, { filter, limit: 1 })).rejects.toThrow('has no column')
  })
})
