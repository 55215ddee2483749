import { isDeepStrictEqual } from 'node:util'
import { ownValue } from '@hawker/web/own-value'
import type { Transaction } from 'kysely'
import type { Static, TObject } from 'typebox'
import { violatedConstraint } from '#foundation/database/database.ts'
import type { Table } from '#foundation/database/rows.ts'
import type { DB } from '#foundation/database/tables.ts'
import type { Business } from '#foundation/shared/business.ts'
import { type ApiError, invalid, spoken } from '#foundation/shared/errors.ts'

export type Tx = Transaction<DB>

/** The columns that every record has in addition to its own. */
export interface RecordRow {
  business_id: string
  id: string
  version: number
  created_at: Date
  updated_at: Date
}

/** A record's own columns: what an operation decides. */
export type Fields<Row extends RecordRow> = Omit<Row, keyof RecordRow>

/** What distinguishes one kind of record from the others. A value, in the `wire.ts` of its resource. */
export interface Kind<Row extends RecordRow> {
  /** The name in a 404, for example `ProductCategory`. */
  readonly name: string
  /** Its table, from `columns.ts`. */
  readonly table: Table<Row>
  /** The path of the collection, for example `/v1/product-categories`. */
  readonly path: string
  /** The part of event types before the point; without it, changes of this kind emit no events. */
  readonly events?: string
  /** The field that a 422 names when a unique constraint is violated, by the constraint's name. */
  readonly taken?: Readonly<Record<string, string>>
  /** Columns that are computed from others: if only these differ, nothing was changed. */
  readonly derived?: readonly (keyof Row)[]
  /** Fields that hold values by name; `previous_attributes` contains only the names that changed. */
  readonly maps?: readonly string[]
  /** A deleted record keeps its row, marked by its `deleted_at`. */
  readonly keepsDeleted?: boolean
  /** The record as the API and its events return it. Names every field, so that a new column is not exposed by accident. */
  present(row: Row, business: Business, baseUrl: string): object
}

/** The fields of a body that its schema names and the body has: a body may have others, which must not reach columns of the same name. */
export function givenFields<Schema extends TObject>(schema: Schema, body: Static<Schema>): Partial<Static<Schema>> {
  const names = Object.keys(schema.properties) as (keyof Static<Schema>)[]
  return Object.fromEntries(names.filter((name) => body[name] !== undefined).map((name) => [name, body[name]])) as Partial<Static<Schema>>
}

/** The 422 of a field whose value is in use by another record of the business. */
export function takenBy(field: string): ApiError {
  return invalid({ [field]: [`The ${spoken(field)} has already been taken.`] }, `${field}_taken`)
}

/** The 422 for a violated unique constraint of a kind; any other error unchanged. */
export function asTaken(taken: Readonly<Record<string, string>> | undefined, error: unknown): unknown {
  const constraint = violatedConstraint(error)
  const field = constraint !== undefined && taken ? ownValue(taken, constraint) : undefined
  return field === undefined ? error : takenBy(field)
}

/** Whether two rows differ in a column that is not derived. */
export function isChanged<Row extends RecordRow>(kind: Kind<Row>, before: Row, after: Row): boolean {
  const ignored = new Set<keyof Row>(['version', 'updated_at', ...(kind.derived ?? [])])
  return (Object.keys(kind.table.columns) as (keyof Row & string)[]).some((name) => !ignored.has(name) && !isDeepStrictEqual(before[name], after[name]))
}

/** The returned fields in which two states differ, with their previous values: `previous_attributes` of an event. */
export function previousAttributes(before: object, after: object, maps: readonly string[] = []): Record<string, unknown> {
  const [earlier, later] = [new Map(Object.entries(before)), Object.entries(after)]
  return Object.fromEntries(
    later
      .filter(([name, value]) => name !== 'updated_at' && !isDeepStrictEqual(earlier.get(name), value))
      .map(([name, value]) => [name, maps.includes(name) ? changedEntries(earlier.get(name), value) : earlier.get(name)]),
  )
}

/** The entries of a map that changed, with their previous values; null for new ones. */
function changedEntries(before: unknown, after: unknown): Record<string, unknown> {
  const [earlier, later] = [new Map(Object.entries(before ?? {})), new Map(Object.entries(after ?? {}))]
  const names = [...new Set([...earlier.keys(), ...later.keys()])].filter((name) => !isDeepStrictEqual(earlier.get(name), later.get(name)))
  return Object.fromEntries(names.map((name) => [name, earlier.get(name) ?? null]))
}
