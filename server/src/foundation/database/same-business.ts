import { type RawBuilder, sql } from 'kysely'

/** Whether businesses are on different nodes. */
let isSharded = false

/** Says whether businesses are on different nodes, for all statements of this process. */
export function useShards(on: boolean): void {
  isSharded = on
}

/**
 * The condition that a row of `table` belongs to the business of a row of arrays, or of another part of the statement. Where
 * businesses are on different nodes, all rows of a statement have one business, which is named as a constant, so that the
 * statement is sent to its node.
 *
 * Elsewhere there is no such constant: with it, the planner could read all rows of the business, or rate an index that begins
 * with the business like the primary key, and would do so where it expects few rows of each business.
 */
export function sameBusinessSql(table: string, rows: string, businessIds: readonly string[]): RawBuilder<boolean> {
  const [column, [first, ...others]] = [sql.raw(`${table}.business_id`), new Set(businessIds)]
  if (!isSharded || first === undefined) return sql`${column} = ${sql.raw(rows)}.business_id`
  if (others.length > 0) throw new Error('A statement has rows of businesses that may be on different nodes.')
  return sql`${column} = ${first}::uuid and ${sql.raw(rows)}.business_id = ${first}::uuid`
}

/** Keys of rows, as `sameBusinessSql` needs them. */
export const businessesOf = (keys: readonly { businessId: string }[]): string[] => keys.map(({ businessId }) => businessId)
