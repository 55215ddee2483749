import { type RawBuilder, sql } from 'kysely'
import type { Card } from '#engine/rails/card.ts'
import { keysSql, rowsSql } from '#foundation/database/binary-arrays.ts'
import type { Db } from '#foundation/database/database.ts'
import { runPrepared, runTogether } from '#foundation/database/prepared.ts'
import type { RowOf } from '#foundation/database/rows.ts'
import { businessesOf, sameBusinessSql } from '#foundation/database/same-business.ts'
import type { KeyedRows } from '#foundation/database/shared-reads.ts'

export type ChargeStatus = 'pending' | 'succeeded' | 'failed' | 'canceled' | 'refunded' | 'partially_refunded' | 'requires_customer_action'
/** Charges whose money has arrived, whether or not some of it was refunded. */
export const paidStatuses: ReadonlySet<string> = new Set<ChargeStatus>(['succeeded', 'refunded', 'partially_refunded'])
export type UnappliedReason = 'late' | 'duplicate' | 'short' | 'over'

/** A charge as it is stored: one attempt to pay, from its start. */
export type ChargeRow = RowOf<
  'charges',
  {
    status: ChargeStatus
    unapplied_reason: UnappliedReason | null
    card: Card | null
    rail_data: Record<string, unknown>
    metadata: Record<string, string>
  }
>

/** Columns and their types, in the order in which rows are written as arrays. */
const columns = {
  business_id: 'uuid',
  id: 'uuid',
  payment_request_id: 'uuid',
  customer_id: 'uuid',
  customer_name: 'text',
  customer_email: 'text',
  customer_phone: 'text',
  payer_language: 'text',
  location_id: 'uuid',
  channel: 'text',
  method: 'text',
  rail: 'text',
  status: 'text',
  currency: 'text',
  amount_minor: 'int8',
  refunded_minor: 'int8',
  fixed_fee_minor: 'int8',
  discount_fee_minor: 'int8',
  discount_fee_rate: 'int4',
  admin_fee_minor: 'int8',
  unapplied_reason: 'text',
  failure_code: 'text',
  failure_message: 'text',
  rail_reference: 'text',
  card: 'json',
  rail_data: 'json',
  remark: 'text',
  reference_number: 'text',
  metadata: 'jsonb',
  search: 'text',
  closed_at: 'timestamptz',
  refunded_at: 'timestamptz',
  created_at: 'timestamptz',
  updated_at: 'timestamptz',
} as const satisfies Record<keyof ChargeRow, string>

const names = Object.keys(columns).join(', ')
/** Every column by name: a statement that is prepared with `*` fails when a migration adds one. */
export const chargeColumns = Object.keys(columns)
  .map((name) => `c.${name}`)
  .join(', ')

/** A row as the elements of array parameters: JSON as text. */
const elementsOf = (row: ChargeRow) => ({
  ...row,
  card: row.card && JSON.stringify(row.card),
  rail_data: JSON.stringify(row.rail_data),
  metadata: JSON.stringify(row.metadata),
})

/** The statement that writes new charges. */
export function insertChargesSql(rows: ChargeRow[]): RawBuilder<unknown> {
  return sql`insert into charges (${sql.raw(names)}) select * from ${rowsSql('charge', columns, rows.map(elementsOf))}`
}

/** Writes new charges in one statement, with the grams by which some are found. */
export async function insertCharges(tx: Db, rows: ChargeRow[], grams?: RawBuilder<unknown>): Promise<void> {
  await runTogether(tx, 'insert_charges', [insertChargesSql(rows), grams])
}

/** What changes in the life of a charge. */
const changing = {
  status: 'text',
  refunded_minor: 'int8',
  fixed_fee_minor: 'int8',
  discount_fee_minor: 'int8',
  discount_fee_rate: 'int4',
  admin_fee_minor: 'int8',
  unapplied_reason: 'text',
  failure_code: 'text',
  failure_message: 'text',
  rail_reference: 'text',
  card: 'json',
  rail_data: 'json',
  closed_at: 'timestamptz',
  refunded_at: 'timestamptz',
  updated_at: 'timestamptz',
} as const satisfies Partial<Record<keyof ChargeRow, string>>
const assignments = Object.keys(changing)
  .map((name) => `${name} = changed.${name}`)
  .join(', ')

