import type { Transaction } from 'kysely'
import { type Callback, type NewEvent, newEvents } from '../../engine/events/emit-event.ts'
import { post, type Transfer } from '../../engine/ledger/post.ts'
import type { Outcome } from '../../engine/rails/rail.ts'
import { type Database, isOutcomeUnknown } from '../../foundation/database/database.ts'
import { groupCommit } from '../../foundation/database/group-commit.ts'
import { runTogether } from '../../foundation/database/prepared.ts'
import type { DB } from '../../foundation/database/tables.ts'
import type { Business } from '../../foundation/http/authentication.ts'
import { type Answer, type Claim, rememberAnswer } from '../../foundation/http/idempotency.ts'
import { formatAmount } from '../../foundation/shared/money.ts'
import { laterThan, type Now } from '../../foundation/shared/time.ts'
import { insertMails, type MailRow } from '../mails/queries.ts'
import { receiptMail } from '../mails/receipt.ts'
import { changedStatuses, endedExpiries, lockPaymentRequests, type PaymentRequestRow } from '../payment-requests/queries.ts'
import { type Payment, presentPaymentRequest } from '../payment-requests/wire.ts'
import { presentChargeEvent, presentPayment } from './event-wire.ts'
import { feeOn, feeSchedules } from './fees.ts'
import {
  type ChargeRow,
  changedCharges,
  forgetChecks,
  listPayments,
  lockCharges,
  newCharges,
  newReleases,
  scheduleChecks,
  type UnappliedReason,
} from './queries.ts'

export interface SettleDeps {
  database: Database
  now: Now
  /** Called after a commit that appended an event. */
  onEvent: (businessId: string) => void
  baseUrl: () => string
  groupAcrossBusinesses: boolean
}

/** One attempt and what its rail said of it. */
export interface Settlement {
  business: Business
  /** A charge that is not written yet (a local rail's), or the id of one that is. */
  charge: { isNew: true; row: ChargeRow } | { isNew: false; id: string; paymentRequestId: string | null }
  outcome: Outcome
  /** Asked of the charge once its row is held: false when the outcome no longer fits, and then nothing changes. */
  while?: (charge: ChargeRow) => boolean
  requestId: string | null
  /** The request whose answer is stored with the effect. */
  answered?: { claim: Claim | undefined; answer: (settled: Settled) => Answer }
  /** More that belongs into the same transaction: what a bank's credit becomes. */
  also?: (tx: Transaction<DB>, settled: Settled) => Promise<void>
}

/** What became of a settlement. */
export interface Settled {
  charge: ChargeRow
  paymentRequest: PaymentRequestRow | undefined
  /** False when the charge had its outcome before, or the settlement no longer fitted; nothing was changed then. */
  changed: boolean
  answer: Answer | undefined
}

/** A settlement under way in its transaction. */
interface Case {
  settlement: Settlement
  before: ChargeRow
  charge: ChargeRow
  request: PaymentRequestRow | undefined
  changed: boolean
  /** Whether the money counts towards the request. */
  applied: boolean
  releaseDays: number
}

const final = new Set(['succeeded', 'failed', 'canceled', 'refunded', 'partially_refunded'])

/** Why money that has come does not count towards its request; null when it does. */
function unapplied(request: PaymentRequestRow, charge: ChargeRow): UnappliedReason | null {
  if (request.status === 'completed' && !request.allow_repeated_payments) return 'duplicate'
  if (request.deleted_at !== null || (request.status !== 'pending' && request.status !== 'completed')) return 'late'
  if (request.expires_at !== null && charge.created_at > request.expires_at) return 'late'
  if (request.amount_minor === null) return null
  const expected = request.amount_minor + charge.admin_fee_minor
  if (charge.amount_minor === expected) return null
  return charge.amount_minor < expected ? 'short' : 'over'
}

/** A charge after its rail's answer, without fees. */
function afterOutcome(before: ChargeRow, outcome: Outcome, at: Date): ChargeRow {
  const reference = outcome.reference ?? before.rail_reference
  const card = 'card' in outcome && outcome.card ? outcome.card : before.card
  const kept = { ...before, rail_reference: reference, card, rail_data: outcome.data ?? before.rail_data, updated_at: at }
  if (outcome.status === 'succeeded') return { ...kept, status: 'succeeded', closed_at: at }
  if (outcome.status === 'failed')
    return { ...kept, status: outcome.canceled ? 'canceled' : 'failed', failure_code: outcome.code, failure_message: outcome.message, closed_at: at }
  return { ...kept, status: outcome.status === 'pending' ? 'pending' : 'requires_customer_action' }
}

