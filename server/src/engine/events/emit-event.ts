import { type RawBuilder, sql } from 'kysely'
import { rowsSql } from '#foundation/database/binary-arrays.ts'
import type { Db } from '#foundation/database/database.ts'
import { runPrepared } from '#foundation/database/prepared.ts'
import { type Caller, callerText } from '#foundation/shared/caller.ts'
import { newId } from '#foundation/shared/ids.ts'

/** Every event type that Hawker emits; the first part names the object. Those after the blank line are additions to HitPay's. */
export const eventTypes = [
  'charge.created',
  'charge.updated',
  'charge.failed',
  'payment_request.completed',
  'payment_request.failed',

  'customer.created',
  'customer.updated',
  'customer.deleted',
  'payment_request.created',
  'payment_request.updated',
  'payment_request.deleted',
  'payment_request.expired',
  'payment_request.canceled',
  'charge.unapplied',
  'refund.created',
  'refund.updated',
  'bank_credit.unmatched',
  'bank_credit.allocated',
  'webhook_delivery.failed',
] as const
export type EventType = (typeof eventTypes)[number]

/** A form callback of version 1 that is sent with an event (behaviour §3.1): to `url`, signed with the salt of `apiKeyId`, or of the business's oldest key if that is null. */
export interface Callback {
  url: string
  apiKeyId: string | null
  /** The form's fields without `hmac`, in the order in which they are sent. */
  fields: Record<string, string>
}

/** A change of state, delivered to whoever subscribes to the business's events. */
export interface NewEvent {
  type: EventType
  objectId: string
  /** The object as webhooks contain it after the change, as JSON text. */
  data: string
  /** On updates: the changed fields with their previous values, as JSON text. */
  previousAttributes?: string | null
  callbacks?: Callback[]
  requestId: string | null
  /** The caller that caused it. */
  caller: Caller
  at: Date
}

/** A new event with the business that it belongs to. */
export type BusinessEvent = NewEvent & { businessId: string }

/**
 * Appends an event in the transaction of its change. It gets its sequence number after the commit (`orderEvents`), so that
 * writers never wait for a counter. Returns its id.
 */
export async function emitEvent(tx: Db, businessId: string, event: NewEvent): Promise<string> {
  const [id] = await emitEvents(tx, [{ ...event, businessId }])
  return id as string
}

/** The columns that an event is appended with; its sequence number comes later. */
const columns = {
  business_id: 'uuid',
  id: 'uuid',
  type: 'text',
  object_id: 'uuid',
  data: 'json',
  previous_attributes: 'json',
  callbacks: 'json',
  request_id: 'text',
  caller: 'text',
  created_at: 'timestamptz',
} as const
const names = Object.keys(columns).join(', ')

const rowOf = (event: BusinessEvent) => ({
  business_id: event.businessId,
  id: newId<'event'>(event.at),
  type: event.type,
  object_id: event.objectId,
  data: event.data,
  previous_attributes: event.previousAttributes,
  callbacks: event.callbacks && event.callbacks.length > 0 ? JSON.stringify(event.callbacks) : null,
  request_id: event.requestId,
  caller: callerText(event.caller),
  created_at: event.at,
})

const insertRowsSql = (rows: ReturnType<typeof rowOf>[]) => sql`insert into events (${sql.raw(names)}) select * from ${rowsSql('event', columns, rows)}`

/** The statement that appends events of any businesses, in the order given. */
export const insertEventsSql = (events: BusinessEvent[]): RawBuilder<unknown> => insertRowsSql(events.map(rowOf))

/** Appends events of any businesses in one statement, in the order given; returns their ids. */
export async function emitEvents(tx: Db, events: BusinessEvent[]): Promise<string[]> {
  if (events.length === 0) return []
  const rows = events.map(rowOf)
  await runPrepared(tx, 'emit_events', insertRowsSql(rows))
  for (const { businessId } of events) noteEvents(tx, businessId)
  return rows.map(({ id }) => id)
}

/** Begins a new business's sequence of events. */
export async function insertEventPosition(tx: Db, businessId: string): Promise<void> {
  await tx.insertInto('event_positions').values({ business_id: businessId, last_sequence: 0n }).execute()
}

/** The columns that rows of a grouped insert carry for their events. */
export const eventColumns = { event_id: 'uuid', event_data: 'json', request_id: 'text?', caller: 'text' } as const

/** The statement that appends an event of one type for each of a grouped insert's `rows`. */
export function insertEventsOfRowsSql(rows: string, type: EventType): string {
  return `insert into events (business_id, id, type, object_id, data, request_id, caller, created_at)
    select business_id, event_id, '${type}', id, event_data, request_id, caller, created_at from ${rows}`
}

const appended = new WeakMap<Db, Set<string>>()

/** Notes that a transaction has appended events of a business, so that the relay is woken after its commit. */
export function noteEvents(tx: Db, businessId: string): void {
  const businesses = appended.get(tx)
  if (businesses) businesses.add(businessId)
  else appended.set(tx, new Set([businessId]))
}

/** The businesses for which a transaction has appended events. */
export const businessesWithEvents = (tx: Db): ReadonlySet<string> => appended.get(tx) ?? new Set()
