import type { Deps } from '#foundation/deps.ts'
import type { Call } from '#foundation/http/api.ts'
import { decodeCursor, maxSkippedRows, numberedPage } from '#foundation/http/pagination.ts'
import { invalid } from '#foundation/shared/errors.ts'
import { searchPattern } from '#foundation/shared/search-text.ts'
import { payableMethods } from '#resources/payments/rails/payable-methods.ts'
import type { Rails } from '#resources/payments/rails/registry.ts'
import { presentDefaultLink } from './default-link.ts'
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

/** Whether a list contains the business's default link, which has neither metadata nor anything to search in. */
const hasDefaultLink = ({ isDefault, pattern, metadata, status }: PaymentRequestFilter): boolean =>
  isDefault === true && pattern === undefined && metadata === undefined && (status === undefined || status === 'pending')

/** The part of a query that links repeat. */
const kept = /^(per_page|search|is_default|status|metadata(\[.*)?)$/

/** Pages of payment requests, the newest first, as JSON text. */
export function paymentRequestPages({ database, groupAcrossBusinesses, rails }: Pick<Deps, 'database' | 'groupAcrossBusinesses'> & { rails: Rails }) {
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
    // The default link precedes all rows, so that each page of a list with it begins one row earlier.
    const withLink = hasDefaultLink(filter) ? 1 : 0
    const isFirst = !cursor && skip === 0
    const shownLink = isFirst && withLink === 1 ? presentDefaultLink(business, baseUrl, await payableMethods(rails, business)) : undefined
    const from = isFirst || cursor ? 0 : skip - withLink
    const rows = await list(business.id, { filter, before: cursor?.id, skip: from, limit: perPage + (shownLink ? 0 : 1) })
    const shown = [...(shownLink ? [shownLink] : []), ...rows.map((row) => presentPaymentRequest(row, business, baseUrl))]
    // A first page that contains everything needs no count.
    const total = isFirst && shown.length <= perPage ? shown.length : (await count(business.id, filter)) + withLink
    const page = { order, cursor, current, skip, perPage, path: `${baseUrl}/v1/payment-requests`, query: rawQuery, kept }
    return numberedPage(shown, total, page, (one) => one)
  }
}
