import type { Database, Db } from '#foundation/database/database.ts'
import { sharedPages } from '#foundation/database/shared-pages.ts'

export interface EventRow {
  id: string
  sequence: bigint
  type: string
  object_id: string
  data: unknown
  previous_attributes: unknown
  request_id: string | null
  /** As `callerText` writes it. */
  caller: string | null
  created_at: Date
}

const columns = ['id', 'sequence', 'type', 'object_id', 'data', 'previous_attributes', 'request_id', 'caller', 'created_at'] as const

/**
 * Pages of a business's events after a sequence number, oldest first. `type` may end in `.*`. Pages without a type that are
 * requested together share a statement.
 */
export function eventPages({ slow, slowPool }: Database, acrossBusinesses: boolean) {
  const list = {
    name: 'list_events',
    from: 'events e',
    alias: 'e',
    columns: columns.map((name) => `e.${name}`).join(', '),
    key: 'sequence',
    type: 'bigint',
  } as const
  const plainPage = sharedPages<EventRow>(slowPool, { ...list, ascending: true }, acrossBusinesses)
  return async (businessId: string, { after, type, limit }: { after: bigint; type: string | undefined; limit: number }): Promise<EventRow[]> => {
    if (type === undefined) return plainPage({ businessId, after: String(after), backwards: false, limit })
    const query = slow.selectFrom('events').select(columns).where('business_id', '=', businessId).where('sequence', '>', after)
    const ofType = type.endsWith('.*') ? query.where('type', 'like', `${type.slice(0, -1).replace(/[\\%_]/g, '\\$&')}%`) : query.where('type', '=', type)
    return (await ofType.orderBy('sequence').limit(limit).execute()) as EventRow[]
  }
}

/** The last assigned sequence number of a business; 0 if there is none. */
export async function lastSequence(db: Db, businessId: string): Promise<bigint> {
  const row = await db.selectFrom('event_positions').select('last_sequence').where('business_id', '=', businessId).executeTakeFirst()
  return row?.last_sequence ?? 0n
}

/** An event that has been sequenced. */
export async function findEvent(db: Db, businessId: string, id: string): Promise<EventRow | undefined> {
  const query = db.selectFrom('events').select(columns).where('business_id', '=', businessId).where('id', '=', id).where('sequence', 'is not', null)
  return (await query.executeTakeFirst()) as EventRow | undefined
}
