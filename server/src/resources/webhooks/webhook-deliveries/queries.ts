import { type RawBuilder, sql } from 'kysely'
import type { Database, Db } from '#foundation/database/database.ts'
import { keysetPages } from '#foundation/database/shared-pages.ts'
import type { Cursor } from '#foundation/shared/cursor.ts'
import { type DeliveryRow, deliveryColumns, likeType } from '#resources/webhooks/delivery/delivery-queries.ts'

/** A delivery with the time of its next attempt. */
export interface QueuedDelivery extends DeliveryRow {
  due_at: Date | null
}

export interface DeliveryFilter {
  status?: string | undefined
  event_id?: string | undefined
  object_id?: string | undefined
  endpoint_id?: string | undefined
  event_type?: string | undefined
}

const listed = {
  name: 'list_webhook_deliveries',
  from: 'webhook_deliveries d left join webhook_queue q on q.business_id = d.business_id and q.delivery_id = d.id',
  alias: 'd',
  columns: [...deliveryColumns.map((column) => `d.${column}`), 'q.due_at'].join(', '),
  key: 'id',
  type: 'uuid',
} as const

/** A page of deliveries. Where it ends although more may follow, `continueAt` is the id after which the next one begins. */
export interface DeliveryPage {
  rows: QueuedDelivery[]
  continueAt?: string | undefined
}

interface AskedPage {
  filter: DeliveryFilter
  cursor: Cursor | undefined
  limit: number
}

/** Deliveries that a page looks at, at most: milliseconds, however many a business has and however few match. */
export const mostLookedAt = 10_000

/** Where the deliveries of a status are found without the others: in the queue, or by a partial index, whose condition is literal. */
const sources = new Map([
  ['pending', { from: 'webhook_queue s', id: 's.delivery_id', within: '' }],
  ['failed', { from: 'webhook_deliveries s', id: 's.id', within: "and s.status = 'failed'" }],
  ['canceled', { from: 'webhook_deliveries s', id: 's.id', within: "and s.status = 'canceled'" }],
])
const everyStatus = { from: 'webhook_deliveries s', id: 's.id', within: '' }

function filterSql({ event_type: type, ...filter }: DeliveryFilter): RawBuilder<unknown> | undefined {
  const parts: RawBuilder<unknown>[] = []
  for (const column of ['status', 'event_id', 'object_id', 'endpoint_id'] as const)
    if (filter[column] !== undefined) parts.push(sql`and ${sql.ref(`d.${column}`)} = ${filter[column]}`)
  if (type !== undefined) parts.push(type.endsWith('.*') ? sql`and d.event_type like ${likeType(type)}` : sql`and d.event_type = ${type}`)
  return parts.length > 0 ? sql.join(parts, sql` `) : undefined
}

/** Pages of a business's deliveries, newest first (reversed when the cursor points back). */
export function deliveryPages(database: Database, acrossBusinesses: boolean): (businessId: string, asked: AskedPage) => Promise<DeliveryPage> {
  const page = keysetPages<QueuedDelivery>(database, listed, acrossBusinesses)
  return async (businessId, { filter, cursor, limit }) => {
    const condition = filterSql(filter)
    // An object and an event have few deliveries, which an index finds.
    const isBounded = condition === undefined || filter.object_id !== undefined || filter.event_id !== undefined
    if (isBounded) return { rows: await page(businessId, { filter: condition, cursor, limit }) }
    return walkedPage(database.slow, businessId, condition, { filter, cursor, limit })
  }
}

