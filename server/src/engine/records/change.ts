import { businessesWithEvents } from '#engine/events/emit-event.ts'
import type { Deps } from '#foundation/deps.ts'
import type { Answer } from '#foundation/http/idempotency.ts'
import type { Origin } from '#foundation/http/origin.ts'
import { writeOnce } from '#foundation/http/transaction.ts'
import type { Tx } from './kind.ts'

/**
 * Runs a write: what `run` changes, its events and the idempotency record of the origin commit together or not at all, and
 * the relay is woken after the commit where an event was appended. No network call may be made inside.
 */
export async function change(
  { database, onEvent }: Pick<Deps, 'database' | 'onEvent'>,
  { claim, at }: Pick<Origin, 'claim' | 'at'>,
  run: (tx: Tx) => Promise<Answer>,
): Promise<Answer> {
  let businesses: ReadonlySet<string> = new Set()
  const answer = await writeOnce(database.db, claim, at, async (tx) => {
    const made = await run(tx)
    businesses = businessesWithEvents(tx)
    return made
  })
  for (const businessId of businesses) onEvent(businessId)
  return answer
}
