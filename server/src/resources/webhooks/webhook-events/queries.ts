import type { Db } from '#foundation/database/database.ts'
import type { RowOf } from '#foundation/database/rows.ts'

/** An endpoint as it is stored; `event_types` is null for every type. */
export type EndpointRow = RowOf<'webhook_endpoints'>

/** Counts a business's endpoints while its row of positions is locked, so that parallel creates cannot pass a limit. */
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
