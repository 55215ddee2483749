/**
 * Group commit: rows of requests that arrive together share one statement and one durable commit.
 *
 * While a flush is in flight, new rows join the next one; there is no timer, so a lone request waits for nothing.
 * Each row keeps its own result and its own failure: when a statement fails, its rows are retried in halves, down to the
 * one that is at fault.
 */
export interface GroupCommitOptions<Row, Result> {
  /** Writes rows in one statement and returns one result for each, in their order. All or nothing. */
  write(rows: Row[]): Promise<Result[]>
  /** Rows of different groups never share a statement (on Citus: the business). */
  groupOf?: (row: Row) => string
  maxRows?: number
  /** What a row adds to its statement, and how much of that a statement accepts; a single row is sent whatever its weight. */
  weightOf?: (row: Row) => number
  maxWeight?: number
  /** Concurrent statements in each group. */
  maxInFlight?: number
  /**
   * Rows that may have to wait for another transaction (a key that is being claimed elsewhere). When the database
   * stops waiting, these are written one by one and the others together, so that nobody waits for someone else's key.
   */
  mayWait?: (row: Row) => boolean
  /** Whether an error means that the statement waited too long for a lock. */
  waitedTooLong?: (error: unknown) => boolean
  /** Whether an error may be the fault of one row; others (a lost connection) fail the whole flush immediately. */
  mayBeOneRow?: (error: unknown) => boolean
}

interface Waiting<Row, Result> {
  row: Row
  resolve(result: Result): void
  reject(error: unknown): void
}

interface Group<Row, Result> {
  queue: Waiting<Row, Result>[]
  inFlight: number
  scheduled: boolean
}

/** A function that writes one row together with whatever else arrives at the same time. */
export function groupCommit<Row, Result>(options: GroupCommitOptions<Row, Result>): (row: Row) => Promise<Result> {
  const { write, groupOf = () => '', maxRows = 256, maxInFlight = 1, mayBeOneRow = () => true, mayWait = () => false, waitedTooLong = () => false } = options
  const { weightOf, maxWeight = Number.POSITIVE_INFINITY } = options
  const groups = new Map<string, Group<Row, Result>>()

  async function flush(rows: Waiting<Row, Result>[]): Promise<void> {
    try {
      const results = await write(rows.map(({ row }) => row))
      if (results.length !== rows.length) throw new Error(`a group commit of ${rows.length} rows answered for ${results.length}`)
      rows.forEach((waiting, i) => {
        waiting.resolve(results[i] as Result)
      })
    } catch (error) {
      if (rows.length === 1 || !mayBeOneRow(error)) {
        for (const { reject } of rows) reject(error)
        return
      }
      if (waitedTooLong(error)) {
        const calm = rows.filter(({ row }) => !mayWait(row))
        if (calm.length > 0 && calm.length < rows.length) await flush(calm)
        for (const waiting of calm.length < rows.length ? rows.filter(({ row }) => mayWait(row)) : []) await flush([waiting])
        if (calm.length < rows.length) return
      }
      const half = Math.ceil(rows.length / 2)
      await flush(rows.slice(0, half))
      await flush(rows.slice(half))
    }
  }

  /** How many rows at the head of a queue are written together. */
  function batchOf(queue: Waiting<Row, Result>[]): number {
    if (!weightOf) return maxRows
    let count = 0
    for (let weight = 0; count < Math.min(maxRows, queue.length); count++) {
      weight += weightOf((queue[count] as Waiting<Row, Result>).row)
      if (weight > maxWeight && count > 0) break
    }
    return count
  }

  function pump(name: string, group: Group<Row, Result>): void {
    group.scheduled = false
    while (group.queue.length > 0 && group.inFlight < maxInFlight) {
      const rows = group.queue.splice(0, batchOf(group.queue))
      group.inFlight += 1
      void flush(rows).finally(() => {
        group.inFlight -= 1
        if (group.queue.length > 0) pump(name, group)
        else if (group.inFlight === 0) groups.delete(name)
      })
    }
  }

  return (row) =>
    new Promise((resolve, reject) => {
      const name = groupOf(row)
      let group = groups.get(name)
      if (!group) {
        group = { queue: [], inFlight: 0, scheduled: false }
        groups.set(name, group)
      }
      group.queue.push({ row, resolve, reject })
      if (group.scheduled || group.inFlight >= maxInFlight) return
      group.scheduled = true
      // After the sockets that are readable now have been read: their rows belong together.
      setImmediate(pump, name, group)
    })
}