/**
 * Records what rails answered: charge, payment request, ledger, release, events and idempotency record in one transaction,
 * shared by whatever arrives at the same time. A single-use request takes exactly one payment; what comes late, twice,
 * short or over stays visible on its charge and is not applied. Settling a charge again changes nothing.
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
  return async (settlement) => {
    const settled = await commit(settlement)
    if (settled.changed) onEvent(settlement.business.id)
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
    newCharges(changed.filter((one) => one.settlement.charge.isNew).map((one) => one.charge)),
    changedCharges(latestOfEach(changed.filter((one) => !one.settlement.charge.isNew).map((one) => one.charge))),
  ]
  // The events of a request that is paid again and again list its payments, with those of this batch.
  const areListed = changed.some(({ applied, request }) => applied && request?.allow_repeated_payments)
  if (areListed) await runTogether(tx, 'settle_charges', charges)
  const { statement: events } = newEvents(await eventsOf(tx, changed, deps))
  await runTogether(tx, 'settle', [
    ...(areListed ? [] : charges),
    changedStatuses(finished),
    endedExpiries(expired.map(({ business_id, id }) => ({ businessId: business_id, id }))),
    newReleases(changed.filter((one) => one.charge.status === 'succeeded' && one.releaseDays > 0).map(releaseOf)),
    events,
  ])
  await keepAppointments(tx, changed)
  await insertMails(tx, changed.flatMap(receiptOf))
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
    if (!before) throw new Error('a charge that is to be settled does not exist')
    const requestId = requestIdOf(settlement)
    const request = requestId === null ? undefined : requests.get(requestId)
    if (!settlement.charge.isNew && (final.has(before.status) || settlement.while?.(before) === false)) {
      return { settlement, before, charge: before, request, changed: false, applied: false, releaseDays: 0 }
    }
    const at = settlement.charge.isNew ? before.updated_at : laterThan(before.updated_at, now())
    const charge = afterOutcome(before, settlement.outcome, at)
    // A later settlement of the same charge in this batch sees this one's outcome.
    known.set(charge.id, charge)
    return decide(settlement, before, charge, request, now())
  })
}

function decide(settlement: Settlement, before: ChargeRow, charge: ChargeRow, request: PaymentRequestRow | undefined, now: Date): Case {
  const one: Case = { settlement, before, charge, request, changed: true, applied: false, releaseDays: 0 }
  if (!request) return one
  if (charge.status === 'succeeded') {
    charge.unapplied_reason = unapplied(request, charge)
    one.applied = charge.unapplied_reason === null
    if (one.applied) {
      // Written into the shared row, so that the next settlement of this batch finds the request taken.
      request.updated_at = laterThan(request.updated_at, now)
      request.version += 1
      if (!request.allow_repeated_payments) request.status = 'completed'
      request.completed_at = request.updated_at
    }
  } else if (isTerminalFailure(one) && request.status === 'pending') {
    request.status = 'failed'
    request.version += 1
    request.updated_at = laterThan(request.updated_at, now)
  }
  return one
}

/** In-person payments end their request when they fail; online ones leave it to be paid otherwise (behaviour §2.4). */
function isTerminalFailure({ charge, request }: Pick<Case, 'charge' | 'request'>): boolean {
  return request !== undefined && charge.method === 'wifi_card_reader' && (charge.status === 'failed' || charge.status === 'canceled')
}

function takeFees(one: Case, schedules: Awaited<Schedules>): void {
  const { charge } = one
  const schedule = schedules(charge.business_id, charge.method, charge.currency)
  const fee = feeOn(charge.amount_minor, schedule)
  charge.fixed_fee_minor = fee.fixedMinor
  charge.discount_fee_minor = fee.shareMinor
  charge.discount_fee_rate = fee.rateBasisPoints
  one.releaseDays = schedule.releaseDays
}

const netOf = (charge: ChargeRow) => charge.amount_minor - charge.fixed_fee_minor - charge.discount_fee_minor

/** What a succeeded charge books: its net into a wallet and its fee into `fees`, both owed by the rail until it pays out. */
function transfersOf({ charge, releaseDays, changed }: Case): Transfer[] {
  if (!changed || charge.status !== 'succeeded') return []
  const shared = {
    businessId: charge.business_id,
    source: 'charge',
    sourceId: charge.id,
    debit: `clearing:${charge.rail}`,
    currency: charge.currency,
    at: charge.updated_at,
  } as const
  return [
    { ...shared, purpose: 'net', credit: releaseDays > 0 ? 'pending' : 'available', amountMinor: netOf(charge) },
    { ...shared, purpose: 'fee', credit: 'fees', amountMinor: charge.fixed_fee_minor + charge.discount_fee_minor },
  ]
}

