import { type RawBuilder, sql } from 'kysely'
import type pg from 'pg'
import type { Database, Db } from '#foundation/database/database.ts'
import { runPreparedText } from '#foundation/database/prepared.ts'
import type { StoredAnswer } from '#foundation/database/stored-answer.ts'
import type { Cursor } from '#foundation/shared/cursor.ts'
import { patternGrams } from '#foundation/shared/search-text.ts'

/** What a customer is made of, apart from identity and times. */
export interface CustomerFields {
  external_id: string | null
  name: string | null
  email: string
  phone_number: string
  phone_number_country_code: string | null
  phone_number_e164: string | null
  birth_date: string | null
  gender: string | null
  remark: string | null
  address: { city: string; state: string; street: string; postal_code: string; country: string | null } | null
  metadata: Record<string, string>
  /** Derived from name, e-mail and phone (`search-text.ts`). */
  search: string
  /** Derived from `search` and the business (`gramsOf`). */
  search_grams: number[]
}

export interface CustomerRow extends CustomerFields {
  business_id: string
  id: string
  version: number
  created_at: Date
  updated_at: Date
}

/** A customer's JSON as PostgreSQL makes it, without the times; `wire.ts` puts those in. */
export interface CustomerJson {
  id: string
  json: string
  version: number
  created_ms: number
  updated_ms: number
}

const stored = (fields: CustomerFields) => ({ ...fields, address: fields.address && JSON.stringify(fields.address), metadata: JSON.stringify(fields.metadata) })

/** A new customer with everything that belongs into its transaction. */
export interface NewCustomer {
  row: CustomerRow
  eventId: string
  /** The customer as the API shows it, as JSON text: the event's data. */
  shown: string
  requestId: string
  answer: StoredAnswer | undefined
}

/** What became of a new customer: written, or refused because its Idempotency-Key or its external id was taken. */
export type Inserted = 'written' | 'key_taken' | 'external_id_taken'

/**
 * Writes customers, their events and their idempotency records in one statement, and answers for each what became of it.
 * Two of one statement must not share an external id. One that another transaction takes at this very moment fails the
 * statement. Unique values are taken in one order, so that two statements that share some wait for each other without a
 * deadlock.
 */
export async function insertCustomers(pool: pg.Pool, customers: NewCustomer[]): Promise<Inserted[]> {
  const column = (read: (customer: NewCustomer) => string | number | null) => customers.map(read)
  const { rows } = await pool.query<{ id: string; written: boolean }>({
    name: 'insert_customers',
    text: `
      with input as (
        select * from unnest(
          $1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::date[], $10::text[], $11::text[],
          $12::json[], $13::jsonb[], $14::text[], $15::timestamptz[], $16::uuid[], $17::json[], $18::text[],
          $19::text[], $20::json[], $21::int2[], $22::json[], $23::text[], $24::text[]
        ) as input (
          business_id, id, external_id, name, email, phone_number, phone_number_country_code, phone_number_e164, birth_date, gender, remark,
          address, metadata, search, at, event_id, shown, request_id,
          key, fingerprint, status, headers, body, search_grams
        )
      ), free as (
        select * from input where external_id is null or not exists (
          select 1 from customers c where c.business_id = input.business_id and c.external_id = input.external_id
        )
      ), claimed as (
        insert into idempotency_keys (business_id, key, object_id, fingerprint, status, headers, body, created_at)
        select business_id, key, id, fingerprint, status, headers, body, at from free where key is not null
        order by business_id, key
        on conflict (business_id, key) do nothing
        returning object_id
      ), accepted as (
        select * from free where key is null or id in (select object_id from claimed)
      ), written as (
        insert into customers (business_id, id, external_id, name, email, phone_number, phone_number_country_code, phone_number_e164, birth_date,
          gender, remark, address, metadata, search, search_grams, version, created_at, updated_at)
        select business_id, id, external_id, name, email, phone_number, phone_number_country_code, phone_number_e164, birth_date,
          gender, remark, address, metadata, search, search_grams::int4[], 1, at, at from accepted
        order by business_id, external_id
      ), told as (
        insert into events (business_id, id, type, object_id, data, request_id, created_at)
        select business_id, event_id, 'customer.created', id, shown, request_id, at from accepted
      )
      select id, key is null or id in (select object_id from claimed) as written from free`,
    values: [
      column(({ row }) => row.business_id),
      column(({ row }) => row.id),
      column(({ row }) => row.external_id),
      column(({ row }) => row.name),
      column(({ row }) => row.email),
      column(({ row }) => row.phone_number),
      column(({ row }) => row.phone_number_country_code),
      column(({ row }) => row.phone_number_e164),
      column(({ row }) => row.birth_date),
      column(({ row }) => row.gender),
      column(({ row }) => row.remark),
      column(({ row }) => row.address && JSON.stringify(row.address)),
      column(({ row }) => JSON.stringify(row.metadata)),
      column(({ row }) => row.search),
      column(({ row }) => row.created_at.toISOString()),
      column(({ eventId }) => eventId),
      column(({ shown }) => shown),
      column(({ requestId }) => requestId),
      column(({ answer }) => answer?.key ?? null),
      column(({ answer }) => answer?.fingerprint ?? null),
      column(({ answer }) => answer?.status ?? null),
      column(({ answer }) => answer?.headers ?? null),
      column(({ answer }) => answer?.body ?? null),
      column(({ row }) => `{${row.search_grams}}`),
    ],
  })
  const written = new Map(rows.map((row) => [row.id, row.written]))
  return customers.map(({ row }) => (written.get(row.id) ? 'written' : written.has(row.id) ? 'key_taken' : 'external_id_taken'))
}

