import { type RawBuilder, sql } from 'kysely'
import type pg from 'pg'
import { businessesSql, keysSql, rowsSql } from '#foundation/database/binary-arrays.ts'
import type { Db } from '#foundation/database/database.ts'
import { runPrepared, runPreparedText, runTogether } from '#foundation/database/prepared.ts'
import type { StoredAnswer } from '#foundation/database/stored-answer.ts'

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

export interface PaymentRequestRow {
  business_id: string
  id: string
  status: PaymentRequestStatus
  amount_minor: bigint | null
  currency: string
  name: string | null
  email: string | null
  phone: string | null
  purpose: string | null
  reference_number: string | null
  payment_methods: string[]
  redirect_url: string | null
  webhook: string | null
  failed_webhook: string | null
  send_sms: boolean
  send_email: boolean
  sms_status: string
  email_status: string
  allow_repeated_payments: boolean
  add_admin_fee: boolean
  /** The fee that its code asks for beside the amount; null where no code does. */
  admin_fee_minor: bigint | null
  is_currency_editable: boolean
  is_default: boolean
  generate_qr: boolean
  generate_direct_link: boolean
  expires_at: Date | null
  address: PayerAddress | null
  line_items: LineItem[] | null
  metadata: Record<string, string>
  channel: string
  wifi_terminal_id: string | null
  staff_id: string | null
  location_id: string | null
  customer_id: string | null
  /** What it collects money for, such as an order; null for a request that stands alone. */
  source_type: string | null
  source_id: string | null
  api_key_id: string | null
  payment_reference: string
  search: string
  version: number
  created_at: Date
  updated_at: Date
  completed_at: Date | null
  deleted_at: Date | null
}

/**
 * Takes exclusive locks on payment requests until the transaction ends; always in one order, whatever the order asked for.
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
    select ${sql.raw(selected)} from ${keysSql('wanted', keys)} join payment_requests r on r.business_id = wanted.business_id and r.id = wanted.id
    where r.business_id = any (${businessesSql(keys.map(({ businessId }) => businessId))})
    order by r.business_id, r.id for update of r ${skipLocked ? sql`skip locked` : sql``}`,
  )
  return new Map(rows.map((row) => [row.id, row]))
}

const changed = { business_id: 'uuid', id: 'uuid', status: 'text', version: 'int4', updated_at: 'timestamptz', completed_at: 'timestamptz' } as const

/** The statement that writes the status, version and times of requests whose rows the transaction has locked. */
export function updateStatusesSql(rows: PaymentRequestRow[]): RawBuilder<unknown> {
  return sql`
    update payment_requests r set status = changed.status, version = changed.version, updated_at = changed.updated_at, completed_at = changed.completed_at
    from ${rowsSql('changed', changed, rows)}
    where r.business_id = changed.business_id and r.business_id = any (${businessesSql(rows.map((row) => row.business_id))}) and r.id = changed.id`
}

/** Statuses of requests that ended without being paid; lists find them by a table of their own. */
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

/** The statement that takes requests out of the list of those that will expire. */
export function deleteExpiriesSql(keys: { businessId: string; id: string }[]): RawBuilder<unknown> {
  return sql`
    delete from payment_request_expiries e using ${keysSql('done', keys)}
    where e.business_id = done.business_id and e.business_id = any (${businessesSql(keys.map(({ businessId }) => businessId))}) and e.id = done.id`
}

/** Takes requests out of the list of those that will expire. */
export async function forgetExpiries(tx: Db, keys: { businessId: string; id: string }[]): Promise<void> {
  await runTogether(tx, 'forget_expiries', [deleteExpiriesSql(keys)])
}

/** One payment request, deleted ones too: money can still arrive for them. */
export async function findPaymentRequest(db: Db, businessId: string, id: string): Promise<PaymentRequestRow | undefined> {
  const { rows } = await runPrepared(
    db,
    'find_payment_request',
    sql<PaymentRequestRow>`select * from payment_requests where business_id = ${businessId} and id = ${id}`,
  )
  return rows[0]
}

