import { type RawBuilder, sql } from 'kysely'
import { type Database, isOutcomeUnknown } from '#foundation/database/database.ts'
import { groupCommit } from '#foundation/database/group-commit.ts'
import { entriesSql, entryGrams, type GramQuestion, gramFrequencies } from '#foundation/database/search-grams.ts'
import { plainPageSql, type SearchedList, searchedPage } from '#foundation/database/searched-list.ts'
import { sharedPages } from '#foundation/database/shared-pages.ts'
import { endings, type PaymentRequestRow, type PaymentRequestStatus, requestColumns } from './queries.ts'

export interface PaymentRequestFilter {
  /** A LIKE pattern over the search text. */
  pattern?: string
  metadata?: Record<string, string>
  status?: PaymentRequestStatus
  /** Only default links. */
  isDefault?: boolean
}

export interface ListedPaymentRequests {
  filter: PaymentRequestFilter
  /** Only requests that were created before this one; undefined starts with the newest. */
  before: string | undefined
  skip: number
  limit: number
}

const newestFirst = {
  name: 'list_payment_requests',
  from: 'payment_requests r',
  alias: 'r',
  columns: requestColumns,
  within: 'and r.deleted_at is null',
  key: 'id',
  type: 'uuid',
} as const

const isPlain = (filter: PaymentRequestFilter) => Object.keys(filter).length === 0

/** Pages of a business's requests, the newest first. Plain ones that are requested together share a statement. */
export function paymentRequestLists({ slow: db, slowPool }: Database, acrossBusinesses: boolean) {
  const plainPage = sharedPages<PaymentRequestRow>(slowPool, newestFirst, acrossBusinesses)
  return (businessId: string, { filter, before, skip, limit }: ListedPaymentRequests): Promise<PaymentRequestRow[]> =>
    isPlain(filter) && skip === 0
      ? plainPage({ businessId, after: before, backwards: false, limit })
      : searchedPage<PaymentRequestRow>(db, listOf(businessId, { filter, before, skip, limit }))
}

function listOf(businessId: string, { filter, before, skip, limit }: ListedPaymentRequests): SearchedList {
  const { pattern, metadata } = filter
  return {
    table: sql`payment_requests r`,
    alias: 'r',
    columns: sql.raw(requestColumns),
    business: sql`r.business_id = ${businessId}`,
    within: sql`${boundsSql(businessId, filter)} ${before === undefined ? sql`` : sql`and r.id < ${before}`}`,
    matches: pattern !== undefined || metadata ? matchesSql(filter) : undefined,
    grams: pattern === undefined ? undefined : { column: entryGrams, knowsTimes: true, foundSql: (question) => foundSql(businessId, pattern, question) },
    descending: true,
    skip,
    limit,
  }
}

function matchesSql({ pattern, metadata }: PaymentRequestFilter): RawBuilder<unknown> {
  const parts: RawBuilder<unknown>[] = []
  if (pattern !== undefined) parts.push(sql`and r.search like ${pattern}`)
  if (metadata) parts.push(sql`and r.metadata @> ${JSON.stringify(metadata)}::jsonb and r.metadata <> '{}'::jsonb`)
  return sql.join(parts, sql` `)
}

/** The condition for the index of grams; the rows that it finds are compared with the pattern. */
const foundSql = (businessId: string, pattern: string, question: GramQuestion) => sql`and r.id in (${entriesSql(businessId, [pattern], question)})`

function boundsSql(businessId: string, { status, isDefault }: PaymentRequestFilter): RawBuilder<unknown> {
  const parts: RawBuilder<unknown>[] = [sql`and r.deleted_at is null`]
  if (status !== undefined) parts.push(sql`and r.status = ${status}`)
  if (status !== undefined && endings.has(status))
    parts.push(sql`and r.id in (select e.id from payment_request_endings e where e.business_id = ${businessId} and e.status = ${status})`)
  if (isDefault) parts.push(sql`and (r.channel in ('custom', 'link') or r.is_default)`)
  return sql.join(parts, sql` `)
}

/** The first page of a list without a search, as a statement. */
export function firstPageSql(businessId: string, filter: PaymentRequestFilter, limit: number): RawBuilder<unknown> {
  return plainPageSql(listOf(businessId, { filter, before: undefined, skip: 0, limit }))
}

/** Counts how many requests a filter finds, no further than `most`. All requests of a business are counted once for those who ask together. */
export function paymentRequestCounts({ slow: db, slowPool }: Database, acrossBusinesses: boolean, most: number) {
  const business = acrossBusinesses ? 'wanted.business_id' : '$2::uuid'
  const text = `
    select wanted.business_id, (
      select count(*)::int from (select 1 from payment_requests r where r.business_id = ${business} and r.deleted_at is null limit ${most}) found
    ) as count from unnest($1::uuid[]) as wanted (business_id)`
  const countAll = groupCommit<string, number>({
    groupOf: acrossBusinesses ? () => '' : (businessId) => businessId,
    maxInFlight: 2,
    mayBeOneRow: (error) => !isOutcomeUnknown(error),
    async write(businesses) {
      const values = [[...new Set(businesses)], ...(acrossBusinesses ? [] : [businesses[0]])]
      const { rows } = await slowPool.query<{ business_id: string; count: number }>({ name: 'count_payment_requests', text, values })
      const counts = new Map(rows.map(({ business_id, count }) => [business_id, count]))
      return businesses.map((businessId) => counts.get(businessId) ?? 0)
    },
  })
  return async (businessId: string, filter: PaymentRequestFilter): Promise<number> => {
    if (isPlain(filter)) return countAll(businessId)
    const { pattern } = filter
    const { rows } = await sql<{ count: number }>`
      select count(*)::int as count from (
        select 1 from payment_requests r where r.business_id = ${businessId} ${boundsSql(businessId, filter)}
          ${pattern === undefined ? sql`` : foundSql(businessId, pattern, { frequencies: await gramFrequencies(db, entryGrams) })} ${matchesSql(filter)} limit ${most}
      ) found`.execute(db)
    return rows[0]?.count ?? 0
  }
}
