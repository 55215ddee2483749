import type pg from 'pg'
import type { Db } from '#foundation/database/database.ts'
import { runPreparedText } from '#foundation/database/prepared.ts'
import type { StoredAnswer } from '#foundation/database/stored-answer.ts'

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

/** The JSON that PostgreSQL makes of a row `c`, without its times; the same fields as `presentCustomer`, kept alike by a test. */
export const shownJson = `row_to_json((select shown from (select c.id, c.name, c.birth_date, c.gender, c.email, c.phone_number, c.address, c.remark,
  c.phone_number_country_code, c.external_id, c.phone_number_e164, c.metadata) shown))::text`

/** The times of a row `c` in milliseconds. */
export const createdMs = '(extract(epoch from c.created_at) * 1000)::float8'
export const updatedMs = '(extract(epoch from c.updated_at) * 1000)::float8'

const json = `${shownJson} as json, c.version, ${createdMs} as created_ms, ${updatedMs} as updated_ms`

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
