import type { Db } from '#foundation/database/database.ts'

export interface LocationRow {
  business_id: string
  id: string
  name: string
  street: string
  postal_code: string
  city: string
  state: string
  country: string
  active: boolean
  created_at: Date
  updated_at: Date
}

/** The locations of a business, oldest first; a business has few. */
export async function listLocations(db: Db, businessId: string): Promise<LocationRow[]> {
  return db.selectFrom('locations').selectAll().where('business_id', '=', businessId).orderBy('id').limit(1000).execute()
}

/** One location, active or not. */
export async function findLocation(db: Db, businessId: string, id: string): Promise<LocationRow | undefined> {
  return db.selectFrom('locations').selectAll().where('business_id', '=', businessId).where('id', '=', id).executeTakeFirst()
}
