import type pg from 'pg'
import { isOutcomeUnknown } from './database.ts'
import { groupCommit } from './group-commit.ts'

/** Rows that are read by a key, in SQL; all parts speak of the table by one alias. */
export interface KeyedRows {
  /** Names its prepared statement. */
  name: string
  /** The table with its alias and what is joined to it, such as `charges c`. */
  from: string
  alias: string
  /** The column that is compared with the key: the id of the row itself, or of what it belongs to. */
  key: string
  /** What is selected of a row. */
  columns: string
  /** What every row fulfils besides its business and its key; begins with `and`. */
  within?: string
  /** The order of the rows of one key, and how many are read of them; one row when left out. */
  order?: string
  limit?: number
}

/** A key of rows in a business. */
export interface RowKey {
  businessId: string
  /** A UUID. */
  id: string
}

const mostKeys = 100

/** The statement for rows of several keys; where businesses may not share one, `$1` is the one whose rows they are. */
export function keyedRowsText({ from, alias, key, columns, within = '', order, limit = 1 }: KeyedRows, acrossBusinesses: boolean): string {
  const business = acrossBusinesses ? 'wanted.business_id' : '$1::uuid'
  const wanted = acrossBusinesses
    ? 'unnest($1::uuid[], $2::uuid[]) with ordinality as wanted (business_id, key, place)'
    : 'unnest($2::uuid[]) with ordinality as wanted (key, place)'
  return `
    select place::int4 as key_place, found.* from ${wanted} cross join lateral (
      select ${columns} from ${from} where ${alias}.business_id = ${business} and ${alias}.${key} = wanted.key ${within}
      ${order ? `order by ${order}` : ''} limit ${limit}
    ) found`
}

/**
 * A reader of rows by their keys. Those that are requested in one turn of the event loop share a statement; nothing is kept
 * beyond it. A key that fails fails alone. With an order, the rows of a key come in it.
 */
export function sharedReads<Row>(pool: pg.Pool, rows: KeyedRows, acrossBusinesses: boolean): (key: RowKey) => Promise<Row[]> {
  const text = keyedRowsText(rows, acrossBusinesses)
  return groupCommit<RowKey, Row[]>({
    groupOf: acrossBusinesses ? () => '' : ({ businessId }) => businessId,
    maxRows: mostKeys,
    maxInFlight: 2,
    mayBeOneRow: (error) => !isOutcomeUnknown(error),
    async write(keys) {
      const businesses = acrossBusinesses ? keys.map(({ businessId }) => businessId) : keys[0]?.businessId
      const { rows: found } = await pool.query({ name: rows.name, text, values: [businesses, keys.map(({ id }) => id)] })
      const byKey: Row[][] = keys.map(() => [])
      // Its place is no part of a row: presenters show rows whole.
      for (const { key_place, ...row } of found) byKey[key_place - 1]?.push(row as Row)
      return byKey
    },
  })
}