async function walkedPage(db: Db, businessId: string, condition: RawBuilder<unknown>, { filter, cursor, limit }: AskedPage): Promise<DeliveryPage> {
  const { from, id, within } = sources.get(filter.status ?? '') ?? everyStatus
  const isBack = cursor?.direction === 'previous'
  const order = sql.raw(isBack ? 'asc' : 'desc')
  const position = cursor ? sql`and ${sql.raw(id)} ${sql.raw(isBack ? '>' : '<')} ${cursor.id}` : sql``
  const walked = sql`select ${sql.raw(id)} as id from ${sql.raw(from)} where s.business_id = ${businessId} ${sql.raw(within)} ${position} order by ${sql.raw(id)} ${order}`
  const { rows } = await sql<QueuedDelivery>`
    select ${sql.raw(listed.columns)} from (${walked} limit ${mostLookedAt}) walked
    join webhook_deliveries d on d.business_id = ${businessId} and d.id = walked.id
    left join webhook_queue q on q.business_id = ${businessId} and q.delivery_id = d.id
    where true ${condition} order by walked.id ${order} limit ${limit}`.execute(db)
  if (rows.length === limit) return { rows }
  const end = await sql<{ id: string }>`${walked} offset ${mostLookedAt - 1} limit 1`.execute(db)
  return { rows, continueAt: end.rows[0]?.id }
}

/** A delivery with its body, and with the data of its lane. */
export interface WholeDelivery extends QueuedDelivery {
  body: string
  target: string
}

export async function findDelivery(db: Db, businessId: string, id: string): Promise<WholeDelivery | undefined> {
  const row = await db
    .selectFrom('webhook_deliveries as d')
    .leftJoin('webhook_queue as q', (join) => join.onRef('q.business_id', '=', 'd.business_id').onRef('q.delivery_id', '=', 'd.id'))
    .select(deliveryColumns.map((column) => `d.${column}` as const))
    .select(['q.due_at', 'd.body', 'd.target'])
    .where('d.business_id', '=', businessId)
    .where('d.id', '=', id)
    .executeTakeFirst()
  return row as WholeDelivery | undefined
}

export interface AttemptRow {
  number: number
  sent_at: Date
  duration_ms: number
  request_headers: Record<string, string>
  response_status: number | null
  response_headers: Record<string, string> | null
  response_body: string | null
  error: string | null
}

/** The attempts of a delivery, oldest first. */
export async function listAttempts(db: Db, businessId: string, deliveryId: string): Promise<AttemptRow[]> {
  const rows = await db
    .selectFrom('webhook_attempts')
    .select(['number', 'sent_at', 'duration_ms', 'request_headers', 'response_status', 'response_headers', 'response_body', 'error'])
    .where('business_id', '=', businessId)
    .where('delivery_id', '=', deliveryId)
    .orderBy('number')
    .execute()
  return rows as AttemptRow[]
}

/** Queues a delivery immediately, with its schedule restarted; false if there is none. */
export async function requeueDelivery(tx: Db, businessId: string, id: string, lane: string, at: Date): Promise<boolean> {
  const { numUpdatedRows } = await tx
    .updateTable('webhook_deliveries')
    .set({ status: 'pending', step: 0, queued_at: at, updated_at: at })
    .where('business_id', '=', businessId)
    .where('id', '=', id)
    .executeTakeFirst()
  if (numUpdatedRows === 0n) return false
  await tx
    .insertInto('webhook_queue')
    .values({ business_id: businessId, delivery_id: id, lane, due_at: at })
    .onConflict((conflict) => conflict.columns(['business_id', 'delivery_id']).doUpdateSet({ due_at: at, owner: null }))
    .execute()
  return true
}

/** The encrypted salts of a business's keys and endpoints, to recognize a signature by the wrong one. */
export async function listSalts(db: Db, businessId: string): Promise<{ name: string; salt_encrypted: string }[]> {
  const { rows } = await sql<{ name: string; salt_encrypted: string }>`
    (select 'the API key that ends in ' || key_ending as name, salt_encrypted from api_keys where business_id = ${businessId} order by id desc limit 20)
    union all
    (select 'the webhook event ' || id as name, salt_encrypted from webhook_endpoints where business_id = ${businessId} order by id desc limit 64)`.execute(db)
  return rows
}
