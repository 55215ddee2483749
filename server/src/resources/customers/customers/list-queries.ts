import { type RawBuilder, sql } from 'kysely'
import type { Database } from '#foundation/database/database.ts'
import { type GramColumn, type GramQuestion, hasGramsSql } from '#foundation/database/search-grams.ts'
import { type SearchedList, searchedPage } from '#foundation/database/searched-list.ts'
import { sharedPages } from '#foundation/database/shared-pages.ts'
import type { Cursor } from '#foundation/shared/cursor.ts'
import { type CustomerJson, createdMs, shownJson, updatedMs } from './queries.ts'

/** A number as it may have been sent, or in E.164. */
export interface PhoneSpelling {
  column: 'phone_number' | 'phone_number_e164'
  number: string
  pattern: string
}

export interface CustomerFilter {
  /** LIKE patterns over the search text; all must match. */
  patterns: string[]
  email?: string
  /** Spellings of one phone number, each with a pattern that finds it in the search text. */
  phone?: PhoneSpelling[]
  externalId?: string
  metadata?: Record<string, string>
  /** Bounds of ids: an id begins with the time of its creation. */
  idFrom?: string
  idBefore?: string
}

export type CustomerOrder = 'created_at desc' | 'created_at asc' | 'name asc' | 'name desc'

export interface ListedCustomers {
  filter: CustomerFilter
  order: CustomerOrder
  cursor: Cursor | undefined
  skip: number
  limit: number
}

export interface ListedCustomer extends Omit<CustomerJson, 'version'> {
  /** The value that the list is ordered by, for the cursor; empty where it is the id. */
  sort_key: string
}

/** Pages of the list's own order without a filter; a row is a line of its times and its JSON, which has no line breaks. */
const newestFirst = {
  name: 'list_customers',
  from: 'customers c',
  alias: 'c',
  columns: `${createdMs} || ' ' || ${updatedMs} || ' ' || ${shownJson} as line`,
  key: 'id',
  type: 'uuid',
  isText: true,
} as const

/** A row's JSON begins with its id. */
const idFrom = '{"id":"'.length
const idUntil = idFrom + 36

function customerOf(line: string): ListedCustomer {
  const first = line.indexOf(' ')
  const second = line.indexOf(' ', first + 1)
  const json = line.slice(second + 1)
  return { id: json.slice(idFrom, idUntil), json, created_ms: Number(line.slice(0, first)), updated_ms: Number(line.slice(first + 1, second)), sort_key: '' }
}

/**
 * Pages of a business's customers, in the requested order (reversed when the cursor points back). Plain ones that are
 * requested together share a statement.
 */
export function customerLists(
  { slow: db, slowPool }: Database,
  acrossBusinesses: boolean,
): (businessId: string, options: ListedCustomers) => Promise<ListedCustomer[]> {
  const plainPage = sharedPages<string>(slowPool, newestFirst, acrossBusinesses)
  return async (businessId, options) => {
    const { filter, order, cursor, skip, limit } = options
    const { patterns, ...others } = filter
    if (patterns.length === 0 && Object.keys(others).length === 0 && order === 'created_at desc' && skip === 0) {
      const lines = await plainPage({ businessId, after: cursor?.id, backwards: cursor?.direction === 'previous', limit })
      return lines.map(customerOf)
    }
    return searchedPage<ListedCustomer>(db, listOf(businessId, options))
  }
}

const collated = sql`coalesce(c.name, '') collate "und-x-icu"`

function listOf(businessId: string, { filter, order, cursor, skip, limit }: ListedCustomers): SearchedList {
  const { patterns, phone, metadata, email, externalId } = filter
  const isByName = order.startsWith('name')
  const isUp = order.endsWith('asc') === (cursor?.direction !== 'previous')
  const search = patterns.length > 0 || phone || metadata ? matchesSql(filter) : undefined
  // An address or an id of the merchant's has few customers, which are all compared.
  const isSearch = search && email === undefined && externalId === undefined
  return {
    name: 'list_customers_filtered',
    table: sql`customers c`,
    alias: 'c',
    columns: sql.raw(
      `c.id, ${isByName ? "coalesce(c.name, '')" : "''"} as sort_key, ${shownJson} as json, ${createdMs} as created_ms, ${updatedMs} as updated_ms`,
    ),
    business: sql`c.business_id = ${businessId}`,
    within: sql`${boundsSql(filter)} ${positionSql(isByName, isUp, cursor)} ${isSearch || !search ? sql`` : search}`,
    matches: isSearch ? search : undefined,
    grams: patterns.length > 0 || phone ? { column: grams, knowsTimes: true, foundSql: (question) => foundSql(filter, businessId, question) } : undefined,
    sortKey: isByName ? collated : undefined,
    descending: !isUp,
    skip,
    limit,
  }
}

function positionSql(isByName: boolean, isUp: boolean, cursor: Cursor | undefined): RawBuilder<unknown> {
  if (!cursor) return sql``
  const comparison = isUp ? sql`>` : sql`<`
  if (isByName) return sql`and (${collated}, c.id) ${comparison} (${cursor.key}, ${cursor.id}::uuid)`
  return sql`and c.id ${comparison} ${cursor.id}`
}

function matchesSql({ patterns, phone, metadata }: CustomerFilter): RawBuilder<unknown> {
  const parts: RawBuilder<unknown>[] = patterns.map((pattern) => sql`and c.search like ${pattern}`)
  if (phone) {
    const spellings = phone.map(({ column, number, pattern }) => sql`c.search like ${pattern} and ${sql.ref(`c.${column}`)} = ${number}`)
    parts.push(sql`and (${sql.join(spellings, sql` or `)})`)
  }
  if (metadata) parts.push(sql`and c.metadata @> ${JSON.stringify(metadata)}::jsonb and c.metadata <> '{}'::jsonb`)
  return sql.join(parts, sql` `)
}

function boundsSql({ email, externalId, idFrom, idBefore }: CustomerFilter): RawBuilder<unknown> {
  const parts: RawBuilder<unknown>[] = []
  if (email !== undefined) parts.push(sql`and lower(c.email collate "C") = lower(${email}::text collate "C")`)
  if (externalId !== undefined) parts.push(sql`and c.external_id = ${externalId}`)
  if (idFrom) parts.push(sql`and c.id >= ${idFrom}`)
  if (idBefore) parts.push(sql`and c.id < ${idBefore}`)
  return sql.join(parts, sql` `)
}

const grams: GramColumn = { table: 'customers', column: 'search_grams' }

/** What the index of grams is asked; rows that it finds are compared with the patterns themselves. */
function foundSql({ patterns, phone }: CustomerFilter, businessId: string, question: GramQuestion): RawBuilder<unknown> {
  const has = (wanted: string[]) => hasGramsSql(sql`c.search_grams`, sql`c.id`, businessId, wanted, question)
  const parts: RawBuilder<unknown>[] = []
  if (patterns.length > 0) parts.push(sql`and ${has(patterns)}`)
  if (phone)
    parts.push(
      sql`and (${sql.join(
        phone.map(({ pattern }) => has([pattern])),
        sql` or `,
      )})`,
    )
  return sql.join(parts, sql` `)
}
