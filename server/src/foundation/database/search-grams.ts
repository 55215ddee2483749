import { type RawBuilder, sql } from 'kysely'
import { beginnings } from '#foundation/shared/id-times.ts'
import { idRange } from '#foundation/shared/ids.ts'
import { patternGrams } from '#foundation/shared/search-text.ts'
import { rowsSql } from './binary-arrays.ts'
import type { Db } from './database.ts'

/** A payment request or a charge, and the numbers by which it is found. */
export interface SearchEntry {
  businessId: string
  id: string
  grams: number[]
}

const columns = { business_id: 'uuid', id: 'uuid', grams: 'text' } as const

/** The statement that writes entries; a row keeps its earlier numbers, since charges may still have its earlier words. */
export function insertSearchGramsSql(entries: SearchEntry[]): RawBuilder<unknown> {
  // An array cannot be an element of an array, so it travels as text.
  const rows = entries.map(({ businessId, id, grams }) => ({ business_id: businessId, id, grams: `{${grams}}` }))
  return sql`
    insert into search_grams as known (business_id, id, grams)
    select business_id, id, grams::int4[] from ${rowsSql('entry', columns, rows)}
    on conflict (business_id, id) do update set grams = array(select unnest(known.grams) union select unnest(excluded.grams))`
}

/** The statement that writes the entries of a grouped insert's `rows`, which have their numbers in `grams`. */
export const insertSearchGramsOfRowsSql = (rows: string): string =>
  `insert into search_grams (business_id, id, grams) select business_id, id, grams from ${rows}`

/** Where grams are stored: in the row itself, or in the table of entries. */
export interface GramColumn {
  table: string
  column: string
}

export const entryGrams: GramColumn = { table: 'search_grams', column: 'grams' }

export type Frequencies = ReadonlyMap<number, number>

const freshMs = 600_000
/** By database and table: when the statistics were last read, and what they said. */
const statistics = new WeakMap<Db, Map<string, { askedAt: number; frequencies: Promise<Frequencies> }>>()

async function readFrequencies(db: Db, { table, column }: GramColumn): Promise<Frequencies> {
  const { rows } = await sql<{ grams: number[] | null; frequencies: number[] | null }>`
    select most_common_elems::text::int4[] as grams, most_common_elem_freqs as frequencies from pg_stats
    where schemaname = 'hawker' and tablename = ${table} and attname = ${column} and not inherited`.execute(db)
  const { grams, frequencies } = rows[0] ?? {}
  return new Map(grams?.map((gram, i) => [gram, frequencies?.[i] ?? 0]))
}

/**
 * How frequent the most common grams are, as the share of rows that have each, from the database's own statistics. They are
 * read again every ten minutes, while the earlier ones stay in use. Empty if there are none.
 */
export function gramFrequencies(db: Db, column: GramColumn): Promise<Frequencies> {
  const known = statistics.get(db) ?? new Map<string, { askedAt: number; frequencies: Promise<Frequencies> }>()
  statistics.set(db, known)
  const kept = known.get(column.table)
  if (kept && performance.now() - kept.askedAt < freshMs) return kept.frequencies
  const earlier = kept?.frequencies ?? Promise.resolve<Frequencies>(new Map())
  const frequencies = readFrequencies(db, column).catch(() => earlier)
  known.set(column.table, { askedAt: performance.now(), frequencies: kept ? kept.frequencies : frequencies })
  if (!kept) return frequencies
  void frequencies.then((fresh) => known.set(column.table, { askedAt: performance.now(), frequencies: Promise.resolve(fresh) }))
  return kept.frequencies
}

/** The inputs of a lookup in an index of grams. */
export interface GramQuestion {
  /** How frequent grams are, so that the rarest are looked up. */
  frequencies: Frequencies
  /** Only rows whose ids have one of these prefixes (`keysOfTime`). */
  beginnings?: string[] | undefined
}

const beginningsSql = (id: RawBuilder<unknown>) => sql`(array[${sql.join(beginnings.map((length) => sql`left(${id}::text, ${sql.lit(length)}) collate "C"`))}])`

/** The condition that a column contains all grams of some patterns, in the expression of its index; `id` is the row's. */
export function hasGramsSql(
  grams: RawBuilder<unknown>,
  id: RawBuilder<unknown>,
  businessId: string,
  patterns: string[],
  question: GramQuestion,
): RawBuilder<unknown> {
  const wanted = new Set(patterns.flatMap((pattern) => patternGrams(pattern, businessId, (gram) => question.frequencies.get(gram))))
  const inTime = question.beginnings ? sql`and ${beginningsSql(id)} && ${question.beginnings}::text[]` : sql``
  return sql`${grams} @> ${`{${[...wanted]}}`}::int4[] ${inTime}`
}

/** The ids of a business's entries that contain the grams of all patterns. */
export function entriesSql(businessId: string, patterns: string[], question: GramQuestion): RawBuilder<unknown> {
  return sql`select id from search_grams where business_id = ${businessId} and ${hasGramsSql(sql`grams`, sql`id`, businessId, patterns, question)}`
}

/** For charges, whose own ids no entry has: whether a pattern is a charge's id or the start of one. */
export function hasIdLike(id: RawBuilder<unknown>, patterns: string[]): RawBuilder<unknown> {
  const ranges = patterns.flatMap((pattern) => idRange(pattern.slice(1, -1)) ?? [])
  return ranges.length === 0
    ? sql`false`
    : sql.join(
        ranges.map(({ from, to }) => sql`${id} between ${from} and ${to}`),
        sql` or `,
      )
}
