import { findMethod } from '#engine/rails/methods.ts'
import type { Db } from '#foundation/database/database.ts'
import { isTrue } from '#foundation/http/schemas.ts'
import type { Business } from '#foundation/shared/business.ts'
import { type FieldErrors, invalid, spoken } from '#foundation/shared/errors.ts'
import { isUuid, lowestIdAt } from '#foundation/shared/ids.ts'
import { currencies, exponentOf, parseAmount } from '#foundation/shared/money.ts'
import { searchPattern } from '#foundation/shared/search-text.ts'
import { businessDay, isCalendarDay, nextDay, startOfDay } from '#foundation/shared/time.ts'
import { type ChargeFilter, customerExists, type Exponents } from './list-queries.ts'
import type { ChargeStatus } from './queries.ts'
import type { ExportCharges, ListCharges } from './wire.ts'

/** Currencies whose minor unit is not 1/100. */
export function exponentsOfCurrencies(): Exponents {
  const all = currencies()
  return { none: all.filter((code) => exponentOf(code) === 0), three: all.filter((code) => exponentOf(code) === 3) }
}

/** Statuses as clients write them: ours, and HitPay's names for them. Empty: one that no charge here can have. */
const statusWords = new Map<string, ChargeStatus[]>(
  Object.entries({
    pending: ['pending'],
    succeeded: ['succeeded'],
    success: ['succeeded'],
    completed: ['succeeded'],
    succeeded_manually: [],
    failed: ['failed'],
    canceled: ['canceled'],
    cancelled: ['canceled'],
    refunded: ['refunded'],
    partially_refunded: ['partially_refunded'],
    requires_customer_action: ['requires_customer_action'],
    requires_payment_method: [],
    void: [],
    expired: [],
    sent: [],
    draft: [],
  }),
)

/** What is listed without a status filter: every paid charge (behaviour §5.2). */
const paid: ChargeStatus[] = ['succeeded', 'partially_refunded', 'refunded']

const isTooMany = (items: string[] | undefined) => (items?.length ?? 0) > 10

function itemsOf(value: string | string[] | undefined): string[] | undefined {
  if (value === undefined) return undefined
  const items = [value]
    .flat()
    .flatMap((one) => one.split(','))
    .map((one) => one.trim())
    .filter((one) => one !== '')
  return items.length > 0 ? items : undefined
}

/** Reads filters and collects their errors. */
class Reader {
  readonly errors: FieldErrors = {}
  readonly filter: ChargeFilter = { patterns: [], keywords: [] }

  refuse(field: string, text: string): void {
    this.errors[field] = [`The ${text}`]
  }

  statuses(field: string, words: string[] | undefined): ChargeStatus[] | undefined {
    if (!words) return undefined
    if (isTooMany(words)) this.refuse(field, `${spoken(field)} may not have more than 10 items.`)
    const found = words.map((word) => statusWords.get(word.toLowerCase()))
    if (found.includes(undefined)) this.errors[field] = [`The selected ${spoken(field)} is invalid.`]
    return found.flatMap((one) => one ?? [])
  }

  uuid(field: string, value: string | undefined): string | undefined {
    if (!value) return undefined
    if (isUuid(value)) return value.toLowerCase()
    this.refuse(field, `${spoken(field)} must be a valid UUID.`)
    return undefined
  }

  days(business: Business, at: Date, from: [string, string | undefined], to: [string, string | undefined]): void {
    const today = businessDay(at, business.timezone)
    for (const [field, day] of [from, to]) {
      if (!day) continue
      if (!isCalendarDay(day)) this.refuse(field, `${spoken(field)} does not match the format Y-m-d.`)
      else if (day > today) this.refuse(field, `${spoken(field)} must be a date before tomorrow.`)
    }
    if (Object.keys(this.errors).length > 0) return
    if (from[1]) this.filter.idFrom = lowestIdAt(startOfDay(from[1], business.timezone))
    if (to[1]) this.filter.idBefore = lowestIdAt(startOfDay(nextDay(to[1]), business.timezone))
  }

  search(keywords: string | undefined, business: Business): void {
    for (const word of (keywords ?? '').split(/[\s,]+/).filter((one) => one !== '')) {
      const pattern = searchPattern(word)
      if (pattern === undefined) continue
      const minor = parseAmount(word, business.currency)
      // An amount can occur in any charge, so the index of grams alone cannot be searched for it.
      if (minor === undefined) this.filter.patterns.push(pattern)
      else this.filter.keywords.push({ pattern, amounts: [{ currency: business.currency, minor }] })
    }
    if (this.filter.patterns.length + this.filter.keywords.length > 10) this.refuse('keywords', 'keywords may not have more than 10 items.')
  }

  done(): ChargeFilter {
    if (Object.keys(this.errors).length > 0) throw invalid(this.errors)
    return this.filter
  }
}

