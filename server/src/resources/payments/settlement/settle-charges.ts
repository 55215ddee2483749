import type { Transaction } from 'kysely'
import { newEvents } from '#engine/events/emit-event.ts'
import { post } from '#engine/ledger/post.ts'
import { isOutcomeUnknown } from '#foundation/database/database.ts'
import { groupCommit } from '#foundation/database/group-commit.ts'
import { runTogether } from '#foundation/database/prepared.ts'
import type { DB } from '#foundation/database/tables.ts'
import { rememberAnswer } from '#foundation/http/idempotency.ts'
import { laterThan } from '#foundation/shared/time.ts'
import { insertMails, type MailRow } from '#resources/business/mails/queries.ts'
import { listCountedPayments } from '#resources/payments/charges/counted-payments.ts'
import { insertChargeGramsSql } from '#resources/payments/charges/gram-queries.ts'
import { type ChargeRow, insertChargesSql, lockCharges, updateChargesSql } from '#resources/payments/charges/queries.ts'
import { netOf } from '#resources/payments/charges/wire.ts'
import { feeSchedules } from '#resources/payments/fees/fees.ts'
import { deleteExpiriesSql, insertEndingsSql, lockPaymentRequests, updateStatusesSql } from '#resources/payments/payment-requests/queries.ts'
import { forgetChecks, scheduleChecks } from '#resources/payments/rails/check-queries.ts'
import { type ReceiptLinks, receiptUrl } from '#resources/payments/receipts/address.ts'
import { receiptMail } from '#resources/payments/receipts/letter.ts'
import { insertReleasesSql } from '#resources/payments/releases/queries.ts'
import { settleAtOnce } from './settle-at-once.ts'
import {
  afterOutcome,
  type Case,
  decide,
  final,
  isLateSuccess,
  isTerminalFailure,
  releasedAt,
  type SettleDeps,
  type Settled,
  type Settlement,
  takeFees,
  transfersOf,
} from './settlement.ts'
import { eventsOf } from './settlement-events.ts'

export type { SettleDeps, Settled, Settlement }

/**
 * Records what rails answered: charge, payment request, ledger, release, events and idempotency record in one transaction,
 * shared by whatever arrives at the same time. A single-use request takes exactly one payment; what comes late, twice,
 * short or over stays visible on its charge and is not applied. Settling a charge again changes nothing, but for money that
 * came after all.
 */
export function settleCharges(deps: SettleDeps): (settlement: Settlement) => Promise<Settled> {
  const { database, onEvent, groupAcrossBusinesses } = deps
  const commit = groupCommit<Settlement, Settled>({
    write(settlements) {
      // Asked for on a connection of their own, while the transaction begins.
      const schedules = feeSchedules(
        database.db,
        settlements.map(({ business }) => business.id),
      )
      schedules.catch(() => undefined)
      return database.db.transaction().execute((tx) => settleAll(tx, settlements, schedules, deps))
    },
    groupOf: groupAcrossBusinesses ? () => '' : ({ business }) => business.id,
    maxRows: 256,
    // One at a time: several writers on one busy account are slower than one.
    maxInFlight: 1,
    mayBeOneRow: (error) => !isOutcomeUnknown(error),
  })
  const atOnce = settleAtOnce(deps)
  return async (settlement) => {
    const settled = (await atOnce(settlement)) ?? (await commit(settlement))
    if (settled.changed) onEvent(settlement.business.id, settled.arePlaced)
    return settled
  }
}

type Schedules = ReturnType<typeof feeSchedules>

async function settleAll(tx: Transaction<DB>, settlements: Settlement[], schedules: Schedules, deps: SettleDeps): Promise<Settled[]> {
  const cases = await openCases(tx, settlements, deps)
  const schedule = await schedules
  for (const one of cases) if (one.changed && one.charge.status === 'succeeded') takeFees(one, schedule)
  const changed = cases.filter((one) => one.changed)
  const requests = new Map(changed.filter((one) => one.applied || isTerminalFailure(one)).map((one) => [one.request?.id, one.request]))
  const finished = [...requests.values()].filter((request) => request !== undefined)
  const expired = finished.filter(({ status, expires_at }) => status !== 'pending' && expires_at !== null)
  const charges = [
    insertChargesSql(changed.filter((one) => one.settlement.charge.isNew).map((one) => one.charge)),
    updateChargesSql(latestOfEach(changed.filter((one) => !one.settlement.charge.isNew).map((one) => one.charge))),
  ]
  // The events of a request that is paid again and again list its payments, with those of this batch.
  const areListed = changed.some(({ applied, request }) => applied && request?.allow_repeated_payments)
  if (areListed) await runTogether(tx, 'settle_charges', charges)
  const { statement: events } = newEvents(await eventsOfAll(tx, changed, deps))
  await runTogether(tx, 'settle', [
    ...(areListed ? [] : charges),
    updateStatusesSql(finished),
    insertEndingsSql(finished),
    deleteExpiriesSql(expired.map(({ business_id, id }) => ({ businessId: business_id, id }))),
    insertChargeGramsSql(changed.filter((one) => one.settlement.charge.isNew)),
    insertReleasesSql(changed.flatMap(releaseOf)),
    events,
  ])
  await keepAppointments(tx, changed)
  await insertMails(
    tx,
    changed.flatMap((one) => receiptOf(one, deps)),
  )
  const settled = cases.map((one): Settled => ({ charge: one.charge, paymentRequest: one.request, changed: one.changed, answer: undefined }))
  for (const [i, { answered, also }] of settlements.entries()) {
    const one = settled[i] as Settled
    await also?.(tx, one)
    if (!answered) continue
    one.answer = answered.answer(one)
    if (answered.claim) await rememberAnswer(tx, answered.claim, one.answer, deps.now())
  }
  // The ledger comes last, so that its accounts are held for as short as can be.
  await post(tx, changed.flatMap(transfersOf))
  return settled
}

