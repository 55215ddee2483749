import type { RawBuilder } from 'kysely'
import { type EventType, insertEventsSql, type NewEvent, noteEvents } from '#engine/events/emit-event.ts'
import type { Db } from '#foundation/database/database.ts'
import { runTogether } from '#foundation/database/prepared.ts'
import { etagOf, requireMatch } from '#foundation/http/etag.ts'
import type { Origin } from '#foundation/http/origin.ts'
import type { Business } from '#foundation/shared/business.ts'
import { notFound } from '#foundation/shared/errors.ts'
import { isUuid, newId } from '#foundation/shared/ids.ts'
import { laterThan } from '#foundation/shared/time.ts'
import { asTaken, type Fields, isChanged, type Kind, previousAttributes, type RecordRow, type Tx } from './kind.ts'
import { type RecordTable, tableOf } from './table.ts'

/** A record after an operation, and its JSON: the body of its answer, and the data of its event. */
export interface Written<Row> {
  row: Row
  json: string
  isChanged: boolean
}

/** What an operation needs of its origin. */
export type Cause = Pick<Origin, 'at' | 'caller' | 'requestId' | 'baseUrl'>

/** Which record to change, and which version of it; a version other than the current one is a 412. */
export interface Target {
  id: string
  ifMatch?: string | undefined
}

/** The operations of a kind inside a transaction, for handlers, jobs and other resources. Each writes its event with its change. */
export interface Operations<Row extends RecordRow> {
  readonly table: RecordTable<Row>
  /** The record with this id; 404 if the business has none. */
  find(db: Db, business: Business, id: string): Promise<Row>
  /** As `find`, with the row locked until the transaction ends; 412 if `ifMatch` names another version. */
  hold(tx: Tx, business: Business, target: Target): Promise<Row>
  /** Creates a record. Throws a 422 if a unique value is in use. */
  create(tx: Tx, business: Business, fields: Fields<Row>, cause: Cause): Promise<Written<Row>>
  /** As `create`; undefined, with the transaction still usable, if a unique value is in use. */
  createUnlessTaken(tx: Tx, business: Business, fields: Fields<Row>, cause: Cause): Promise<Written<Row> | undefined>
  /** Writes the new state of a record that the transaction has locked; a change of nothing writes nothing and emits no event. */
  replace(tx: Tx, business: Business, before: Row, after: Row, cause: Cause): Promise<Written<Row>>
  /** `hold`, then `replace` with the result of `apply`. */
  update(tx: Tx, business: Business, target: Target & { apply: Apply<Row> }, cause: Cause): Promise<Written<Row>>
  /** Deletes a record that the transaction has locked, or marks it deleted if the kind keeps its rows. */
  remove(tx: Tx, business: Business, row: Row, cause: Cause): Promise<void>
}

/** The next state of a record; `at` is the time of the change, later than the one before. */
export type Apply<Row> = (before: Row, at: Date, tx: Tx) => Row | Promise<Row>

/** A new record of a kind with its identity and times, which `fields` cannot change. Behind a copied object V8 adds properties slowly, so the fields come last. */
export function newRow<Row extends RecordRow>({ id: business_id }: Business, fields: Fields<Row>, at: Date): Row {
  const id = newId(at)
  const row = { business_id, id, version: 1, created_at: at, updated_at: at, ...fields }
  row.business_id = business_id
  row.id = id
  row.version = 1
  row.created_at = at
  row.updated_at = at
  return row as unknown as Row
}

type RecordEvent = NewEvent & { businessId: string }

/** Writes a record's row and its event in one statement. */
async function write(
  tx: Tx,
  { table, taken }: Pick<Kind<never>, 'table' | 'taken'>,
  statement: RawBuilder<unknown> | undefined,
  event?: RecordEvent,
): Promise<void> {
  await runTogether(tx, `write_${table.name}`, [statement, event && insertEventsSql([event])]).catch((error: unknown) => {
    throw asTaken(taken, error)
  })
  if (event) noteEvents(tx, event.businessId)
}

/** The event of a kind that has any. */
function eventOf(prefix: string | undefined, verb: string, row: RecordRow, data: string, { requestId, caller, at }: Cause, previous: object | null = null) {
  if (prefix === undefined) return undefined
  const previousAttributes = previous && JSON.stringify(previous)
  return { type: `${prefix}.${verb}` as EventType, businessId: row.business_id, objectId: row.id, data, previousAttributes, requestId, caller, at }
}

export function operationsOf<Row extends RecordRow>(kind: Kind<Row>): Operations<Row> {
  const table = tableOf(kind)

  async function hold(tx: Tx, business: Business, { id, ifMatch }: Target): Promise<Row> {
    const row = isUuid(id) ? await table.lock(tx, business.id, id) : undefined
    if (!row) throw notFound(kind.name, id)
    requireMatch(ifMatch, etagOf(row))
    return row
  }

  async function replace(tx: Tx, business: Business, before: Row, after: Row, cause: Cause): Promise<Written<Row>> {
    const shown = kind.present(before, business, cause.baseUrl)
    if (!isChanged(kind, before, after)) return { row: before, json: JSON.stringify(shown), isChanged: false }
    const { business_id, id, created_at, version } = before
    const row = { ...after, business_id, id, created_at, version: version + 1, updated_at: laterThan(before.updated_at, cause.at) }
    const next = kind.present(row, business, cause.baseUrl)
    const json = JSON.stringify(next)
    const event = eventOf(kind.events, 'updated', row, json, { ...cause, at: row.updated_at }, previousAttributes(shown, next, kind.maps))
    await write(tx, kind, table.updateSql(row), event)
    return { row, json, isChanged: true }
  }

  return {
    table,
    hold,
    replace,

    async find(db, business, id) {
      const row = isUuid(id) ? await table.find(db, business.id, id) : undefined
      if (!row) throw notFound(kind.name, id)
      return row
    },

    async create(tx, business, fields, cause) {
      const row = newRow<Row>(business, fields, cause.at)
      const json = JSON.stringify(kind.present(row, business, cause.baseUrl))
      await write(tx, kind, table.insertSql(row), eventOf(kind.events, 'created', row, json, cause))
      return { row, json, isChanged: true }
    },

    async createUnlessTaken(tx, business, fields, cause) {
      const row = newRow<Row>(business, fields, cause.at)
      if (!(await table.insertUnlessTaken(tx, row))) return undefined
      const json = JSON.stringify(kind.present(row, business, cause.baseUrl))
      await write(tx, kind, undefined, eventOf(kind.events, 'created', row, json, cause))
      return { row, json, isChanged: true }
    },

    async update(tx, business, { apply, ...target }, cause) {
      const before = await hold(tx, business, target)
      return replace(tx, business, before, await apply(before, laterThan(before.updated_at, cause.at), tx), cause)
    },

    async remove(tx, business, row, cause) {
      const at = laterThan(row.updated_at, cause.at)
      const event = eventOf(kind.events, 'deleted', row, JSON.stringify(kind.present(row, business, cause.baseUrl)), { ...cause, at })
      const marked = kind.keepsDeleted ? { ...row, version: row.version + 1, updated_at: at, deleted_at: at } : undefined
      await write(tx, kind, marked ? table.updateSql(marked) : table.deleteSql(row), event)
    },
  }
}
