import { type RawBuilder, sql } from 'kysely'
import type { Card } from '#engine/rails/card.ts'
import type { Db } from '#foundation/database/database.ts'
import { runPrepared, runTogether } from '#foundation/database/prepared.ts'
import type { RowOf } from '#foundation/database/rows.ts'

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
  location_id: 'uuid',
  channel: 'text',
  method: 'text',
  rail: 'text',
  status: 'text',
  currency: 'text',
  amount_minor: 'bigint',
  refunded_minor: 'bigint',
  fixed_fee_minor: 'bigint',
  discount_fee_minor: 'bigint',
  discount_fee_rate: 'int',
  admin_fee_minor: 'bigint',
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

const names = Object.keys(columns) as (keyof ChargeRow)[]
/** Every column by name: a statement that is prepared with `*` fails when a migration adds one. */
export const chargeColumns = names.map((name) => `c.${name}`).join(', ')
const allColumns = sql.raw(chargeColumns)

function arrayOf(rows: ChargeRow[], name: keyof ChargeRow): unknown[] {
  const type = columns[name]
  if (type === 'json' || type === 'jsonb') return rows.map((row) => (row[name] === null ? null : JSON.stringify(row[name])))
  if (type === 'bigint') return rows.map((row) => String(row[name]))
  return rows.map((row) => row[name])
}

/** The statement that writes new charges; undefined when there are none. */
export function insertChargesSql(rows: ChargeRow[]): RawBuilder<unknown> | undefined {
  if (rows.length === 0) return undefined
  const arrays = names.map((name) => sql`${arrayOf(rows, name)}::${sql.raw(`${columns[name]}[]`)}`)
  return sql`insert into charges (${sql.raw(names.join(', '))}) select * from unnest(${sql.join(arrays)})`
}

/** Writes new charges in one statement, with the grams by which some are found. */
export async function insertCharges(tx: Db, rows: ChargeRow[], grams?: RawBuilder<unknown>): Promise<void> {
  await runTogether(tx, 'insert_charges', [insertChargesSql(rows), grams])
}

const changing = [
  'status',
  'refunded_minor',
  'fixed_fee_minor',
  'discount_fee_minor',
  'discount_fee_rate',
  'admin_fee_minor',
  'unapplied_reason',
  'failure_code',
  'failure_message',
  'rail_reference',
  'card',
  'rail_data',
  'closed_at',
  'refunded_at',
  'updated_at',
] as const satisfies (keyof ChargeRow)[]

/** The statement that writes the mutable columns of charges whose rows the transaction has locked. */
export function updateChargesSql(rows: ChargeRow[]): RawBuilder<unknown> | undefined {
  if (rows.length === 0) return undefined
  const written = ['business_id', 'id', ...changing] as const
  const arrays = written.map((name) => sql`${arrayOf(rows, name)}::${sql.raw(`${columns[name]}[]`)}`)
  const set = changing.map((name) => `${name} = changed.${name}`).join(', ')
  return sql`
    update charges c set ${sql.raw(set)} from unnest(${sql.join(arrays)}) as changed (${sql.raw(written.join(', '))})
    where c.business_id = changed.business_id and c.id = changed.id`
}

/** Writes the mutable columns of charges whose rows this transaction has locked. */
export async function updateCharges(tx: Db, rows: ChargeRow[]): Promise<void> {
  await runTogether(tx, 'update_charges', [updateChargesSql(rows)])
}

/** Finds charges and locks their rows until the transaction ends, in one order whatever the order requested. */
export async function lockCharges(tx: Db, keys: { businessId: string; id: string }[]): Promise<Map<string, ChargeRow>> {
  if (keys.length === 0) return new Map()
  const { rows } = await runPrepared(
    tx,
    'lock_charges',
    sql<ChargeRow>`
    select ${allColumns} from charges c
    join unnest(${keys.map((key) => key.businessId)}::uuid[], ${keys.map((key) => key.id)}::uuid[]) as wanted (business_id, id)
      on c.business_id = wanted.business_id and c.id = wanted.id
    order by c.business_id, c.id for update of c`,
  )
  return new Map(rows.map((row) => [row.id, row]))
}

/** The succeeded payments of a request, oldest first, as they are listed inside it. */
export async function listPayments(db: Db, businessId: string, paymentRequestId: string): Promise<ChargeRow[]> {
  const { rows } = await runPrepared(
    db,
    'list_payments',
    sql<ChargeRow>`
    select ${allColumns} from charges c where c.business_id = ${businessId} and c.payment_request_id = ${paymentRequestId}
      and c.status in ('succeeded', 'refunded', 'partially_refunded')
    order by c.id limit 100`,
  )
  return rows
}

/** One charge, whatever its status. */
export async function findCharge(db: Db, businessId: string, id: string): Promise<ChargeRow | undefined> {
  const { rows } = await sql<ChargeRow>`select * from charges where business_id = ${businessId} and id = ${id}`.execute(db)
  return rows[0]
}
