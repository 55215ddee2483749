import { type RawBuilder, sql } from 'kysely'
import type { Db } from '#foundation/database/database.ts'

/** The statement that schedules the release of charges' money. */
export function insertReleasesSql(
  releases: { businessId: string; chargeId: string; currency: string; amountMinor: bigint; dueAt: Date }[],
): RawBuilder<unknown> | undefined {
  if (releases.length === 0) return undefined
  return sql`
    insert into releases (business_id, charge_id, currency, amount_minor, due_at)
    select * from unnest(${releases.map((release) => release.businessId)}::uuid[], ${releases.map((release) => release.chargeId)}::uuid[], ${releases.map((release) => release.currency)}::text[],
      ${releases.map((release) => String(release.amountMinor))}::bigint[], ${releases.map((release) => release.dueAt)}::timestamptz[])`
}

/** The unreleased money of a charge, locked by this transaction; undefined if there is none. */
export async function lockRelease(tx: Db, businessId: string, chargeId: string): Promise<bigint | undefined> {
  const { rows } = await sql<{ amount_minor: bigint }>`
    select amount_minor from releases where business_id = ${businessId} and charge_id = ${chargeId} for update`.execute(tx)
  return rows[0]?.amount_minor
}

/** Changes how much of a charge is to be released; its row must be locked by this transaction. */
export async function changeRelease(tx: Db, businessId: string, chargeId: string, byMinor: bigint): Promise<void> {
  await sql`
    update releases set amount_minor = amount_minor + ${String(byMinor)}::bigint where business_id = ${businessId} and charge_id = ${chargeId}`.execute(tx)
}
