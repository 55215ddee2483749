import { sql } from 'kysely'
import type { Db } from '#foundation/database/database.ts'
import { runPrepared } from '#foundation/database/prepared.ts'
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

interface Held {
  epoch: number
  balanceMinor: bigint
}

const keyOf = (businessId: string, account: string, currency: string) => `${businessId} ${account} ${currency}`

/**
 * Books transfers; the only writer of the ledger's tables. Call it once per transaction, as late as possible, with
 * everything that the transaction books.
 *
 * A credit, and a debit of an account that may go below zero, is an insert: it takes a shared lock on the account row, so
 * credits run concurrently. A debit of a guarded account takes an exclusive lock, adds up the exact balance, refuses to
 * overdraw (`InsufficientFunds`), and closes the epoch with the new balance, on which the table has a constraint of its
 * own. Rows are locked in one order everywhere,
 * so transactions cannot deadlock. Amounts of zero are skipped.
 */
export async function post(tx: Db, all: Transfer[]): Promise<void> {
  const transfers = all.filter(({ amountMinor }) => amountMinor !== 0n)
  if (transfers.length === 0) return
  const debited = new Set(transfers.filter(({ debit }) => isGuarded(debit)).map((one) => keyOf(one.businessId, one.debit, one.currency)))
  if (debited.size === 0 && (await insertAtOnce(tx, transfers))) return
  const held = await hold(tx, transfers, debited)
  for (const key of debited) await settleBalance(tx, key, held, transfers)
  await insert(tx, transfers, held)
}

/** The accounts that transfers touch, each once, in the lock order. */
function accountsOf(transfers: Pick<Transfer, 'businessId' | 'debit' | 'credit' | 'currency'>[]): Touched[] {
  const touched = new Map<string, Touched>()
  for (const { businessId, debit, credit, currency } of transfers) {
    for (const account of [debit, credit]) touched.set(keyOf(businessId, account, currency), { businessId, account, currency })
  }
  return [...touched.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, account]) => account)
}

/** Takes shared locks on the accounts and inserts the transfers in one statement; does nothing and returns false if an account is missing. */
async function insertAtOnce(tx: Db, transfers: Transfer[]): Promise<boolean> {
  const accounts = accountsOf(transfers)
  const { numAffectedRows } = await runPrepared(
    tx,
    'post_transfers',
    sql`
    with ${heldAccounts(accounts)}, held as materialized (
      select a.business_id, a.account, a.currency, a.epoch
      from wanted join ledger_accounts a on a.business_id = wanted.business_id and a.account = wanted.account and a.currency = wanted.currency
      where (select count from present) = ${accounts.length}
      order by wanted.n for share of a
    )
    insert into ledger_transfers (business_id, id, source, source_id, purpose, debit_account, credit_account, currency, amount_minor, created_at, debit_epoch, credit_epoch)
    select t.*, debited.epoch, credited.epoch from unnest(${transferArrays(transfers)})
      as t (business_id, id, source, source_id, purpose, debit, credit, currency, amount_minor, created_at)
    join held debited on debited.business_id = t.business_id and debited.account = t.debit and debited.currency = t.currency
    join held credited on credited.business_id = t.business_id and credited.account = t.credit and credited.currency = t.currency`,
  )
  return Number(numAffectedRows ?? 0n) === transfers.length
}

/**
 * Locks every account that the transfers touch: exclusively if a guarded one is debited, else shared. Missing accounts
 * are created before any row is locked: a transaction that waits for an account that another one is creating must hold nothing that
 * the other may want.
 */
async function hold(tx: Db, transfers: Transfer[], debited: Set<string>): Promise<Map<string, Held>> {
  const accounts = accountsOf(transfers)
  if (debited.size === 0) {
    const held = await take(tx, accounts, 'share')
    if (held.size === accounts.length) return held
  }
  await make(tx, accounts)
  if (debited.size === 0) return take(tx, accounts, 'share')
  const held = new Map<string, Held>()
  // Row by row in the lock order, since some locks are exclusive and others shared.
  for (const account of accounts) {
    const strength = debited.has(keyOf(account.businessId, account.account, account.currency)) ? 'update' : 'share'
    for (const [key, row] of await take(tx, [account], strength)) held.set(key, row)
  }
  return held
}

