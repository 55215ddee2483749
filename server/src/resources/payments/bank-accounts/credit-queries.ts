import { type RawBuilder, sql } from 'kysely'
import { arraySql, keysSql, rowsSql } from '#foundation/database/binary-arrays.ts'
import type { Db } from '#foundation/database/database.ts'
import { runPrepared } from '#foundation/database/prepared.ts'
import { businessesOf, sameBusinessSql } from '#foundation/database/same-business.ts'
import { type BankAccountRow, type BankCreditRow, bankAccountLookup, directoryKind } from './queries.ts'

/** An account as a report names it. */
export interface ReportedNumber {
  adapter: string
  accountNumber: string
}

/**
 * The accounts that reports can mean, for each of them those of every business that has the number: the directory names
 * the businesses, then their own shards are queried. The report's signature decides whose account it is.
 */
export async function findReportedAccounts(db: Db, numbers: ReportedNumber[]): Promise<BankAccountRow[][]> {
  const lookups = numbers.map(({ adapter, accountNumber }) => bankAccountLookup(adapter, accountNumber))
  const { rows: entries } = await runPrepared(
    db,
    'find_account_entries',
    // Entries of earlier versions have the bare kind.
    sql<{ lookup: string; business_id: string; target_id: string }>`
    select lookup, business_id, target_id from directory
    where lookup = any (${arraySql('text', [...new Set(lookups)])}) and (kind = ${directoryKind} or kind like ${`${directoryKind}:%`})`,
  )
  const keys = new Map(entries.map((entry) => [`${entry.business_id} ${entry.target_id}`, { businessId: entry.business_id, id: entry.target_id }]))
  const accounts = await findActiveAccounts(db, [...keys.values()])
  return lookups.map((lookup) => entries.flatMap((entry) => (entry.lookup === lookup ? (accounts.get(`${entry.business_id} ${entry.target_id}`) ?? []) : [])))
}

async function findActiveAccounts(db: Db, keys: { businessId: string; id: string }[]): Promise<Map<string, BankAccountRow>> {
  if (keys.length === 0) return new Map()
  const { rows } = await runPrepared(
    db,
    'find_active_accounts',
    sql<BankAccountRow>`
    select a.business_id, a.id, a.adapter, a.account_number, a.currency, a.name, a.proxy_type, a.proxy_value, a.secret_encrypted, a.active, a.created_at, a.updated_at
    from ${keysSql('wanted', keys)} join bank_accounts a
      on ${sameBusinessSql('a', 'wanted', businessesOf(keys))} and a.id = wanted.id
    where a.active`,
  )
  return new Map(rows.map((row) => [`${row.business_id} ${row.id}`, row]))
}

const columns = {
  business_id: 'uuid',
  id: 'uuid',
  bank_account_id: 'uuid',
  bank_reference: 'text',
  amount_minor: 'int8',
  currency: 'text',
  reference: 'text',
  payer_name: 'text',
  status: 'text',
  payment_request_id: 'uuid',
  charge_id: 'uuid',
  booked_at: 'timestamptz',
  created_at: 'timestamptz',
  updated_at: 'timestamptz',
} as const satisfies Record<keyof BankCreditRow, string>
const names = Object.keys(columns)

/** The identity of a credit: a bank's reference is unique on its account. */
export type CreditReference = Pick<BankCreditRow, 'business_id' | 'bank_account_id' | 'bank_reference'>

/** Credits by their banks' references; undefined for unknown ones. */
export async function findKnownCredits(db: Db, references: CreditReference[]): Promise<(BankCreditRow | undefined)[]> {
  const { rows } = await runPrepared(
    db,
    'find_known_credits',
    sql<BankCreditRow>`
    select ${sql.raw(names.map((name) => `c.${name}`).join(', '))}
    from ${rowsSql('wanted', { business_id: 'uuid', bank_account_id: 'uuid', bank_reference: 'text' }, references)}
    join bank_credits c
      on ${sameBusinessSql(
        'c',
        'wanted',
        references.map(({ business_id }) => business_id),
      )} and c.bank_account_id = wanted.bank_account_id
        and c.bank_reference = wanted.bank_reference`,
  )
  const keyOf = (one: CreditReference) => `${one.business_id} ${one.bank_account_id} ${one.bank_reference}`
  const known = new Map(rows.map((row) => [keyOf(row), row]))
  return references.map((one) => known.get(keyOf(one)))
}

/** The statement that writes credits. A known bank reference on an account violates `bank_credits_reference`. */
export function insertBankCreditsSql(rows: BankCreditRow[]): RawBuilder<unknown> {
  return sql`insert into bank_credits (${sql.raw(names.join(', '))}) select * from ${rowsSql('credit', columns, rows)}`
}

const spent = {
  business_id: 'uuid',
  id: 'uuid',
  before: 'text',
  status: 'text',
  payment_request_id: 'uuid',
  charge_id: 'uuid',
  updated_at: 'timestamptz',
} as const

/** The statement that records what credits have paid. A credit that has already paid something is left unchanged. */
export function allocateBankCreditsSql(rows: BankCreditRow[], businessIds = rows.map((row) => row.business_id)): RawBuilder<unknown> {
  return sql`
    update bank_credits c set status = spent.status, payment_request_id = spent.payment_request_id, charge_id = spent.charge_id, updated_at = spent.updated_at
    from ${rowsSql(
      'spent',
      spent,
      rows.map((row) => ({ ...row, before: 'unmatched' })),
    )}
    where ${sameBusinessSql('c', 'spent', businessIds)} and c.id = spent.id and c.status = spent.before`
}