function releaseOf({ charge, releaseDays }: Case) {
  const dueAt = new Date(charge.updated_at.getTime() + releaseDays * 86_400_000)
  return { businessId: charge.business_id, chargeId: charge.id, currency: charge.currency, amountMinor: netOf(charge), dueAt }
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
function receiptOf({ charge, request, settlement }: Case): MailRow[] {
  if (charge.status !== 'succeeded' || !request?.send_email || charge.customer_email === null) return []
  return [receiptMail(settlement.business, charge, charge.customer_email, charge.updated_at)]
}

async function eventsOf(tx: Transaction<DB>, cases: Case[], deps: SettleDeps): Promise<(NewEvent & { businessId: string })[]> {
  const events: (NewEvent & { businessId: string })[] = []
  for (const one of cases) {
    const { charge, settlement, request } = one
    const { business, requestId } = settlement
    const shared = { businessId: business.id, requestId, at: charge.updated_at }
    const chargeData = () => JSON.stringify(presentChargeEvent(charge, business))
    if (charge.status === 'succeeded') {
      events.push({ ...shared, type: 'charge.created', objectId: charge.id, data: chargeData() })
      if (charge.unapplied_reason !== null) events.push({ ...shared, type: 'charge.unapplied', objectId: charge.id, data: chargeData() })
      if (request && one.applied) {
        const payments = request.allow_repeated_payments ? await earlierPayments(tx, request, business) : []
        if (!payments.some(({ id }) => id === charge.id)) payments.push(presentPayment(charge, business))
        const data = { ...presentPaymentRequest({ ...request, status: 'completed' }, business, deps.baseUrl()), payments, payment_type: charge.method }
        events.push({
          ...shared,
          type: 'payment_request.completed',
          objectId: request.id,
          data: JSON.stringify(data),
          callbacks: completedCallback(request, charge),
        })
      }
    } else if (charge.status === 'failed' || charge.status === 'canceled') {
      events.push({ ...shared, type: 'charge.failed', objectId: charge.id, data: chargeData() })
      if (request) events.push(...failedEvents(one, deps))
    }
  }
  return events
}

async function earlierPayments(tx: Transaction<DB>, request: PaymentRequestRow, business: Business): Promise<Payment[]> {
  const rows = await listPayments(tx, business.id, request.id)
  return rows.filter((row) => row.unapplied_reason === null).map((row) => presentPayment(row, business))
}

/** The form that a request's own webhook gets once for each payment (behaviour §3.1). */
function completedCallback(request: PaymentRequestRow, charge: ChargeRow): Callback[] {
  return request.webhook === null ? [] : [{ url: request.webhook, apiKeyId: request.api_key_id, fields: fieldsOf(request, charge, 'completed') }]
}

function fieldsOf(request: PaymentRequestRow, charge: ChargeRow, status: 'completed' | 'failed'): Record<string, string> {
  return {
    payment_id: status === 'completed' ? charge.id : '',
    payment_request_id: request.id,
    phone: request.phone ?? '',
    amount: formatAmount(charge.amount_minor, charge.currency),
    currency: charge.currency.toUpperCase(),
    status,
    reference_number: request.reference_number ?? '',
  }
}

/**
 * A failure is told to `failed_webhook`; to `webhook` only when it ends the request, since clients take the first call
 * they get for the final one (behaviour §3.3).
 */
function failedEvents(one: Case, deps: SettleDeps): (NewEvent & { businessId: string })[] {
  const { charge, request, settlement } = one
  if (!request) return []
  const terminal = isTerminalFailure(one)
  const fields = { ...fieldsOf(request, charge, 'failed'), error_message: charge.failure_code ?? 'failed' }
  const callbacks: Callback[] = []
  if (request.failed_webhook !== null) callbacks.push({ url: request.failed_webhook, apiKeyId: request.api_key_id, fields })
  else if (terminal && request.webhook !== null) callbacks.push({ url: request.webhook, apiKeyId: request.api_key_id, fields })
  if (!terminal && callbacks.length === 0) return []
  const data = {
    ...presentPaymentRequest(request, settlement.business, deps.baseUrl()),
    payments: [],
    error_message: charge.failure_message,
    failure_reason: charge.failure_code,
  }
  const event = {
    type: 'payment_request.failed',
    objectId: request.id,
    data: JSON.stringify(data),
    callbacks,
    requestId: settlement.requestId,
    at: charge.updated_at,
  } as const
  return [{ ...event, businessId: settlement.business.id }]
}