/** The same for all that are asked for at once. */
export async function findAnyPaymentRequests(db: Db, keys: readonly { businessId: string; id: string }[]): Promise<(PaymentRequestRow | undefined)[]> {
  const { rows } = await runPrepared(
    db,
    'find_any_payment_requests',
    sql<PaymentRequestRow>`
    select ${sql.raw(selected)} from ${keysSql('wanted', keys)} join payment_requests r on r.business_id = wanted.business_id and r.id = wanted.id
    where r.business_id = any (${businessesSql(keys.map(({ businessId }) => businessId))})`,
  )
  const found = new Map(rows.map((row) => [`${row.business_id} ${row.id}`, row]))
  return keys.map(({ businessId, id }) => found.get(`${businessId} ${id.toLowerCase()}`))
}

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
    select ${sql.raw(selected)} from ${rowsSql('wanted', { business_id: 'uuid', reference: 'text' }, wanted)}
    join payment_requests r on r.business_id = wanted.business_id and r.payment_reference = wanted.reference
    where r.business_id = any (${businessesSql(lists.map(({ business_id }) => business_id))})`,
  )
  const found = new Map(rows.map((row) => [`${row.business_id} ${row.payment_reference}`, row]))
  return lists.map(({ business_id, references }) => {
    const known = references.find((reference) => found.has(`${business_id} ${reference}`))
    return found.get(`${business_id} ${known}`)
  })
}

/** Columns and their types, in the order in which new rows are written as arrays. */
const columns = {
  business_id: 'uuid',
  id: 'uuid',
  status: 'text',
  amount_minor: 'bigint',
  currency: 'text',
  name: 'text',
  email: 'text',
  phone: 'text',
  purpose: 'text',
  reference_number: 'text',
  payment_methods: 'text[]',
  redirect_url: 'text',
  webhook: 'text',
  failed_webhook: 'text',
  send_sms: 'boolean',
  send_email: 'boolean',
  sms_status: 'text',
  email_status: 'text',
  allow_repeated_payments: 'boolean',
  add_admin_fee: 'boolean',
  admin_fee_minor: 'bigint',
  is_currency_editable: 'boolean',
  is_default: 'boolean',
  generate_qr: 'boolean',
  generate_direct_link: 'boolean',
  expires_at: 'timestamptz',
  address: 'json',
  line_items: 'json',
  metadata: 'jsonb',
  channel: 'text',
  wifi_terminal_id: 'text',
  staff_id: 'uuid',
  location_id: 'uuid',
  customer_id: 'uuid',
  source_type: 'text',
  source_id: 'uuid',
  api_key_id: 'uuid',
  payment_reference: 'text',
  search: 'text',
  version: 'int',
  created_at: 'timestamptz',
  updated_at: 'timestamptz',
  completed_at: 'timestamptz',
  deleted_at: 'timestamptz',
} as const satisfies Record<keyof PaymentRequestRow, string>

const names = Object.keys(columns) as (keyof PaymentRequestRow)[]
const selected = names.map((name) => `r.${name}`).join(', ')

/** What goes with each row: its event and its idempotency record. */
const companions = {
  event_id: 'uuid',
  shown: 'json',
  request_id: 'text',
  caller: 'text',
  answer_key: 'text',
  answer_fingerprint: 'json',
  answer_status: 'int2',
  answer_headers: 'json',
  answer_body: 'text',
  grams: 'text',
} as const

/** A value as one element of an array parameter. */
function elementOf(row: PaymentRequestRow, name: keyof PaymentRequestRow): unknown {
  const value = row[name]
  if (value === null) return null
  // An array cannot be an element, so it travels as its literal; method codes need no quotes.
  if (name === 'payment_methods') return `{${row.payment_methods.join(',')}}`
  if (columns[name] === 'json' || columns[name] === 'jsonb') return JSON.stringify(value)
  if (value instanceof Date) return value.toISOString()
  return typeof value === 'bigint' ? String(value) : value
}

const parameters = [...names.map((name) => (name === 'payment_methods' ? 'text' : columns[name])), ...Object.values(companions)]
  .map((type, i) => `$${i + 1}::${type}[]`)
  .join(', ')
const inserted = names.map((name) => (name === 'payment_methods' ? 'payment_methods::text[]' : name)).join(', ')

const insertText = `
  with input as (
    select * from unnest(${parameters}) as input (${[...names, ...Object.keys(companions)].join(', ')})
  ), claimed as (
    insert into idempotency_keys (business_id, key, object_id, fingerprint, status, headers, body, created_at)
    select business_id, answer_key, id, answer_fingerprint, answer_status, answer_headers, answer_body, created_at from input where answer_key is not null
    on conflict (business_id, key) do nothing
    returning object_id
  ), accepted as (
    select * from input where answer_key is null or id in (select object_id from claimed)
  ), written as (
    insert into payment_requests (${names.join(', ')}) select ${inserted} from accepted
  ), expiring as (
    insert into payment_request_expiries (business_id, id, due_at) select business_id, id, expires_at from accepted where expires_at is not null
  ), found_by as (
    insert into search_grams (business_id, id, grams) select business_id, id, grams::int4[] from accepted
  ), listed as (
    insert into directory (lookup, kind, business_id, target_id) select payment_reference, 'payment_reference', business_id, id from accepted
  ), told as (
    insert into events (business_id, id, type, object_id, data, request_id, caller, created_at)
    select business_id, event_id, 'payment_request.created', id, shown, request_id, caller, created_at from accepted
  )
  select id from accepted`

/** A new payment request with everything that belongs into its transaction. */
export interface NewPaymentRequest {
  row: PaymentRequestRow
  eventId: string
  /** The request as webhooks show it, as JSON text. */
  shown: string
  requestId: string | null
  caller: string
  answer: StoredAnswer | undefined
  /** The numbers by which it, and what is paid of it, are found. */
  grams: number[]
}

/**
 * Writes payment requests, their expiries, directory entries, events and idempotency records in one statement. Answers,
 * for each, whether it was written: false means that its Idempotency-Key was taken.
 */
export async function insertPaymentRequests(db: Db, requests: NewPaymentRequest[]): Promise<boolean[]> {
  const column = (read: (request: NewPaymentRequest) => unknown) => requests.map(read)
  const { rows } = await runPreparedText<{ id: string }>(db, 'insert_payment_requests', insertText, [
    ...names.map((name) => column(({ row }) => elementOf(row, name))),
    column(({ eventId }) => eventId),
    column(({ shown }) => shown),
    column(({ requestId }) => requestId),
    column(({ caller }) => caller),
    column(({ answer }) => answer?.key ?? null),
    column(({ answer }) => answer?.fingerprint ?? null),
    column(({ answer }) => answer?.status ?? null),
    column(({ answer }) => answer?.headers ?? null),
    column(({ answer }) => answer?.body ?? null),
    column(({ grams }) => `{${grams}}`),
  ])
  if (rows.length === requests.length) return requests.map(() => true)
  const written = new Set(rows.map(({ id }) => id))
  return requests.map(({ row }) => written.has(row.id))
}

/** Finds payment requests that are not deleted, in one query for all that are asked for at once. */
export async function findPaymentRequests(pool: pg.Pool, keys: readonly { businessId: string; id: string }[]): Promise<(PaymentRequestRow | undefined)[]> {
  const { rows } = await pool.query<PaymentRequestRow>({
    name: 'find_payment_requests',
    text: `select r.* from payment_requests r
      join unnest($1::uuid[], $2::uuid[]) as wanted (business_id, id) on r.business_id = wanted.business_id and r.id = wanted.id
      where r.deleted_at is null`,
    values: [keys.map(({ businessId }) => businessId), keys.map(({ id }) => id)],
  })
  const found = new Map(rows.map((row) => [`${row.business_id} ${row.id}`, row]))
  return keys.map(({ businessId, id }) => found.get(`${businessId} ${id}`))
}

/** Finds a payment request that is not deleted, and holds its row until the transaction ends. */
export async function lockPaymentRequest(tx: Db, businessId: string, id: string): Promise<PaymentRequestRow | undefined> {
  const row = (await lockPaymentRequests(tx, [{ businessId, id }])).get(id)
  return row?.deleted_at === null ? row : undefined
}

/** Writes everything that can change in a request, and when it expires; its row must be held by this transaction. */
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

/** Requests whose time is over, of any business, the oldest first. */
export async function findDueExpiries(db: Db, at: Date, limit: number): Promise<{ business_id: string; id: string }[]> {
  const { rows } = await sql<{ business_id: string; id: string }>`
    select business_id, id from payment_request_expiries where due_at <= ${at} order by due_at limit ${limit}`.execute(db)
  return rows
}

/**
 * Holds those of a business's requests that no one else holds: what is being settled or changed at this moment is left
 * for the next round. The request comes before its expiry, the order in which settling takes them.
 */
export async function lockFreePaymentRequests(tx: Db, businessId: string, ids: string[]): Promise<PaymentRequestRow[]> {
  const { rows } = await sql<PaymentRequestRow>`
    select * from payment_requests where business_id = ${businessId} and id = any (${ids}::uuid[]) order by id for update skip locked`.execute(tx)
  return rows
}
