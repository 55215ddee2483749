import type pg from 'pg'
import { encodeCursor } from '#foundation/http/pagination.ts'
import { gramsOf, searchTextOf } from '#foundation/shared/search-text.ts'
import { personOf, searchOf } from './people.ts'

const stepMs = 6_000

/** Customers that were created in sequence, so that the id of each can be computed. */
export interface Population {
  readonly businessId: string
  readonly otherBusinessId: string
  readonly rows: number
  readonly beganAtMs: number
}

/** A population that ends now. */
export function population(businessId: string, otherBusinessId: string, rows: number): Population {
  return { businessId, otherBusinessId, rows, beganAtMs: Date.now() - (rows + 10) * stepMs }
}

/** The id of the customer with a number from 1 to `rows`: a UUIDv7 of its time, with the number in its last digits. */
export function idOf({ beganAtMs }: Population, number: number): string {
  const time = (beganAtMs + number * stepMs).toString(16).padStart(12, '0')
  return `${time.slice(0, 8)}-${time.slice(8)}-7000-8000-${number.toString(16).padStart(12, '0')}`
}

/** The same id as SQL text over an expression for the number. */
export function idSql({ beganAtMs }: Population, number: string): string {
  return `(lpad(to_hex(${beganAtMs}::int8 + ${number} * ${stepMs}::int8), 12, '0') || '70008000' || lpad(to_hex(${number}), 12, '0'))::uuid`
}

/** Path of the list page that follows a customer. */
export function pageAfter(people: Population, number: number, perPage: number): string {
  const cursor = encodeCursor({ order: 'created_at desc', key: '', id: idOf(people, number), direction: 'next' })
  return `/v1/customers?per_page=${perPage}&cursor=${cursor}`
}

const rowsPerStatement = 5_000

const insertMany = `
  insert into customers (business_id, id, name, email, phone_number, phone_number_country_code, phone_number_e164, metadata, search, search_grams, version, created_at, updated_at)
  select business_id, id, name, email, phone, '65', '+65' || phone, '{}', search, grams::int4[], 1, at, at
  from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::timestamptz[])
    as made (business_id, id, name, email, phone, search, grams, at)`

/** The customers with the numbers from `first` on; every fourth has a neighbor in another business, so that tenancy in the indexes matters. */
function batchOf(people: Population, first: number, count: number): unknown[][] {
  const columns: unknown[][] = [[], [], [], [], [], [], [], []]
  for (let number = first; number < first + count; number++) {
    for (const businessId of number % 4 === 0 ? [people.businessId, people.otherBusinessId] : [people.businessId]) {
      const person = personOf(number)
      const search = searchOf(person)
      const at = new Date(people.beganAtMs + number * stepMs)
      const row = [businessId, idOf(people, number), person.name, person.email, person.phone, search, `{${gramsOf(search, businessId)}}`, at]
      row.forEach((value, i) => {
        columns[i]?.push(value)
      })
    }
  }
  return columns
}

/** Writes a population batch by batch; the next is generated while one is in flight. */
async function writeAll(client: pg.Client, people: Population): Promise<void> {
  let onItsWay: Promise<unknown> = Promise.resolve()
  for (let first = 1; first <= people.rows; first += rowsPerStatement) {
    const values = batchOf(people, first, Math.min(rowsPerStatement, people.rows - first + 1))
    await onItsWay
    onItsWay = client.query({ name: 'insert_many', text: insertMany, values })
    onItsWay.catch(() => undefined)
  }
  await onItsWay
}

/**
 * Loads a population into an empty table: secondary indexes are dropped and created again from their own definitions, which
 * is several times faster. Checks that the rows look as if the API had created them.
 */
export async function loadCustomers(client: pg.Client, people: Population): Promise<void> {
  const { rows: indexes } = await client.query<{ name: string; definition: string }>(
    `select indexname as name, indexdef as definition from pg_indexes where schemaname = 'hawker' and tablename = 'customers' and indexname <> 'customers_pkey'`,
  )
  await client.query(`set maintenance_work_mem = '1GB'; set synchronous_commit = off`)
  for (const { name } of indexes) await client.query(`drop index hawker.${name}`)
  await writeAll(client, people)
  for (const { definition } of indexes) await client.query(definition)
  await client.query('vacuum (analyze) customers')
  await client.query('checkpoint')
  await checkLooks(client, people)
}

async function checkLooks(client: pg.Client, people: Population): Promise<void> {
  const numbers = Array.from({ length: 200 }, (_, i) => 1 + Math.floor((i / 200) * people.rows))
  const { rows } = await client.query<Record<'name' | 'email' | 'phone_number' | 'phone_number_e164' | 'search', string> & { search_grams: number[] }>(
    'select * from customers where business_id = $1 and id = any($2)',
    [people.businessId, [...new Set(numbers)].map((number) => idOf(people, number))],
  )
  if (rows.length !== new Set(numbers).size) throw new Error(`Of ${new Set(numbers).size} loaded customers only ${rows.length} have the id they should have.`)
  for (const row of rows) {
    const expected = searchTextOf([row.name, row.email, row.phone_number, row.phone_number_e164.slice(1)])
    if (row.search !== expected) throw new Error(`A loaded customer's search text is not the API's: ${JSON.stringify([row.search, expected])}`)
    const sorted = (grams: number[]) => JSON.stringify([...grams].sort((a, b) => a - b))
    if (sorted(row.search_grams) !== sorted(gramsOf(expected, people.businessId))) throw new Error(`A loaded customer's grams are not the API's: ${expected}`)
  }
}
