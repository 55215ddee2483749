import type { Transaction } from 'kysely'
import { insertEventsSql } from '#engine/events/emit-event.ts'
import { runTogether } from '#foundation/database/prepared.ts'
import type { DB } from '#foundation/database/tables.ts'
import { insertAnswersSql, storedAnswer } from '#foundation/http/idempotency.ts'
import { inLanguageOf, type Look, looksOf } from '#resources/business/checkout-settings/looks.ts'
import { insertMailsSql, type MailRow } from '#resources/business/mails/queries.ts'
import { allocateBankCreditsSql, insertBankCreditsSql } from '#resources/payments/bank-accounts/credit-queries.ts'
import { presentPayment } from '#resources/payments/charges/event-wire.ts'
import { insertChargeGramsSql } from '#resources/payments/charges/gram-queries.ts'
import { type ChargeRow, insertChargesSql, listPayments, updateChargesSql } from '#resources/payments/charges/queries.ts'
import { netOf } from '#resources/payments/charges/wire.ts'
import { deleteExpiriesSql, insertEndingsSql, updateStatusesSql } from '#resources/payments/payment-requests/queries.ts'
import type { Payment } from '#resources/payments/payment-requests/wire.ts'
import { deleteChecksSql, scheduleChecks, scheduleChecksSql } from '#resources/payments/rails/check-queries.ts'
import { insertNotificationsSql } from '#resources/payments/rails/queries.ts'
import { type ReceiptLinks, receiptUrl } from '#resources/payments/receipts/address.ts'
import { receiptMail } from '#resources/payments/receipts/letter.ts'
import { addUpReceipt } from '#resources/payments/receipts/receipt-wire.ts'
import { insertReleasesSql, type NewRelease } from '#resources/payments/releases/queries.ts'
import { claimOf } from './lock-settlements.ts'
import { type Case, final, isTerminalFailure, settledOf } from './settlement.ts'
import { eventsOfSettlement } from './settlement-events.ts'

/**
 * Writes a batch of decided settlements, except for the ledger, and creates their answers. It is one statement with a part for
 * each table, and the text is always the same: a part with nothing to write gets empty arrays. So PostgreSQL plans it once.
 */
export async function writeSettlements(tx: Transaction<DB>, cases: Case[], links: ReceiptLinks): Promise<void> {
  const changed = cases.filter((one) => one.changed)
  const created = changed.filter(({ settlement }) => settlement.charge.isNew)
  const updated = latestOfEach(changed.filter(({ settlement }) => !settlement.charge.isNew))
  const requests = [
    ...new Map(changed.flatMap((one) => (one.request && (one.applied || isTerminalFailure(one)) ? [[one.request.id, one.request]] : []))).values(),
  ]
  const ended = requests.filter(({ status, expires_at }) => status !== 'pending' && expires_at !== null)
  const earlier = await earlierPayments(tx, changed)
  const businessIds = cases.map(({ settlement }) => settlement.business.id)
  const looks = await looksOf(
    tx,
    [...new Map(changed.filter(asksForReceipt).map(({ settlement: { business } }) => [business.id, business])).values()],
    links.baseUrl(),
  )
  await runTogether(tx, 'settle', [
    insertChargesSql(created.map(({ charge }) => charge)),
    updateChargesSql(
      updated.map(({ charge }) => charge),
      businessIds,
    ),
    updateStatusesSql(requests, businessIds),
    insertEndingsSql(requests),
    deleteExpiriesSql(
      ended.map((row) => ({ businessId: row.business_id, id: row.id })),
      businessIds,
    ),
    insertChargeGramsSql(created),
    insertReleasesSql(changed.flatMap(releaseOf)),
    insertEventsSql(changed.flatMap((one) => eventsOfSettlement(one, earlier(one)))),
    scheduleChecksSql([...created, ...updated].flatMap(checkOf)),
    deleteChecksSql(
      updated.filter(({ charge }) => final.has(charge.status)).map(({ charge }) => keyOf(charge)),
      businessIds,
    ),
    insertMailsSql(changed.flatMap((one) => receiptOf(one, looks, links))),
    insertBankCreditsSql(changed.flatMap(({ settlement: { bankCredit } }) => (bankCredit?.isNew ? [bankCredit.row] : []))),
    allocateBankCreditsSql(
      changed.flatMap(({ settlement: { bankCredit } }) => (bankCredit && !bankCredit.isNew ? [bankCredit.row] : [])),
      businessIds,
    ),
    insertNotificationsSql(cases.flatMap(notificationOf)),
    insertAnswersSql(cases.flatMap(answerOf)),
  ])
  // A duplicate payment is refunded by a job, which starts immediately. Its check replaces the one that was deleted above.
  const twice = changed.filter(({ charge }) => charge.status === 'succeeded' && charge.unapplied_reason === 'duplicate')
  await scheduleChecks(
    tx,
    twice.map(({ charge }) => ({ ...keyOf(charge), kind: 'duplicate', dueAt: charge.updated_at })),
  )
}

