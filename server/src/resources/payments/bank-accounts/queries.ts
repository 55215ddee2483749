import { type RawBuilder, sql } from 'kysely'
import { businessesSql, rowsSql } from '#foundation/database/binary-arrays.ts'
import type { Db } from '#foundation/database/database.ts'

export interface BankAccountRow {
  business_id: string
  id: string
  adapter: string
  account_number: string
  currency: string
  name: string
  proxy_type: string | null
  proxy_value: string | null
  secret_encrypted: string
  active: boolean
  created_at: Date
  updated_at: Date
}

export interface BankCreditRow {
  business_id: string
  id: string
  bank_account_id: string
  bank_reference: string
  amount_minor: bigint
  currency: string
  reference: string | null
  payer_name: string | null
  status: 'unmatched' | 'matched' | 'allocated'
  payment_request_id: string | null
  charge_id: string | null
  booked_at: Date
  created_at: Date
  updated_at: Date
}

const kind = 'bank_account'
const lookupOf = (adapter: string, accountNumber: string) => `${adapter}:${accountNumber}`
/** An account has an entry of its own: its number proves nothing, so several businesses may name the same one. */
const kindOf = (id: string) => `${kind}:${id}`

/**
 * Writes an account and how it is found. One that was switched off is switched on again and keeps its id, so that what the
 * bank reported before stays known. Undefined when it is on already.
 */
export async function insertBankAccount(tx: Db, row: BankAccountRow): Promise<BankAccountRow | undefined> {
  const { currency, name, proxy_type, proxy_value, secret_encrypted, active, updated_at } = row
  const written = await tx
    .insertInto('bank_accounts')
    .values(row)
    .onConflict((conflict) =>
      conflict
        .columns(['business_id', 'adapter', 'account_number'])
        .doUpdateSet({ currency, name, proxy_type, proxy_value, secret_encrypted, active, updated_at })
        .where('bank_accounts.active', '=', false),
    )
    .returningAll()
    .executeTakeFirst()
  if (!written) return undefined
  const lookup = lookupOf(row.adapter, row.account_number)
  await tx
    .insertInto('directory')
    .values({ lookup, kind: kindOf(written.id), business_id: row.business_id, target_id: written.id })
    .execute()
  return written
}

/** The accounts that a report can mean: those of every business that has the number. Which one it is, its signature says. */
export async function findReportedAccounts(db: Db, adapter: string, accountNumber: string): Promise<BankAccountRow[]> {
  const entries = await db
    .selectFrom('directory')
    .select(['business_id', 'target_id'])
    .where('lookup', '=', lookupOf(adapter, accountNumber))
    // Entries of versions before have the bare kind.
    .where((one) => one.or([one('kind', '=', kind), one('kind', 'like', `${kind}:%`)]))
    .execute()
  const found = await Promise.all(entries.map((entry) => findBankAccount(db, entry.business_id, entry.target_id)))
  return found.flatMap((account) => (account?.active ? [account] : []))
}

export async function findBankAccount(db: Db, businessId: string, id: string): Promise<BankAccountRow | undefined> {
  return db.selectFrom('bank_accounts').selectAll().where('business_id', '=', businessId).where('id', '=', id).executeTakeFirst()
}

export async function listBankAccounts(db: Db, businessId: string): Promise<BankAccountRow[]> {
  return db.selectFrom('bank_accounts').selectAll().where('business_id', '=', businessId).where('active', '=', true).orderBy('id').limit(1000).execute()
}

/** Switches an account off and takes it out of the directory; false when there is none. Its credits stay. */
export async function retireBankAccount(tx: Db, businessId: string, id: string, at: Date): Promise<boolean> {
  const row = await tx
    .updateTable('bank_accounts')
    .set({ active: false, updated_at: at })
    .where('business_id', '=', businessId)
    .where('id', '=', id)
    .where('active', '=', true)
    .returning(['adapter', 'account_number'])
    .executeTakeFirst()
  if (!row) return false
  await tx
    .deleteFrom('directory')
    .where('lookup', '=', lookupOf(row.adapter, row.account_number))
    .where('business_id', '=', businessId)
    .where('target_id', '=', id)
    .where((one) => one.or([one('kind', '=', kind), one('kind', '=', kindOf(id))]))
    .execute()
  return true
}

const creditColumns = {
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
const creditNames = Object.keys(creditColumns).join(', ')

/** The statement that writes credits. A bank reference that is known on its account violates `bank_credits_reference`. */
export function insertBankCreditsSql(rows: BankCreditRow[]): RawBuilder<unknown> {
  return sql`insert into bank_credits (${sql.raw(creditNames)}) select * from ${rowsSql('credit', creditColumns, rows)}`
}

const spent = { business_id: 'uuid', id: 'uuid', status: 'text', payment_request_id: 'uuid', charge_id: 'uuid', updated_at: 'timestamptz' } as const

/** The statement that records what credits have paid. A credit that has paid something already is left as it is. */
export function allocateBankCreditsSql(rows: BankCreditRow[]): RawBuilder<unknown> {
  return sql`
    update bank_credits c set status = spent.status, payment_request_id = spent.payment_request_id, charge_id = spent.charge_id, updated_at = spent.updated_at
    from ${rowsSql('spent', spent, rows)}
    where c.business_id = spent.business_id and c.business_id = any (${businessesSql(rows.map((row) => row.business_id))}) and c.id = spent.id
      and c.status = 'unmatched'`
}

export async function findBankCredit(db: Db, businessId: string, id: string): Promise<BankCreditRow | undefined> {
  return (await db.selectFrom('bank_credits').selectAll().where('business_id', '=', businessId).where('id', '=', id).executeTakeFirst()) as
    | BankCreditRow
    | undefined
}

export async function findBankCreditByReference(db: Db, businessId: string, bankAccountId: string, bankReference: string): Promise<BankCreditRow | undefined> {
  const query = db.selectFrom('bank_credits').selectAll().where('business_id', '=', businessId).where('bank_account_id', '=', bankAccountId)
  return (await query.where('bank_reference', '=', bankReference).executeTakeFirst()) as BankCreditRow | undefined
}

export interface ListedCredits {
  status: BankCreditRow['status'] | undefined
  cursor: { id: string; direction: 'next' | 'previous' } | undefined
  limit: number
}

/** Credits of a business, newest first (or, behind a cursor that points back, oldest first). */
export async function listBankCredits(db: Db, businessId: string, { status, cursor, limit }: ListedCredits): Promise<BankCreditRow[]> {
  let query = db.selectFrom('bank_credits').selectAll().where('business_id', '=', businessId)
  if (status) query = query.where('status', '=', status)
  if (cursor) query = query.where('id', cursor.direction === 'next' ? '<' : '>', cursor.id)
  const rows = await query
    .orderBy('id', cursor?.direction === 'previous' ? 'asc' : 'desc')
    .limit(limit)
    .execute()
  return rows as BankCreditRow[]
}
