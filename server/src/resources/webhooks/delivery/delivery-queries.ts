import { sql } from 'kysely'
import type { Db } from '#foundation/database/database.ts'
import { isDueSql } from '#foundation/database/due.ts'
import type { Due } from '#foundation/shared/clock.ts'

export type DeliveryStatus = 'pending' | 'succeeded' | 'failed' | 'canceled'

/** One event for one URL. */
export interface DeliveryRow {
  business_id: string
  id: string
  event_id: string
  event_type: string
  event_sequence: bigint
  object_id: string
  endpoint_id: string | null
  version: number
  url: string
  replay_id: string | null
  status: DeliveryStatus
  attempts: number
  response_status: number | null
  created_at: Date
  updated_at: Date
}

/** A delivery that this process is to send now, with everything needed for that. */
export interface ClaimedDelivery extends DeliveryRow {
  lane: string
  body: string
  step: number
  queued_at: Date
  mode: 'sandbox' | 'live'
  timezone: string
  /** Whether it may no longer be sent: its endpoint was deleted or disabled. */
  is_canceled: boolean
  endpoint_salt: string | null
  key_salt: string | null
}

/** Businesses that have deliveries to make; one step of an index for each lane, however long the lanes are. */
export async function businessesWithDueDeliveries(db: Db, due: Due): Promise<string[]> {
  const { rows } = await sql<{ business_id: string }>`
    with recursive lanes as (
      (select business_id, lane, due_at from webhook_queue order by business_id, lane, due_at limit 1)
      union all
      select next.* from lanes, lateral (
        select business_id, lane, due_at from webhook_queue q where (q.business_id, q.lane) > (lanes.business_id, lanes.lane)
        order by business_id, lane, due_at limit 1) next
    )
    select distinct business_id from lanes where ${isDueSql(due)}`.execute(db)
  return rows.map((row) => row.business_id)
}

/** A lane with something to send, and since when that is due. */
export interface DueLane {
  lane: string
  due_at: Date
}

/** The lanes of a business with due deliveries, the longest-waiting one first. */
export async function dueLanes(db: Db, businessId: string, until: Date): Promise<DueLane[]> {
  const { rows } = await sql<DueLane>`
    with recursive lanes as (
      (select lane, due_at from webhook_queue where business_id = ${businessId} order by lane, due_at limit 1)
      union all
      select next.* from lanes, lateral (
        select q.lane, q.due_at from webhook_queue q where q.business_id = ${businessId} and q.lane > lanes.lane order by q.lane, q.due_at limit 1) next
    )
    select lane, due_at from lanes where due_at <= ${until} order by due_at`.execute(db)
  return rows
}

/**
 * Claims due deliveries, as many of each lane as it has room for, by moving their due time: the process that holds the lease
 * sends them, and if the lease ends before the outcome is written, they are due again, immediately if its owner is known to be
 * gone (`lease-owner.ts`). Processes skip each other's rows.
 */
export async function claimDeliveries(
  db: Db,
  businessId: string,
  wanted: readonly { lane: string; count: number }[],
  { now, leaseUntil, owner }: { now: Date; leaseUntil: Date; owner: number },
): Promise<ClaimedDelivery[]> {
  const { rows } = await sql<ClaimedDelivery>`
    with wanted as (
      select * from unnest(${wanted.map(({ lane }) => lane)}::text[], ${wanted.map(({ count }) => count)}::int[]) as wanted (lane, room)
    ), taken as (
      select due.delivery_id from wanted, lateral (
        select q.delivery_id from webhook_queue q where q.business_id = ${businessId} and q.lane = wanted.lane and q.due_at <= ${now}
        order by q.due_at limit wanted.room for update skip locked) due
    ), leased as (
      update webhook_queue q set due_at = ${leaseUntil}, owner = ${owner} from taken
      where q.business_id = ${businessId} and q.delivery_id = taken.delivery_id
      returning q.delivery_id, q.lane
    )
    select d.business_id, d.id, d.event_id, d.event_type, d.event_sequence, d.object_id, d.endpoint_id, d.version, d.replay_id, d.status, d.attempts,
      d.response_status, d.created_at, d.updated_at, d.body, d.step, d.queued_at, leased.lane, b.mode, b.timezone,
      case when d.target = d.endpoint_id::text then coalesce(e.url, d.url) else d.url end as url,
      coalesce(d.target = d.endpoint_id::text and (e.id is null or e.disabled_at is not null), false) or d.status <> 'pending' as is_canceled,
      e.salt_encrypted as endpoint_salt, k.salt_encrypted as key_salt
    from leased
    join webhook_deliveries d on d.business_id = ${businessId} and d.id = leased.delivery_id
    join businesses b on b.id = d.business_id
    left join webhook_endpoints e on e.business_id = d.business_id and e.id = d.endpoint_id
    left join api_keys k on k.business_id = d.business_id and k.id = d.api_key_id
    order by d.event_sequence`.execute(db)
  return rows
}

/** The outcome of one attempt. */
export interface Attempt {
  delivery: ClaimedDelivery
  sentAt: Date
  durationMs: number
  requestHeaders: Record<string, string>
  responseStatus: number | null
  responseHeaders: Record<string, string> | null
  responseBody: string | null
  error: string | null
  /** The status of the delivery after it. */
  status: DeliveryStatus
  step: number
  /** When it is retried, while it is pending. */
  dueAt: Date | null
  /** The receiver answered that it is gone for good. */
  isGone: boolean
  at: Date
}

