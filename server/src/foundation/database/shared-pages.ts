import { type RawBuilder, sql } from 'kysely'
import type pg from 'pg'
import type { Cursor } from '#foundation/shared/cursor.ts'
import { type Database, isOutcomeUnknown } from './database.ts'
import { groupCommit } from './group-commit.ts'

/**
 * A list whose plain pages, without a search or a filter, are read together: what a page costs is its round trip more than
 * its rows. The parts are SQL, and all of them speak of the table by one alias.
 */
export interface PlainList {
  /** Names its prepared statements. */
  name: string
  /** The table with its alias and what is joined to it, such as `customers c`. */
  from: string
  alias: string
  /** What is selected of a row. */
  columns: string
  /** What every row of the list fulfils besides its business; begins with `and`. */
  within?: string
  /** The column that the list is ordered by, unique in a business, and its type. */
  key: 'id' | 'sequence'
  type: 'uuid' | 'bigint'
  /** Whether the list begins with the smallest key. */
  ascending?: boolean
  /** Whether `columns` is one text without line breaks: then a page travels as one text. */
  isText?: boolean
}

/** The rows of a business that follow a key, or that precede it: nearest first. */
export interface PlainPage {
  businessId: string
  /** Undefined for the page that the list begins with. */
  after: string | undefined
  backwards: boolean
  limit: number
}

/** The most rows that a page has: a hundred, and one that tells whether there are more. */
export const longestPage = 101
/** Pages that share a statement, and rows; a page of a hundred rows can be 2.5 MB. */
const mostPages = 16
const mostRows = 512

const lastUuid = 'ffffffff-ffff-ffff-ffff-ffffffffffff'

/** The statement for pages in one direction; where businesses may not share one, `$1` is the one whose pages they are. */
export function pagesText(list: PlainList, backwards: boolean, acrossBusinesses: boolean): string {
  const { from, alias, columns, within = '', key, type, ascending = false, isText = false } = list
  const isUp = ascending !== backwards
  const direction = isUp ? 'asc' : 'desc'
  const business = acrossBusinesses ? 'wanted.business_id' : '$1::uuid'
  const wanted = acrossBusinesses
    ? `unnest($1::uuid[], $2::${type}[], $3::int[]) with ordinality as wanted (business_id, after_key, size, place)`
    : `unnest($2::${type}[], $3::int[]) with ordinality as wanted (after_key, size, place)`
  // The constant limit tells the planner that few rows of the order are read; how many of them, each page says.
  const rows = `
    from (
      select ${columns}, ${alias}.${key} as page_key from ${from}
      where ${alias}.business_id = ${business} and ${alias}.${key} ${isUp ? '>' : '<'} wanted.after_key ${within}
      order by ${alias}.${key} ${direction} limit ${longestPage}
    ) page order by page_key ${direction} limit wanted.size`
  return isText
    ? `select array_to_string(array(select line ${rows}), E'\\n') as lines from ${wanted} order by place`
    : `select place::int4 as page_place, listed.* from ${wanted} cross join lateral (select page.* ${rows}) listed order by place, page_key ${direction}`
}

/**
 * A reader of a list's plain pages. Those that are requested while others are read share the next statement; without
 * others, a page is read immediately. A page that fails, or takes too long, fails alone.
 */
export function sharedPages<Row>(pool: pg.Pool, list: PlainList, acrossBusinesses: boolean): (page: PlainPage) => Promise<Row[]> {
  const beginning = list.ascending ? '0' : lastUuid
  const texts = [false, true].map((backwards) => ({ name: `${list.name}_${backwards ? 'back' : 'on'}`, text: pagesText(list, backwards, acrossBusinesses) }))
  return groupCommit<PlainPage, Row[]>({
    groupOf: ({ backwards, businessId }) => `${backwards}${acrossBusinesses ? '' : businessId}`,
    maxRows: mostPages,
    maxWeight: mostRows,
    weightOf: ({ limit }) => limit,
    maxInFlight: 2,
    mayBeOneRow: (error) => !isOutcomeUnknown(error),
    async write(pages) {
      const [first] = pages
      const businesses = acrossBusinesses ? pages.map(({ businessId }) => businessId) : first?.businessId
      const values = [businesses, pages.map(({ after }) => after ?? beginning), pages.map(({ limit }) => limit)]
      const { rows } = await pool.query({ ...texts[first?.backwards ? 1 : 0], values } as pg.QueryConfig)
      if (list.isText) return rows.map(({ lines }: { lines: string }) => (lines === '' ? [] : (lines.split('\n') as Row[])))
      const found: Row[][] = pages.map(() => [])
      for (const row of rows) found[row.page_place - 1]?.push(row)
      return found
    },
  })
}

/** A page of a list in the order of ids, newest first, or nearest to the cursor first. */
export interface KeysetPage {
  /** Further conditions, each of which begins with `and`; undefined for the plain list. */
  filter?: RawBuilder<unknown> | undefined
  cursor: Cursor | undefined
  limit: number
}

/** A reader of a list's pages, plain or filtered. Plain ones that are requested together share a statement. */
export function keysetPages<Row>({ slow, slowPool }: Pick<Database, 'slow' | 'slowPool'>, list: PlainList, acrossBusinesses: boolean) {
  const plainPage = sharedPages<Row>(slowPool, list, acrossBusinesses)
  return async (businessId: string, { filter, cursor, limit }: KeysetPage): Promise<Row[]> => {
    const backwards = cursor?.direction === 'previous'
    if (!filter) return plainPage({ businessId, after: cursor?.id, backwards, limit })
    const id = sql.ref(`${list.alias}.${list.key}`)
    const position = cursor ? sql`and ${id} ${backwards ? sql`>` : sql`<`} ${cursor.id}` : sql``
    const { rows } = await sql<Row>`
      select ${sql.raw(list.columns)} from ${sql.raw(list.from)} where ${sql.ref(`${list.alias}.business_id`)} = ${businessId} ${sql.raw(list.within ?? '')} ${filter} ${position}
      order by ${id} ${backwards ? sql`asc` : sql`desc`} limit ${limit}`.execute(slow)
    return rows
  }
}