interface Touched {
  businessId: string
  account: Account
  currency: string
}

/** The requested accounts, and how many of them exist. */
const heldAccounts = (accounts: Touched[]) => sql`
    wanted as materialized (
      select * from unnest(${accounts.map((one) => one.businessId)}::uuid[], ${accounts.map((one) => one.account)}::text[], ${accounts.map((one) => one.currency)}::text[])
        with ordinality as wanted (business_id, account, currency, n)
    ), present as materialized (
      select count(*) as count from wanted join ledger_accounts a on a.business_id = wanted.business_id and a.account = wanted.account and a.currency = wanted.currency
    )`

/** Accounts that transfers touch, as `creditParts` expects them. */
export interface AccountList {
  /** Businesses, accounts and currencies, each account once, in the lock order. */
  parameters: [string[], string[], string[]]
  /** The number of an account among them, from 1. */
  numberOf(businessId: string, account: string, currency: string): number | undefined
}

/** Lists the accounts of transfers for a statement of another module. */
export function listAccounts(transfers: Pick<Transfer, 'businessId' | 'debit' | 'credit' | 'currency'>[]): AccountList {
  const accounts = accountsOf(transfers)
  const numbers = new Map(accounts.map((one, i) => [keyOf(one.businessId, one.account, one.currency), i + 1]))
  return {
    parameters: [accounts.map((one) => one.businessId), accounts.map((one) => one.account), accounts.map((one) => one.currency)],
    numberOf: (businessId, account, currency) => numbers.get(keyOf(businessId, account, currency)),
  }
}

/** Where a statement of another module finds what it books. */
export interface CreditParts {
  /** The number of the first of the three parameters of `listAccounts`. */
  firstParameter: number
  /** A part of the statement that locks the rows which precede accounts in the lock order. */
  after: string
  /**
   * A query of transfers: business_id, id, source, source_id, purpose, debit, credit, currency, amount_minor, created_at, and
   * `debit_number` and `credit_number`, the accounts' numbers in the list.
   */
  transfers: string
}

/**
 * The ledger's parts of a statement that does more than book credits (see `post`): `accounts_exist` is whether all
 * accounts exist, without which the statement must do nothing at all; `held` takes shared locks on them after everything else
 * was locked; `booked` inserts the transfers. Epochs are found by number, since a join of parts would compare every transfer
 * with every account. A transfer whose account is not locked has no epoch, which its table rejects.
 */
export function creditParts({ firstParameter: first, after, transfers }: CreditParts): { accountsExist: string; held: string; booked: string } {
  const own = (table: string, name: string) =>
    `${name}.business_id = ${table}.business_id and ${name}.account = ${table}.account and ${name}.currency = ${table}.currency`
  return {
    accountsExist: `
    wanted as materialized (
      select * from unnest($${first}::uuid[], $${first + 1}::text[], $${first + 2}::text[]) with ordinality as wanted (business_id, account, currency, n)
    ), accounts_exist as materialized (
      select count(*) = cardinality($${first}::uuid[]) as yes from wanted join ledger_accounts a on ${own('wanted', 'a')}
    )`,
    held: `
    held as materialized (
      select wanted.n, a.epoch from wanted join ledger_accounts a on ${own('wanted', 'a')}
      where (select count(*) from ${after}) > 0 order by wanted.n for share of a
    ), epochs as materialized (
      select case when count(*) = cardinality($${first}::uuid[]) then array_agg(epoch order by n) end as by_number from held
    )`,
    booked: `
    booked as (
      insert into ledger_transfers (business_id, id, source, source_id, purpose, debit_account, credit_account, currency, amount_minor, created_at, debit_epoch, credit_epoch)
      select t.business_id, t.id, t.source, t.source_id, t.purpose, t.debit, t.credit, t.currency, t.amount_minor, t.created_at,
        (select by_number from epochs)[t.debit_number], (select by_number from epochs)[t.credit_number]
      from (${transfers}) t
    )`,
  }
}

