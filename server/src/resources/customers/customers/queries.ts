import type pg from 'pg'
import type { Database, Db } from '#foundation/database/database.ts'
import { runPreparedText } from '#foundation/database/prepared.ts'
import type { RowOf } from '#foundation/database/rows.ts'
import { sharedReads } from '#foundation/database/shared-reads.ts'
import { shownColumns } from './wire.ts'

/** A customer as it is stored. */
export type CustomerRow = RowOf<
  'customers',
  {
    address: { city: string; state: string; street: string; postal_code: string; country: string | null } | null
    metadata: Record<string, string>
  }
>

/** What a customer is made of, apart from identity and times. */
export type CustomerFields = Omit<CustomerRow, 'business_id' | 'id' | 'version' | 'created_at' | 'updated_at'>

/** A customer's JSON as PostgreSQL makes it, without the times; `wire.ts` puts those in. */
export interface CustomerJson {
  id: string
  json: string
  version: number
  created_ms: number
  updated_ms: number
}

/** The JSON that PostgreSQL makes of a row `c`, without its times; the same fields as `presentCustomer`, kept alike by a test. */
export const shownJson = `row_to_json((select shown from (select ${shownColumns.map((name) => `c.${name}`).join(', ')}) shown))::text`

/** The times of a row `c` in milliseconds. */
export const createdMs = '(extract(epoch from c.created_at) * 1000)::float8'
export const updatedMs = '(extract(epoch from c.updated_at) * 1000)::float8'

const json = `${shownJson} as json, c.version, ${createdMs} as created_ms, ${updatedMs} as updated_ms`

/** Customers by id, for gets that arrive together. */
export const customerReader = ({ pool }: Database, acrossBusinesses: boolean) =>
  sharedReads<CustomerJson>(pool, { name: 'get_customers', from: 'customers c', alias: 'c', key: 'id', columns: `c.id, ${json}` }, acrossBusinesses)

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
