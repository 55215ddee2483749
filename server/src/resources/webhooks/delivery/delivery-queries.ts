import { sql } from 'kysely'
import { rowsSql } from '#foundation/database/binary-arrays.ts'
import type { Db } from '#foundation/database/database.ts'
import { isDueSql } from '#foundation/database/due.ts'
import { runPrepared } from '#foundation/database/prepared.ts'
import { sameBusinessSql } from '#foundation/database/same-business.ts'
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

/** A type pattern (`customer.*`) as a LIKE pattern. */
export const likeType = (type: string): string => `${type.slice(0, -1).replace(/[\\%_]/g, '\\$&')}%`

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
  const { rows } = await runPrepared(
    db,
    'due_lanes',
    sql<DueLane>`
    with recursive lanes as (
      (select lane, due_at from webhook_queue where business_id = ${businessId} order by lane, due_at limit 1)
      union all
      select next.* from lanes, lateral (
        select q.lane, q.due_at from webhook_queue q where q.business_id = ${businessId} and q.lane > lanes.lane order by q.lane, q.due_at limit 1) next
    )
    select lane, due_at from lanes where due_at <= ${until} order by due_at`,
  )
  return rows
}

const claimedColumns = [...deliveryColumns, 'body', 'step', 'queued_at', 'target', 'api_key_id'].join(', ')
/** Without the URL: an endpoint's current one is used. */
const returnedColumns = [...deliveryColumns.filter((name) => name !== 'url'), 'body', 'step', 'queued_at'].map((name) => `d.${name}`).join(', ')

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
  const { rows } = await runPrepared(
    db,
    'claim_deliveries',
    sql<ClaimedDelivery>`
    with taken as (
      select due.delivery_id from ${rowsSql('wanted', { lane: 'text', count: 'int4' }, wanted)}, lateral (
        select q.delivery_id from webhook_queue q where q.business_id = ${businessId} and q.lane = wanted.lane and q.due_at <= ${now}
        order by q.due_at limit wanted.count for update skip locked) due
    ), leased as (
      update webhook_queue q set due_at = ${leaseUntil}, owner = ${owner}
      where q.business_id = ${businessId} and q.delivery_id = any (array(select delivery_id from taken))
      returning q.delivery_id, q.lane
    )
    select ${sql.raw(returnedColumns)}, leased.lane, b.mode, b.timezone,
      case when d.target = d.endpoint_id::text then coalesce(e.url, d.url) else d.url end as url,
      coalesce(d.target = d.endpoint_id::text and (e.id is null or e.disabled_at is not null), false) or d.status <> 'pending' as is_canceled,
      e.salt_encrypted as endpoint_salt, k.salt_encrypted as key_salt
    from leased
    -- With an offset, each is looked up by its key; joined, all deliveries of the business could be read for each.
    cross join lateral (
      select ${sql.raw(claimedColumns)} from webhook_deliveries where business_id = ${businessId} and id = leased.delivery_id offset 0
    ) d
    join businesses b on b.id = d.business_id
    left join webhook_endpoints e on e.business_id = d.business_id and e.id = d.endpoint_id
    left join api_keys k on k.business_id = d.business_id and k.id = d.api_key_id
    order by d.event_sequence`,
  )
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

const attemptColumns = {
  business_id: 'uuid',
  id: 'uuid',
  before: 'text',
  number: 'int4',
  sent_at: 'timestamptz',
  duration_ms: 'int4',
  request_headers: 'json',
  response_status: 'int4',
  response_headers: 'json',
  response_body: 'text',
  error: 'text',
  new_status: 'text',
  new_step: 'int2',
  due_at: 'timestamptz',
  gone_endpoint: 'uuid',
  sent_to: 'text',
  at: 'timestamptz',
} as const

const jsonOf = (value: unknown) => (value === null ? null : JSON.stringify(value))

const attemptRow = ({ delivery, ...attempt }: Attempt): Record<keyof typeof attemptColumns, unknown> => ({
  business_id: delivery.business_id,
  id: delivery.id,
  before: 'pending',
  number: delivery.attempts + 1,
  sent_at: attempt.sentAt,
  duration_ms: attempt.durationMs,
  request_headers: jsonOf(attempt.requestHeaders),
  response_status: attempt.responseStatus,
  response_headers: jsonOf(attempt.responseHeaders),
  response_body: attempt.responseBody,
  error: attempt.error,
  new_status: attempt.status,
  new_step: attempt.step,
  due_at: attempt.dueAt,
  gone_endpoint: attempt.isGone && delivery.lane === delivery.endpoint_id ? delivery.endpoint_id : null,
  sent_to: delivery.url,
  at: attempt.at,
})

/**
 * Writes the outcomes of attempts, of any number of deliveries, in one statement. Of two processes that sent the same delivery
 * (after a lease ran out), the first to write decides. Returns the ids of those that were written.
 */
export async function recordAttempts(db: Db, attempts: readonly Attempt[]): Promise<string[]> {
  const businesses = attempts.map(({ delivery }) => delivery.business_id)
  const { rows } = await runPrepared(
    db,
    'record_attempts',
    sql<{ id: string }>`
    with changed as (
      update webhook_deliveries d set attempts = i.number, status = i.new_status, step = i.new_step, response_status = i.response_status,
        url = i.sent_to, updated_at = i.at
      from ${rowsSql('i', attemptColumns, attempts.map(attemptRow))}
      where ${sameBusinessSql('d', 'i', businesses)} and d.id = i.id and d.attempts = i.number - 1 and d.status = i.before
      returning i.*
    ), noted as (
      insert into webhook_attempts (business_id, delivery_id, number, sent_at, duration_ms, request_headers, response_status, response_headers,
        response_body, error)
      select business_id, id, number, sent_at, duration_ms, request_headers, response_status, response_headers, response_body, error
      from changed where number <= ${keptAttempts} or new_status <> 'pending'
      on conflict do nothing
    ), finished as (
      delete from webhook_queue q using changed c
      where ${sameBusinessSql('q', 'c', businesses)} and q.delivery_id = c.id and c.new_status <> 'pending'
    ), postponed as (
      update webhook_queue q set due_at = c.due_at, owner = null from changed c
      where ${sameBusinessSql('q', 'c', businesses)} and q.delivery_id = c.id and c.new_status = 'pending'
    ), gone as (
      update webhook_endpoints e set disabled_reason = 'gone', disabled_at = c.at, updated_at = c.at, version = e.version + 1
      from changed c where ${sameBusinessSql('e', 'c', businesses)} and e.id = c.gone_endpoint and e.disabled_at is null
    )
    select id from changed`,
  )
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
