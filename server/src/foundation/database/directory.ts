import type { Db } from './database.ts'

/** How an opaque value that a client sends leads to a business, and to an object of it (scale-out rule 10). */
export interface DirectoryEntry {
  lookup: string
  kind: string
  businessId: string
  targetId: string
}

/** The statement that adds an entry for each of a grouped insert's `rows`, by the value of one of its columns. */
export function insertDirectoryEntriesSql(rows: string, kind: string, column: string): string {
  return `insert into directory (lookup, kind, business_id, target_id) select ${column}, '${kind}', business_id, id from ${rows}`
}

export async function insertDirectoryEntry(tx: Db, { lookup, kind, businessId, targetId }: DirectoryEntry): Promise<void> {
  await tx.insertInto('directory').values({ lookup, kind, business_id: businessId, target_id: targetId }).execute()
}

/** Adds an entry unless it exists; false if it does. Waits for a transaction that is adding the same one. */
export async function insertDirectoryEntryUnlessTaken(tx: Db, { lookup, kind, businessId, targetId }: DirectoryEntry): Promise<boolean> {
  const { numInsertedOrUpdatedRows } = await tx
    .insertInto('directory')
    .values({ lookup, kind, business_id: businessId, target_id: targetId })
    .onConflict((conflict) => conflict.columns(['lookup', 'kind']).doNothing())
    .executeTakeFirst()
  return numInsertedOrUpdatedRows === 1n
}

/** Removes an object's entry, under any of these kinds. */
export async function deleteDirectoryEntry(tx: Db, { lookup, businessId, targetId }: Omit<DirectoryEntry, 'kind'>, kinds: string[]): Promise<void> {
  await tx
    .deleteFrom('directory')
    .where('lookup', '=', lookup)
    .where('business_id', '=', businessId)
    .where('target_id', '=', targetId)
    .where('kind', 'in', kinds)
    .execute()
}