/** Transfers as arrays, in the order of the table's columns, without their epochs. */
const transferArrays = (transfers: Transfer[]) => sql`
      ${transfers.map((one) => one.businessId)}::uuid[], ${transfers.map((one) => newId<'transfer'>(one.at))}::uuid[], ${transfers.map((one) => one.source)}::text[],
      ${transfers.map((one) => one.sourceId)}::uuid[], ${transfers.map((one) => one.purpose)}::text[],
      ${transfers.map((one) => one.debit)}::text[], ${transfers.map((one) => one.credit)}::text[], ${transfers.map((one) => one.currency)}::text[],
      ${transfers.map((one) => one.amountMinor.toString())}::bigint[], ${transfers.map((one) => one.at)}::timestamptz[]`

/** Locks accounts in order if all of them exist, otherwise none. */
async function take(tx: Db, accounts: Touched[], strength: 'share' | 'update'): Promise<Map<string, Held>> {
  const { rows } = await runPrepared(
    tx,
    'take_accounts',
    sql<{ business_id: string; account: string; currency: string; epoch: number; balance_minor: bigint }>`
    with ${heldAccounts(accounts)}
    select a.business_id, a.account, a.currency, a.epoch, a.balance_minor
    from wanted join ledger_accounts a on a.business_id = wanted.business_id and a.account = wanted.account and a.currency = wanted.currency
    where (select count from present) = ${accounts.length}
    order by wanted.n ${strength === 'update' ? sql`for update of a` : sql`for share of a`}`,
  )
  return new Map(rows.map((row) => [keyOf(row.business_id, row.account, row.currency), { epoch: row.epoch, balanceMinor: row.balance_minor }]))
}

/** Creates accounts that do not exist, in order. */
async function make(tx: Db, accounts: Touched[]): Promise<void> {
  await sql`
    insert into ledger_accounts (business_id, account, currency, epoch, balance_minor, guarded)
    select wanted.business_id, wanted.account, wanted.currency, 1, 0, wanted.guarded
    from unnest(${accounts.map((one) => one.businessId)}::uuid[], ${accounts.map((one) => one.account)}::text[], ${accounts.map((one) => one.currency)}::text[],
      ${accounts.map((one) => isGuarded(one.account))}::bool[]) with ordinality as wanted (business_id, account, currency, guarded, n)
    where not exists (
      select 1 from ledger_accounts a where a.business_id = wanted.business_id and a.account = wanted.account and a.currency = wanted.currency
    )
    order by wanted.n
    on conflict do nothing`.execute(tx)
}

/** Rolls up a guarded account under an exclusive lock, subtracts what the transfers debit, and starts its next epoch. */
async function settleBalance(tx: Db, key: string, held: Map<string, Held>, transfers: Transfer[]): Promise<void> {
  const before = held.get(key)
  const sample = transfers.find((one) => keyOf(one.businessId, one.debit, one.currency) === key)
  if (!before || !sample) throw new Error(`account ${key} is not locked`)
  const { businessId, debit: account, currency } = sample
  const exact = before.balanceMinor + (await movedIn(tx, businessId, account, currency, before.epoch))
  const taken = transfers.reduce((sum, one) => sum + (keyOf(one.businessId, one.debit, one.currency) === key ? one.amountMinor : 0n), 0n)
  const given = transfers.reduce((sum, one) => sum + (keyOf(one.businessId, one.credit, one.currency) === key ? one.amountMinor : 0n), 0n)
  if (exact + given < taken) throw new InsufficientFunds(businessId, account, currency, exact)
  // Nobody else holds a lock on the row, so the epoch ends here, including these transfers; later ones belong to the next.
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

async function insert(tx: Db, transfers: Transfer[], held: Map<string, Held>): Promise<void> {
  const epochOf = (businessId: string, account: string, currency: string) => held.get(keyOf(businessId, account, currency))?.epoch ?? 0
  await runPrepared(
    tx,
    'insert_transfers',
    sql`
    insert into ledger_transfers (business_id, id, source, source_id, purpose, debit_account, credit_account, currency, amount_minor, created_at, debit_epoch, credit_epoch)
    select * from unnest(${transferArrays(transfers)},
      ${transfers.map((one) => epochOf(one.businessId, one.debit, one.currency))}::int[], ${transfers.map((one) => epochOf(one.businessId, one.credit, one.currency))}::int[])`,
  )
}
