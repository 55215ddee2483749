import { sql } from 'kysely'
import { rowsSql } from '#foundation/database/binary-arrays.ts'
import type { Db } from '#foundation/database/database.ts'
import { runPrepared } from '#foundation/database/prepared.ts'
import { businessesOf, sameBusinessSql } from '#foundation/database/same-business.ts'
import { newId } from '#foundation/shared/ids.ts'
import type { Currency } from '#foundation/shared/money.ts'
import { type Account, isGuarded } from './accounts.ts'

/** Money to move from one account of a business to another. */
export interface Transfer {
  businessId: string
  /** What the money moves for; with `purpose`, it can be booked only once. */
  source: 'charge' | 'refund' | 'release' | 'bank_credit' | 'sandbox'
  sourceId: string
  purpose: string
  debit: Account
  credit: Account
  currency: Currency
  amountMinor: bigint
  at: Date
}

/** Thrown if a guarded account has less than a debit needs; nothing is booked then. */
export class InsufficientFunds extends Error {
  readonly businessId: string
  readonly account: Account
  readonly currency: Currency
  readonly availableMinor: bigint
  constructor(businessId: string, account: Account, currency: Currency, availableMinor: bigint) {
    super(`${account} has ${availableMinor} ${currency}`)
    this.businessId = businessId
    this.account = account
    this.currency = currency
    this.availableMinor = availableMinor
  }
}

/** A row of `ledger_accounts` that this transaction has locked. */
interface LockedAccount {
  epoch: number
  balanceMinor: bigint
}

const keyOf = (businessId: string, account: string, currency: string) => `${businessId} ${account} ${currency}`

/**
 * Books transfers; the only writer of the ledger's tables. Call it once per transaction, as late as possible, with
 * everything that the transaction books.
 *
 * A credit, and a debit of an account that may go below zero, is an insert under a shared lock on the account's row, so any
 * number of them run concurrently. A debit of a guarded account takes an exclusive lock, adds up the exact balance, refuses
 * to overdraw (`InsufficientFunds`), and closes the epoch with the balance after it, on which the table has a constraint of
 * its own. Rows are locked in one order everywhere, so transactions cannot block each other in a circle. Amounts of zero
 * are left out.
 */
export async function post(tx: Db, all: Transfer[]): Promise<void> {
  const transfers = all.filter(({ amountMinor }) => amountMinor !== 0n)
  if (transfers.length === 0) return
  const accounts = accountsOf(transfers)
  const debited = new Set(transfers.filter(({ debit }) => isGuarded(debit)).map((transfer) => keyOf(transfer.businessId, transfer.debit, transfer.currency)))
  if (debited.size === 0) {
    if (await insertWithSharedLocks(tx, transfers, accounts)) return
    await createAccounts(tx, accounts)
    if (await insertWithSharedLocks(tx, transfers, accounts)) return
    throw new Error('accounts that were created do not exist')
  }
  await createAccounts(tx, accounts)
  const locked = await lockAccounts(tx, accounts, debited)
  for (const key of debited) await closeEpoch(tx, key, locked, transfers)
  await insertTransfers(tx, transfers, locked)
}

interface TouchedAccount {
  businessId: string
  account: Account
  currency: string
}

/** The accounts that transfers touch, each once, in the lock order. */
function accountsOf(transfers: Transfer[]): TouchedAccount[] {
  const touched = new Map<string, TouchedAccount>()
  for (const { businessId, debit, credit, currency } of transfers) {
    for (const account of [debit, credit]) {
      const key = keyOf(businessId, account, currency)
      if (!touched.has(key)) touched.set(key, { businessId, account, currency })
    }
  }
  return [...touched.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, account]) => account)
}

const accountColumns = { business_id: 'uuid', account: 'text', currency: 'text', guarded: 'bool', n: 'int4' } as const

/** Accounts as a table of a statement, numbered from 1 in their order. */
const accountsSql = (accounts: TouchedAccount[]) =>
  rowsSql(
    'wanted',
    accountColumns,
    accounts.map(({ businessId, account, currency }, i) => ({ business_id: businessId, account, currency, guarded: isGuarded(account), n: i + 1 })),
  )

const transferColumns = {
  business_id: 'uuid',
  id: 'uuid',
  source: 'text',
  source_id: 'uuid',
  purpose: 'text',
  debit_account: 'text',
  credit_account: 'text',
  currency: 'text',
  amount_minor: 'int8',
  created_at: 'timestamptz',
} as const
const transferNames = Object.keys(transferColumns).join(', ')

const rowOf = (transfer: Transfer) => ({
  business_id: transfer.businessId,
  id: newId<'transfer'>(transfer.at),
  source: transfer.source,
  source_id: transfer.sourceId,
  purpose: transfer.purpose,
  debit_account: transfer.debit,
  credit_account: transfer.credit,
  currency: transfer.currency,
  amount_minor: transfer.amountMinor,
  created_at: transfer.at,
})

/**
 * Takes shared locks on the accounts and inserts the transfers, in one statement; locks and inserts nothing and is false when
 * an account is missing. Epochs are found by the account's number, since a join would compare every transfer with every
 * account.
 */
