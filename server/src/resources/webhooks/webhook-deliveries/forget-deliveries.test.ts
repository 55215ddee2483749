import { sql } from 'kysely'
import { afterEach, expect, test } from 'vitest'
import { createLog } from '#foundation/http/observability.ts'
import type { DueWork, JobDeps } from '#foundation/jobs/job.ts'
import { newId } from '#foundation/shared/ids.ts'
import { deleteOldMails, mailsDeletion } from '#resources/business/mails/forget-mails-job.ts'
import { insertMails, type MailRow } from '#resources/business/mails/queries.ts'
import { aBusiness, type Client } from '#testing/api.ts'
import { anEndpoint, tellEvents, testDispatcher } from '#testing/deliveries.ts'
import { fakeMerchant } from '#testing/fake-merchant.ts'
import { deleteOldDeliveries, deliveriesDeletion } from './forget-deliveries-job.ts'

const day = 86_400_000
const open: { stop(): Promise<void> }[] = []
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.stop()
})

const jobDeps = ({ server }: Client): JobDeps => ({
  database: server.database,
  clock: server.clock,
  log: createLog('silent'),
  idempotencyDays: 30,
  deliveryDays: 30,
  failedDeliveryDays: 90,
  mailDays: 90,
})

/** Does for a business what a job does for all. */
const run = ({ run: doWork }: DueWork, { business, clock }: Client) => doWork({ until: clock.now(), businessId: business.id })

const statuses = async ({ server, business }: Client) => {
  const { rows } = await server.database.pool.query('select status from webhook_deliveries where business_id = $1 order by id', [business.id])
  return rows.map(({ status }) => status)
}

/** The plan of a statement when sequential scans are disabled. */
async function planOf({ server }: Client, statement: ReturnType<typeof deleteOldMails>): Promise<string> {
  return server.database.db.transaction().execute(async (tx) => {
    await sql`set local enable_seqscan = off`.execute(tx)
    const { rows } = await sql<{ 'QUERY PLAN': string }>`explain ${statement}`.execute(tx)
    return rows.map((row) => row['QUERY PLAN']).join('\n')
  })
}

test('deliveries older than the retention are deleted with their attempts, and pending and recently failed ones stay', async () => {
  const client = await aBusiness()
  const { clock } = client
  const { database } = client.server
  clock.set('2026-01-01T00:00:00Z')
  const shop = await fakeMerchant()
  open.push(shop)
  await anEndpoint(client, shop.url)
  const sender = testDispatcher(client)
  open.push(sender)
  await tellEvents(client, [{}])
  await sender.settle(client.business.id)
  shop.answer({ status: 500 })
  await tellEvents(client, [{}, {}])
  await sender.settle(client.business.id)
  // One has failed, the other is still waiting.
  await database.pool.query(
    "update webhook_deliveries set status = 'failed' where business_id = $1 and id = (select id from webhook_deliveries where business_id = $1 and status = 'pending' order by id limit 1)",
    [client.business.id],
  )
  const tries = async () => (await database.pool.query('select 1 from webhook_attempts where business_id = $1', [client.business.id])).rowCount

  clock.advance(29 * day)
  await run(deliveriesDeletion(jobDeps(client)), client)
  expect(await statuses(client)).toEqual(['succeeded', 'failed', 'pending'])
  clock.advance(2 * day)
  await run(deliveriesDeletion(jobDeps(client)), client)
  expect(await statuses(client)).toEqual(['failed', 'pending'])
  expect(await tries()).toBe(2)
  clock.advance(60 * day)
  await run(deliveriesDeletion(jobDeps(client)), client)
  await run(deliveriesDeletion(jobDeps(client)), client)
  expect(await statuses(client)).toEqual(['pending'])
  expect(await tries()).toBe(1)
})

