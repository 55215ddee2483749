import { type Kysely, sql } from 'kysely'
import type { Db } from '#foundation/database/database.ts'
import type { DB } from '#foundation/database/tables.ts'
import type { Account } from './accounts.ts'
import { movedIn, type Transfer } from './post.ts'

export interface Balance {
  account: Account
  currency: string
  balanceMinor: bigint
}

/** Every balance of a business at one moment: the stored balance, plus the transfers of the current epoch. */
export async function listBalances(db: Db, businessId: string): Promise<Balance[]> {
  const { rows } = await sql<{ account: Account; currency: string; balance_minor: bigint }>`
    select a.account, a.currency, (a.balance_minor
      + coalesce((select sum(t.amount_minor) from ledger_transfers t where t.business_id = a.business_id and t.credit_account = a.account and t.currency = a.currency and t.credit_epoch = a.epoch), 0)
      - coalesce((select sum(t.amount_minor) from ledger_transfers t where t.business_id = a.business_id and t.debit_account = a.account and t.currency = a.currency and t.debit_epoch = a.epoch), 0)
    )::bigint as balance_minor
    from ledger_accounts a where a.business_id = ${businessId} order by a.currency, a.account`.execute(db)
  return rows.map((row) => ({ account: row.account, currency: row.currency, balanceMinor: row.balance_minor }))
}

/** The exact balances of some of a business's accounts, locked by this transaction until its end. Missing accounts have 0. */
export async function holdBalances(tx: Db, businessId: string, accounts: Account[], currency: string): Promise<Map<Account, bigint>> {
  const { rows } = await sql<{ account: Account; epoch: number; balance_minor: bigint }>`
    select account, epoch, balance_minor from ledger_accounts
    where business_id = ${businessId} and currency = ${currency} and account = any (${[...accounts].sort()}::text[])
    order by account for update`.execute(tx)
  const balances = new Map<Account, bigint>(accounts.map((account) => [account, 0n]))
  for (const row of rows) balances.set(row.account, row.balance_minor + (await movedIn(tx, businessId, row.account, currency, row.epoch)))
  return balances
}

/** Transfers of one epoch beyond which a balance is rolled up. */
const worthRolling = 2_000

/**
 * Rolls up an account whose current epoch has many transfers, so that reading its balance stays cheap. Locks the row for
 * that moment. Returns whether there was something to do.
 */
export async function rollForward(db: Kysely<DB>, businessId: string, account: string, currency: string, atLeast = worthRolling): Promise<boolean> {
  return db.transaction().execute(async (tx) => {
    const { rows } = await sql<{ epoch: number; balance_minor: bigint }>`
      select epoch, balance_minor from ledger_accounts
      where business_id = ${businessId} and account = ${account} and currency = ${currency} for update`.execute(tx)
    const [row] = rows
    if (!row) return false
    const { rows: counted } = await sql<{ transfers: number }>`
      select count(*)::int as transfers from (
        (select 1 from ledger_transfers where business_id = ${businessId} and credit_account = ${account} and currency = ${currency} and credit_epoch = ${row.epoch} limit ${atLeast})
        union all
        (select 1 from ledger_transfers where business_id = ${businessId} and debit_account = ${account} and currency = ${currency} and debit_epoch = ${row.epoch} limit ${atLeast})
      ) present`.execute(tx)
    if ((counted[0]?.transfers ?? 0) < atLeast) return false
    const exact = row.balance_minor + (await movedIn(tx, businessId, account, currency, row.epoch))
    await sql`
      update ledger_accounts set epoch = ${row.epoch + 1}, balance_minor = ${exact.toString()}::bigint
      where business_id = ${businessId} and account = ${account} and currency = ${currency}`.execute(tx)
    return true
  })
}

/** Accounts whose current epoch has so many transfers that adding them up on every read is a waste. */
export async function busyAccounts(db: Db, atLeast = worthRolling): Promise<{ businessId: string; account: string; currency: string }[]> {
  const { rows } = await sql<{ businessId: string; account: string; currency: string }>`
    select a.business_id as "businessId", a.account, a.currency from ledger_accounts a
    where exists (
      select 1 from ledger_transfers t where t.business_id = a.business_id and t.credit_account = a.account and t.currency = a.currency and t.credit_epoch = a.epoch
      offset ${atLeast - 1}
    ) or exists (
      select 1 from ledger_transfers t where t.business_id = a.business_id and t.debit_account = a.account and t.currency = a.currency and t.debit_epoch = a.epoch
      offset ${atLeast - 1}
    )`.execute(db)
  return rows
}

/** What was booked for one source, in the order of booking. */
export async function listTransfers(
  db: Db,
  businessId: string,
  source: Transfer['source'],
  sourceId: string,
): Promise<{ purpose: string; debit: Account; credit: Account; currency: string; amountMinor: bigint }[]> {
  const { rows } = await sql<{ purpose: string; debit: Account; credit: Account; currency: string; amountMinor: bigint }>`
    select purpose, debit_account as debit, credit_account as credit, currency, amount_minor as "amountMinor" from ledger_transfers
    where business_id = ${businessId} and source_id = ${sourceId} and source = ${source} order by id`.execute(db)
  return rows
}
