import { type RawBuilder, sql } from 'kysely'
import { idRange } from '#foundation/shared/ids.ts'
import { patternGrams } from '#foundation/shared/search-text.ts'
import { rowsSql } from './binary-arrays.ts'

/** A payment request or a charge, and the numbers by which it is found. */
export interface SearchEntry {
  businessId: string
  id: string
  grams: number[]
}

const columns = { business_id: 'uuid', id: 'uuid', grams: 'text' } as const

/** The statement that writes entries; numbers that a row had before stay, since charges may still have its earlier words. */
export function insertSearchGramsSql(entries: SearchEntry[]): RawBuilder<unknown> {
  // An array cannot be an element of an array, so it travels as text.
  const rows = entries.map(({ businessId, id, grams }) => ({ business_id: businessId, id, grams: `{${grams}}` }))
  return sql`
    insert into search_grams as known (business_id, id, grams)
    select business_id, id, grams::int4[] from ${rowsSql('entry', columns, rows)}
    on conflict (business_id, id) do update set grams = array(select unnest(known.grams) union select unnest(excluded.grams))`
}

/** The ids of a business's entries that have the grams of all patterns. */
export function entriesWith(businessId: string, patterns: string[]): RawBuilder<unknown> {
  const grams = [...new Set(patterns.flatMap((pattern) => patternGrams(pattern, businessId)))]
  return sql`select id from search_grams where business_id = ${businessId} and grams @> ${`{${grams}}`}::int4[]`
}

/** For charges, whose own ids no entry has: whether a pattern is a charge's id, or how one begins. */
export function hasIdLike(id: RawBuilder<unknown>, patterns: string[]): RawBuilder<unknown> {
  const ranges = patterns.flatMap((pattern) => idRange(pattern.slice(1, -1)) ?? [])
  return ranges.length === 0
    ? sql`false`
    : sql.join(
        ranges.map(({ from, to }) => sql`${id} between ${from} and ${to}`),
        sql` or `,
      )
}
