import { type RawBuilder, sql } from 'kysely'
import { idRange } from '#foundation/shared/ids.ts'
import { patternGrams } from '#foundation/shared/search-text.ts'

/** A payment request or a charge, and the numbers by which it is found. */
export interface SearchEntry {
  businessId: string
  id: string
  grams: number[]
}

/** The statement that writes entries; numbers that a row had before stay, since charges may still have its earlier words. */
export function newSearchGrams(entries: SearchEntry[]): RawBuilder<unknown> | undefined {
  if (entries.length === 0) return undefined
  return sql`
    insert into search_grams as known (business_id, id, grams)
    select business_id, id, grams::int4[] from unnest(${entries.map((one) => one.businessId)}::uuid[], ${entries.map((one) => one.id)}::uuid[],
      ${entries.map(({ grams }) => `{${grams}}`)}::text[]) as entry (business_id, id, grams)
    on conflict (business_id, id) do update set grams = array(select unnest(known.grams) union select unnest(excluded.grams))`
}

/** The statement that writes the entries of a grouped insert's `rows`, which have their numbers in `grams`. */
export const insertSearchGramsSql = (rows: string): string => `insert into search_grams (business_id, id, grams) select business_id, id, grams from ${rows}`

/** The ids of a business's entries that have the grams of all patterns. */
export function entriesWith(businessId: string, patterns: string[]): RawBuilder<unknown> {
  const grams = [...new Set(patterns.flatMap((pattern) => patternGrams(pattern, businessId)))]
  return sql`select id from search_grams where business_id = ${businessId} and grams @> ${`{${grams}}`}::int4[]`
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
