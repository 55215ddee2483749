/** Two ways to find the rows of a searched list. */
export interface WalkOrIndex<Row> {
  /** Rows that the page needs, including those that it skips. */
  wanted: number
  skip: number
  /** Reads the list in its own order, at most `depth` rows, and returns the matches and how many rows it read. */
  walk: (depth: number) => Promise<{ rows: Row[]; scanned: number }>
  /** Finds every match through the search index. */
  index: () => Promise<Row[]>
}

const first = 1000
const atMost = 20_000

/**
 * Finds a page of a searched list: first by scanning the newest rows, which a common word fills quickly, and through the
 * index if the scan shows that the word is rare (decision 0002).
 */
export async function walkOrIndex<Row>({ wanted, skip, walk, index }: WalkOrIndex<Row>): Promise<Row[]> {
  const limit = wanted - skip
  const near = await walk(first)
  if (near.rows.length >= limit || near.scanned < first) return near.rows
  const found = skip + near.rows.length
  const depth = found > 0 ? Math.ceil((wanted / found) * first * 1.5) : Number.POSITIVE_INFINITY
  if (depth <= atMost) {
    const far = await walk(depth)
    if (far.rows.length >= limit || far.scanned < depth) return far.rows
  }
  return index()
}
