import type { Selectable } from 'kysely'
import { type ElementType, encodeArray } from './binary-arrays.ts'
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

/** Types that an array can be sent of in binary form; values of all others go as text, and are cast in the statement. */
const elementTypes = new Map<string, ElementType>([
  ['boolean', 'bool'],
  ['smallint', 'int2'],
  ['integer', 'int4'],
  ['bigint', 'int8'],
  ['timestamp with time zone', 'timestamptz'],
  ...(['json', 'jsonb', 'text', 'uuid'] as const).map((type) => [type, type] as const),
])

const quoted = (text: string): string => `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`
/** A list as PostgreSQL writes it. */
const listText = (values: readonly unknown[]): string => `{${values.map((value) => (typeof value === 'number' ? value : quoted(String(value)))).join()}}`

/** How a column's values are sent as one array parameter. */
export interface ArrayParameter {
  /** The parameter's type, for example `uuid[]`. */
  readonly type: string
  /** Turns an element into the column's value where it is sent as text, for example `::date`. */
  readonly cast: string
  /** The array of what `read` finds in each item; null for nothing. */
  encode<Item>(items: readonly Item[], read: (item: Item) => unknown): Buffer
}

/** The array parameter of a column. `printed` says that values of a JSON column are JSON text already. */
export function arrayParameter(column: string, { printed = false } = {}): ArrayParameter {
  const type = typeOf(column)
  const element = elementTypes.get(type) ?? 'text'
  const isJson = type.startsWith('json') && !printed
  const print = isJson ? (value: unknown) => JSON.stringify(value) : type.endsWith('[]') ? (value: unknown) => listText(value as unknown[]) : undefined
  return {
    type: `${element}[]`,
    cast: elementTypes.has(type) ? '' : `::${type}`,
    encode(items, read) {
      const values = items.map(read)
      return encodeArray(element, print ? values.map((value) => (value === null || value === undefined ? null : print(value))) : values)
    },
  }
}
