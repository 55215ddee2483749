import type { Db } from './database.ts'

/** How something opaque that a client sends leads to a business, and to an object of it (scale-out rule 10). */
export interface DirectoryEntry {
  lookup: string
  kind: string
  businessId: string
  targetId: string
}

/** The statement that enters each of a grouped insert's `rows`, found by the value of a column of it. */
export function insertDirectoryEntriesSql(rows: string, kind: string, column: string): string {
  return `insert into directory (lookup, kind, business_id, target_id) select ${column}, '${kind}', business_id, id from ${rows}`
}

export async function insertDirectoryEntry(tx: Db, { lookup, kind, businessId, targetId }: DirectoryEntry): Promise<void> {
  await tx.insertInto('directory').values({ lookup, kind, business_id: businessId, target_id: targetId }).execute()
}

/** Enters what is not in the directory yet; false when it is. Waits for whoever is entering the same at this moment. */
export async function insertDirectoryEntryUnlessTaken(tx: Db, { lookup, kind, businessId, targetId }: DirectoryEntry): Promise<boolean> {
  const { numInsertedOrUpdatedRows } = await tx
    .insertInto('directory')
    .values({ lookup, kind, business_id: businessId, target_id: targetId })
    .onConflict((conflict) => conflict.columns(['lookup', 'kind']).doNothing())
    .executeTakeFirst()
  return numInsertedOrUpdatedRows === 1n
}

/** Takes an object's entry, under any of these kinds, out of the directory. */
export async function deleteDirectoryEntry(tx: Db, { lookup, businessId, targetId }: Omit<DirectoryEntry, 'kind'>, kinds: string[]): Promise<void> {
  await tx
    .deleteFrom('directory')
    .where('lookup', '=', lookup)
    .where('business_id', '=', businessId)
    .where('target_id', '=', targetId)
    .where('kind', 'in', kinds)
    .execute()
}