/** The statement that writes what changes in the life of charges whose rows the transaction has locked. */
export function updateChargesSql(rows: ChargeRow[], businessIds = rows.map((row) => row.business_id)): RawBuilder<unknown> {
  return sql`
    update charges c set ${sql.raw(assignments)} from ${rowsSql('changed', { business_id: 'uuid', id: 'uuid', ...changing }, rows.map(elementsOf))}
    where ${sameBusinessSql('c', 'changed', businessIds)} and c.id = changed.id`
}

/** Writes what changes in the life of charges whose rows this transaction has locked. */
export async function updateCharges(tx: Db, rows: ChargeRow[]): Promise<void> {
  await runTogether(tx, 'update_charges', [updateChargesSql(rows)])
}

/**
 * Takes exclusive locks on charges until the transaction ends, in one order, whatever the order of the keys; those that another
 * transaction has locked are waited for, or left out with `skipLocked`.
 */
export async function lockCharges(tx: Db, keys: ChargeKey[], { skipLocked = false } = {}): Promise<Map<string, ChargeRow>> {
  if (keys.length === 0) return new Map()
  const { rows } = await runPrepared(
    tx,
    'lock_charges',
    sql<ChargeRow>`
    select ${sql.raw(chargeColumns)} from ${keysSql('wanted', keys)} join charges c
      on ${sameBusinessSql('c', 'wanted', businessesOf(keys))} and c.id = wanted.id
    order by c.business_id, c.id for update of c ${skipLocked ? sql`skip locked` : sql``}`,
  )
  return new Map(rows.map((row) => [row.id, row]))
}

export interface ChargeKey {
  businessId: string
  id: string
}

/** A charge and the payment request that it pays, which never changes. */
export interface PaidRequest {
  id: string
  paymentRequestId: string | null
}

/** Which requests charges pay; undefined for charges that do not exist. */
export async function findPaidRequests(db: Db, keys: ChargeKey[]): Promise<(PaidRequest | undefined)[]> {
  const { rows } = await runPrepared(
    db,
    'find_paid_requests',
    sql<PaidRequest & { business_id: string }>`
    select c.business_id, c.id, c.payment_request_id as "paymentRequestId"
    from ${keysSql('wanted', keys)} join charges c on ${sameBusinessSql('c', 'wanted', businessesOf(keys))} and c.id = wanted.id`,
  )
  const found = new Map(rows.map(({ business_id, ...paid }) => [`${business_id} ${paid.id}`, paid]))
  return keys.map(({ businessId, id }) => found.get(`${businessId} ${id.toLowerCase()}`))
}

/** The succeeded payments of requests, oldest first, as they are listed inside them. */
export const paymentsOfRequests = {
  name: 'list_payments_of_requests',
  from: 'charges c',
  alias: 'c',
  key: 'payment_request_id',
  columns: chargeColumns,
  within: "and c.status in ('succeeded', 'refunded', 'partially_refunded')",
  order: 'c.id',
  limit: 100,
} as const satisfies KeyedRows

/** The succeeded payments of a request, oldest first, as they are listed inside it. */
export async function listPayments(db: Db, businessId: string, paymentRequestId: string): Promise<ChargeRow[]> {
  const { rows } = await runPrepared(
    db,
    'list_payments',
    sql<ChargeRow>`
    select ${sql.raw(names)} from charges where business_id = ${businessId} and payment_request_id = ${paymentRequestId}
      and status in ('succeeded', 'refunded', 'partially_refunded')
    order by id limit 100`,
  )
  return rows
}

/** One charge, whatever its status. */
export async function findCharge(db: Db, businessId: string, id: string): Promise<ChargeRow | undefined> {
  const { rows } = await sql<ChargeRow>`select * from charges where business_id = ${businessId} and id = ${id}`.execute(db)
  return rows[0]
}
