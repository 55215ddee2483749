import { type RawBuilder, sql } from 'kysely'
import { endOfTime, idsOf, keysOfTime, shortestTime, timeOf } from '#foundation/shared/id-times.ts'
import type { Db } from './database.ts'
import { runPrepared } from './prepared.ts'
import { type Frequencies, type GramColumn, type GramQuestion, gramFrequencies } from './search-grams.ts'

type Sql = RawBuilder<unknown>

/** A list and what is searched in it, as the parts of its statements; all of them use one alias for its table. */
export interface SearchedList {
  /** Names the statements of a list that has few forms: those whose plans do not depend on what is looked for are prepared. */
  name?: string
  /** The table with its alias, such as `customers c`. */
  table: Sql
  alias: string
  /** What is selected of the rows of a page. */
  columns: Sql
  /** Names the business: `c.business_id = …`. */
  business: Sql
  /** Further conditions of every row of the list; each starts with `and`. */
  within: Sql
  /** What makes a row a match; undefined for a list without a search. */
  matches?: Sql | undefined
  /** An index of grams that finds matches; `knowsTimes` if it contains the ids of the list's own rows, so that it can be limited to those of a time. */
  grams?: { column: GramColumn; knowsTimes: boolean; foundSql: (question: GramQuestion) => Sql } | undefined
  /** What rows are ordered by before their ids. */
  sortKey?: Sql | undefined
  descending: boolean
  skip: number
  limit: number
}

/** Rows of the list's own order that a search compares first, and at most where these promise a full page. */
const walked = 1_000
const walkedAtMost = 8_000
/** Matches that are collected in one look at the index: more than a page needs, and no more than an answer can wait for. */
const collected = 2_000

/**
 * One page of a list (decision 2). A search compares the newest rows first, since a common word fills a page within a few
 * of them. Where it does not, the index is searched for the matches of a time near the beginning, then for all.
 */
export async function searchedPage<Row>(db: Db, list: SearchedList): Promise<Row[]> {
  if (!list.matches) return alwaysPlannedAlike<Row>(db, list, plainPageSql(list))
  const near = await alwaysPlannedAlike<Row>(db, list, walkSql(list, walked))
  if (near.length === list.limit) return near
  const edges = await edgesOf(db, list)
  if (!edges) return near
  return list.grams?.knowsTimes && !list.sortKey ? pageByTimes<Row>(db, list, near.length, edges) : pageByDepth<Row>(db, list, near.length)
}

async function rowsOf<Row>(db: Db, statement: Sql): Promise<Row[]> {
  return (await statement.execute(db)).rows as Row[]
}

async function alwaysPlannedAlike<Row>(db: Db, { name }: SearchedList, statement: Sql): Promise<Row[]> {
  return name === undefined ? rowsOf<Row>(db, statement) : (await runPrepared<Row>(db, name, statement as RawBuilder<Row>)).rows
}

const idOf = ({ alias }: SearchedList) => sql.ref(`${alias}.id`)

function orderOf(list: SearchedList): Sql {
  const direction = list.descending ? sql`desc` : sql`asc`
  return list.sortKey ? sql`${list.sortKey} ${direction}, ${idOf(list)} ${direction}` : sql`${idOf(list)} ${direction}`
}

/** A page of all rows, as a statement. */
export function plainPageSql(list: SearchedList): Sql {
  const { table, columns, business, within, skip, limit } = list
  return sql`select ${columns} from ${table} where ${business} ${within} order by ${orderOf(list)} limit ${limit} offset ${skip}`
}

/** A page of the matches among the first rows. */
function walkSql(list: SearchedList, depth: number): Sql {
  const { table, alias, columns, business, within, matches, skip, limit } = list
  const name = sql.ref(alias)
  return sql`
    select ${columns} from (select ${name}.* from ${table} where ${business} ${within} order by ${orderOf(list)} limit ${sql.lit(depth)}) ${name}
    where true ${matches} order by ${orderOf(list)} limit ${limit} offset ${skip}`
}

interface Edges {
  first: string
  last: string
}

/** The first of the rows that were walked, and the last; undefined when these are all. */
async function edgesOf(db: Db, list: SearchedList): Promise<Edges | undefined> {
  const { table, business, within } = list
  const at = (place: number) => sql`(select ${idOf(list)} from ${table} where ${business} ${within} order by ${orderOf(list)} limit 1 offset ${sql.lit(place)})`
  const [edges] = await alwaysPlannedAlike<{ first: string | null; last: string | null }>(db, list, sql`select ${at(0)} as first, ${at(walked - 1)} as last`)
  return edges?.first && edges.last ? { first: edges.first, last: edges.last } : undefined
}

