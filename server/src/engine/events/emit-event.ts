import { type RawBuilder, sql } from 'kysely'
import { rowsSql } from '#foundation/database/binary-arrays.ts'
import type { Db } from '#foundation/database/database.ts'
import { runPrepared } from '#foundation/database/prepared.ts'
import { type Caller, callerText } from '#foundation/shared/caller.ts'
import { newId } from '#foundation/shared/ids.ts'

/** Every kind of event that Hawker emits; the first part names the object. Those after the blank line are additions to HitPay's. */
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

/** A form callback of version 1 that goes out with an event (behaviour §3.1): to `url`, signed with the salt of `apiKeyId`, or of the business's oldest key where it is null. */
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
  /** The object as webhooks show it after the change, as JSON text. */
  data: string
  /** On updates: the fields that changed, with their values before, as JSON text. */
  previousAttributes?: string | null
  callbacks?: Callback[]
  requestId: string | null
  /** Who caused it; absent where that is not recorded yet. */
  caller?: Caller
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
  caller: event.caller && callerText(event.caller),
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
  return rows.map(({ id }) => id)
}