/** Inserts one customer inside a transaction unless its external id is taken; false when it is. */
export async function insertCustomerUnlessTaken(tx: Db, row: CustomerRow): Promise<boolean> {
  const { business_id, id, version, created_at, updated_at } = row
  const inserted = await tx
    .insertInto('customers')
    .values({ ...stored(fieldsOf(row)), business_id, id, version, created_at, updated_at })
    .onConflict((conflict) => conflict.columns(['business_id', 'external_id']).where('external_id', 'is not', null).doNothing())
    .executeTakeFirst()
  return inserted.numInsertedOrUpdatedRows === 1n
}

/** The fields of a row, without identity and times. */
export function fieldsOf(row: CustomerRow): CustomerFields {
  const { business_id, id, version, created_at, updated_at, ...fields } = row
  return fields
}

/** How a path names a customer: by our id, or by the merchant's own. */
export type CustomerReference = { id: string } | { external_id: string }

/** Finds a customer and holds its row until the transaction ends. */
export async function lockCustomer(tx: Db, businessId: string, reference: CustomerReference): Promise<CustomerRow | undefined> {
  let query = tx.selectFrom('customers').selectAll().where('business_id', '=', businessId)
  query = 'id' in reference ? query.where('id', '=', reference.id) : query.where('external_id', '=', reference.external_id)
  return (await query.forUpdate().executeTakeFirst()) as CustomerRow | undefined
}

/** Writes a customer's new fields; its row must be held by this transaction. */
export async function updateCustomer(tx: Db, businessId: string, row: CustomerRow): Promise<void> {
  await tx
    .updateTable('customers')
    .set({ ...stored(fieldsOf(row)), version: row.version, updated_at: row.updated_at })
    .where('business_id', '=', businessId)
    .where('id', '=', row.id)
    .execute()
}

/** Deletes a customer; its row must be held by this transaction. */
export async function deleteCustomer(tx: Db, businessId: string, id: string): Promise<void> {
  await tx.deleteFrom('customers').where('business_id', '=', businessId).where('id', '=', id).execute()
}

/** The JSON that PostgreSQL makes of a row `c`; the same fields as `presentCustomer`, kept alike by a test. */
const json = `row_to_json((select shown from (select c.id, c.name, c.birth_date, c.gender, c.email, c.phone_number, c.address, c.remark,
  c.phone_number_country_code, c.external_id, c.phone_number_e164, c.metadata) shown))::text as json, c.version,
  (extract(epoch from c.created_at) * 1000)::float8 as created_ms, (extract(epoch from c.updated_at) * 1000)::float8 as updated_ms`

/** Finds customers by business and id, in one query for all that are asked for at once. */
export async function findCustomersById(pool: pg.Pool, keys: readonly { businessId: string; id: string }[]): Promise<(CustomerJson | undefined)[]> {
  const { rows } = await pool.query<CustomerJson & { business_id: string }>({
    name: 'find_customers_by_id',
    text: `select c.business_id, c.id, ${json} from unnest($1::uuid[], $2::uuid[]) as wanted (business_id, id)
      join customers c on c.business_id = wanted.business_id and c.id = wanted.id`,
    values: [keys.map(({ businessId }) => businessId), keys.map(({ id }) => id)],
  })
  // By business and id: callers of different businesses may ask for the same id at once, and one of them owns it.
  const found = new Map(rows.map((row) => [`${row.business_id} ${row.id}`, row]))
  return keys.map(({ businessId, id }) => found.get(`${businessId} ${id}`))
}

