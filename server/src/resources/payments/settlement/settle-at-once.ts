import { placeability } from '#engine/events/place-at-once.ts'
import { isContention, isOutcomeUnknown } from '#foundation/database/database.ts'
import { groupCommit } from '#foundation/database/group-commit.ts'
import { storedAnswer } from '#foundation/http/idempotency.ts'
import { feeSchedules } from '#resources/payments/fees/fees.ts'
import { paidAtOnce, writePaid } from './settle-at-once-sql.ts'
import { afterOutcome, type Case, decide, type SettleDeps, type Settled, type Settlement, takeFees } from './settlement.ts'
import { eventsOf } from './settlement-events.ts'

/** A payment that is decided, with its answer, and waits to be written. */
interface Decided {
  one: Case
  settled: Settled
}

/** Whether a settlement is what nearly all are: money for a request that takes one payment, before anyone has looked twice. */
function isPlain({ charge, seen, outcome, also }: Settlement): boolean {
  if (!charge.isNew || !seen || outcome.status !== 'succeeded' || also) return false
  return seen.status === 'pending' && !seen.allow_repeated_payments && !(seen.send_email && charge.row.customer_email !== null)
}

/** What a settlement comes to if its request is still as it was seen; undefined where the money would not be applied. */
function decideFrom(settlement: Settlement, schedules: Awaited<ReturnType<typeof feeSchedules>>, deps: SettleDeps): Decided | undefined {
  const { charge: subject, seen, answered, outcome } = settlement
  if (!subject.isNew || !seen) return undefined
  const request = { ...seen }
  const charge = afterOutcome(subject.row, outcome, subject.row.updated_at)
  const one = decide(settlement, subject.row, charge, request, deps.now())
  if (!one.applied) return undefined
  takeFees(one, schedules)
  const settled: Settled = { charge, paymentRequest: request, changed: true, answer: undefined }
  if (answered) settled.answer = answered.answer(settled)
  return { one, settled }
}

type IsPlaceable = Awaited<ReturnType<typeof placeability>>

function writtenOf({ one, settled }: Decided, isPlaceable: IsPlaceable, deps: SettleDeps) {
  const claim = one.settlement.answered?.claim
  const answer = claim && settled.answer && storedAnswer(claim, one.charge.id, settled.answer)
  return paidAtOnce(one, eventsOf(one, [], deps), isPlaceable(one.charge.business_id, one.request?.id ?? ''), answer)
}

/**
 * Settles plain payments in one statement, which is one round trip and one commit for all that arrive together. What it
 * decides on was read without a lock, so the statement takes a request only while it has the version that was read, and
 * leaves out everything of a payment whose request has changed. For those, and for all that is not plain, the answer is
 * undefined, and the transaction that holds its rows while it decides (`settleCharges`) has the word. Decision 7.
 */
export function settleAtOnce(deps: SettleDeps): (settlement: Settlement) => Promise<Settled | undefined> {
  const { database, groupAcrossBusinesses } = deps

  async function write(settlements: Settlement[]): Promise<(Settled | undefined)[]> {
    const businessIds = [...new Set(settlements.map(({ business }) => business.id))]
    const [schedules, isPlaceable] = await Promise.all([feeSchedules(database.db, businessIds), placeability(database.db, businessIds)])
    const taken = new Set<string>()
    const decided = settlements.map((settlement) => {
      // A second payment of the same request is decided after the first is written.
      const id = settlement.seen?.id ?? ''
      const one = taken.has(id) ? undefined : decideFrom(settlement, schedules, deps)
      if (one) taken.add(id)
      return one
    })
    const written = await writePaid(
      database.writePool,
      decided.flatMap((one) => (one ? [writtenOf(one, isPlaceable, deps)] : [])),
    )
    return decided.map((one) => {
      const arePlaced = one && written.get(one.one.charge.id)
      return arePlaced === undefined ? undefined : { ...(one?.settled as Settled), arePlaced }
    })
  }

  const commit = groupCommit<Settlement, Settled | undefined>({
    async write(settlements) {
      try {
        return await write(settlements)
      } catch (error) {
        // Nothing was written; who may wait longer for a row is the transaction.
        if (isContention(error)) return settlements.map(() => undefined)
        throw error
      }
    },
    groupOf: groupAcrossBusinesses ? () => '' : ({ business }) => business.id,
    maxRows: 256,
    maxInFlight: 1,
    mayBeOneRow: (error) => !isOutcomeUnknown(error),
  })

  return async (settlement) => {
    if (!isPlain(settlement)) return undefined
    try {
      return await commit(settlement)
    } catch (error) {
      // A statement that was refused wrote nothing; the transaction finds out why, and says it as always.
      if (isOutcomeUnknown(error)) throw error
      return undefined
    }
  }
}
