import { type RawBuilder, sql } from 'kysely'
import { keysSql, rowsSql } from '#foundation/database/binary-arrays.ts'
import { tables } from '#foundation/database/columns.ts'
import type { Database, Db } from '#foundation/database/database.ts'
import { isDueSql } from '#foundation/database/due.ts'
import { runPrepared, runTogether } from '#foundation/database/prepared.ts'
import { columnList, type RowOf } from '#foundation/database/rows.ts'
import { businessesOf, sameBusinessSql } from '#foundation/database/same-business.ts'
import { sharedReads } from '#foundation/database/shared-reads.ts'
import type { Due } from '#foundation/shared/clock.ts'

export type PaymentRequestStatus = 'pending' | 'completed' | 'failed' | 'expired' | 'canceled' | 'inactive'

export interface PayerAddress {
  line1: string
  line2: string | null
  city: string
  state: string
  country: string
  postal_code: string
}

export interface LineItem {
  id: string | null
  name: string | null
  price: number | null
  quantity: number | null
  description: string | null
  sku: string | null
  category: string | null
  url: string | null
}

/** A payment request as it is stored. */
export type PaymentRequestRow = RowOf<
  'payment_requests',
  {
    status: PaymentRequestStatus
    payment_methods: string[]
    address: PayerAddress | null
    line_items: LineItem[] | null
    metadata: Record<string, string>
  }
>

/** Every column of a row `r`. */
export const requestColumns = columnList(tables.payment_requests, 'r')

/**
 * Takes exclusive locks on payment requests until the transaction ends; always in one order, whatever the order of the keys.
 * Those that another transaction has locked are waited for, or left out with `skipLocked`.
 */
export async function lockPaymentRequests(
  tx: Db,
  keys: { businessId: string; id: string }[],
  { skipLocked = false } = {},
): Promise<Map<string, PaymentRequestRow>> {
  if (keys.length === 0) return new Map()
  const { rows } = await runPrepared(
    tx,
    'lock_payment_requests',
    sql<PaymentRequestRow>`
    select ${sql.raw(requestColumns)} from ${keysSql('wanted', keys)} join payment_requests r
      on ${sameBusinessSql('r', 'wanted', businessesOf(keys))} and r.id = wanted.id
    order by r.business_id, r.id for update of r ${skipLocked ? sql`skip locked` : sql``}`,
  )
  return new Map(rows.map((row) => [row.id, row]))
}

const changed = { business_id: 'uuid', id: 'uuid', status: 'text', version: 'int4', updated_at: 'timestamptz', completed_at: 'timestamptz' } as const

/** The statement that writes the status, version and times of requests whose rows the transaction has locked. */
export function updateStatusesSql(rows: PaymentRequestRow[], businessIds = rows.map((row) => row.business_id)): RawBuilder<unknown> {
  return sql`
    update payment_requests r set status = changed.status, version = changed.version, updated_at = changed.updated_at, completed_at = changed.completed_at
    from ${rowsSql('changed', changed, rows)}
    where ${sameBusinessSql('r', 'changed', businessIds)} and r.id = changed.id`
}

/** Statuses of requests that ended unpaid; lists find them through a table of their own. */
export const endings: ReadonlySet<PaymentRequestStatus> = new Set(['failed', 'expired', 'canceled', 'inactive'])

/** The statement that notes which of these requests ended without being paid. */
export function insertEndingsSql(rows: PaymentRequestRow[]): RawBuilder<unknown> {
  const ended = rows.filter(({ status }) => endings.has(status))
  return sql`
    insert into payment_request_endings (business_id, status, id)
    select * from ${rowsSql('ended', { business_id: 'uuid', status: 'text', id: 'uuid' }, ended)} on conflict do nothing`
}

/** Writes the status, version and times of requests whose rows this transaction has locked. */
export async function writeStatuses(tx: Db, rows: PaymentRequestRow[]): Promise<void> {
  await runTogether(tx, 'write_statuses', [updateStatusesSql(rows), insertEndingsSql(rows)])
}

/** The statement that removes requests from the list of those that will expire. */
export function deleteExpiriesSql(keys: { businessId: string; id: string }[], businessIds = businessesOf(keys)): RawBuilder<unknown> {
  return sql`
    delete from payment_request_expiries e using ${keysSql('done', keys)}
    where ${sameBusinessSql('e', 'done', businessIds)} and e.id = done.id`
}

/** Removes requests from the list of those that will expire. */
export async function forgetExpiries(tx: Db, keys: { businessId: string; id: string }[]): Promise<void> {
  await runTogether(tx, 'forget_expiries', [deleteExpiriesSql(keys)])
}

/** One payment request, even if it is deleted: money can still arrive for it. */
export async function findPaymentRequest(db: Db, businessId: string, id: string): Promise<PaymentRequestRow | undefined> {
  const { rows } = await runPrepared(
    db,
    'find_payment_request',
    sql<PaymentRequestRow>`select ${sql.raw(requestColumns)} from payment_requests r where r.business_id = ${businessId} and r.id = ${id}`,
  )
  return rows[0]
}

