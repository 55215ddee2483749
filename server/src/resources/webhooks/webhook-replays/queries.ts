import { type RawBuilder, sql } from 'kysely'
import type { OrderedEvent } from '#engine/events/order-events.ts'
import type { Db } from '#foundation/database/database.ts'
import { isDueSql } from '#foundation/database/due.ts'
import type { Due } from '#foundation/shared/clock.ts'
import type { Cursor } from '#foundation/shared/cursor.ts'
import { likeType } from '#resources/webhooks/delivery/delivery-queries.ts'

export type ReplayStatus = 'pending' | 'succeeded' | 'failed' | 'canceled'

/** Past events that are sent again: which, where to, and how far that is. */
export interface ReplayRow {
  business_id: string
  id: string
  from_sequence: bigint
  to_sequence: bigint
  created_from: Date | null
  created_before: Date | null
  event_type: string | null
  endpoint_id: string | null
  url: string | null
  api_key_id: string | null
  status: ReplayStatus
  error: string | null
  next_sequence: bigint
  events: bigint
  queued: bigint
  due_at: Date | null
  created_at: Date
  updated_at: Date
  finished_at: Date | null
}

const columns = [
  'business_id',
  'id',
  'from_sequence',
  'to_sequence',
  'created_from',
  'created_before',
  'event_type',
  'endpoint_id',
  'url',
  'api_key_id',
  'status',
  'error',
  'next_sequence',
  'events',
  'queued',
  'due_at',
  'created_at',
  'updated_at',
  'finished_at',
] as const

export async function insertReplay(tx: Db, row: ReplayRow): Promise<void> {
  await tx.insertInto('webhook_replays').values(row).execute()
}

/** Writes how far a replay is. */
export async function updateReplay(tx: Db, { business_id, id, ...row }: ReplayRow): Promise<void> {
  const { status, error, next_sequence, events, queued, due_at, updated_at, finished_at } = row
  await tx
    .updateTable('webhook_replays')
    .set({ status, error, next_sequence, events, queued, due_at, updated_at, finished_at })
    .where('business_id', '=', business_id)
    .where('id', '=', id)
    .execute()
}

export async function findReplay(db: Db, businessId: string, id: string): Promise<ReplayRow | undefined> {
  return (await db.selectFrom('webhook_replays').select(columns).where('business_id', '=', businessId).where('id', '=', id).executeTakeFirst()) as
    | ReplayRow
    | undefined
}

/** A replay that nobody else changes until the transaction ends. */
export async function lockReplay(tx: Db, businessId: string, id: string): Promise<ReplayRow | undefined> {
  const query = tx.selectFrom('webhook_replays').select(columns).where('business_id', '=', businessId).where('id', '=', id)
  return (await query.forUpdate().executeTakeFirst()) as ReplayRow | undefined
}

/** A business's replay whose next batch is due, unless another process has it. */
export async function takeDueReplay(tx: Db, businessId: string, until: Date): Promise<ReplayRow | undefined> {
  const query = tx
    .selectFrom('webhook_replays')
    .select(columns)
    .where('business_id', '=', businessId)
    .where('status', '=', 'pending')
    .where('due_at', '<=', until)
  return (await query.forUpdate().skipLocked().executeTakeFirst()) as ReplayRow | undefined
}

/** The id of the replay that a business has in progress. */
export async function pendingReplayOf(db: Db, businessId: string): Promise<string | undefined> {
  const row = await db.selectFrom('webhook_replays').select('id').where('business_id', '=', businessId).where('status', '=', 'pending').executeTakeFirst()
  return row?.id
}

/** Businesses with a replay that is due, the longest-waiting one first. */
export async function businessesWithDueReplays(db: Db, due: Due, limit: number): Promise<string[]> {
  const { rows } = await sql<{ business_id: string }>`
    select business_id from webhook_replays where status = 'pending' and ${isDueSql(due)} order by due_at limit ${limit}`.execute(db)
  return rows.map((row) => row.business_id)
}

/** When a business's replay is due, up to `until`. */
export async function nextDueReplay(db: Db, businessId: string, until: Date): Promise<Date | undefined> {
  const { rows } = await sql<{ due_at: Date }>`
    select due_at from webhook_replays where status = 'pending' and ${isDueSql({ businessId, until })}`.execute(db)
  return rows[0]?.due_at
}

/** Replays of a business, newest first (reversed when the cursor points back). */
export async function listReplays(db: Db, businessId: string, { cursor, limit }: { cursor: Cursor | undefined; limit: number }): Promise<ReplayRow[]> {
  const isBack = cursor?.direction === 'previous'
  let query = db.selectFrom('webhook_replays').select(columns).where('business_id', '=', businessId)
  if (cursor) query = query.where('id', isBack ? '>' : '<', cursor.id)
  return (await query
    .orderBy('id', isBack ? 'asc' : 'desc')
    .limit(limit)
    .execute()) as ReplayRow[]
}

/** How many deliveries of a business wait to be sent, up to `most`. */
export async function countWaiting(db: Db, businessId: string, most: number): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*)::int as count from (select 1 from webhook_queue where business_id = ${businessId} limit ${most}) waiting`.execute(db)
  return rows[0]?.count ?? 0
}

/** The events of a replay from where it is to `until`, in order. */
export async function eventsOfReplay(
  tx: Db,
  replay: ReplayRow,
  { until, limit }: { until: bigint; limit: number },
): Promise<Omit<OrderedEvent, 'business_id'>[]> {
  const conditions: RawBuilder<unknown>[] = []
  if (replay.created_from) conditions.push(sql`and created_at >= ${replay.created_from}`)
  if (replay.created_before) conditions.push(sql`and created_at < ${replay.created_before}`)
  const type = replay.event_type
  if (type !== null) conditions.push(type.endsWith('.*') ? sql`and type like ${likeType(type)}` : sql`and type = ${type}`)
  const { rows } = await sql<Omit<OrderedEvent, 'business_id'>>`
    select id, sequence, type, callbacks, case when type = 'webhook_delivery.failed' then data ->> 'endpoint_id' end as about_endpoint
    from events where business_id = ${replay.business_id} and sequence >= ${replay.next_sequence} and sequence <= ${until}
    ${sql.join(conditions, sql` `)} order by sequence limit ${limit}`.execute(tx)
  return rows
}
