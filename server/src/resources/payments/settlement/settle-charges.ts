import type { Kysely } from 'kysely'
import { emitEvents } from '#engine/events/emit-event.ts'
import { post } from '#engine/ledger/post.ts'
import { isContention, isOutcomeUnknown } from '#foundation/database/database.ts'
import { groupCommit } from '#foundation/database/group-commit.ts'
import type { DB } from '#foundation/database/tables.ts'
import type { Deps } from '#foundation/deps.ts'
import { feeSchedules } from '#resources/payments/fees/fees.ts'
import { type Follower, notifyFollowers } from './followers.ts'
import { decideLocked, isLockedElsewhere, type LockedElsewhere, lockedElsewhere, lockSettlements } from './lock-settlements.ts'
import { type Case, type Settled, type Settlement, settledOf, takeFees, transfersOf } from './settlement.ts'
import { writeSettlements } from './write-settlements.ts'

export type { Settled, Settlement }

/** Records a rail's answer. Rejects with the reason if the settlement is refused, and nothing of it is written then. */
export type Settle = (settlement: Settlement) => Promise<Settled>

/** The result of one settlement of a batch. */
type Result = Settled | Error | LockedElsewhere

/**
 * Records rails' answers: charge, payment request, ledger, release, events and idempotency record in one transaction,
 * shared by whatever arrives at the same time. Every payment takes this path, whoever brings the money. A single-use request
 * accepts exactly one payment; a late, duplicate, short or over payment is recorded on its charge and not applied. Settling
 * a charge again changes nothing, except for a late success.
 *
 * A batch waits for no lock: a settlement whose rows are locked by another transaction is skipped, and goes into a batch
 * that waits, together with others like it. `followers` complete what the requests collect money for.
 */
export function settleCharges(deps: Deps, followers: readonly Follower[] = []): Settle {
  const { database, onEvent, groupAcrossBusinesses } = deps
  const group = {
    groupOf: groupAcrossBusinesses ? () => '' : ({ business }: Settlement) => business.id,
    // One at a time: several writers on one busy account are slower than one.
    maxInFlight: 1,
    mayBeOneRow: (error: unknown) => !isOutcomeUnknown(error),
  }
  const settle = settleAll(deps, followers)
  const together = groupCommit<Settlement, Result>({
    ...group,
    maxRows: 256,
    async write(settlements) {
      try {
        return await settle(database.write, settlements, { skipLocked: true })
      } catch (error) {
        // Nothing was written; the transaction that waits may wait longer for a lock.
        if (isContention(error)) return settlements.map(() => lockedElsewhere)
        throw error
      }
    },
  })
  const waiting = groupCommit<Settlement, Result>({
    ...group,
    maxRows: 32,
    mayWait: ({ origin, answer }) => answer !== undefined && origin.claim !== undefined,
    waitedTooLong: isContention,
    write: (settlements) => settle(database.db, settlements, { skipLocked: false }),
  })
  return async (settlement) => {
    const first = await together(settlement)
    const result = isLockedElsewhere(first) ? await waiting(settlement) : first
    if (isLockedElsewhere(result)) throw new Error('a charge that is to be settled, or its payment request, does not exist')
    if (result instanceof Error) throw result
    if (result.changed) onEvent(settlement.business.id)
    return result
  }
}

/** Settles a batch in one transaction: lock, decide, write, and the ledger last, so that its accounts are locked as briefly as possible. */
function settleAll(deps: Deps, followers: readonly Follower[]) {
  return (on: Kysely<DB>, settlements: Settlement[], { skipLocked }: { skipLocked: boolean }): Promise<Result[]> => {
    // Fetched on another connection while the transaction begins.
    const schedules = feeSchedules(
      deps.database.write,
      settlements.map(({ business }) => business.id),
    )
    schedules.catch(() => undefined)
    return on.transaction().execute(async (tx) => {
      const locked = await lockSettlements(tx, settlements, { skipLocked })
      const decided = settlements.map((settlement) => decideLocked(settlement, locked))
      const cases = decided.filter((one): one is Case => !(one instanceof Error) && !isLockedElsewhere(one))
      const changed = cases.filter((one) => one.changed)
      const feesOf = await schedules
      for (const one of changed) if (one.charge.status === 'succeeded') takeFees(one, feesOf)
      await writeSettlements(tx, cases, deps)
      await emitEvents(tx, await notifyFollowers(tx, followers, changed))
      await post(tx, changed.flatMap(transfersOf))
      return decided.map((one) => (one instanceof Error || isLockedElsewhere(one) ? one : settledOf(one)))
    })
  }
}