/** Reads `status`, `statuses` and `refunded` together: the shorthand sets both others (behaviour §5.2). */
function readStatuses(reader: Reader, query: Pick<ListCharges, 'status' | 'refunded'>, statuses: ChargeStatus[] | undefined): void {
  const { filter } = reader
  const refunded = isTrue(query.refunded)
  if (refunded !== undefined) filter.refunded = refunded
  const word = query.status?.trim().toLowerCase()
  if (word === 'succeeded') {
    filter.statuses = ['succeeded']
    filter.refunded = false
  } else if (word === 'failed') filter.statuses = ['failed', 'canceled']
  else if (word === 'refunded') filter.refunded = true
  else if (word === 'partially_refunded') filter.statuses = ['partially_refunded']
  else if (word) reader.errors.status = ['The selected status is invalid.']
  if (statuses) filter.statuses = statuses
  else if (!filter.statuses && filter.refunded === undefined) filter.statuses = paid
  else if (!filter.statuses && filter.refunded === false) filter.statuses = ['succeeded']
}

/** Methods by any of their names. */
function readMethods(reader: Reader, names: string[] | undefined): void {
  if (isTooMany(names)) reader.refuse('payment_methods', 'payment methods may not have more than 10 items.')
  if (names) reader.filter.methods = names.map((name) => findMethod(name)?.code ?? name)
}

/** The filter that a query describes. Throws one 422 that names every error. */
export async function filterOf(db: Db, business: Business, query: ListCharges, at: Date): Promise<ChargeFilter> {
  const reader = new Reader()
  const { filter } = reader
  readStatuses(reader, query, reader.statuses('statuses', itemsOf(query.statuses)))
  reader.days(business, at, ['date_from', query.date_from], ['date_to', query.date_to])
  reader.search(query.keywords, business)
  if (query.remark?.trim()) filter.remark = query.remark.trim()
  const locations = itemsOf(query.location_ids)
  if (isTooMany(locations)) reader.refuse('location_ids', 'location ids may not have more than 10 items.')
  if (locations?.some((id) => !isUuid(id))) reader.refuse('location_ids', 'location ids must be valid UUIDs.')
  else if (locations) filter.locationIds = locations
  readMethods(reader, itemsOf(query.payment_methods) ?? itemsOf(query.payment_method))
  // Charges here are created by no staff member and belong to no payout yet.
  if (itemsOf(query.user_ids) || reader.uuid('payout_id', query.payout_id)) filter.nothing = true
  if (query.amount_from) filter.amountFrom = query.amount_from
  if (query.amount_to) filter.amountTo = query.amount_to
  readExact(reader, query)
  const customerId = reader.uuid('customer_id', query.customer_id)
  if (customerId !== undefined) {
    if (!(await customerExists(db, business.id, customerId))) reader.errors.customer_id = ['The selected customer id is invalid.']
    filter.customerId = customerId
  }
  return reader.done()
}

function readExact({ filter, errors }: Reader, query: ListCharges): void {
  const search = (value: string) => {
    // The exact value is also in the search text, so that a rare one is found through its index.
    const pattern = searchPattern(value)
    if (pattern !== undefined) filter.patterns.push(pattern)
    return value
  }
  if (query.channel) filter.channel = query.channel
  if (query.customer_email?.trim()) filter.email = search(query.customer_email.trim())
  if (query.customer_name?.trim()) filter.customerName = search(query.customer_name.trim())
  if (query.order_reference_number?.trim()) filter.referenceNumber = search(query.order_reference_number.trim())
  if (query.payment_reference_number?.trim()) filter.railReference = query.payment_reference_number.trim()
  if (query.id) {
    if (isUuid(query.id)) filter.id = query.id.toLowerCase()
    else filter.nothing = true
  }
  if (query.payment_request_id) {
    if (isUuid(query.payment_request_id)) filter.paymentRequestId = query.payment_request_id
    else errors.payment_request_id = ['The payment request id must be a valid UUID.']
  }
  if (query.relatable) {
    const [type = '', id = ''] = query.relatable.split(':')
    if (/^(business_)?payment_request$/.test(type) && isUuid(id)) filter.paymentRequestId = id
    else filter.nothing = true
  }
}

/** The filter of an export, and where in the list it starts and ends. */
export function exportFilterOf(business: Business, query: ExportCharges, at: Date): ChargeFilter {
  const reader = new Reader()
  const { filter } = reader
  readStatuses(reader, query, reader.statuses('statuses', itemsOf(query['statuses[]']) ?? itemsOf(query.statuses)))
  reader.days(business, at, ['dateFrom', query.dateFrom], ['dateTo', query.dateTo])
  reader.search(query.keywords, business)
  readMethods(reader, itemsOf(query.payment_method))
  const before = reader.uuid('before', query.before)
  const after = reader.uuid('after', query.after)
  if (before !== undefined) filter.idAfter = before
  if (after !== undefined && (filter.idBefore === undefined || after < filter.idBefore)) filter.idBefore = after
  return reader.done()
}
