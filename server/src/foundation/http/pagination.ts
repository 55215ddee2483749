import type { Cursor } from '#foundation/shared/cursor.ts'
import { invalid } from '#foundation/shared/errors.ts'

export type { Cursor }

/** A cursor in the format for clients: opaque, URL-safe text. */
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

/** Rows to skip for a page number from 1. Beyond `maxSkippedRows`, a 422 that refers to the cursor. */
export function skippedRows(page: number, perPage: number): number {
  const skipped = (page - 1) * perPage
  if (skipped > maxSkippedRows) throw invalid({ page: [`The page may not start beyond row ${maxSkippedRows}; follow links.next or meta.next_cursor instead.`] })
  return skipped
}

/** The request for a page of a list, as its links repeat it. */
export interface PageRequest {
  /** Absolute URL of the list without its query. */
  path: string
  /** The request's query as sent, for links that keep its filters. */
  query: string
  perPage: number
}

/** A page of a list that is followed by cursor. */
export interface KeysetRequest extends PageRequest {
  /** The list's order, as its cursors name it. */
  order: string
  cursor: Cursor | undefined
  /** Rows that a page number skipped; 0 when undefined. */
  skip?: number
  /** Where the list continues although the page is not full: the rows up to there were looked at, and did not match. */
  continueAt?: string | undefined
}

/** A page of a list as a call requests it; `path` is the list's own. Throws a 422 for a cursor that is none of the list's. */
export function keysetRequest(
  { query, baseUrl, rawQuery }: { query: { cursor?: string; per_page: number }; baseUrl: string; rawQuery: string },
  path: string,
  order: string,
  perPage = query.per_page,
): KeysetRequest & { limit: number } {
  const cursor = query.cursor ? decodeCursor(query.cursor, order) : undefined
  // One row more than fit tells whether there are more.
  return { order, cursor, perPage, limit: perPage + 1, path: baseUrl + path, query: rawQuery }
}

/**
 * The envelope of a list that is followed by cursor (behaviour §1.8): `links` are null but for `next` and `prev`, `meta` has
 * `path`, `per_page`, `next_cursor` and `prev_cursor`. `rows` are in the order in which they were read (nearest to the cursor
 * first) and one more than fit, when there are more; `present` makes a row's JSON text.
 */
export function keysetPage<Row extends { id: string; sort_key?: string }>(
  rows: readonly Row[],
  { order, cursor, skip = 0, perPage, path, query, continueAt }: KeysetRequest,
  present: (row: Row) => string,
): string {
  const hasMore = rows.length > perPage
  const shown = rows.slice(0, perPage)
  const isBackwards = cursor?.direction === 'previous'
  if (isBackwards) shown.reverse()
  const at = (row: Pick<Row, 'id' | 'sort_key'> | undefined, direction: Cursor['direction']) =>
    row ? encodeCursor({ order, key: row.sort_key ?? '', id: row.id, direction }) : null
  const beyond = hasMore || continueAt === undefined ? undefined : { id: continueAt }
  const next = isBackwards || hasMore || beyond ? at((isBackwards ? undefined : beyond) ?? shown.at(-1), 'next') : null
  const previous = (isBackwards ? hasMore || beyond : cursor !== undefined || skip > 0) ? at((isBackwards ? beyond : undefined) ?? shown[0], 'previous') : null
  const search = new URLSearchParams(query)
  search.delete('page')
  const link = (to: string | null) => {
    if (to === null) return null
    search.set('cursor', to)
    return `${path}?${search}`
  }
  const links = JSON.stringify({ first: null, last: null, prev: link(previous), next: link(next) })
  const meta = JSON.stringify({ path, per_page: perPage, next_cursor: next, prev_cursor: previous })
  return `{"data":[${shown.map(present).join(',')}],"links":${links},"meta":${meta}}`
}

/** Rows of a list that is no longer than an answer, as a bare array. */
export function wholeList<Row>(rows: readonly Row[], present: (row: Row) => unknown): string {
  return JSON.stringify(rows.map(present))
}

/** The page numbers that Laravel's paginator shows: both ends and the neighbors, null where it omits some. */
export function pageNumbers(current: number, last: number): (number | null)[] {
  const shown = new Set<number>()
  for (const number of [1, 2, last - 1, last]) if (number >= 1 && number <= last) shown.add(number)
  for (let number = current - 3; number <= current + 3; number++) if (number >= 1 && number <= last) shown.add(number)
  const numbers = [...shown].sort((a, b) => a - b)
  return numbers.flatMap((number, i) => (i > 0 && number - (numbers[i - 1] ?? 0) > 1 ? [null, number] : [number]))
}

/** A page of a list that is followed by page numbers, or beyond the last of them by cursor. */
export interface NumberedRequest extends KeysetRequest {
  current: number
  skip: number
  /** Names of parameters that links repeat. */
  kept: RegExp
}

/** Links of the envelope with page numbers. Behind the last page that a number reaches, `next` has a cursor. */
function numberedLinks({ path, query, current, kept }: NumberedRequest, last: number, next: string | null) {
  const at = (name: 'current_page' | 'cursor', value: string) => {
    const search = new URLSearchParams([...new URLSearchParams(query)].filter(([key]) => kept.test(key)))
    search.set(name, value)
    return `${path}?${search}`
  }
  const page = (number: number) => at('current_page', String(number))
  const previous = current > 1 ? page(Math.min(current - 1, last)) : null
  const following = current < last ? page(current + 1) : next === null ? null : at('cursor', next)
  const numbered = pageNumbers(current, last).map((number) =>
    number === null ? { url: null, label: '...', active: false } : { url: page(number), label: String(number), active: number === current },
  )
  return {
    links: { first: page(1), last: page(last), prev: previous, next: following },
    numbered: [{ url: previous, label: '&laquo; Previous', active: false }, ...numbered, { url: following, label: 'Next &raquo;', active: false }],
  }
}

/**
 * Laravel's envelope with page numbers (behaviour §1.8), newest first, and `meta.next_cursor` beside them. `rows` are one more
 * than fit, when there are more, and `total` is how many the list has.
 */
export function numberedPage<Row extends { id: string }>(
  rows: readonly Row[],
  total: number,
  request: NumberedRequest,
  present: (row: Row) => unknown,
): string {
  const { order, cursor, perPage, path, current, skip } = request
  const shown = rows.slice(0, perPage)
  const lastRow = shown.at(-1)
  const next = rows.length > perPage && lastRow ? encodeCursor({ order, key: '', id: lastRow.id, direction: 'next' }) : null
  const last = Math.max(1, Math.ceil(total / perPage))
  const { links, numbered } = numberedLinks(request, last, next)
  const hasNumber = shown.length > 0 && !cursor
  return JSON.stringify({
    data: shown.map(present),
    links: cursor ? { ...links, prev: null, next: next === null ? null : links.next } : links,
    meta: {
      current_page: current,
      from: hasNumber ? skip + 1 : null,
      last_page: last,
      links: numbered,
      path,
      per_page: perPage,
      to: hasNumber ? skip + shown.length : null,
      total,
      next_cursor: next,
    },
  })
}