async function insertWithSharedLocks(tx: Db, transfers: Transfer[], accounts: TouchedAccount[]): Promise<boolean> {
  const numbers = new Map(accounts.map((one, i) => [keyOf(one.businessId, one.account, one.currency), i + 1]))
  const rows = transfers.map((transfer) => ({
    ...rowOf(transfer),
    debit_number: numbers.get(keyOf(transfer.businessId, transfer.debit, transfer.currency)),
    credit_number: numbers.get(keyOf(transfer.businessId, transfer.credit, transfer.currency)),
  }))
  const { numAffectedRows } = await runPrepared(
    tx,
    'post_transfers',
    sql`
    with wanted as materialized (
      select * from ${accountsSql(accounts)}
    ), present as materialized (
      select count(*) as count from wanted join ledger_accounts a on ${sameAccountSql(accounts)}
    ), locked as materialized (
      select wanted.n, a.epoch from wanted join ledger_accounts a on ${sameAccountSql(accounts)} where (select count from present) = ${accounts.length}
      order by wanted.n for share of a
    ), epochs as materialized (
      select array_agg(epoch order by n) as by_number from locked having count(*) > 0
    )
    insert into ledger_transfers (${sql.raw(transferNames)}, debit_epoch, credit_epoch)
    select ${sql.raw(transferNames)}, by_number[debit_number], by_number[credit_number]
    from epochs cross join ${rowsSql('transfer', { ...transferColumns, debit_number: 'int4', credit_number: 'int4' }, rows)}`,
  )
  return Number(numAffectedRows ?? 0n) === transfers.length
}

const sameAccountSql = (accounts: TouchedAccount[]) => sql`
        ${sameBusinessSql('a', 'wanted', businessesOf(accounts))} and a.account = wanted.account and a.currency = wanted.currency`

/**
 * Creates accounts that do not exist, in their order. No account may be locked before: whoever waits for an account that
 * another transaction is creating must hold nothing that the other may want.
 */
async function createAccounts(tx: Db, accounts: TouchedAccount[]): Promise<void> {
  await sql`
    insert into ledger_accounts (business_id, account, currency, epoch, balance_minor, guarded)
    select wanted.business_id, wanted.account, wanted.currency, 1, 0, wanted.guarded from ${accountsSql(accounts)}
    where not exists (select 1 from ledger_accounts a where ${sameAccountSql(accounts)})
    order by wanted.n
    on conflict do nothing`.execute(tx)
}

/** Locks accounts row by row in their order: exclusively where a guarded account is debited, else shared. */
async function lockAccounts(tx: Db, accounts: TouchedAccount[], debited: Set<string>): Promise<Map<string, LockedAccount>> {
  const locked = new Map<string, LockedAccount>()
  for (const { businessId, account, currency } of accounts) {
    const key = keyOf(businessId, account, currency)
    const { rows } = await sql<{ epoch: number; balance_minor: bigint }>`
      select epoch, balance_minor from ledger_accounts where business_id = ${businessId} and account = ${account} and currency = ${currency}
      ${debited.has(key) ? sql`for update` : sql`for share`}`.execute(tx)
    for (const { epoch, balance_minor } of rows) locked.set(key, { epoch, balanceMinor: balance_minor })
  }
  return locked
}

/** Adds up a guarded account under its exclusive lock, takes what the transfers debit, and begins its next epoch. */
async function closeEpoch(tx: Db, key: string, locked: Map<string, LockedAccount>, transfers: Transfer[]): Promise<void> {
  const before = locked.get(key)
  const sample = transfers.find((one) => keyOf(one.businessId, one.debit, one.currency) === key)
  if (!before || !sample) throw new Error(`account ${key} is not locked`)
  const { businessId, debit: account, currency } = sample
  const exact = before.balanceMinor + (await movedIn(tx, businessId, account, currency, before.epoch))
  const taken = transfers.reduce((sum, one) => sum + (keyOf(one.businessId, one.debit, one.currency) === key ? one.amountMinor : 0n), 0n)
  const given = transfers.reduce((sum, one) => sum + (keyOf(one.businessId, one.credit, one.currency) === key ? one.amountMinor : 0n), 0n)
  if (exact + given < taken) throw new InsufficientFunds(businessId, account, currency, exact)
  // Nobody else has the row, so the epoch ends here, with these transfers in it; whatever comes next is of the next one.
  await sql`
    update ledger_accounts set epoch = ${before.epoch + 1}, balance_minor = ${(exact + given - taken).toString()}::bigint
    where business_id = ${businessId} and account = ${account} and currency = ${currency}`.execute(tx)
}

/** The credits of an account minus its debits, in one epoch. */
export async function movedIn(db: Db, businessId: string, account: string, currency: string, epoch: number): Promise<bigint> {
  const { rows } = await sql<{ moved: bigint }>`
    select (
      coalesce((select sum(amount_minor) from ledger_transfers where business_id = ${businessId} and credit_account = ${account} and currency = ${currency} and credit_epoch = ${epoch}), 0)
      - coalesce((select sum(amount_minor) from ledger_transfers where business_id = ${businessId} and debit_account = ${account} and currency = ${currency} and debit_epoch = ${epoch}), 0)
    )::bigint as moved`.execute(db)
  return rows[0]?.moved ?? 0n
}

async function insertTransfers(tx: Db, transfers: Transfer[], locked: Map<string, LockedAccount>): Promise<void> {
  const epochOf = (businessId: string, account: string, currency: string) => locked.get(keyOf(businessId, account, currency))?.epoch ?? 0
  const rows = transfers.map((transfer) => ({
    ...rowOf(transfer),
    debit_epoch: epochOf(transfer.businessId, transfer.debit, transfer.currency),
    credit_epoch: epochOf(transfer.businessId, transfer.credit, transfer.currency),
  }))
  await runPrepared(
    tx,
    'insert_transfers',
    sql`
    insert into ledger_transfers (${sql.raw(transferNames)}, debit_epoch, credit_epoch)
    select * from ${rowsSql('transfer', { ...transferColumns, debit_epoch: 'int4', credit_epoch: 'int4' }, rows)}`,
  )
}