const keyOf = ({ business_id, id }: ChargeRow) => ({ businessId: business_id, id })

/** Two outcomes of one charge may be settled together, a pending and a final one; its row is written once, as the last of them. */
function latestOfEach(cases: Case[]): Case[] {
  return [...new Map(cases.map((one) => [one.charge.id, one])).values()]
}

/** When the rail of a charge with an open outcome is polled next. */
function checkOf({ charge, settlement: { outcome } }: Case) {
  if (final.has(charge.status)) return []
  const seconds = 'checkAfterSeconds' in outcome ? outcome.checkAfterSeconds : 60
  return [{ ...keyOf(charge), kind: 'charge' as const, dueAt: new Date(charge.updated_at.getTime() + seconds * 1000) }]
}

/** The money of a charge that becomes available some days after it was paid. */
function releaseOf({ charge, releaseDays }: Case): NewRelease[] {
  if (charge.status !== 'succeeded' || releaseDays === 0) return []
  const dueAt = new Date(charge.updated_at.getTime() + releaseDays * 86_400_000)
  return [{ business_id: charge.business_id, charge_id: charge.id, currency: charge.currency, amount_minor: netOf(charge), due_at: dueAt }]
}

const asksForReceipt = ({ charge, request }: Case) => charge.status === 'succeeded' && request?.send_email === true && charge.customer_email !== null

/** The payer's receipt, if the request asks for one and has an address. */
function receiptOf(one: Case, looks: ReadonlyMap<string, Look>, { baseUrl, secretKey }: ReceiptLinks): MailRow[] {
  const { charge, request, settlement } = one
  const look = looks.get(charge.business_id)
  if (!asksForReceipt(one) || charge.customer_email === null || !look) return []
  const receipt = addUpReceipt({
    ...charge,
    purpose: charge.remark ?? request?.purpose ?? null,
    reference_number: charge.reference_number ?? request?.reference_number ?? null,
    line_items: request?.line_items ?? null,
    paid_at: charge.closed_at ?? charge.created_at,
    refunds: [],
  })
  const url = receiptUrl(baseUrl(), secretKey(), settlement.business, charge.id)
  return [receiptMail(settlement.business, inLanguageOf(look, charge.payer_language), receipt, charge.customer_email, url, charge.updated_at)]
}

function notificationOf({ settlement: { business, notification, origin } }: Case) {
  return notification ? [{ business_id: business.id, rail: notification.rail, rail_event_id: notification.eventId, received_at: origin.at }] : []
}

/** Creates the answer to a settlement's request, and the row that stores it if the request has an Idempotency-Key. */
function answerOf(decided: Case) {
  const { settlement, charge } = decided
  if (!settlement.answer) return []
  decided.answer = settlement.answer(settledOf(decided))
  const claim = claimOf(settlement)
  return claim ? [{ ...storedAnswer(claim, charge.id, decided.answer), created_at: settlement.origin.at }] : []
}

/** The payments that a settlement's event lists before its own, if its request accepts more than one: earlier ones, and those of the same batch. */
async function earlierPayments(tx: Transaction<DB>, cases: Case[]): Promise<(one: Case) => Payment[]> {
  const listed = new Map<string, Payment[]>()
  const before = new Map<Case, Payment[]>()
  for (const one of cases) {
    const { request, charge, applied, settlement } = one
    if (!applied || !request?.allow_repeated_payments) continue
    let payments = listed.get(request.id)
    if (!payments) {
      const rows = await listPayments(tx, request.business_id, request.id)
      payments = rows.filter((row) => row.unapplied_reason === null).map((row) => presentPayment(row, settlement.business))
      listed.set(request.id, payments)
    }
    before.set(one, [...payments])
    payments.push(presentPayment(charge, settlement.business))
  }
  return (one) => before.get(one) ?? []
}
