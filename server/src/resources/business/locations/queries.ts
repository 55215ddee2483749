import type { Db } from '#foundation/database/database.ts'
import type { RowOf } from '#foundation/database/rows.ts'

/** A place of a business as it is stored. */
export type LocationRow = RowOf<'locations'>

/** One location, active or not. */
export async function findLocation(db: Db, businessId: string, id: string): Promise<LocationRow | undefined> {
  return db.selectFrom('locations').selectAll().where('business_id', '=', businessId).where('id', '=', id).executeTakeFirst()
}
