import { type Kysely, sql } from 'kysely'
import { type Db, violatedConstraint } from '#foundation/database/database.ts'
import type { DB } from '#foundation/database/tables.ts'
import { type Currency, exponentOf } from '#foundation/shared/money.ts'
import { post } from './post.ts'

/** Play money of a sandbox business in one currency: 10,000.00, or 100,000,000 where units are small (VND, IDR). */
export function sandboxFloatOf(currency: Currency): bigint {
  const exponent = exponentOf(currency)
  if (exponent === 0 || currency === 'idr') return 100_000_000n * 10n ** BigInt(exponent)
  return 10_000n * 10n ** BigInt(exponent)
}

/** Books the play money of a new sandbox business in the transaction that creates it. */
export async function bookSandboxFloat(tx: Db, businessId: string, currency: Currency, at: Date): Promise<void> {
  const amountMinor = sandboxFloatOf(currency)
  await post(tx, [
    { businessId, source: 'sandbox', sourceId: businessId, purpose: `float:${currency}`, debit: 'sandbox', credit: 'deposit', currency, amountMinor, at },
  ])
}

/**
 * Gives a sandbox business its play money in a currency, once: fees are not returned when a charge is refunded, so without it
 * a first refund in full would always be short of the fee. Does nothing for live businesses.
 */
export async function ensureSandboxFloat(db: Kysely<DB>, business: { id: string; mode: 'sandbox' | 'live' }, currency: Currency, at: Date): Promise<void> {
  if (business.mode !== 'sandbox') return
  const { rows } = await sql`
    select 1 from ledger_transfers where business_id = ${business.id} and source_id = ${business.id} and purpose = ${`float:${currency}`} and source = 'sandbox'`.execute(
    db,
  )
  if (rows.length > 0) return
  try {
    await db.transaction().execute((tx) => bookSandboxFloat(tx, business.id, currency, at))
  } catch (error) {
    // Another request has booked it in the meantime.
    if (violatedConstraint(error) !== 'ledger_transfers_once') throw error
  }
}
