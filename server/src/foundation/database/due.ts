import { type RawBuilder, sql } from 'kysely'
import type { Due } from '#foundation/shared/clock.ts'
import type { Db } from './database.ts'
import type { DB } from './tables.ts'

/** The condition on `business_id` and `due_at` of a table of scheduled work: due for one business, or for all but some. */
export function isDueSql({ until, businessId, except = [] }: Due): RawBuilder<boolean> {
  const id = sql.ref('business_id')
  if (businessId !== undefined) return sql`${id} = ${businessId} and due_at <= ${until}`
  return except.length === 0 ? sql`due_at <= ${until}` : sql`due_at <= ${until} and ${id} <> all (${except}::uuid[])`
}

/** When the earliest work of a business in a table is due, up to `until`; undefined when nothing is. */
export async function findNextDue(db: Db, table: keyof DB, businessId: string, until: Date): Promise<Date | undefined> {
  const { rows } = await sql<{ due_at: Date }>`
    select due_at from ${sql.table(table)} where ${isDueSql({ until, businessId })} order by due_at limit 1`.execute(db)
  return rows[0]?.due_at
}
