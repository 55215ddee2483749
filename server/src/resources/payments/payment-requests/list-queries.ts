import { type RawBuilder, sql } from 'kysely'
import type { Db } from '#foundation/database/database.ts'
import { entriesWith } from '#foundation/database/search-grams.ts'
import { endings, type PaymentRequestRow, type PaymentRequestStatus } from './queries.ts'

export interface PaymentRequestFilter {
  /** A LIKE pattern over the search text. */
  pattern?: string
  metadata?: Record<string, string>
  status?: PaymentRequestStatus
  /** Only default links. */
  isDefault?: boolean
}

export interface ListOptions {
  filter: PaymentRequestFilter
  /** Only requests that were created before this one; undefined starts with the newest. */
  before: string | undefined
  skip: number
  limit: number
}

/** Rows that a search scans, newest first, before it uses the index. */
const walked = 1000

function searchOf({ pattern, metadata }: PaymentRequestFilter): RawBuilder<unknown> {
  const parts: RawBuilder<unknown>[] = []
  if (pattern !== undefined) parts.push(sql`and r.search like ${pattern}`)
  if (metadata) parts.push(sql`and r.metadata @> ${JSON.stringify(metadata)}::jsonb and r.metadata <> '{}'::jsonb`)
  return sql.join(parts, sql` `)
}

/** The condition for the index of grams; the rows that it finds are compared with the pattern. */
function foundBy(businessId: string, { pattern }: PaymentRequestFilter): RawBuilder<unknown> {
  return pattern === undefined ? sql`` : sql`and r.id in (${entriesWith(businessId, [pattern])})`
}

function boundsOf(businessId: string, { status, isDefault }: PaymentRequestFilter): RawBuilder<unknown> {
  const parts: RawBuilder<unknown>[] = [sql`r.business_id = ${businessId} and r.deleted_at is null`]
  if (status !== undefined) parts.push(sql`and r.status = ${status}`)
  if (status !== undefined && endings.has(status))
    parts.push(sql`and r.id in (select e.id from payment_request_endings e where e.business_id = ${businessId} and e.status = ${status})`)
  if (isDefault) parts.push(sql`and (r.channel in ('custom', 'link') or r.is_default)`)
  return sql.join(parts, sql` `)
}

const behind = (before: string | undefined) => (before === undefined ? sql`` : sql`and r.id < ${before}`)

/**
 * One page of a business's requests, newest first. A search scans the newest rows before it uses the index of grams,
 * which would have to collect every match of a common word (decision 0002).
 */
export async function listPaymentRequests(db: Db, businessId: string, options: ListOptions): Promise<PaymentRequestRow[]> {
  const { filter, before, skip, limit } = options
  const isSearch = filter.pattern !== undefined || filter.metadata !== undefined
  const newest = sql`order by r.id desc limit ${limit} offset ${skip}`
  if (!isSearch) {
    const { rows } = await sql<PaymentRequestRow>`select r.* from payment_requests r where ${boundsOf(businessId, filter)} ${behind(before)} ${newest}`.execute(
      db,
    )
    return rows
  }
  const first = await sql<PaymentRequestRow>`
    with recent as materialized (
      select r.* from payment_requests r where ${boundsOf(businessId, filter)} ${behind(before)} order by r.id desc limit ${walked}
    ) select r.* from recent r where true ${searchOf(filter)} ${newest}`.execute(db)
  if (first.rows.length >= limit) return first.rows
  const { rows } = await sql<PaymentRequestRow>`
    with found as materialized (
      select r.* from payment_requests r where ${boundsOf(businessId, filter)} ${behind(before)} ${foundBy(businessId, filter)} ${searchOf(filter)}
    ) select r.* from found r ${newest}`.execute(db)
  return rows
}

/** The first page of a list without a search, as a statement. */
export function firstPageOf(businessId: string, filter: PaymentRequestFilter, limit: number): RawBuilder<PaymentRequestRow> {
  return sql<PaymentRequestRow>`select r.* from payment_requests r where ${boundsOf(businessId, filter)} order by r.id desc limit ${limit}`
}

/** How many requests match a filter, counting no further than `most`. */
export async function countPaymentRequests(db: Db, businessId: string, filter: PaymentRequestFilter, most: number): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*)::int as count from (
      select 1 from payment_requests r where ${boundsOf(businessId, filter)} ${foundBy(businessId, filter)} ${searchOf(filter)} limit ${most}
    ) found`.execute(db)
  return rows[0]?.count ?? 0
}
