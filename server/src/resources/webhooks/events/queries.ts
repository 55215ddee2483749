import type { Db } from '#foundation/database/database.ts'

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

/** Events of a business after a sequence number, oldest first. `type` may end in `.*`. */
export async function listEvents(
  db: Db,
  businessId: string,
  { after, type, limit }: { after: bigint; type: string | undefined; limit: number },
): Promise<EventRow[]> {
  let query = db.selectFrom('events').select(columns).where('business_id', '=', businessId).where('sequence', '>', after)
  if (type?.endsWith('.*')) query = query.where('type', 'like', `${type.slice(0, -1).replace(/[\\%_]/g, '\\$&')}%`)
  else if (type !== undefined) query = query.where('type', '=', type)
  return (await query.orderBy('sequence').limit(limit).execute()) as EventRow[]
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
