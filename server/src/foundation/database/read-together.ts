import { isOutcomeUnknown } from './database.ts'
import { groupCommit } from './group-commit.ts'

export interface ReadTogetherOptions<Key> {
  /** Keys of different groups never share a query (on Citus: the business). */
  groupOf?: ((key: Key) => string) | undefined
}

/**
 * A function that reads one thing in a query shared with whatever else is requested at the same time: while a query
 * is in flight, new requests join the next one; a lone reader waits for nothing. `read` returns a result for each key, in order.
 */
export function readTogether<Key, Value>(
  read: (keys: Key[]) => Promise<Value[]>,
  { groupOf = () => '' }: ReadTogetherOptions<Key> = {},
): (key: Key) => Promise<Value> {
  return groupCommit<Key, Value>({ write: read, groupOf, maxRows: 100, maxInFlight: 1, mayBeOneRow: (error) => !isOutcomeUnknown(error) })
}