test('an old delivery that was redelivered recently stays', async () => {
  const client = await aBusiness()
  const { clock } = client
  clock.set('2026-01-01T00:00:00Z')
  const shop = await fakeMerchant()
  open.push(shop)
  await anEndpoint(client, shop.url)
  const sender = testDispatcher(client)
  open.push(sender)
  await tellEvents(client, [{}])
  await sender.settle(client.business.id)
  const [{ id }] = (await client.get('/v1/webhook-deliveries')).json.data
  clock.advance(29 * day)
  await client.post(`/v1/webhook-deliveries/${id}/redeliver`, {})
  await sender.settle(client.business.id)
  clock.advance(29 * day)
  await run(deliveriesDeletion(jobDeps(client)), client)
  expect(await statuses(client)).toEqual(['succeeded'])
})

test('a batch smaller than the backlog continues where the last one ended, past what stays', async () => {
  const client = await aBusiness()
  const { clock } = client
  const { database } = client.server
  clock.set('2026-01-01T00:00:00Z')
  await anEndpoint(client, 'http://127.0.0.1:1/')
  await tellEvents(
    client,
    Array.from({ length: 7 }, () => ({})),
  )
  await database.pool.query("update webhook_deliveries set status = 'succeeded' where business_id = $1", [client.business.id])
  const { rows } = await database.pool.query('select id from webhook_deliveries where business_id = $1 order by id', [client.business.id])
  await database.pool.query("update webhook_deliveries set status = 'pending' where business_id = $1 and id = $2", [client.business.id, rows[1].id])
  const now = clock.now().getTime() + day
  const before = { done: new Date(now), failed: new Date(now) }
  const first = await deleteOldDeliveries(client.business.id, rows[0].id, before, 3).execute(database.db)
  expect(first.rows).toEqual([{ looked: 3, forgotten: 2, last: rows[3].id }])
  const second = await deleteOldDeliveries(client.business.id, rows[3].id, before, 5).execute(database.db)
  expect(second.rows).toEqual([{ looked: 3, forgotten: 3, last: rows[6].id }])
})

test('old emails are deleted too, and unsent ones stay', async () => {
  const client = await aBusiness()
  const { clock } = client
  const { database } = client.server
  clock.set('2026-01-01T00:00:00Z')
  const at = clock.now()
  const mail = (): MailRow => ({
    business_id: client.business.id,
    id: newId(at),
    recipient: 'payer@example.com',
    subject: 'Receipt',
    body_text: '',
    body_html: '',
    source: 'charge',
    source_id: newId(at),
    status: 'pending',
    attempts: 0,
    due_at: at,
    created_at: at,
    sent_at: null,
  })
  const [sent, waiting] = [mail(), mail()]
  await insertMails(database.db, [sent, waiting])
  await database.pool.query("update mails set status = 'sent' where business_id = $1 and id = $2", [client.business.id, sent.id])
  const left = async () => (await database.pool.query('select id from mails where business_id = $1', [client.business.id])).rows.map(({ id }) => id)
  clock.advance(89 * day)
  await run(mailsDeletion(jobDeps(client)), client)
  expect(await left()).toHaveLength(2)
  clock.advance(2 * day)
  await run(mailsDeletion(jobDeps(client)), client)
  expect(await left()).toEqual([waiting.id])
})

test('old deliveries are found by primary key', async () => {
  const client = await aBusiness()
  const before = new Date('2026-01-01T00:00:00Z')
  const id = newId(new Date(0))
  const deliveries = await planOf(client, deleteOldDeliveries(client.business.id, id, { done: before, failed: before }))
  expect(deliveries).toMatch(/webhook_deliveries_pkey[\s\S]*Index Cond: \(\(business_id = [\s\S]*\(id > [\s\S]*\(id < /)
  expect(deliveries).not.toContain('Seq Scan')
  const mails = await planOf(client, deleteOldMails(client.business.id, id, before))
  expect(mails).toMatch(/mails_pkey[\s\S]*Index Cond: \(\(business_id = [\s\S]*\(id > [\s\S]*\(id < /)
  expect(mails).not.toContain('Seq Scan')
})
