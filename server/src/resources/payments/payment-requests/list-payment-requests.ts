import type { Database } from '#foundation/database/database.ts'
import type { Call } from '#foundation/http/api.ts'
import { decodeCursor, encodeCursor, maxSkippedRows } from '#foundation/http/pagination.ts'
import { invalid } from '#foundation/shared/errors.ts'
import { searchPattern } from '#foundation/shared/search-text.ts'
import { countPaymentRequests, listPaymentRequests, type PaymentRequestFilter } from './list-queries.ts'
import { type ListPaymentRequests, presentPaymentRequest } from './wire.ts'

const order = 'payment_request created_at desc'
/** Totals are exact up to here; beyond, counting would cost more than the page. */
const mostCounted = 10_000

function filterOf({ search, is_default, metadata, status }: ListPaymentRequests): PaymentRequestFilter {
  const filter: PaymentRequestFilter = {}
  const pattern = search === undefined ? undefined : searchPattern(search)
  if (pattern !== undefined) filter.pattern = pattern
  if (is_default === 'true' || is_default === '1') filter.isDefault = true
  const [pair] = Object.entries(metadata ?? {})
  if (pair) filter.metadata = { [pair[0]]: pair[1] }
  if (status) filter.status = status
  return filter
}

/** The page numbers that Laravel's paginator shows: both ends and the neighbors, null where it omits some. */
export function pageNumbers(current: number, last: number): (number | null)[] {
  const shown = new Set<number>()
  for (const number of [1, 2, last - 1, last]) if (number >= 1 && number <= last) shown.add(number)
  for (let number = current - 3; number <= current + 3; number++) if (number >= 1 && number <= last) shown.add(number)
  const numbers = [...shown].sort((a, b) => a - b)
  return numbers.flatMap((number, i) => (i > 0 && number - (numbers[i - 1] ?? 0) > 1 ? [null, number] : [number]))
}

/** The part of a query that links repeat. */
const kept = /^(per_page|search|is_default|status|metadata(\[.*)?)$/

interface Position {
  path: string
  rawQuery: string
  current: number
  last: number
  next: string | null
}

/** Links of the envelope with page numbers (behaviour §1.8). After the last page that a number reaches, `next` has a cursor. */
function linksOf({ path, rawQuery, current, last, next }: Position) {
  const at = (name: 'current_page' | 'cursor', value: string) => {
    const query = new URLSearchParams([...new URLSearchParams(rawQuery)].filter(([key]) => kept.test(key)))
    query.set(name, value)
    return `${path}?${query}`
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

/** One page of payment requests, newest first, as JSON text. */
export async function paymentRequestsPage(database: Database, { business, query, baseUrl, rawQuery }: Call<ListPaymentRequests>): Promise<string> {
  const { per_page: perPage, current_page: current } = query
  const filter = filterOf(query)
  const cursor = query.cursor ? decodeCursor(query.cursor, order) : undefined
  const skip = cursor ? 0 : (current - 1) * perPage
  if (skip > maxSkippedRows) {
    throw invalid({ current_page: [`The current page may not start beyond row ${maxSkippedRows}; follow links.next or meta.next_cursor instead.`] })
  }
  const found = await listPaymentRequests(database.slow, business.id, { filter, before: cursor?.id, skip, limit: perPage + 1 })
  const more = found.length > perPage
  const rows = found.slice(0, perPage)
  // A first page that contains everything needs no count.
  const isWhole = !cursor && skip === 0 && !more
  const total = isWhole ? rows.length : await countPaymentRequests(database.slow, business.id, filter, mostCounted)
  const last = Math.max(1, Math.ceil(total / perPage))
  const lastRow = rows.at(-1)
  const next = more && lastRow ? encodeCursor({ order, key: '', id: lastRow.id, direction: 'next' }) : null
  const path = `${baseUrl}/v1/payment-requests`
  const { links, numbered } = linksOf({ path, rawQuery, current, last, next })
  const hasPlace = rows.length > 0 && !cursor
  return JSON.stringify({
    data: rows.map((row) => presentPaymentRequest(row, business, baseUrl)),
    links: cursor ? { ...links, prev: null, next: next === null ? null : links.next } : links,
    meta: {
      current_page: current,
      from: hasPlace ? skip + 1 : null,
      last_page: last,
      links: numbered,
      path,
      per_page: perPage,
      to: hasPlace ? skip + rows.length : null,
      total,
      next_cursor: next,
    },
  })
}
