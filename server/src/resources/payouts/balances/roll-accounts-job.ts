import type { Kysely } from 'kysely'
import { busyAccounts, rollForward } from '#engine/ledger/balances.ts'
import type { DB } from '#foundation/database/tables.ts'

/** Rolls up busy accounts, so that their balances stay cheap to read. Returns how many. */
export async function rollBusyAccounts(db: Kysely<DB>, atLeast?: number): Promise<number> {
  let rolled = 0
  for (const { businessId, account, currency } of await busyAccounts(db, atLeast)) {
    if (await rollForward(db, businessId, account, currency, atLeast)) rolled += 1
  }
  return rolled
}
