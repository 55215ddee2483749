import type { Kysely, Transaction } from 'kysely'
import type { DB } from '#foundation/database/tables.ts'
import { type Answer, type Claim, rememberAnswer } from './idempotency.ts'

/**
 * Runs a change in one transaction together with its idempotency record: what `change` writes, and the answer that a
 * retry will get, are committed or rolled back together. No network call may be made inside.
 */
export function writeOnce(db: Kysely<DB>, claim: Claim | undefined, at: Date, change: (tx: Transaction<DB>) => Promise<Answer>): Promise<Answer> {
  return db.transaction().execute(async (tx) => {
    const answer = await change(tx)
    if (claim) await rememberAnswer(tx, claim, answer, at)
    return answer
  })
}
