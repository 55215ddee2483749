import { type Kysely, sql } from 'kysely'
import { post } from '#engine/ledger/post.ts'
import type { DB } from '#foundation/database/tables.ts'

const batch = 500

/** Moves money whose time has come from `pending` to `available`. May run in several processes. Returns how many charges it released. */
export async function releaseDue(db: Kysely<DB>, at: Date): Promise<number> {
  const { rows: businesses } = await sql<{ business_id: string }>`
    select distinct business_id from (select business_id from releases where due_at <= ${at} order by due_at limit ${batch}) due order by business_id`.execute(
    db,
  )
  let released = 0
  // A transaction for each business: its books are in one place, also where tables are sharded.
  for (const { business_id } of businesses) released += await releaseBusiness(db, business_id, at)
  return released
}

function releaseBusiness(db: Kysely<DB>, businessId: string, at: Date): Promise<number> {
  return db.transaction().execute(async (tx) => {
    const { rows } = await sql<{ charge_id: string; currency: string; amount_minor: bigint }>`
      delete from releases r using (
        select charge_id from releases where business_id = ${businessId} and due_at <= ${at} order by charge_id limit ${batch} for update skip locked
      ) due
      where r.business_id = ${businessId} and r.charge_id = due.charge_id
      returning r.charge_id, r.currency, r.amount_minor`.execute(tx)
    // Nothing is left of a charge that was refunded while it waited; post() leaves it out.
    await post(
      tx,
      rows.map((row) => ({
        businessId,
        source: 'release',
        sourceId: row.charge_id,
        purpose: 'release',
        debit: 'pending',
        credit: 'available',
        currency: row.currency,
        amountMinor: row.amount_minor,
        at,
      })),
    )
    return rows.length
  })
}
