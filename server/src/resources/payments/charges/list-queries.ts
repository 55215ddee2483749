import { type RawBuilder, sql } from 'kysely'
import type { Database, Db } from '#foundation/database/database.ts'
import { entriesSql, entryGrams, type GramQuestion, hasIdLike } from '#foundation/database/search-grams.ts'
import { plainPageSql, type SearchedList, searchedPage } from '#foundation/database/searched-list.ts'
import { sharedPages } from '#foundation/database/shared-pages.ts'
import { sharedReads } from '#foundation/database/shared-reads.ts'
import type { Cursor } from '#foundation/shared/cursor.ts'
import { type ChargeRow, type ChargeStatus, chargeColumns, paidStatuses } from './queries.ts'

/** The filters of a list of charges; all given ones must match. */
export interface ChargeFilter {
  statuses?: ChargeStatus[]
  refunded?: boolean
  /** LIKE patterns over the search text, by whose grams rows are found; all must match. */
  patterns: string[]
  /** Each keyword matches by its pattern, or by being exactly this amount in minor units of one of these currencies. */
  keywords: { pattern: string; amounts: { currency: string; minor: bigint }[] }[]
  remark?: string
  locationIds?: string[]
  methods?: string[]
  channel?: string
  email?: string
  customerName?: string
  referenceNumber?: string
  railReference?: string
  id?: string
  paymentRequestId?: string
  customerId?: string
  /** Bounds of the amount in major units, as decimal text. */
  amountFrom?: string
  amountTo?: string
  /** Bounds of ids: an id begins with the time of its creation. */
  idFrom?: string
  idAfter?: string
  idBefore?: string
  /** A filter that nothing can match, for something that does not exist here. */
  nothing?: boolean
}

export interface LocationShown {
  id: string
  name: string
  address: string
}

/** A charge with what is shown beside it. */
export interface ShownCharge extends ChargeRow {
  location: LocationShown | null
  /** Whether a webhook about it, or about its payment request, has arrived. */
  webhook_arrived: boolean
}

const shownColumns = `${chargeColumns}, (
    select json_build_object('id', l.id, 'name', l.name, 'address',
      concat_ws(', ', nullif(l.street, ''), nullif(l.city, ''), nullif(l.state, ''), nullif(l.country, ''), nullif(l.postal_code, '')))
    from locations l where l.business_id = c.business_id and l.id = c.location_id
  ) as location, exists (
    select 1 from webhook_deliveries d where d.business_id = c.business_id and d.object_id in (c.id, c.payment_request_id) and d.status = 'succeeded'
  ) as webhook_arrived`

export interface ListedCharges {
  filter: ChargeFilter
  cursor: Cursor | undefined
  limit: number
}

/** Currencies whose minor unit is not 1/100 (money.ts), so that PostgreSQL can compare amounts of any currency. */
export interface Exponents {
  none: string[]
  three: string[]
}

function boundsSql(filter: ChargeFilter, exponents: Exponents): RawBuilder<unknown> {
  const parts: RawBuilder<unknown>[] = []
  const { statuses, refunded } = filter
  if (filter.nothing) parts.push(sql`and false`)
  if (statuses) {
    parts.push(sql`and c.status = any (${statuses}::text[])`)
    // The condition of the partial index, so that rare statuses are found without scanning the common ones.
    if (!statuses.includes('succeeded')) parts.push(sql`and c.status <> 'succeeded'`)
  }
  if (refunded === true) parts.push(sql`and c.status <> 'succeeded' and c.status in ('refunded', 'partially_refunded')`)
  if (refunded === false) parts.push(sql`and c.status not in ('refunded', 'partially_refunded')`)
  if (filter.locationIds) parts.push(sql`and c.location_id = any (${filter.locationIds}::uuid[])`)
  if (filter.methods) parts.push(sql`and c.method = any (${filter.methods}::text[])`)
  if (filter.channel !== undefined) parts.push(sql`and c.channel = ${filter.channel}`)
  if (filter.email !== undefined) parts.push(sql`and lower(c.customer_email collate "C") = lower(${filter.email}::text collate "C")`)
  if (filter.customerName !== undefined) parts.push(sql`and c.customer_name = ${filter.customerName}`)
  if (filter.referenceNumber !== undefined) parts.push(sql`and c.reference_number = ${filter.referenceNumber}`)
  if (filter.railReference !== undefined) parts.push(sql`and c.rail_reference = ${filter.railReference}`)
  if (filter.id !== undefined) parts.push(sql`and c.id = ${filter.id}`)
  if (filter.paymentRequestId !== undefined) parts.push(sql`and c.payment_request_id = ${filter.paymentRequestId}`)
  if (filter.customerId !== undefined) parts.push(sql`and c.customer_id = ${filter.customerId}`)
  const major = sql`c.amount_minor / (case when c.currency = any (${exponents.none}::text[]) then 1 when c.currency = any (${exponents.three}::text[]) then 1000 else 100 end)::numeric`
  if (filter.amountFrom !== undefined) parts.push(sql`and ${major} >= ${filter.amountFrom}::numeric`)
  if (filter.amountTo !== undefined) parts.push(sql`and ${major} <= ${filter.amountTo}::numeric`)
  if (filter.idFrom) parts.push(sql`and c.id >= ${filter.idFrom}`)
  if (filter.idAfter) parts.push(sql`and c.id > ${filter.idAfter}`)
  if (filter.idBefore) parts.push(sql`and c.id < ${filter.idBefore}`)
  return sql.join(parts, sql` `)
}