/** Finds a customer by the merchant's own id. */
export async function findCustomerByExternalId(pool: pg.Pool, businessId: string, externalId: string): Promise<CustomerJson | undefined> {
  const { rows } = await pool.query<CustomerJson>({
    name: 'find_customer_by_external_id',
    text: `select c.id, ${json} from customers c where c.business_id = $1 and c.external_id = $2`,
    values: [businessId, externalId],
  })
  return rows[0]
}

/** A number as it may have been sent, or in E.164. */
export interface PhoneSpelling {
  column: 'phone_number' | 'phone_number_e164'
  number: string
  pattern: string
}

export interface CustomerFilter {
  /** LIKE patterns over the search text; all must match. */
  patterns: string[]
  email?: string
  /** Spellings of one phone number, each with a pattern that finds it in the search text. */
  phone?: PhoneSpelling[]
  externalId?: string
  metadata?: Record<string, string>
  /** Bounds of ids: an id begins with the time of its creation. */
  idFrom?: string
  idBefore?: string
}

export type CustomerOrder = 'created_at desc' | 'created_at asc' | 'name asc' | 'name desc'

export interface ListOptions {
  filter: CustomerFilter
  order: CustomerOrder
  cursor: Cursor | undefined
  skip: number
  limit: number
}

export interface ListedCustomer extends CustomerJson {
  /** The value that the list is ordered by, for the cursor; empty where it is the id. */
  sort_key: string
}

/** Rows that a search looks through in the list's own order before it asks the index, at first and at most. */
const walked = 1_000
const walkedAtMost = 8_000

/**
 * One page of a business's customers, in the order asked for (reversed when the cursor points back).
 *
 * A search walks the newest rows first: a common word fills a page within a few of them, and the index would have to collect
 * every match. Where the walk finds too few, the word is rare, and the index finds its rows at once.
 */
export async function listCustomers({ slow: db, slowPool }: Database, businessId: string, options: ListOptions): Promise<ListedCustomer[]> {
  const { filter, limit, skip } = options
  const isSearch = filter.patterns.length > 0 || filter.phone !== undefined || filter.metadata !== undefined
  if (!isSearch || filter.email !== undefined || filter.externalId !== undefined) {
    const { rows } = await slowPool.query<ListedCustomer>(prepared(page(businessId, options, 'list').compile(db)))
    return rows
  }
  for (let depth = walked; depth <= walkedAtMost; ) {
    const { rows } = await page(businessId, options, { walk: depth }).execute(db)
    if (rows.length >= limit) return rows
    // As many as were found so far promise a full page after so many rows; a little more, for luck.
    const needed = Math.ceil(((skip + limit) / (skip + rows.length)) * depth * 1.5)
    if (!(needed > depth && needed <= walkedAtMost)) break
    depth = needed
  }
  const { rows } = await page(businessId, options, 'index').execute(db)
  return rows
}

const names = new Map<string, string>()

/**
 * A plain list as a statement that PostgreSQL keeps planned. Searches are not kept: their plan depends on the word.
 * There are as many texts as there are combinations of filters, so the names are few.
 */
function prepared({ sql: text, parameters }: { sql: string; parameters: readonly unknown[] }): pg.QueryConfig {
  let name = names.get(text)
  if (name === undefined) {
    name = `list_customers_${names.size + 1}`
    names.set(text, name)
  }
  return { name, text, values: [...parameters] }
}

const sortKey = (order: CustomerOrder) => (order.startsWith('name') ? sql`coalesce(c.name, '')` : sql`''`)
const collated = sql`coalesce(c.name, '') collate "und-x-icu"`

function orderOf({ order, cursor }: ListOptions): RawBuilder<unknown> {
  const forward = cursor?.direction !== 'previous'
  const direction = order.endsWith('asc') === forward ? sql`asc` : sql`desc`
  return order.startsWith('name') ? sql`${collated} ${direction}, c.id ${direction}` : sql`c.id ${direction}`
}

function positionOf({ order, cursor }: ListOptions): RawBuilder<unknown> {
  if (!cursor) return sql``
  const comparison = order.endsWith('asc') === (cursor.direction === 'next') ? sql`>` : sql`<`
  if (order.startsWith('name')) return sql`and (${collated}, c.id) ${comparison} (${cursor.key}, ${cursor.id}::uuid)`
  return sql`and c.id ${comparison} ${cursor.id}`
}

