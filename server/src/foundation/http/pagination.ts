import type { Cursor } from '#foundation/shared/cursor.ts'
import { invalid } from '#foundation/shared/errors.ts'

export type { Cursor }

/** A cursor as clients see it: opaque, URL-safe text. */
export function encodeCursor({ order, key, id, direction }: Cursor): string {
  return Buffer.from(JSON.stringify([order, key, id, direction === 'next' ? 1 : 0])).toString('base64url')
}

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** Reads a cursor for a list in `order`. Anything that this server did not make for that order is a 422. */
export function decodeCursor(text: string, order: string): Cursor {
  const refuse = () => invalid({ cursor: ['The cursor does not belong to this list.'] })
  let parts: unknown
  try {
    parts = JSON.parse(Buffer.from(text, 'base64url').toString('utf8'))
  } catch {
    throw refuse()
  }
  if (!Array.isArray(parts) || parts.length !== 4) throw refuse()
  const [itsOrder, key, id, forward] = parts
  if (itsOrder !== order || typeof key !== 'string' || key.includes('\0') || typeof id !== 'string' || !uuid.test(id) || (forward !== 0 && forward !== 1))
    throw refuse()
  return { order, key, id, direction: forward === 1 ? 'next' : 'previous' }
}

/** Rows that a page number may skip; a cursor has no such limit and costs the same on every page. */
export const maxSkippedRows = 10_000

/** Rows to skip for a page number from 1. Beyond `maxSkippedRows` a 422 that points to the cursor. */
export function skippedRows(page: number, perPage: number): number {
  const skipped = (page - 1) * perPage
  if (skipped > maxSkippedRows) throw invalid({ page: [`The page may not start beyond row ${maxSkippedRows}; follow links.next or meta.next_cursor instead.`] })
  return skipped
}

/** What links and cursors of a page are made of. */
export interface PageOf {
  /** Absolute address of the list without its query. */
  path: string
  /** The request's query as it came, for links that keep its filters. */
  query: string
  perPage: number
  next: string | null
  previous: string | null
}

/**
 * HitPay's cursor envelope (behaviour §1.8) around rows that are JSON text already: `links` are null but for `next` and
 * `prev`, `meta` has `path`, `per_page`, `next_cursor` and `prev_cursor`.
 */
export function cursorEnvelope(rows: string[], { path, query, perPage, next, previous }: PageOf): string {
  const link = (cursor: string | null) => {
    if (cursor === null) return null
    const search = new URLSearchParams(query)
    search.delete('page')
    search.set('cursor', cursor)
    return `${path}?${search}`
  }
  const links = JSON.stringify({ first: null, last: null, prev: link(previous), next: link(next) })
  const meta = JSON.stringify({ path, per_page: perPage, next_cursor: next, prev_cursor: previous })
  return `{"data":[${rows.join(',')}],"links":${links},"meta":${meta}}`
}

/** A page of rows in the order of their ids, newest first, as `cursorEnvelope` shows it; `rows` has one more than fits, when there is more. */
export function keysetPage<Row extends { id: string }>(
  rows: Row[],
  { order, cursor, perPage, path, query }: { order: string; cursor: Cursor | undefined; perPage: number; path: string; query: string },
  present: (row: Row) => string,
): string {
  const more = rows.length > perPage
  const shown = more ? rows.slice(0, perPage) : [...rows]
  const backwards = cursor?.direction === 'previous'
  if (backwards) shown.reverse()
  const at = (row: Row | undefined, direction: Cursor['direction']) => (row ? encodeCursor({ order, key: '', id: row.id, direction }) : null)
  const next = backwards || more ? at(shown.at(-1), 'next') : null
  const previous = (backwards ? more : cursor !== undefined) ? at(shown[0], 'previous') : null
  return cursorEnvelope(shown.map(present), { path, query, perPage, next, previous })
}
