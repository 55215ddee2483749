import type { Db } from '../../foundation/database/database.ts'
import { newId } from '../../foundation/shared/ids.ts'

/** Every kind of event that Hawker emits; the first part names the object. */
export const eventTypes = ['customer.created', 'customer.updated', 'customer.deleted'] as const
export type EventType = (typeof eventTypes)[number]

/** A change of state, told to whoever follows the business's events. */
export interface NewEvent {
  type: EventType
  objectId: string
  /** The object as the API shows it after the change, as JSON text. */
  data: string
  /** On updates: the fields that changed, with their values before, as JSON text. */
  previousAttributes?: string | null
  requestId: string | null
  at: Date
}

/**
 * Appends an event in the transaction of its change. It gets its place in the business's order after the commit
 * (`orderEvents`), so that writers never wait for a counter. Returns its id.
 */
export async function emitEvent(tx: Db, businessId: string, event: NewEvent): Promise<string> {
  const id = newId<'event'>(event.at)
  await tx
    .insertInto('events')
    .values({
      business_id: businessId,
      id,
      type: event.type,
      object_id: event.objectId,
      data: event.data,
      previous_attributes: event.previousAttributes ?? null,
      request_id: event.requestId,
      created_at: event.at,
    })
    .execute()
  return id
}