function searchOf({ patterns, phone, metadata }: CustomerFilter): RawBuilder<unknown> {
  const parts: RawBuilder<unknown>[] = patterns.map((pattern) => sql`and c.search like ${pattern}`)
  if (phone) {
    const spellings = phone.map(({ column, number, pattern }) => sql`c.search like ${pattern} and ${sql.ref(`c.${column}`)} = ${number}`)
    parts.push(sql`and (${sql.join(spellings, sql` or `)})`)
  }
  if (metadata) parts.push(sql`and c.metadata @> ${JSON.stringify(metadata)}::jsonb and c.metadata <> '{}'::jsonb`)
  return sql.join(parts, sql` `)
}

function boundsOf({ email, externalId, idFrom, idBefore }: CustomerFilter): RawBuilder<unknown> {
  const parts: RawBuilder<unknown>[] = []
  if (email !== undefined) parts.push(sql`and lower(c.email collate "C") = lower(${email}::text collate "C")`)
  if (externalId !== undefined) parts.push(sql`and c.external_id = ${externalId}`)
  if (idFrom) parts.push(sql`and c.id >= ${idFrom}`)
  if (idBefore) parts.push(sql`and c.id < ${idBefore}`)
  return sql.join(parts, sql` `)
}

/** Where a page's rows come from: the list's own order, its first rows only, or all that the index finds. */
type Source = 'list' | 'index' | { walk: number }

function page(businessId: string, options: ListOptions, source: Source): RawBuilder<ListedCustomer> {
  const { filter, limit, skip, order } = options
  const own = sql`c.business_id = ${businessId} ${boundsOf(filter)} ${positionOf(options)}`
  let from = sql`customers`
  let where = sql`${own} ${searchOf(filter)}`
  if (typeof source === 'object') {
    from = sql`(select c.* from customers c where ${own} order by ${orderOf(options)} limit ${source.walk})`
    where = sql`true ${searchOf(filter)}`
  } else if (source === 'index') {
    // All matches first, as a set, so that the planner asks the index of grams and not the list's order.
    from = sql`(with found as materialized (select c.* from customers c where ${own} ${gramsAskedOf(filter, businessId)} ${searchOf(filter)}) select * from found)`
    where = sql`true`
  }
  return sql<ListedCustomer>`
    select c.id, ${sortKey(order)} as sort_key, ${sql.raw(json)} from ${from} c where ${where}
    order by ${orderOf(options)} limit ${limit} offset ${skip}`
}

/** What the index of grams is asked; rows that it finds are compared with the patterns themselves. */
function gramsAskedOf({ patterns, phone }: CustomerFilter, businessId: string): RawBuilder<unknown> {
  const contains = (grams: number[]) => sql`c.search_grams @> ${`{${grams}}`}::int4[]`
  const parts: RawBuilder<unknown>[] = []
  if (patterns.length > 0) parts.push(sql`and ${contains([...new Set(patterns.flatMap((pattern) => patternGrams(pattern, businessId)))])}`)
  if (phone)
    parts.push(
      sql`and (${sql.join(
        phone.map(({ pattern }) => contains(patternGrams(pattern, businessId))),
        sql` or `,
      )})`,
    )
  return sql.join(parts, sql` `)
}

/** Whether a business has a customer. */
export async function customerExists(db: Db, businessId: string, id: string): Promise<boolean> {
  const found = await db.selectFrom('customers').select('id').where('business_id', '=', businessId).where('id', '=', id).executeTakeFirst()
  return found !== undefined
}

/** The customers to whom e-mail addresses belong, in either case; undefined for an address of none or of several. */
export async function findCustomersByEmail(db: Db, keys: readonly { businessId: string; email: string }[]): Promise<(string | undefined)[]> {
  const text = `
    select wanted.place, min(found.id::text) as id
    from unnest($1::uuid[], $2::text[]) with ordinality as wanted (business_id, email, place)
    cross join lateral (
      select c.id from customers c where c.business_id = wanted.business_id and lower(c.email collate "C") = lower(wanted.email collate "C") limit 2
    ) found
    group by wanted.place having count(*) = 1`
  const { rows } = await runPreparedText<{ place: bigint; id: string }>(db, 'find_customers_by_email', text, [
    keys.map(({ businessId }) => businessId),
    keys.map(({ email }) => email),
  ])
  const ids = new Map(rows.map(({ place, id }) => [Number(place), id]))
  return keys.map((_, i) => ids.get(i + 1))
}
