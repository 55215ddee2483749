import type { Deps } from '#foundation/deps.ts'
import type { Call } from '#foundation/http/api.ts'
import { decodeCursor, keysetPage, skippedRows } from '#foundation/http/pagination.ts'
import type { Business } from '#foundation/shared/business.ts'
import { type FieldErrors, invalid } from '#foundation/shared/errors.ts'
import { lowestIdAt } from '#foundation/shared/ids.ts'
import { toE164 } from '#foundation/shared/phone.ts'
import { partPattern, searchPattern } from '#foundation/shared/search-text.ts'
import { isCalendarDay, nextDay, parseMoment, startOfDay } from '#foundation/shared/time.ts'
import { type CustomerFilter, type CustomerOrder, customerLists, type PhoneSpelling } from './list-queries.ts'
import { completeJson, type ListCustomers } from './wire.ts'

const maxKeywords = 5

function filterOf(query: ListCustomers, business: Business): CustomerFilter {
  const errors: FieldErrors = {}
  const filter: CustomerFilter = { patterns: [] }
  for (const keyword of (query.keywords ?? '').split(',')) {
    const pattern = searchPattern(keyword)
    if (pattern !== undefined) filter.patterns.push(pattern)
  }
  if (filter.patterns.length > maxKeywords) errors.keywords = [`The keywords may not have more than ${maxKeywords} items.`]
  if (query.email) filter.email = query.email.trim()
  if (query.external_id) filter.externalId = query.external_id
  const phone = query.phone_number && spellingsOf(query.phone_number, business)
  if (phone && phone.length > 0) filter.phone = phone
  if (query.metadata && Object.keys(query.metadata).length > 0) filter.metadata = query.metadata
  const from = query.created_from && bound('created_from', query.created_from, business, false, errors)
  const until = query.created_to && bound('created_to', query.created_to, business, true, errors)
  if (from) filter.idFrom = lowestIdAt(from)
  if (until) filter.idBefore = lowestIdAt(until)
  if (from && until && from >= until) errors.created_to = ['The created to must be a date after or equal to created from.']
  if (Object.keys(errors).length > 0) throw invalid(errors)
  return filter
}

/** The spellings under which a customer with this number may be stored. */
function spellingsOf(sent: string, { country }: Business): PhoneSpelling[] {
  const number = sent.trim()
  // A `+` in a query that was not encoded arrives as a space; digits alone may be E.164 without its `+`.
  const numbers = sent.startsWith(' ') ? [number, `+${number}`] : [number]
  const e164 = new Set([toE164(number, null, country), toE164(`+${number.replace(/^\+/, '')}`, null, country)])
  const spellings: PhoneSpelling[] = []
  const add = (column: PhoneSpelling['column'], one: string) => {
    // The digits of E.164 stand in the search text without their `+`.
    const pattern = partPattern(column === 'phone_number' ? one : one.slice(1))
    if (pattern !== undefined) spellings.push({ column, number: one, pattern })
  }
  for (const one of numbers) add('phone_number', one)
  for (const one of e164) if (one) add('phone_number_e164', one)
  return spellings
}

/** The moment that bounds a list: a day's beginning or, at the upper end, the beginning of the next day; a moment is included at both ends, and without a fraction it is the whole second, as times are shown. */
function bound(field: string, text: string, { timezone }: Business, upper: boolean, errors: FieldErrors): Date | undefined {
  const value = text.trim()
  if (isCalendarDay(value)) return startOfDay(upper ? nextDay(value) : value, timezone)
  // The `+` of an offset that was not encoded arrives as a space.
  const at = parseMoment(value.replace(/(:\d{2}(?:\.\d+)?) (\d{2}:?\d{2})$/, '$1+$2'), timezone)
  if (!at) errors[field] = [`The ${field.replaceAll('_', ' ')} is not a valid date.`]
  return at && upper ? new Date(at.getTime() + (/\.\d/.test(value) ? 1 : 1000)) : at
}

function orderOf({ order_by }: ListCustomers): CustomerOrder {
  if (order_by?.name) return `name ${order_by.name}`
  return order_by?.created_at === 'asc' ? 'created_at asc' : 'created_at desc'
}

/** Pages of customers in the envelope with cursors, as JSON text. */
export function customerPages({ database, groupAcrossBusinesses }: Deps): (call: Call<ListCustomers>) => Promise<string> {
  const list = customerLists(database, groupAcrossBusinesses)
  return async ({ business, query, baseUrl, rawQuery }) => {
    const order = orderOf(query)
    const perPage = query.per_page
    const cursor = query.cursor ? decodeCursor(query.cursor, order) : undefined
    const skip = cursor || !query.page ? 0 : skippedRows(query.page, perPage)
    const rows = await list(business.id, { filter: filterOf(query, business), order, cursor, skip, limit: perPage + 1 })
    const page = { order, cursor, skip, perPage, path: `${baseUrl}/v1/customers`, query: rawQuery }
    return keysetPage(rows, page, (row) => completeJson(row.json, row.created_ms, row.updated_ms, business))
  }
}
