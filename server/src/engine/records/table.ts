import { CompiledQuery, type RawBuilder, sql } from 'kysely'
import type { Db } from '#foundation/database/database.ts'
import { runPrepared, runPreparedText } from '#foundation/database/prepared.ts'
import { columnList, parameterOf } from '#foundation/database/rows.ts'
import type { Cursor } from '#foundation/shared/cursor.ts'
import type { Kind, RecordRow, Tx } from './kind.ts'

/** Values of columns of the listed records; undefined ones are not compared, null is compared with `is null`. */
export type Filter<Row> = { readonly [Column in keyof Row]?: Row[Column] | undefined }

export interface RecordPage<Row> {
  filter?: Filter<Row> | undefined
  cursor?: Cursor | undefined
  limit: number
  /** Ordered by id; newest first unless `asc`. For a cursor that points back, it is reversed. */
  order?: 'asc' | 'desc'
}

/** The SQL that every kind of record shares. Every statement names the business and every column that it reads. */
export interface RecordTable<Row extends RecordRow> {
  find(db: Db, businessId: string, id: string): Promise<Row | undefined>
  /** As `find`, and locks the row until the transaction ends. */
  lock(tx: Tx, businessId: string, id: string): Promise<Row | undefined>
  /** The same, for the record that has this value in a unique column. */
  lockBy(tx: Tx, businessId: string, unique: Partial<Row>): Promise<Row | undefined>
  /** Inserts a row unless one of its unique values is in use; false if it is. The transaction stays usable. */
  insertUnlessTaken(tx: Tx, row: Row): Promise<boolean>
  page(db: Db, businessId: string, page: RecordPage<Row>): Promise<Row[]>
  insertSql(row: Row): RawBuilder<unknown>
  /** Writes every column of a row that the transaction has locked, except for those that never change. */
  updateSql(row: Row): RawBuilder<unknown>
  deleteSql(row: Row): RawBuilder<unknown>
}

const quoted = (name: string) => `"${name}"`
const fixed: ReadonlySet<string> = new Set(['business_id', 'id', 'created_at'])

export function tableOf<Row extends RecordRow>({ table, keepsDeleted }: Pick<Kind<Row>, 'table' | 'keepsDeleted'>): RecordTable<Row> {
  const columns = Object.entries(table.columns) as [keyof Row & string, string][]
  const base = `select ${columnList(table)} from ${table.name} where business_id = $1${keepsDeleted ? ' and deleted_at is null' : ''}`
  const name = sql.table(table.name)
  const parameter = (row: Row, [column, type]: [keyof Row & string, string]) => sql`${parameterOf(type, row[column])}`
  const one = async (db: Db, operation: string, businessId: string, id: string, lock = '') =>
    (await runPreparedText<Row>(db, `${operation}_${table.name}`, `${base} and id = $2${lock}`, [businessId, id])).rows[0]

  const requireColumn = (column: string) => {
    if (!Object.hasOwn(table.columns, column)) throw new Error(`${table.name} has no column ${column}`)
  }
  const itself = ({ business_id, id }: Row) => sql`${sql.ref('business_id')} = ${business_id} and id = ${id}`
  const insertSql = (row: Row) =>
    sql`insert into ${name} (${sql.join(columns.map(([column]) => sql.ref(column)))}) values (${sql.join(columns.map((column) => parameter(row, column)))})`

  return {
    find: (db, businessId, id) => one(db, 'find', businessId, id),
    lock: (tx, businessId, id) => one(tx, 'lock', businessId, id, ' for update'),

    async lockBy(tx, businessId, unique) {
      const [[column, value] = ['', undefined]] = Object.entries(unique)
      requireColumn(column)
      return (await runPreparedText<Row>(tx, `lock_${table.name}_by`, `${base} and ${quoted(column)} = $2 for update`, [businessId, value])).rows[0]
    },

    async insertUnlessTaken(tx, row) {
      return (await runPrepared(tx, `insert_${table.name}`, sql`${insertSql(row)} on conflict do nothing returning id`)).rows.length === 1
    },

    async page(db, businessId, { filter = {}, cursor, limit, order = 'desc' }) {
      const values: unknown[] = [businessId]
      const conditions: string[] = []
      for (const [column, value] of Object.entries(filter)) {
        if (value === undefined) continue
        requireColumn(column)
        conditions.push(value === null ? `and ${quoted(column)} is null` : `and ${quoted(column)} = $${values.push(value)}`)
      }
      const isAscending = (order === 'asc') !== (cursor?.direction === 'previous')
      if (cursor) conditions.push(`and id ${isAscending ? '>' : '<'} $${values.push(cursor.id)}`)
      const text = `${base} ${conditions.join(' ')} order by id ${isAscending ? 'asc' : 'desc'} limit $${values.push(limit)}`
      return (await db.executeQuery<Row>(CompiledQuery.raw(text, values))).rows
    },

    insertSql,

    updateSql(row) {
      const changing = columns.filter(([column]) => !fixed.has(column))
      const assignments = changing.map((column) => sql`${sql.ref(column[0])} = ${parameter(row, column)}`)
      return sql`update ${name} set ${sql.join(assignments)} where ${itself(row)}`
    },

    deleteSql: (row) => sql`delete from ${name} where ${itself(row)}`,
  }
}