function matchesSql({ patterns, keywords, remark }: ChargeFilter): RawBuilder<unknown> {
  const parts = patterns.map((pattern) => sql`and c.search like ${pattern}`)
  for (const { pattern, amounts } of keywords) {
    const exactly = amounts.map(({ currency, minor }) => sql`or (c.currency = ${currency} and c.amount_minor = ${String(minor)}::bigint)`)
    parts.push(sql`and (c.search like ${pattern} ${sql.join(exactly, sql` `)})`)
  }
  if (remark !== undefined) parts.push(sql`and strpos(lower(c.remark), lower(${remark})) > 0`)
  return sql.join(parts, sql` `)
}

/** Charges whose own words have the grams, or whose request's words do; most have no words of their own (decision 7). */
function foundSql(businessId: string, patterns: string[], question: GramQuestion): RawBuilder<unknown> {
  return sql`and c.id in (
    with entries as materialized (${entriesSql(businessId, patterns, question)})
    select id from entries
    union select paid.id from entries e join charges paid on paid.business_id = ${businessId} and paid.payment_request_id = e.id
    union select named.id from charges named where named.business_id = ${businessId} and (${hasIdLike(sql`named.id`, patterns)})
  )`
}

function listOf(columns: string, businessId: string, { filter, cursor, limit }: ListedCharges, exponents: Exponents): SearchedList {
  const { patterns, keywords, remark } = filter
  const isUp = cursor?.direction === 'previous'
  return {
    table: sql`charges c`,
    alias: 'c',
    columns: sql.raw(columns),
    business: sql`c.business_id = ${businessId}`,
    within: sql`${boundsSql(filter, exponents)} ${cursor ? sql`and c.id ${isUp ? sql`>` : sql`<`} ${cursor.id}` : sql``}`,
    matches: patterns.length + keywords.length > 0 || remark !== undefined ? matchesSql(filter) : undefined,
    // A charge can be much younger than the request whose words find it.
    grams: patterns.length > 0 ? { column: entryGrams, knowsTimes: false, foundSql: (question) => foundSql(businessId, patterns, question) } : undefined,
    descending: !isUp,
    skip: 0,
    limit,
  }
}

/** The statement of a page without a search, for the test of its plan. */
export const chargesPageSql = (businessId: string, options: ListedCharges, exponents: Exponents): RawBuilder<unknown> =>
  plainPageSql(listOf(shownColumns, businessId, options, exponents))

const paid = [...paidStatuses]
const newestFirst = {
  name: 'list_charges',
  from: 'charges c',
  alias: 'c',
  columns: shownColumns,
  within: `and c.status in (${paid.map((status) => `'${status}'`).join(', ')})`,
  key: 'id',
  type: 'uuid',
} as const

/** Whether a filter is the one of a list without any: whatever was paid. */
function isPlain({ statuses = [], patterns, keywords, ...others }: ChargeFilter): boolean {
  if (patterns.length + keywords.length + Object.keys(others).length > 0) return false
  return statuses.length === paid.length && statuses.every((status) => paidStatuses.has(status))
}

/** Pages of charges, newest first (reversed when the cursor points back). Plain ones that are requested together share a statement. */
export function chargePages({ slow: db, slowPool }: Database, acrossBusinesses: boolean, exponents: Exponents) {
  const plainPage = sharedPages<ShownCharge>(slowPool, newestFirst, acrossBusinesses)
  return (businessId: string, options: ListedCharges): Promise<ShownCharge[]> => {
    const { filter, cursor, limit } = options
    return isPlain(filter)
      ? plainPage({ businessId, after: cursor?.id, backwards: cursor?.direction === 'previous', limit })
      : searchedPage<ShownCharge>(db, listOf(shownColumns, businessId, options, exponents))
  }
}

/** Charges of a list by themselves, as many as are requested. */
export function listCharges({ slow: db }: Database, businessId: string, options: ListedCharges, exponents: Exponents): Promise<ChargeRow[]> {
  return searchedPage<ChargeRow>(db, listOf(chargeColumns, businessId, options, exponents))
}

/** Charges by id, for gets that arrive together. */
export const chargeReader = ({ pool }: Database, acrossBusinesses: boolean) =>
  sharedReads<ShownCharge>(pool, { name: 'get_charges', from: 'charges c', alias: 'c', key: 'id', columns: shownColumns }, acrossBusinesses)

/** Webhooks that a charge shows. */
export const mostDeliveries = 50

export interface DeliveryShown {
  id: string
  event_type: string
  url: string
  status: string
  attempts: number
  response_status: number | null
  created_at: Date
}

/** The latest webhooks about objects, such as a charge or its request. */
export const deliveriesReader = ({ slowPool }: Database, acrossBusinesses: boolean) =>
  sharedReads<DeliveryShown>(
    slowPool,
    {
      name: 'list_deliveries_of_objects',
      from: 'webhook_deliveries d',
      alias: 'd',
      key: 'object_id',
      columns: 'd.id, d.event_type, d.url, d.status, d.attempts, d.response_status, d.created_at',
      order: 'd.id desc',
      limit: mostDeliveries,
    },
    acrossBusinesses,
  )

/** Whether a business has a customer with this id. */
export async function customerExists(db: Db, businessId: string, id: string): Promise<boolean> {
  const row = await db.selectFrom('customers').select('id').where('business_id', '=', businessId).where('id', '=', id).executeTakeFirst()
  return row !== undefined
}
