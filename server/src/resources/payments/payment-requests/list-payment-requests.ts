import type { Deps } from '#foundation/deps.ts'
import type { Call } from '#foundation/http/api.ts'
import { decodeCursor, maxSkippedRows, numberedPage } from '#foundation/http/pagination.ts'
import { invalid } from '#foundation/shared/errors.ts'
import { searchPattern } from '#foundation/shared/search-text.ts'
import { type PaymentRequestFilter, paymentRequestCounts, paymentRequestLists } from './list-queries.ts'
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

/** The part of a query that links repeat. */
const kept = /^(per_page|search|is_default|status|metadata(\[.*)?)$/

/** Pages of payment requests, the newest first, as JSON text. */
export function paymentRequestPages({ database, groupAcrossBusinesses }: Pick<Deps, 'database' | 'groupAcrossBusinesses'>) {
  const list = paymentRequestLists(database, groupAcrossBusinesses)
  const count = paymentRequestCounts(database, groupAcrossBusinesses, mostCounted)
  return async ({ business, query, baseUrl, rawQuery }: Call<ListPaymentRequests>): Promise<string> => {
    const { per_page: perPage, current_page: current } = query
    const filter = filterOf(query)
    const cursor = query.cursor ? decodeCursor(query.cursor, order) : undefined
    const skip = cursor ? 0 : (current - 1) * perPage
    if (skip > maxSkippedRows) {
      throw invalid({ current_page: [`The current page may not start beyond row ${maxSkippedRows}; follow links.next or meta.next_cursor instead.`] })
    }
    const rows = await list(business.id, { filter, before: cursor?.id, skip, limit: perPage + 1 })
    // A first page that contains everything needs no count.
    const isWhole = !cursor && skip === 0 && rows.length <= perPage
    const total = isWhole ? rows.length : await count(business.id, filter)
    const page = { order, cursor, current, skip, perPage, path: `${baseUrl}/v1/payment-requests`, query: rawQuery, kept }
    return numberedPage(rows, total, page, (row) => presentPaymentRequest(row, business, baseUrl))
  }
}