/** Walks on while what was found so far promises a full page; then all matches are collected. */
async function pageByDepth<Row>(db: Db, list: SearchedList, found: number): Promise<Row[]> {
  const { skip, limit } = list
  for (let [depth, matches] = [walked, found]; ; ) {
    // A little more than that, for luck.
    const needed = Math.ceil(((skip + limit) / (skip + matches)) * depth * 1.5)
    if (!(needed > depth && needed <= walkedAtMost)) break
    const rows = await rowsOf<Row>(db, walkSql(list, needed))
    if (rows.length === limit) return rows
    depth = needed
    matches = rows.length
  }
  return rowsOf<Row>(db, indexSql(list, { collect: undefined, time: undefined, frequencies: await frequenciesOf(db, list) }))
}

/** A part of the list that is looked up in the index: how many matches are collected, and of which time. */
interface Look {
  collect: number | undefined
  time: { from: number; until: number } | undefined
  frequencies: Frequencies
}

const frequenciesOf = async (db: Db, { grams }: SearchedList): Promise<Frequencies> => (grams ? gramFrequencies(db, grams.column) : new Map())

/** A page of the matches that the index finds; `collected` tells whether there may be more than those. */
function indexSql(list: SearchedList, { collect, time, frequencies }: Look): Sql {
  const { table, columns, business, within, matches, grams, sortKey, skip, limit } = list
  const key = sortKey ? sql`, ${sortKey} as sort_key` : sql``
  const bounds = time ? idsOf(time.from, time.until) : undefined
  const between = bounds ? sql`and ${idOf(list)} between ${bounds.lowest} and ${bounds.highest}` : sql``
  const candidates = grams?.foundSql({ frequencies, beginnings: time && keysOfTime(time.from, time.until) }) ?? sql``
  const direction = list.descending ? sql`desc` : sql`asc`
  // As a set, so that the planner asks the index and not the list's order.
  return sql`
    with found as materialized (
      select ${idOf(list)} ${key} from ${table} where ${business} ${within} ${candidates} ${matches} ${between} ${collect === undefined ? sql`` : sql`limit ${collect}`}
    )
    select ${columns}, (select count(*)::int from found) as collected from ${table}
    where ${business} and ${idOf(list)} in (select id from found order by ${sortKey ? sql`sort_key ${direction},` : sql``} id ${direction} limit ${limit} offset ${skip})
    order by ${orderOf(list)}`
}

/** How many times as many rows are looked up as have a page of matches, if those are spread as what was found. */
const ample = 5
/** Rows beyond which the times of a question cost more than the grams of all rows. */
const longest = 500_000

/**
 * Asks the index for the matches of a time that begins with the list, wide enough for a page by what was found before, and
 * for all where nearly nothing was. Where more are found than are collected, the page's matches are nearer: the time between
 * what is known to have too few and what has too many is halved, in powers.
 */
async function pageByTimes<Row>(db: Db, list: SearchedList, found: number, edges: Edges): Promise<Row[]> {
  const { skip, limit, descending } = list
  const begin = timeOf(edges.first)
  const whole = descending ? begin : endOfTime - begin
  const perWalk = Math.max(1, Math.abs(timeOf(edges.last) - begin))
  const collect = Math.max(collected, 2 * (skip + limit))
  const frequencies = await frequenciesOf(db, list)
  const look = async (width: number, most: number | undefined) => {
    const time = width < whole ? { from: descending ? begin - width : begin, until: descending ? begin : begin + width } : undefined
    const rows = await rowsOf<Row & { collected: number }>(db, indexSql(list, { collect: most, time, frequencies }))
    const matches = rows[0]?.collected ?? 0
    return { rows, matches, isCut: most !== undefined && matches >= most }
  }
  const times = (matches: number) => (ample * (skip + limit)) / matches
  let tooShort = perWalk
  let tooLong = Number.POSITIVE_INFINITY
  const longer = (width: number) => ((width / perWalk) * walked > longest ? whole : width)
  let width = longer(perWalk * Math.max(ample, times(skip + found + 1)))
  for (;;) {
    const isNear = tooLong / tooShort <= 2
    const { rows, matches, isCut } = await look(width, isNear || width <= shortestTime ? undefined : collect)
    if (!isCut && (isNear || width >= whole || rows.length === limit)) return rows
    if (isCut) tooLong = Math.min(width, whole)
    else tooShort = width
    if (tooLong < Number.POSITIVE_INFINITY) width = tooLong / tooShort <= 2 ? tooLong : Math.sqrt(tooLong * tooShort)
    else width = longer(matches > 0 ? width * times(matches) : whole)
  }
}
