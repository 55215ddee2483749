import { sql } from 'kysely'
import { tables } from '#foundation/database/columns.ts'
import type { Database, Db } from '#foundation/database/database.ts'
import { deleteDirectoryEntry, insertDirectoryEntry } from '#foundation/database/directory.ts'
import { columnList, type RowOf } from '#foundation/database/rows.ts'
import { keysetPages } from '#foundation/database/shared-pages.ts'
import type { Cursor } from '#foundation/shared/cursor.ts'

/** An account at a bank on which payers pay, as it is stored. */
export type BankAccountRow = RowOf<'bank_accounts'>

/** Money that a bank reported, as it is stored. */
export type BankCreditRow = RowOf<'bank_credits', { status: 'unmatched' | 'matched' | 'allocated' }>

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
  await insertDirectoryEntry(tx, { lookup: lookupOf(adapter, account_number), kind: kindOf(id), businessId: business_id, targetId: id })
  return written
}

/** Takes an account out of the directory, so that no report finds it any more. Its credits stay. */
export function forgetBankAccount(tx: Db, { business_id, id, adapter, account_number }: BankAccountRow): Promise<void> {
  // Entries of versions before have the bare kind.
  return deleteDirectoryEntry(tx, { lookup: lookupOf(adapter, account_number), businessId: business_id, targetId: id }, [kind, kindOf(id)])
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

/** The payment request of a business that carries one of these payment references. */
export async function findRequestByReference(db: Db, businessId: string, references: string[]): Promise<string | undefined> {
  if (references.length === 0) return undefined
  const row = await db
    .selectFrom('payment_requests')
    .select('id')
    .where('business_id', '=', businessId)
    .where('payment_reference', 'in', references)
    .executeTakeFirst()
  return row?.id
}

/** Writes a credit unless its bank reference is known on that account; false when it is. */
export async function insertBankCredit(tx: Db, row: BankCreditRow): Promise<boolean> {
  const inserted = await tx
    .insertInto('bank_credits')
    .values(row)
    .onConflict((conflict) => conflict.columns(['business_id', 'bank_account_id', 'bank_reference']).doNothing())
    .executeTakeFirst()
  return inserted.numInsertedOrUpdatedRows === 1n
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

/** Says what a credit has paid, once: false when it has paid something before. */
export async function spendBankCredit(
  tx: Db,
  businessId: string,
  id: string,
  spent: Pick<BankCreditRow, 'status' | 'payment_request_id' | 'charge_id'>,
  at: Date,
): Promise<boolean> {
  const updated = await tx
    .updateTable('bank_credits')
    .set({ ...spent, updated_at: at })
    .where('business_id', '=', businessId)
    .where('id', '=', id)
    .where('status', '=', 'unmatched')
    .executeTakeFirst()
  return updated.numUpdatedRows === 1n
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
