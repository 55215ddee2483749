import { type RawBuilder, sql } from 'kysely'
import { tables } from '#foundation/database/columns.ts'
import type { Database, Db } from '#foundation/database/database.ts'
import { columnList, type RowOf } from '#foundation/database/rows.ts'
import { keysetPages } from '#foundation/database/shared-pages.ts'
import { sharedReads } from '#foundation/database/shared-reads.ts'
import type { Cursor } from '#foundation/shared/cursor.ts'

export type RefundStatus = 'pending' | 'succeeded' | 'failed'

/** A refund as it is stored. Its `idempotency_key` is that of its request, whose stored answer follows the outcome. */
export type RefundRow = RowOf<'refunds', { status: RefundStatus }>

/** A refund with what its charge says of it. */
export interface ShownRefund extends RefundRow {
  total_minor: bigint
  method: string
}

const shownColumns = `${columnList(tables.refunds, 'r')}, c.amount_minor as total_minor, c.method`

export async function insertRefund(tx: Db, businessId: string, row: RefundRow): Promise<void> {
  await tx
    .insertInto('refunds')
    .values({ ...row, business_id: businessId })
    .execute()
}

/** Finds a refund and locks its row until the transaction ends; lock its charge first. */
export async function lockRefund(tx: Db, businessId: string, id: string): Promise<RefundRow | undefined> {
  const { rows } = await sql<RefundRow>`select * from refunds where business_id = ${businessId} and id = ${id} for update`.execute(tx)
  return rows[0]
}

/** Writes the mutable columns of a refund whose row this transaction has locked. */
export async function updateRefund(tx: Db, businessId: string, row: RefundRow): Promise<void> {
  const { status, rail_reference, failure_code, failure_message, updated_at, refunded_at } = row
  await tx
    .updateTable('refunds')
    .set({ status, rail_reference, failure_code, failure_message, updated_at, refunded_at })
    .where('business_id', '=', businessId)
    .where('id', '=', row.id)
    .execute()
}

export async function findRefund(db: Db, businessId: string, id: string): Promise<ShownRefund | undefined> {
  const { rows } = await sql<ShownRefund>`
    select ${sql.raw(shownColumns)} from refunds r join charges c on c.business_id = r.business_id and c.id = r.charge_id
    where r.business_id = ${businessId} and r.id = ${id}`.execute(db)
  return rows[0]
}

export interface RefundFilter {
  chargeId?: string | undefined
  status?: RefundStatus | undefined
}

const shownRefunds = { from: 'refunds r join charges c on c.business_id = r.business_id and c.id = r.charge_id', alias: 'r', columns: shownColumns }

/** Pages of refunds, newest first (reversed when the cursor points back). */
export function refundPages(database: Database, acrossBusinesses: boolean) {
  const page = keysetPages<ShownRefund>(database, { ...shownRefunds, name: 'list_refunds', key: 'id', type: 'uuid' }, acrossBusinesses)
  return (businessId: string, { filter, cursor, limit }: { filter: RefundFilter; cursor: Cursor | undefined; limit: number }) => {
    const parts: RawBuilder<unknown>[] = []
    if (filter.chargeId !== undefined) parts.push(sql`and r.charge_id = ${filter.chargeId}`)
    if (filter.status !== undefined) parts.push(sql`and r.status = ${filter.status}`)
    return page(businessId, { filter: parts.length > 0 ? sql.join(parts, sql` `) : undefined, cursor, limit })
  }
}

/** Refunds by id, for gets that arrive together. */
export const refundReader = ({ pool }: Database, acrossBusinesses: boolean) =>
  sharedReads<ShownRefund>(pool, { ...shownRefunds, name: 'get_refunds', key: 'id' }, acrossBusinesses)

/** The refunds of charges, oldest first, as they are listed inside a charge. */
export const chargeRefundsReader = ({ pool }: Database, acrossBusinesses: boolean) =>
  sharedReads<ShownRefund>(pool, { ...shownRefunds, name: 'list_refunds_of_charges', key: 'charge_id', order: 'r.id', limit: 100 }, acrossBusinesses)

/** The amount of a charge that has certainly been refunded. */
export async function succeededMinor(db: Db, businessId: string, chargeId: string): Promise<bigint> {
  const { rows } = await sql<{ sum: bigint }>`
    select coalesce(sum(amount_minor), 0)::bigint as sum from refunds
    where business_id = ${businessId} and charge_id = ${chargeId} and status = 'succeeded'`.execute(db)
  return rows[0]?.sum ?? 0n
}

/** Whether a business has a payment request with this id. */
export async function paymentRequestExists(db: Db, businessId: string, id: string): Promise<boolean> {
  const { rows } = await sql`select 1 from payment_requests where business_id = ${businessId} and id = ${id} and deleted_at is null`.execute(db)
  return rows.length > 0
}
