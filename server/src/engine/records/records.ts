import type { Deps } from '#foundation/deps.ts'
import type { Call } from '#foundation/http/api.ts'
import { etagOf, isKnown } from '#foundation/http/etag.ts'
import type { Answer } from '#foundation/http/idempotency.ts'
import { decodeCursor, keysetPage } from '#foundation/http/pagination.ts'
import { change } from './change.ts'
import type { Fields, Kind, RecordRow, Tx } from './kind.ts'
import { type Apply, type Operations, operationsOf } from './operations.ts'
import type { Filter } from './table.ts'

/** The handlers of a kind, each a thin layer over its operation. A resource registers them under its own paths and writes out those that do more. */
export interface Records<Row extends RecordRow> {
  readonly operations: Operations<Row>
  /** 201 with ETag and Location. */
  create(call: Call, make: (tx: Tx) => Fields<Row> | Promise<Fields<Row>>): Promise<Answer>
  /** 200 with ETag, or 304 if the client has this version. */
  get(call: Call): Promise<Answer>
  /** A page in the cursor envelope, newest first. */
  list(call: Call<{ per_page: number; cursor?: string }>, filter?: Filter<Row>): Promise<Answer>
  /** All records of a business as a bare array, oldest first, for kinds of which a business has few. */
  listAll(call: Call, filter?: Filter<Row>): Promise<Answer>
  /** 200 with the new ETag; 412 if If-Match names another version. */
  update(call: Call, apply: Apply<Row>): Promise<Answer>
  /** 204. `before` may reject, or remove what depends on the record. */
  remove(call: Call, before?: (row: Row, tx: Tx) => Promise<void>): Promise<Answer>
}

const mostInArray = 1_000

/** The id in a path: the value of its last parameter. */
export const idIn = ({ params }: Pick<Call, 'params'>): string => Object.values(params).at(-1) ?? ''

/** The record that a call changes, and which version of it. */
export const targetOf = (call: Pick<Call, 'params' | 'headers'>) => ({ id: idIn(call), ifMatch: call.headers['if-match'] })

export function records<Row extends RecordRow>(deps: Deps, kind: Kind<Row>): Records<Row> {
  const operations = operationsOf(kind)
  const { database } = deps
  const print = (row: Row, { business, baseUrl }: Call) => JSON.stringify(kind.present(row, business, baseUrl))

  return {
    operations,

    create: (call, make) =>
      change(deps, call, async (tx) => {
        const { row, json } = await operations.create(tx, call.business, await make(tx), call)
        return { status: 201, body: json, headers: { etag: etagOf(row), location: `${kind.path}/${row.id}` } }
      }),

    async get(call) {
      const row = await operations.find(database.db, call.business, idIn(call))
      const headers = { etag: etagOf(row) }
      return isKnown(call.headers['if-none-match'], headers.etag) ? { status: 304, headers } : { status: 200, body: print(row, call), headers }
    },

    async list(call, filter) {
      const order = kind.table.name
      const { per_page: perPage, cursor: text } = call.query
      const cursor = text ? decodeCursor(text, order) : undefined
      const rows = await operations.table.page(database.slow, call.business.id, { filter, cursor, limit: perPage + 1 })
      const page = { order, cursor, perPage, path: `${call.baseUrl}${kind.path}`, query: call.rawQuery }
      return { status: 200, body: keysetPage(rows, page, (row) => print(row, call)) }
    },

    async listAll(call, filter) {
      const rows = await operations.table.page(database.db, call.business.id, { filter, limit: mostInArray, order: 'asc' })
      return { status: 200, body: `[${rows.map((row) => print(row, call)).join(',')}]` }
    },

    update: (call, apply) =>
      change(deps, call, async (tx) => {
        const { row, json } = await operations.update(tx, call.business, { ...targetOf(call), apply }, call)
        return { status: 200, body: json, headers: { etag: etagOf(row) } }
      }),

    remove: (call, before) =>
      change(deps, call, async (tx) => {
        const row = await operations.hold(tx, call.business, targetOf(call))
        await before?.(row, tx)
        await operations.remove(tx, call.business, row, call)
        return { status: 204 }
      }),
  }
}
