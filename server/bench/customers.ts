import type pg from 'pg'
import type { Database } from '../src/foundation/database/database.ts'
import { encodeCursor } from '../src/foundation/http/pagination.ts'
import { gramOf, gramsOf, searchTextOf } from '../src/foundation/shared/search-text.ts'
import { listCustomers } from '../src/resources/customers/queries.ts'
import { personSql } from './people.ts'

const stepMs = 6_000

/** Customers that were made one after the other, so that the id of each can be computed. */
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

/** What can stand in the search texts of a population. */
const alphabet = [...' .@+-_abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ']

/** Every gram that a population can have, by its text: PostgreSQL looks them up, since it cannot make them as fast. */
async function prepareGrams(client: pg.Client, { businessId, otherBusinessId }: Population): Promise<void> {
  const texts = alphabet.flatMap((a) => alphabet.flatMap((b) => (a === ' ' ? [`${a}${b}`] : []).concat(alphabet.map((c) => `${a}${b}${c}`))))
  await client.query('create temp table gram_of (business_id uuid, text text collate "C", gram int4, primary key (text, business_id) include (gram))')
  for (const id of [businessId, otherBusinessId]) {
    await client.query('insert into gram_of select $1, * from unnest($2::text[], $3::int4[])', [id, texts, texts.map((text) => gramOf(text, id))])
  }
  await client.query('analyze gram_of')
}

/** The grams of a search text, as `gramsOf` makes them. */
function gramsSql(search: string): string {
  return `(
    select array_agg(distinct gram_of.gram) from (select ${search} as text) searched, generate_series(1, length(searched.text)) as i,
      lateral (values (substr(searched.text, i, 3)), (substr(searched.text, i, 2))) as part (text)
    join gram_of on gram_of.text = part.text and gram_of.business_id = named.business_id
  )`
}

/** Every fourth row has a neighbour in another business, so that tenancy in the indexes matters. */
function loadSql(people: Population): string {
  return `
    insert into customers (business_id, id, name, email, phone_number, phone_number_country_code, phone_number_e164, metadata, search, search_grams, version, created_at, updated_at)
    select business_id, ${idSql(people, 'unique_number')}, name, email, phone, '65', '+65' || phone, '{}', ${personSql.search}, ${gramsSql(personSql.search)}, 1, at, at
    from (
      select *, ${personSql.name} as name, ${personSql.email} as email, ${personSql.searchName} as search_name,
        to_timestamp((${people.beganAtMs}::int8 + unique_number * ${stepMs}::int8) / 1000.0) as at
      from (
        select business.id as business_id, unique_number, random() as a, random() as b, random() as c, random() as d,
          (80000000 + floor(random() * 20000000))::int::text as phone
        from generate_series(1, ${people.rows}::int8) as unique_number
        cross join (values ('${people.businessId}'::uuid, 1), ('${people.otherBusinessId}'::uuid, 4)) as business (id, every)
        where unique_number % business.every = 0
      ) drawn
    ) named`
}

/**
 * Loads a population into an empty table: secondary indexes are dropped and made again from their own definitions, as
 * that is several times faster. Checks that the rows look as if the API had made them.
 */
export async function loadCustomers(client: pg.Client, people: Population): Promise<void> {
  const { rows: indexes } = await client.query<{ name: string; definition: string }>(
    `select indexname as name, indexdef as definition from pg_indexes where schemaname = 'hawker' and tablename = 'customers' and indexname <> 'customers_pkey'`,
  )
  await client.query(`set maintenance_work_mem = '1GB'; set synchronous_commit = off; select setseed(0.42)`)
  await prepareGrams(client, people)
  for (const { name } of indexes) await client.query(`drop index hawker.${name}`)
  await client.query(loadSql(people))
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

/** The statement that the API itself sends for a list, found by asking it with a pool that only listens. */
export async function listStatement(database: Database, businessId: string, afterId: string, perPage: number): Promise<{ text: string; values: unknown[] }> {
  let heard: { text: string; values: unknown[] } | undefined
  const listening = {
    query: (statement: { text: string; values: unknown[] }) => {
      heard = statement
      return Promise.resolve({ rows: [] })
    },
  } as unknown as pg.Pool
  await listCustomers({ ...database, slowPool: listening }, businessId, {
    filter: { patterns: [] },
    order: 'created_at desc',
    cursor: { order: 'created_at desc', key: '', id: afterId, direction: 'next' },
    skip: 0,
    limit: perPage + 1,
  })
  if (!heard) throw new Error('The list sent no statement of its own.')
  return heard
}
