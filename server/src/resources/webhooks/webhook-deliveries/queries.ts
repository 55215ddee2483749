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

/** Pages of a business's deliveries, newest first (reversed when the cursor points back). */
export function deliveryPages(database: Database, acrossBusinesses: boolean) {
  const page = keysetPages<QueuedDelivery>(database, listed, acrossBusinesses)
  return (businessId: string, { filter, cursor, limit }: { filter: DeliveryFilter; cursor: Cursor | undefined; limit: number }) => {
    const parts: RawBuilder<unknown>[] = []
    for (const column of ['status', 'event_id', 'object_id', 'endpoint_id'] as const)
      if (filter[column] !== undefined) parts.push(sql`and ${sql.ref(`d.${column}`)} = ${filter[column]}`)
    const { event_type: type } = filter
    if (type !== undefined) parts.push(type.endsWith('.*') ? sql`and d.event_type like ${likeType(type)}` : sql`and d.event_type = ${type}`)
    return page(businessId, { filter: parts.length > 0 ? sql.join(parts, sql` `) : undefined, cursor, limit })
  }
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
