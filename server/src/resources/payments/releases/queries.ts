import { type RawBuilder, sql } from 'kysely'
import { rowsSql } from '#foundation/database/binary-arrays.ts'
import type { Db } from '#foundation/database/database.ts'

/** Money of a charge that becomes available later. */
export interface NewRelease {
  business_id: string
  charge_id: string
  currency: string
  amount_minor: bigint
  due_at: Date
}

const columns = { business_id: 'uuid', charge_id: 'uuid', currency: 'text', amount_minor: 'int8', due_at: 'timestamptz' } as const

/** The statement that schedules the release of charges' money. */
export function insertReleasesSql(releases: NewRelease[]): RawBuilder<unknown> {
  return sql`
    insert into releases (business_id, charge_id, currency, amount_minor, due_at) select * from ${rowsSql('release', columns, releases)}`
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
