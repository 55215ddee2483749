import { type RawBuilder, sql } from 'kysely'
import type { Due } from '#foundation/shared/clock.ts'
import type { Db } from './database.ts'
import type { DB } from './tables.ts'

/** The condition on `business_id` of scheduled work: one business, or all but some. */
export function dueBusinessSql({ businessId, except = [] }: Due, column: RawBuilder<unknown> = sql.ref('business_id')): RawBuilder<boolean> {
  if (businessId !== undefined) return sql`${column} = ${businessId}`
  return except.length === 0 ? sql`true` : sql`${column} <> all (${except}::uuid[])`
}

/** The condition on `business_id` and `due_at` of a table of scheduled work: due for one business, or for all but some. */
export function isDueSql(due: Due): RawBuilder<boolean> {
  return sql`${dueBusinessSql(due)} and due_at <= ${due.until}`
}

/** When the earliest work of a business in a table is due, up to `until`; undefined if nothing is. */
export async function findNextDue(db: Db, table: keyof DB, businessId: string, until: Date): Promise<Date | undefined> {
  const { rows } = await sql<{ due_at: Date }>`
    select due_at from ${sql.table(table)} where ${isDueSql({ until, businessId })} order by due_at limit 1`.execute(db)
  return rows[0]?.due_at
}
