import type { Db } from '#foundation/database/database.ts'

export interface EndpointRow {
  business_id: string
  id: string
  name: string
  url: string
  /** Null means every event. */
  event_types: string[] | null
  salt_encrypted: string
  disabled_reason: string | null
  disabled_at: Date | null
  created_at: Date
  updated_at: Date
}

/** Every endpoint of a business, oldest first; there are few. */
export async function listEndpoints(db: Db, businessId: string): Promise<EndpointRow[]> {
  return db.selectFrom('webhook_endpoints').selectAll().where('business_id', '=', businessId).orderBy('id').execute()
}

/** Counts a business's endpoints while its row of positions is locked, so that parallel creates cannot exceed a limit. */
export async function countEndpoints(tx: Db, businessId: string): Promise<number> {
  await tx.selectFrom('event_positions').select('last_sequence').where('business_id', '=', businessId).forUpdate().execute()
  const row = await tx
    .selectFrom('webhook_endpoints')
    .select((select) => select.fn.countAll<bigint>().as('count'))
    .where('business_id', '=', businessId)
    .executeTakeFirst()
  return Number(row?.count ?? 0n)
}

export async function findEndpoint(db: Db, businessId: string, id: string): Promise<EndpointRow | undefined> {
  return db.selectFrom('webhook_endpoints').selectAll().where('business_id', '=', businessId).where('id', '=', id).executeTakeFirst()
}

/** Finds an endpoint and locks its row until the transaction ends. */
export async function lockEndpoint(tx: Db, businessId: string, id: string): Promise<EndpointRow | undefined> {
  return tx.selectFrom('webhook_endpoints').selectAll().where('business_id', '=', businessId).where('id', '=', id).forUpdate().executeTakeFirst()
}

export async function insertEndpoint(tx: Db, row: EndpointRow): Promise<void> {
  await tx.insertInto('webhook_endpoints').values(row).execute()
}

/** Writes an endpoint's fields; its row must be locked by this transaction. */
export async function updateEndpoint(tx: Db, businessId: string, row: EndpointRow): Promise<void> {
  const { name, url, event_types, disabled_reason, disabled_at, updated_at } = row
  await tx
    .updateTable('webhook_endpoints')
    .set({ name, url, event_types, disabled_reason, disabled_at, updated_at })
    .where('business_id', '=', businessId)
    .where('id', '=', row.id)
    .execute()
}

/** Deletes an endpoint; false if there is none. Its pending deliveries are canceled when they become due. */
export async function deleteEndpoint(tx: Db, businessId: string, id: string): Promise<boolean> {
  const { numDeletedRows } = await tx.deleteFrom('webhook_endpoints').where('business_id', '=', businessId).where('id', '=', id).executeTakeFirst()
  return numDeletedRows > 0n
}