/** The same for several, in one query. */
export async function findAnyPaymentRequests(db: Db, keys: readonly { businessId: string; id: string }[]): Promise<(PaymentRequestRow | undefined)[]> {
  const { rows } = await runPrepared(
    db,
    'find_any_payment_requests',
    sql<PaymentRequestRow>`
    select ${sql.raw(requestColumns)} from ${keysSql('wanted', keys)} join payment_requests r
      on ${sameBusinessSql('r', 'wanted', businessesOf(keys))} and r.id = wanted.id`,
  )
  const found = new Map(rows.map((row) => [`${row.business_id} ${row.id}`, row]))
  return keys.map(({ businessId, id }) => found.get(`${businessId} ${id.toLowerCase()}`))
}

/** The statement that schedules the expiry of the rows of a grouped insert. */
export const insertExpiriesSql = (rows: string): string =>
  `insert into payment_request_expiries (business_id, id, due_at) select business_id, id, expires_at from ${rows} where expires_at is not null`

/** Payment references of one business. */
export interface RequestReferences {
  business_id: string
  references: readonly string[]
}

/** For each of some lists the payment request that carries the first reference of it that is known, deleted ones too. */
export async function findRequestsByReference(db: Db, lists: RequestReferences[]): Promise<(PaymentRequestRow | undefined)[]> {
  const wanted = lists.flatMap(({ business_id, references }) => references.map((reference) => ({ business_id, reference })))
  const { rows } = await runPrepared(
    db,
    'find_requests_by_reference',
    sql<PaymentRequestRow>`
    select ${sql.raw(requestColumns)} from ${rowsSql('wanted', { business_id: 'uuid', reference: 'text' }, wanted)}
    join payment_requests r
      on ${sameBusinessSql(
        'r',
        'wanted',
        lists.map(({ business_id }) => business_id),
      )} and r.payment_reference = wanted.reference`,
  )
  const found = new Map(rows.map((row) => [`${row.business_id} ${row.payment_reference}`, row]))
  return lists.map(({ business_id, references }) => {
    const known = references.find((reference) => found.has(`${business_id} ${reference}`))
    return found.get(`${business_id} ${known}`)
  })
}

/** Payment requests that are not deleted by id, for gets that arrive together. */
export const paymentRequestReader = ({ pool }: Database, acrossBusinesses: boolean) =>
  sharedReads<PaymentRequestRow>(
    pool,
    { name: 'get_payment_requests', from: 'payment_requests r', alias: 'r', key: 'id', columns: requestColumns, within: 'and r.deleted_at is null' },
    acrossBusinesses,
  )

/** Finds a payment request that is not deleted, and locks its row until the transaction ends. */
export async function lockPaymentRequest(tx: Db, businessId: string, id: string): Promise<PaymentRequestRow | undefined> {
  const row = (await lockPaymentRequests(tx, [{ businessId, id }])).get(id)
  return row?.deleted_at === null ? row : undefined
}

/** Writes all mutable columns of a request, and its expiry; its row must be locked by this transaction. */
export async function updatePaymentRequest(tx: Db, businessId: string, row: PaymentRequestRow): Promise<void> {
  const { business_id, id, created_at, api_key_id, payment_reference, address, line_items, metadata, ...plain } = row
  const json = { address: address && JSON.stringify(address), line_items: line_items && JSON.stringify(line_items), metadata: JSON.stringify(metadata) }
  await tx
    .updateTable('payment_requests')
    .set({ ...plain, ...json })
    .where('business_id', '=', businessId)
    .where('id', '=', id)
    .execute()
  await runTogether(tx, 'end_requests', [insertEndingsSql([row])])
  if (row.status !== 'pending' || row.deleted_at !== null || row.expires_at === null) return forgetExpiries(tx, [{ businessId, id }])
  await tx
    .insertInto('payment_request_expiries')
    .values({ business_id: businessId, id, due_at: row.expires_at })
    .onConflict((conflict) => conflict.columns(['business_id', 'id']).doUpdateSet({ due_at: row.expires_at as Date }))
    .execute()
}

/** Writes the status of the email about a charge into the request that it pays; raises its version. */
export async function writeEmailStatus(tx: Db, businessId: string, chargeId: string, status: 'sent' | 'failed', at: Date): Promise<void> {
  await sql`
    update payment_requests r set email_status = ${status}, version = r.version + 1, updated_at = greatest(r.updated_at, ${at})
    from charges c where c.business_id = ${businessId} and c.id = ${chargeId}
      and r.business_id = ${businessId} and r.id = c.payment_request_id and r.email_status <> ${status}`.execute(tx)
}

/** Requests whose deadline has passed, oldest first. */
export async function findDueExpiries(db: Db, due: Due, limit: number): Promise<{ business_id: string; id: string }[]> {
  const { rows } = await sql<{ business_id: string; id: string }>`
    select business_id, id from payment_request_expiries where ${isDueSql(due)} order by due_at limit ${limit}`.execute(db)
  return rows
}

/**
 * Locks those of a business's requests that are not locked elsewhere: what is being settled or changed at this moment is left
 * for the next round. The request is locked before its expiry, the order of settling.
 */
export async function lockFreePaymentRequests(tx: Db, businessId: string, ids: string[]): Promise<PaymentRequestRow[]> {
  const { rows } = await sql<PaymentRequestRow>`
    select * from payment_requests where business_id = ${businessId} and id = any (${ids}::uuid[]) order by id for update skip locked`.execute(tx)
  return rows
}
