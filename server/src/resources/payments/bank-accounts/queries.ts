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

/** The kind of an account's entries in the directory, alone or with the account's id behind it. */
export const bankAccountKind = 'bank_account'
/** Under what the directory knows the accounts of a number. */
export const bankAccountLookup = (adapter: string, accountNumber: string) => `${adapter}:${accountNumber}`
/** An account has an entry of its own: its number proves nothing, so several businesses may name the same one. */
const kindOf = (id: string) => `${bankAccountKind}:${id}`

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
  const lookup = bankAccountLookup(row.adapter, row.account_number)
  await tx
    .insertInto('directory')
    .values({ lookup, kind: kindOf(written.id), business_id: row.business_id, target_id: written.id })
    .execute()
  return written
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
    .where('lookup', '=', bankAccountLookup(row.adapter, row.account_number))
    .where('business_id', '=', businessId)
    .where('target_id', '=', id)
    .where((one) => one.or([one('kind', '=', bankAccountKind), one('kind', '=', kindOf(id))]))
    .execute()
  return true
}

export async function findBankCredit(db: Db, businessId: string, id: string): Promise<BankCreditRow | undefined> {
  return (await db.selectFrom('bank_credits').selectAll().where('business_id', '=', businessId).where('id', '=', id).executeTakeFirst()) as
    | BankCreditRow
    | undefined
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
