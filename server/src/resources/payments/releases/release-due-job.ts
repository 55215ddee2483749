import { sql } from 'kysely'
import { post } from '#engine/ledger/post.ts'
import { isDueSql } from '#foundation/database/due.ts'
import type { Deps } from '#foundation/deps.ts'
import type { Due } from '#foundation/shared/clock.ts'

export type ReleaseDeps = Pick<Deps, 'database' | 'clock'>

const batch = 500

/** Moves money that is due from `pending` to `available`. May run in several processes. Returns how many charges it released. */
export async function releaseDue(deps: ReleaseDeps, due: Due): Promise<number> {
  if (due.businessId !== undefined) return releaseBusiness(deps, due.businessId, due.until)
  const { rows: businesses } = await sql<{ business_id: string }>`
    select distinct business_id from (select business_id from releases where ${isDueSql(due)} order by due_at limit ${batch}) due order by business_id`.execute(
    deps.database.db,
  )
  let released = 0
  // A transaction per business: its books are in one place, even if tables are sharded.
  for (const { business_id } of businesses) released += await releaseBusiness(deps, business_id, due.until)
  return released
}

function releaseBusiness({ database, clock }: ReleaseDeps, businessId: string, until: Date): Promise<number> {
  const at = clock.now(businessId)
  // A business can get a clock of its own between the poll's query and now; nothing is released before its time by that clock.
  const upTo = at < until ? at : until
  return database.db.transaction().execute(async (tx) => {
    const { rows } = await sql<{ charge_id: string; currency: string; amount_minor: bigint }>`
      delete from releases r using (
        select charge_id from releases where ${isDueSql({ until: upTo, businessId })} order by charge_id limit ${batch} for update skip locked
      ) due
      where r.business_id = ${businessId} and r.charge_id = due.charge_id
      returning r.charge_id, r.currency, r.amount_minor`.execute(tx)
    // Nothing is left of a charge that was refunded while it was pending; post() skips it.
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
