import { type RawBuilder, sql } from 'kysely'
import { businessesSql } from './binary-arrays.ts'

/** Whether businesses are on different nodes. */
let isSharded = false

/** Says whether businesses are on different nodes, for all statements of this process. */
export function useShards(on: boolean): void {
  isSharded = on
}

/**
 * The condition that a row of `table` belongs to the business of a row of arrays, or of another part of the statement. Where
 * businesses are on different nodes, it also names them: the one business of a request as a constant, so that the statement is
 * sent to its node, and those of a job that works for several as an array.
 *
 * Elsewhere there is no such constant: with it, the planner could read all rows of the business, or rate an index that begins
 * with the business like the primary key, and would do so where it expects few rows of each business.
 */
export function sameBusinessSql(table: string, rows: string, businessIds: readonly string[]): RawBuilder<boolean> {
  const [column, [first, ...others]] = [sql.raw(`${table}.business_id`), new Set(businessIds)]
  const isSame = sql<boolean>`${column} = ${sql.raw(rows)}.business_id`
  if (!isSharded || first === undefined) return isSame
  if (others.length > 0) return sql`${isSame} and ${column} = any (${businessesSql(businessIds)})`
  return sql`${column} = ${first}::uuid and ${sql.raw(rows)}.business_id = ${first}::uuid`
}

/** Keys of rows, as `sameBusinessSql` needs them. */
export const businessesOf = (keys: readonly { businessId: string }[]): string[] => keys.map(({ businessId }) => businessId)
