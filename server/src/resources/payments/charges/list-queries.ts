import { type RawBuilder, sql } from 'kysely'
import type { Database, Db } from '#foundation/database/database.ts'
import { entriesSql, entryGrams, type GramQuestion, hasIdLike } from '#foundation/database/search-grams.ts'
import { plainPageSql, type SearchedList, searchedPage } from '#foundation/database/searched-list.ts'
import { longestPage, sharedPages } from '#foundation/database/shared-pages.ts'
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

function listOf(businessId: string, { filter, cursor, limit }: ListedCharges, exponents: Exponents): SearchedList {
  const { patterns, keywords, remark } = filter
  const isUp = cursor?.direction === 'previous'
  return {
    table: sql`charges c`,
    alias: 'c',
    columns: sql.raw(chargeColumns),
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
  plainPageSql(listOf(businessId, options, exponents))

const paid = [...paidStatuses]
const newestFirst = {
  name: 'list_charges',
  from: 'charges c',
  alias: 'c',
  columns: chargeColumns,
  within: `and c.status in (${paid.map((status) => `'${status}'`).join(', ')})`,
  key: 'id',
  type: 'uuid',
} as const

/** Whether a filter is the one of a list without any: whatever was paid. */
function isPlain({ statuses = [], patterns, keywords, ...others }: ChargeFilter): boolean {
  if (patterns.length + keywords.length + Object.keys(others).length > 0) return false
  return statuses.length === paid.length && statuses.every((status) => paidStatuses.has(status))
}

export type ChargesReader = (businessId: string, options: ListedCharges) => Promise<ChargeRow[]>

/** Pages of charges, newest first (reversed when the cursor points back). Plain ones that are asked for together share a statement. */
export function chargeLists({ slow: db, slowPool }: Database, acrossBusinesses: boolean, exponents: Exponents): ChargesReader {
  const plainPage = sharedPages<ChargeRow>(slowPool, newestFirst, acrossBusinesses)
  return (businessId, options) => {
    const { filter, cursor, limit } = options
    return isPlain(filter) && limit <= longestPage
      ? plainPage({ businessId, after: cursor?.id, backwards: cursor?.direction === 'previous', limit })
      : searchedPage<ChargeRow>(db, listOf(businessId, options, exponents))
  }
}

export interface LocationShown {
  id: string
  name: string
  address: string
}

/** Locations by id, as charges contain them. */
export async function findLocations(db: Db, businessId: string, ids: string[]): Promise<Map<string, LocationShown>> {
  if (ids.length === 0) return new Map()
  const rows = await db.selectFrom('locations').selectAll().where('business_id', '=', businessId).where('id', 'in', ids).execute()
  const addressOf = (row: (typeof rows)[number]) => [row.street, row.city, row.state, row.country, row.postal_code].filter((part) => part !== '').join(', ')
  return new Map(rows.map((row) => [row.id, { id: row.id, name: row.name, address: addressOf(row) }]))
}

/** Which of the given object ids had a webhook delivered. */
export async function findDelivered(db: Db, businessId: string, objectIds: string[]): Promise<Set<string>> {
  if (objectIds.length === 0) return new Set()
  const { rows } = await sql<{ object_id: string }>`
    select distinct object_id from webhook_deliveries
    where business_id = ${businessId} and object_id = any (${objectIds}::uuid[]) and status = 'succeeded'`.execute(db)
  return new Set(rows.map((row) => row.object_id))
}

export interface DeliveryShown {
  id: string
  event_type: string
  url: string
  status: string
  attempts: number
  response_status: number | null
  created_at: Date
}

/** The latest webhooks about some objects. */
export async function listDeliveriesOf(db: Db, businessId: string, objectIds: string[]): Promise<DeliveryShown[]> {
  const { rows } = await sql<DeliveryShown>`
    select id, event_type, url, status, attempts, response_status, created_at from webhook_deliveries
    where business_id = ${businessId} and object_id = any (${objectIds}::uuid[]) order by id desc limit 50`.execute(db)
  return rows
}

/** Whether a business has a customer with this id. */
export async function customerExists(db: Db, businessId: string, id: string): Promise<boolean> {
  const row = await db.selectFrom('customers').select('id').where('business_id', '=', businessId).where('id', '=', id).executeTakeFirst()
  return row !== undefined
}
