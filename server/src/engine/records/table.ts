import { CompiledQuery, type RawBuilder, sql } from 'kysely'
import type { Db } from '#foundation/database/database.ts'
import { runPreparedText } from '#foundation/database/prepared.ts'
import { parameterOf } from '#foundation/database/rows.ts'
import type { Cursor } from '#foundation/shared/cursor.ts'
import type { Kind, RecordRow, Tx } from './kind.ts'

/** Values that columns of listed records have; what is undefined is not compared, null is compared with `is null`. */
export type Filter<Row> = { readonly [Column in keyof Row]?: Row[Column] | undefined }

export interface Page<Row> {
  filter?: Filter<Row> | undefined
  cursor?: Cursor | undefined
  limit: number
  /** The order of ids; the newest first unless `asc`. Behind a cursor that points back it is reversed. */
  order?: 'asc' | 'desc'
}

/** The SQL that every kind of record shares. Every statement names the business and every column that it reads. */
export interface RecordTable<Row extends RecordRow> {
  find(db: Db, businessId: string, id: string): Promise<Row | undefined>
  /** As `find`, and locks the row until the transaction ends. */
  lock(tx: Tx, businessId: string, id: string): Promise<Row | undefined>
  page(db: Db, businessId: string, page: Page<Row>): Promise<Row[]>
  insertSql(row: Row): RawBuilder<unknown>
  /** Writes every column of a row whose lock the transaction holds, but for those that never change. */
  updateSql(row: Row): RawBuilder<unknown>
  deleteSql(row: Row): RawBuilder<unknown>
}

const quoted = (name: string) => `"${name}"`
const fixed: ReadonlySet<string> = new Set(['business_id', 'id', 'created_at'])

export function tableOf<Row extends RecordRow>({ table, keepsDeleted }: Pick<Kind<Row>, 'table' | 'keepsDeleted'>): RecordTable<Row> {
  const columns = Object.entries(table.columns) as [keyof Row & string, string][]
  const names = columns.map(([name]) => quoted(name)).join(', ')
  const base = `select ${names} from ${table.name} where business_id = $1${keepsDeleted ? ' and deleted_at is null' : ''}`
  const name = sql.table(table.name)
  const parameter = (row: Row, [column, type]: [keyof Row & string, string]) => sql`${parameterOf(type, row[column])}`
  const one = async (db: Db, operation: string, businessId: string, id: string, lock = '') =>
    (await runPreparedText<Row>(db, `${operation}_${table.name}`, `${base} and id = $2${lock}`, [businessId, id])).rows[0]

  return {
    find: (db, businessId, id) => one(db, 'find', businessId, id),
    lock: (tx, businessId, id) => one(tx, 'lock', businessId, id, ' for update'),

    async page(db, businessId, { filter = {}, cursor, limit, order = 'desc' }) {
      const values: unknown[] = [businessId]
      const conditions: string[] = []
      for (const [column, value] of Object.entries(filter)) {
        if (value === undefined) continue
        if (!Object.hasOwn(table.columns, column)) throw new Error(`${table.name} has no column ${column}`)
        conditions.push(value === null ? `and ${quoted(column)} is null` : `and ${quoted(column)} = $${values.push(value)}`)
      }
      const isAscending = (order === 'asc') !== (cursor?.direction === 'previous')
      if (cursor) conditions.push(`and id ${isAscending ? '>' : '<'} $${values.push(cursor.id)}`)
      const text = `${base} ${conditions.join(' ')} order by id ${isAscending ? 'asc' : 'desc'} limit $${values.push(limit)}`
      return (await db.executeQuery<Row>(CompiledQuery.raw(text, values))).rows
    },

    insertSql: (row) => sql`insert into ${name} (${sql.raw(names)}) values (${sql.join(columns.map((column) => parameter(row, column)))})`,

    updateSql(row) {
      const changing = columns.filter(([column]) => !fixed.has(column))
      const assignments = changing.map((column) => sql`${sql.ref(column[0])} = ${parameter(row, column)}`)
      return sql`update ${name} set ${sql.join(assignments)} where business_id = ${row.business_id} and id = ${row.id}`
    },

    deleteSql: ({ business_id, id }) => sql`delete from ${name} where business_id = ${business_id} and id = ${id}`,
  }
}
