import type { Selectable } from 'kysely'
import type { DB } from './tables.ts'

/** A table's row as it is read: its generated columns, some of them with a narrower type. It includes columns that a migration adds. */
export type RowOf<Table extends keyof DB, Narrowed extends { [Name in keyof Narrowed]: Name extends keyof DB[Table] ? unknown : never } = object> = Omit<
  Selectable<DB[Table]>,
  keyof Narrowed
> &
  Narrowed

/** A table as a value, with the type of each column; `text?` is a text or null. `columns.ts` has all of them. */
export interface Table<Row> {
  readonly name: string
  readonly columns: { readonly [Column in keyof Row & string]: string }
}

/** Every column of a table by name, for `select`: a prepared statement with `*` fails when a migration adds a column. */
export function columnList({ columns }: Pick<Table<object>, 'columns'>, alias?: string): string {
  return Object.keys(columns)
    .map((name) => `${alias === undefined ? '' : `${alias}.`}"${name}"`)
    .join(', ')
}

type NullableColumns<Row> = { [Column in keyof Row as null extends Row[Column] ? Column : never]: null }

/** Null for every nullable column: what a new row starts from, so that a new column needs no default in code. */
export function blankRow<Row>({ columns }: Table<Row>): NullableColumns<Row> {
  const nullable = Object.entries<string>(columns).filter(([, type]) => type.endsWith('?'))
  return Object.fromEntries(nullable.map(([name]) => [name, null])) as NullableColumns<Row>
}

/** A column's type without the mark for nullable ones. */
export const typeOf = (type: string): string => (type.endsWith('?') ? type.slice(0, -1) : type)

/** A value as a query parameter: JSON as text, since the driver would send an array in a JSON column as a PostgreSQL array. */
export function parameterOf(type: string, value: unknown): unknown {
  return value !== null && typeOf(type).startsWith('json') ? JSON.stringify(value) : value
}

/** Formatted from numbers and booleans; every other type may contain a text that somebody sent, and is quoted. */
const needsNoQuotes = /^(?:smallint|integer|bigint|boolean)$/
const special = /["\\]/

// JSON text has no control characters, so JSON's own quoting of it is PostgreSQL's too; other texts may have line breaks.
const quoted = (text: string): string => (special.test(text) ? `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"` : `"${text}"`)
/** How a column's values are sent to PostgreSQL as one array parameter. */
export interface ArrayParameter {
  /** The parameter's type, for example `uuid[]`. */
  readonly type: string
  /** Turns an element into the column's value: an array cannot be an element, so it is sent as text. */
  readonly cast: string
  /** The array literal of what `read` returns for each item; null for nothing. */
  literal<Item>(items: readonly Item[], read: (item: Item) => unknown): string
}

const parameter = (type: string, cast: string, print: (value: never) => string): ArrayParameter => ({
  type,
  cast,
  literal(items, read) {
    let text = '{'
    for (const item of items) {
      if (text !== '{') text += ','
      const value = read(item)
      text += value === null || value === undefined ? 'NULL' : print(value as never)
    }
    return `${text}}`
  },
})

const itself = (value: unknown) => value

/**
 * The array parameter of a column. Statements carry hundreds of values, and the driver's own formatting costs more. `printed`
 * says that values of a JSON column already are JSON text.
 */
export function arrayParameter(column: string, { printed = false } = {}): ArrayParameter {
  const type = typeOf(column)
  if (type.endsWith('[]')) {
    const inner = arrayParameter(type.slice(0, -2))
    const isPlain = needsNoQuotes.test(type.slice(0, -2))
    return parameter('text[]', `::${type}`, (values: unknown[]) => (isPlain ? `"{${values.join()}}"` : quoted(inner.literal(values, itself))))
  }
  if (type.startsWith('json'))
    return parameter(`${type}[]`, '', printed ? (text: string) => JSON.stringify(text) : (value: unknown) => JSON.stringify(JSON.stringify(value)))
  if (type.startsWith('timestamp')) return parameter(`${type}[]`, '', (at: Date) => `"${at.toISOString()}"`)
  return parameter(`${type}[]`, '', needsNoQuotes.test(type) ? String : quoted)
}
