import { sql } from 'kysely'
import { expect, onTestFinished, test } from 'vitest'
import { newId } from '#foundation/shared/ids.ts'
import { startDispatcher } from '#resources/webhooks/delivery/deliver-events.ts'
import { aBusiness, customerBody, send, startTestServer, type TestServer, testSecretKey } from '#testing/api.ts'
import { cloneDatabase } from '#testing/database.ts'
import { type Database, openDatabase } from './database.ts'
import { sameBusinessSql, useShards } from './same-business.ts'

/** A node of a plan, as `explain (format json)` prints it. */
interface Plan {
  'Node Type': string
  'Relation Name'?: string
  'Index Name'?: string
  'Index Cond'?: string
  'Join Filter'?: string
  Plans?: Plan[]
}

/** A server on a database of its own. */
async function aServer({ isSharded = false } = {}): Promise<TestServer> {
  const database = openDatabase(await cloneDatabase(), { connections: 4, slowConnections: 1, isSharded })
  const server = await startTestServer(database, { groupCommitAcrossBusinesses: !isSharded })
  onTestFinished(async () => {
    await server.app.fastify.close()
    await database.close()
  })
  return server
}

/** Lets a business create a customer, show a checkout, take a payment and send its webhooks, so that the statements for that are prepared. */
async function work(server: TestServer): Promise<void> {
  const client = await aBusiness({}, server)
  await client.post('/v1/webhook-events', { name: 'All', url: 'http://127.0.0.1:9/hook' })
  await client.post('/v1/customers', customerBody())
  const { json } = await client.post('/v1/payment-requests', { amount: '12.50', currency: 'sgd' })
  expect((await send(server, 'GET', `${new URL(json.url).pathname.replace(/\/checkout$/, '')}/state`)).status).toBe(200)
  expect((await client.post(`/v1/sandbox/payment-requests/${json.id}/pay`, {})).status).toBe(200)
  await client.get('/v1/events')
  const { database, clock, app } = server
  const { log, groupAcrossBusinesses } = app.payments
  const dispatcher = startDispatcher({ database, log, secretKey: () => testSecretKey, clock, onEvent: () => undefined, pollMs: 0, groupAcrossBusinesses })
  expect(await dispatcher.settle(client.business.id)).toBe(4)
  await dispatcher.stop()
}

/** The texts of the statements that the connections of the write pool have prepared. */
async function preparedTexts({ writePool }: Database): Promise<string[]> {
  const clients = await Promise.all(Array.from({ length: writePool.totalCount }, () => writePool.connect()))
  const texts = new Set<string>()
  for (const client of clients) {
    const { rows } = await client.query<{ statement: string }>('select statement from pg_prepared_statements')
    for (const { statement } of rows) texts.add(statement)
    client.release()
  }
  return [...texts]
}

/** Indexes that are read from a place on, and tables with few rows for each business. */
const allowed = /^(webhook_queue_due|events_pending|event_positions_pkey|fee_schedules_pkey|charges_of_request) /

/** The scans of tables in a plan that find more than one row by a whole key of an index, and joins that compare each row with each. */
function scans(plan: Plan, columns: Map<string, string[]>): string[] {
  const {
    'Node Type': type,
    'Relation Name': table,
    'Index Name': index = type,
    'Index Cond': condition = 'all rows',
    'Join Filter': filter,
    Plans = [],
  } = plan
  const isByKey = (columns.get(index) ?? ['']).every((column) => new RegExp(`[(]${column} = `).test(condition))
  return [
    ...(table && /Scan/.test(type) && !isByKey ? [`${index} of ${table}: ${condition}`] : []),
    ...(filter && Plans.some((child) => child['Relation Name']) ? [`a join of all rows: ${filter}`] : []),
    ...Plans.flatMap((child) => scans(child, columns)),
  ].filter((scan) => !allowed.test(scan))
}

/** The scans by which the write pool's statements would read more than they need, each with the statement's beginning. */
async function badScans(database: Database, texts: string[]): Promise<string[]> {
  const { rows } = await database.pool.query<{ index: string; columns: string[] }>(
    `select c.relname as index, array_agg(a.attname order by a.attnum)::text[] as columns
     from pg_class c join pg_attribute a on a.attrelid = c.oid where c.relkind = 'i' and c.relnamespace = 'hawker'::regnamespace group by c.oid`,
  )
  const columns = new Map(rows.map((row) => [row.index, row.columns]))
  const client = await database.writePool.connect()
  const found: string[] = []
  for (const text of texts) {
    const { rows: plans } = await client.query(`explain (generic_plan, format json) ${text}`)
    for (const scan of scans(plans[0]['QUERY PLAN'][0].Plan, columns)) found.push(`${text.replace(/\s+/g, ' ').trim().slice(0, 60)} … ${scan}`)
  }
  client.release()
  return found
}

test('statements that carry many requests find every row by its key, in a new database and in one with many small businesses', async () => {
  const server = await aServer()
  const { database } = server
  await work(server)
  const texts = await preparedTexts(database)
  expect(texts.length).toBeGreaterThanOrEqual(15)
  expect(await badScans(database, texts)).toEqual([])

  const grown = ['events', 'charges', 'payment_requests', 'webhook_deliveries', 'webhook_queue', 'webhook_endpoints', 'ledger_accounts']
  await database.pool.query(
    `insert into webhook_queue (business_id, delivery_id, lane, due_at) select business_id, id, 'x', created_at from webhook_deliveries on conflict do nothing`,
  )
  for (const table of grown) {
    const id = table === 'webhook_queue' ? 'delivery_id' : 'id'
    await database.pool.query(
      `insert into ${table} select (jsonb_populate_record(t, jsonb_build_object('business_id', uuidv7(), '${id}', uuidv7(), 'key_hash', uuidv7()))).*
       from ${table} t, generate_series(1, 500) on conflict do nothing`,
    )
  }
  await database.pool.query(`vacuum (analyze) ${grown.join(', ')}`)
  expect(await badScans(database, texts)).toEqual([])
})

test('where businesses are on different nodes, every statement that joins rows of arrays names its business as a constant, or several as an array', async () => {
  const server = await aServer({ isSharded: true })
  onTestFinished(() => useShards(false))
  await Promise.all([work(server), work(server), work(server)])
  const joined = (await preparedTexts(server.database)).filter((text) => /unnest\(.*(join|update \w+ \w+ set|delete from)/s.test(text))
  expect(joined.length).toBeGreaterThanOrEqual(8)
  expect(joined.filter((text) => !/business_id = \$\d+/.test(text))).toEqual([])
  const ofSeveral = sql`select 1 where ${sameBusinessSql('c', 'wanted', [newId(new Date()), newId(new Date())])}`
  expect(ofSeveral.compile(server.database.db).sql).toContain('c.business_id = wanted.business_id and c.business_id = any ($1::uuid[])')
})
