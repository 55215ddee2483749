import { sql } from 'kysely'
import { tables } from '#foundation/database/columns.ts'
import type { Database, Db } from '#foundation/database/database.ts'
import { deleteDirectoryEntry, insertDirectoryEntry } from '#foundation/database/directory.ts'
import { columnList, type RowOf } from '#foundation/database/rows.ts'
import { keysetPages } from '#foundation/database/shared-pages.ts'
import type { Cursor } from '#foundation/shared/cursor.ts'

/** A bank account that payers pay into, as it is stored. */
export type BankAccountRow = RowOf<'bank_accounts'>

/** Money that a bank reported, as it is stored. */
export type BankCreditRow = RowOf<'bank_credits', { status: 'unmatched' | 'matched' | 'allocated' }>

/** The kind of an account's entries in the directory, alone or followed by the account's id. */
export const directoryKind = 'bank_account'
/** The directory key of the accounts with a number. */
export const bankAccountLookup = (adapter: string, accountNumber: string) => `${adapter}:${accountNumber}`
/** An account has an entry of its own: its number proves nothing, so several businesses may name the same one. */
const kindOf = (id: string) => `${directoryKind}:${id}`

/**
 * Writes an account and its directory entry. A disabled one is enabled again and keeps its id, so that what the
 * bank reported before stays known. Undefined if it is already enabled.
 */
export async function insertBankAccount(tx: Db, row: BankAccountRow): Promise<BankAccountRow | undefined> {
  const { currency, name, proxy_type, proxy_value, secret_encrypted, active, updated_at } = row
  const changed = { currency, name, proxy_type, proxy_value, secret_encrypted, active, updated_at }
  const written = await tx
    .insertInto('bank_accounts')
    .values(row)
    .onConflict((conflict) =>
      conflict
        .columns(['business_id', 'adapter', 'account_number'])
        .doUpdateSet({ ...changed, version: sql`bank_accounts.version + 1` })
        .where('bank_accounts.active', '=', false),
    )
    .returningAll()
    .executeTakeFirst()
  if (!written) return undefined
  const { id, business_id, adapter, account_number } = written
  await insertDirectoryEntry(tx, { lookup: bankAccountLookup(adapter, account_number), kind: kindOf(id), businessId: business_id, targetId: id })
  return written
}

/** Removes an account from the directory, so that no report finds it any more. Its credits stay. */
export function forgetBankAccount(tx: Db, { business_id, id, adapter, account_number }: BankAccountRow): Promise<void> {
  // Entries of earlier versions have the bare kind.
  return deleteDirectoryEntry(tx, { lookup: bankAccountLookup(adapter, account_number), businessId: business_id, targetId: id }, [directoryKind, kindOf(id)])
}

export async function findBankAccount(db: Db, businessId: string, id: string): Promise<BankAccountRow | undefined> {
  return db.selectFrom('bank_accounts').selectAll().where('business_id', '=', businessId).where('id', '=', id).executeTakeFirst()
}

export async function findBankCredit(db: Db, businessId: string, id: string): Promise<BankCreditRow | undefined> {
  return (await db.selectFrom('bank_credits').selectAll().where('business_id', '=', businessId).where('id', '=', id).executeTakeFirst()) as
    | BankCreditRow
    | undefined
}

const listedCredits = {
  name: 'list_bank_credits',
  from: 'bank_credits b',
  alias: 'b',
  columns: columnList(tables.bank_credits, 'b'),
  key: 'id',
  type: 'uuid',
} as const

/** Pages of a business's credits, newest first (reversed when the cursor points back). */
export function bankCreditPages(database: Database, acrossBusinesses: boolean) {
  const page = keysetPages<BankCreditRow>(database, listedCredits, acrossBusinesses)
  return (businessId: string, { status, cursor, limit }: { status: BankCreditRow['status'] | undefined; cursor: Cursor | undefined; limit: number }) =>
    page(businessId, { filter: status ? sql`and b.status = ${status}` : undefined, cursor, limit })
}