/** Attempts of one delivery that are stored with their responses; later ones are only counted. */
const keptAttempts = 100

/**
 * Writes the outcomes of attempts, of any number of deliveries, in one statement. Of two processes that sent the same delivery
 * (after a lease ran out), the first to write decides. Returns the ids of those that were written.
 */
export async function recordAttempts(db: Db, attempts: readonly Attempt[]): Promise<string[]> {
  const json = (value: unknown) => (value === null ? null : JSON.stringify(value))
  const { rows } = await sql<{ id: string }>`
    with input as (
      select * from unnest(
        ${attempts.map(({ delivery }) => delivery.business_id)}::uuid[], ${attempts.map(({ delivery }) => delivery.id)}::uuid[],
        ${attempts.map(({ delivery }) => delivery.attempts + 1)}::int[], ${attempts.map(({ sentAt }) => sentAt)}::timestamptz[],
        ${attempts.map(({ durationMs }) => durationMs)}::int[], ${attempts.map(({ requestHeaders }) => json(requestHeaders))}::json[],
        ${attempts.map(({ responseStatus }) => responseStatus)}::int[], ${attempts.map(({ responseHeaders }) => json(responseHeaders))}::json[],
        ${attempts.map(({ responseBody }) => responseBody)}::text[], ${attempts.map(({ error }) => error)}::text[],
        ${attempts.map(({ status }) => status)}::text[], ${attempts.map(({ step }) => step)}::int2[], ${attempts.map(({ dueAt }) => dueAt)}::timestamptz[],
        ${attempts.map(({ isGone, delivery }) => (isGone && delivery.lane === delivery.endpoint_id ? delivery.endpoint_id : null))}::uuid[],
        ${attempts.map(({ delivery }) => delivery.url)}::text[], ${attempts.map(({ at }) => at)}::timestamptz[]
      ) as input (business_id, id, number, sent_at, duration_ms, request_headers, response_status, response_headers, response_body, error,
        new_status, new_step, due_at, gone_endpoint, sent_to, at)
    ), changed as (
      update webhook_deliveries d set attempts = i.number, status = i.new_status, step = i.new_step, response_status = i.response_status,
        url = i.sent_to, updated_at = i.at
      from input i where d.business_id = i.business_id and d.id = i.id and d.attempts = i.number - 1 and d.status = 'pending'
      returning d.business_id, d.id
    ), noted as (
      insert into webhook_attempts (business_id, delivery_id, number, sent_at, duration_ms, request_headers, response_status, response_headers,
        response_body, error)
      select i.business_id, i.id, i.number, i.sent_at, i.duration_ms, i.request_headers, i.response_status, i.response_headers, i.response_body, i.error
      from input i join changed c on c.business_id = i.business_id and c.id = i.id
      where i.number <= ${keptAttempts} or i.new_status <> 'pending'
      on conflict do nothing
    ), finished as (
      delete from webhook_queue q using input i, changed c
      where q.business_id = i.business_id and q.delivery_id = i.id and i.new_status <> 'pending' and c.business_id = i.business_id and c.id = i.id
    ), postponed as (
      update webhook_queue q set due_at = i.due_at, owner = null from input i, changed c
      where q.business_id = i.business_id and q.delivery_id = i.id and i.new_status = 'pending' and c.business_id = i.business_id and c.id = i.id
    ), gone as (
      update webhook_endpoints e set disabled_reason = 'gone', disabled_at = i.at, updated_at = i.at, version = e.version + 1
      from input i where e.business_id = i.business_id and e.id = i.gone_endpoint and e.disabled_at is null
    )
    select id from changed`.execute(db)
  return rows.map(({ id }) => id)
}

/** Removes deliveries from the queue that may no longer be sent. */
export async function cancelDeliveries(db: Db, businessId: string, ids: readonly string[], at: Date): Promise<void> {
  await sql`
    with taken as (delete from webhook_queue where business_id = ${businessId} and delivery_id = any(${ids}::uuid[]) returning delivery_id)
    update webhook_deliveries d set status = 'canceled', updated_at = ${at} from taken
    where d.business_id = ${businessId} and d.id = taken.delivery_id and d.status = 'pending'`.execute(db)
}

/** How many deliveries are waiting, up to a limit; a gauge, so it never counts a whole table. */
export async function countQueuedDeliveries(db: Db, limit = 100_000): Promise<number> {
  const { rows } = await sql<{ count: number }>`select count(*)::int as count from (select 1 from webhook_queue limit ${limit}) queued`.execute(db)
  return rows[0]?.count ?? 0
}

/** Deliveries about one object, newest first: what a charge shows of its webhooks. */
export async function deliveriesOf(db: Db, businessId: string, objectId: string, limit = 50): Promise<DeliveryRow[]> {
  const rows = await db
    .selectFrom('webhook_deliveries')
    .select(deliveryColumns)
    .where('business_id', '=', businessId)
    .where('object_id', '=', objectId)
    .orderBy('id', 'desc')
    .limit(limit)
    .execute()
  return rows as DeliveryRow[]
}

/** The columns of a delivery that are returned; its body is read only on request. */
export const deliveryColumns = [
  'business_id',
  'id',
  'event_id',
  'event_type',
  'event_sequence',
  'object_id',
  'endpoint_id',
  'version',
  'url',
  'replay_id',
  'status',
  'attempts',
  'response_status',
  'created_at',
  'updated_at',
] as const