/** Two answers for one charge may be settled together, a pending and a final one; its row is written once, as the last of them. */
function latestOfEach(charges: ChargeRow[]): ChargeRow[] {
  return [...new Map(charges.map((charge) => [charge.id, charge])).values()]
}

/** Reads and holds what the settlements are about, and decides each in turn. */
async function openCases(tx: Transaction<DB>, settlements: Settlement[], { now }: SettleDeps): Promise<Case[]> {
  const requestIdOf = ({ charge }: Settlement) => (charge.isNew ? charge.row.payment_request_id : charge.paymentRequestId)
  const requests = await lockPaymentRequests(
    tx,
    settlements.flatMap((one) => {
      const id = requestIdOf(one)
      return id === null ? [] : [{ businessId: one.business.id, id }]
    }),
  )
  const known = await lockCharges(
    tx,
    settlements.flatMap((one) => (one.charge.isNew ? [] : [{ businessId: one.business.id, id: one.charge.id }])),
  )
  return settlements.map((settlement) => {
    const before = settlement.charge.isNew ? settlement.charge.row : known.get(settlement.charge.id)
    if (!before) throw new Error('the charge to settle does not exist')
    const requestId = requestIdOf(settlement)
    const request = requestId === null ? undefined : requests.get(requestId)
    const isOver = final.has(before.status) && !isLateSuccess(before, settlement.outcome)
    if (!settlement.charge.isNew && (isOver || settlement.while?.(before) === false)) {
      return { settlement, before, charge: before, request, changed: false, applied: false, releaseDays: 0 }
    }
    const at = settlement.charge.isNew ? before.updated_at : laterThan(before.updated_at, now())
    const charge = afterOutcome(before, settlement.outcome, at)
    // A later settlement of the same charge in this batch sees this one's outcome.
    known.set(charge.id, charge)
    return decide(settlement, before, charge, request, now())
  })
}

function releaseOf(one: Case) {
  const { charge } = one
  const dueAt = charge.status === 'succeeded' ? releasedAt(one) : undefined
  return dueAt ? [{ businessId: charge.business_id, chargeId: charge.id, currency: charge.currency, amountMinor: netOf(charge), dueAt }] : []
}

/** Sets or drops the appointments at which rails are asked again. */
async function keepAppointments(tx: Transaction<DB>, cases: Case[]): Promise<void> {
  const keyOf = ({ charge }: Case) => ({ businessId: charge.business_id, id: charge.id })
  const open = cases.filter((one) => !final.has(one.charge.status))
  await scheduleChecks(
    tx,
    open.map((one) => {
      const { outcome } = one.settlement
      const seconds = 'checkAfterSeconds' in outcome ? outcome.checkAfterSeconds : 60
      return { ...keyOf(one), kind: 'charge', dueAt: new Date(one.charge.updated_at.getTime() + seconds * 1000) }
    }),
  )
  await forgetChecks(tx, cases.filter((one) => final.has(one.charge.status) && !one.settlement.charge.isNew).map(keyOf))
  // What came in twice is given back by a job, which begins at once.
  const twice = cases.filter((one) => one.charge.status === 'succeeded' && one.charge.unapplied_reason === 'duplicate')
  await scheduleChecks(
    tx,
    twice.map((one) => ({ ...keyOf(one), kind: 'duplicate', dueAt: one.charge.updated_at })),
  )
}

/** The payer's receipt, when the request asks for one and says where to. */
function receiptOf({ charge, request, settlement }: Case, { baseUrl, secretKey }: ReceiptLinks): MailRow[] {
  if (charge.status !== 'succeeded' || !request?.send_email || charge.customer_email === null) return []
  const address = receiptUrl(baseUrl(), secretKey(), settlement.business, charge.id)
  return [receiptMail(settlement.business, charge, charge.customer_email, address, charge.updated_at)]
}

async function eventsOfAll(tx: Transaction<DB>, cases: Case[], deps: SettleDeps): Promise<ReturnType<typeof eventsOf>> {
  const events: ReturnType<typeof eventsOf> = []
  for (const one of cases) {
    const { request, applied, settlement } = one
    const earlier = applied && request?.allow_repeated_payments ? await listCountedPayments(tx, settlement.business, request.id) : []
    events.push(...eventsOf(one, earlier, deps))
  }
  return events
}
