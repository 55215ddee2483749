import type { Transaction } from 'kysely'
import { type Callback, emitEvents, type NewEvent } from '#engine/events/emit-event.ts'
import type { RefundOutcome } from '#engine/rails/rail.ts'
import type { DB } from '#foundation/database/tables.ts'
import type { Deps } from '#foundation/deps.ts'
import { type Answer, replaceAnswer } from '#foundation/http/idempotency.ts'
import type { Origin } from '#foundation/http/origin.ts'
import type { Business } from '#foundation/shared/business.ts'
import { amountAsNumber, formatAmount } from '#foundation/shared/money.ts'
import { formatBusinessTime, laterThan } from '#foundation/shared/time.ts'
import { inLanguageOf, looksOf } from '#resources/business/checkout-settings/looks.ts'
import { insertMails } from '#resources/business/mails/queries.ts'
import { presentChargeEvent } from '#resources/payments/charges/event-wire.ts'
import { type ChargeRow, lockCharges, updateCharges } from '#resources/payments/charges/queries.ts'
import { findAnyPaymentRequests } from '#resources/payments/payment-requests/queries.ts'
import { presentPaymentRequest } from '#resources/payments/payment-requests/wire.ts'
import { forgetChecks, scheduleChecks } from '#resources/payments/rails/check-queries.ts'
import { type ReceiptLinks, receiptUrl } from '#resources/payments/receipts/address.ts'
import { refundMail } from '#resources/payments/receipts/letter.ts'
import { findReceipt } from '#resources/payments/receipts/queries.ts'
import { addUpReceipt } from '#resources/payments/receipts/receipt-wire.ts'
import { lockRefund, type RefundRow, type ShownRefund, succeededMinor, updateRefund } from './queries.ts'
import { putRefundMoneyBack } from './refund-money.ts'
import { presentNewRefund, presentRefund } from './wire.ts'

/** A refund with its charge, both as they are written. */
export interface ChargeAndRefund {
  charge: ChargeRow
  refund: RefundRow
}

/** A refund after one of its steps. */
export interface Refunded extends ChargeAndRefund {
  /** The answer to its request: the refund, or the rail's refusal. */
  answer: Answer
}

/** A rail's answer about a refund. */
export interface RefundResult {
  chargeId: string
  refundId: string
  outcome: RefundOutcome
}

const withCharge = (refund: RefundRow, charge: ChargeRow): ShownRefund => ({ ...refund, total_minor: charge.amount_minor, method: charge.method })

/** The answer to a request for a refund: 201 with the refund, or 422 if the rail rejected it immediately. */
export function refundAnswer({ refund, charge }: ChargeAndRefund, business: Business, requestId: string | null): Answer {
  const headers = { location: `/v1/refunds/${refund.id}` }
  if (refund.status !== 'failed') return { status: 201, headers, body: JSON.stringify(presentNewRefund(withCharge(refund, charge), business)) }
  // Clients take any 201 as proof of a refund, so a refund that failed immediately is an error.
  const text = refund.failure_message ?? 'The refund failed.'
  return { status: 422, headers, body: JSON.stringify({ message: text, errors: { payment_id: [text] }, code: 'refund_failed', request_id: requestId ?? '' }) }
}

/**
 * The last step of a refund: writes the rail's answer, with everything that follows from it, and updates the answer that is
 * stored for its request. A refund that already has its outcome stays as it is (`isChanged` is false). Locks
 * charge before refund before release before ledger, the order of every transaction.
 */
export function finishRefund(links: ReceiptLinks) {
  return async (
    tx: Transaction<DB>,
    business: Business,
    { chargeId, refundId, outcome }: RefundResult,
    origin: Origin,
  ): Promise<Refunded & { isChanged: boolean }> => {
    const charge = (await lockCharges(tx, [{ businessId: business.id, id: chargeId }])).get(chargeId)
    const refund = await lockRefund(tx, business.id, refundId)
    if (!charge || !refund) throw new Error('the refund to finish does not exist')
    if (refund.status !== 'pending') return { charge, refund, answer: refundAnswer({ charge, refund }, business, origin.requestId), isChanged: false }
    const finished = await applyOutcome(tx, links, business, { charge, refund, outcome, isNew: false }, origin)
    const answer = refundAnswer(finished, business, origin.requestId)
    if (refund.idempotency_key !== null) await replaceAnswer(tx, business.id, refund.idempotency_key, refund.id, answer)
    return { ...finished, answer, isChanged: finished.refund.status !== refund.status }
  }
}

/** `finishRefund` in a transaction of its own, for a later answer of the rail. */
export async function recordRefundOutcome(
  deps: Pick<Deps, 'database' | 'onEvent'> & ReceiptLinks,
  business: Business,
  result: RefundResult,
  origin: Origin,
): Promise<Refunded> {
  const { isChanged, ...done } = await deps.database.db.transaction().execute((tx) => finishRefund(deps)(tx, business, result, origin))
  if (isChanged) deps.onEvent(business.id)
  return done
}

interface Finishing extends ChargeAndRefund {
  outcome: RefundOutcome
  /** True if the refund was written in this transaction, so that no event has announced it. */
  isNew: boolean
}

/** Writes an outcome of a pending refund whose rows this transaction has locked, with everything that follows from it. */
export async function applyOutcome(
  tx: Transaction<DB>,
  { baseUrl, secretKey }: ReceiptLinks,
  business: Business,
  finishing: Finishing,
  origin: Origin,
): Promise<ChargeAndRefund> {
  const { charge: before, refund: pending, outcome, isNew } = finishing
  const at = laterThan(before.updated_at > pending.updated_at ? before.updated_at : pending.updated_at, origin.at)
  const key = { businessId: business.id, id: pending.id }
  if (outcome.status === 'pending') {
    const refund = { ...pending, rail_reference: outcome.reference ?? pending.rail_reference, updated_at: at }
    await updateRefund(tx, business.id, refund)
    await scheduleChecks(tx, [{ ...key, kind: 'refund', dueAt: new Date(at.getTime() + outcome.checkAfterSeconds * 1000) }])
    if (isNew) await emitRefundEvents(tx, business, finishing, { charge: before, refund }, origin)
    return { charge: before, refund }
  }
  const refund: RefundRow =
    outcome.status === 'succeeded'
      ? { ...pending, status: 'succeeded', rail_reference: outcome.reference, refunded_at: at, updated_at: at }
      : { ...pending, status: 'failed', failure_code: outcome.code, failure_message: outcome.message, updated_at: at }
  await updateRefund(tx, business.id, refund)
  if (!isNew) await forgetChecks(tx, [key])
  const charge = await chargeAfter(tx, before, refund, at)
  await updateCharges(tx, [charge])
  await emitRefundEvents(tx, business, finishing, { charge, refund }, origin)
  if (refund.status === 'failed' && !isNew) await putRefundMoneyBack(tx, refund, at)
  else if (refund.status === 'succeeded') await writeMail(tx, { baseUrl, secretKey }, business, refund, at)
  return { charge, refund }
}

/** The mail about a refund, if it asks for one: the receipt as it is now, with the refund. */
async function writeMail(tx: Transaction<DB>, { baseUrl, secretKey }: ReceiptLinks, business: Business, refund: RefundRow, at: Date): Promise<void> {
  if (!refund.send_email || refund.email === null) return
  const row = await findReceipt(tx, business.id, refund.charge_id)
  const look = (await looksOf(tx, [business], baseUrl())).get(business.id)
  if (!row || !look) return
  const url = receiptUrl(baseUrl(), secretKey(), business, refund.charge_id)
  await insertMails(tx, [refundMail(business, inLanguageOf(look, row.payer_language ?? null), addUpReceipt(row), refund, url, at)])
}

async function chargeAfter(tx: Transaction<DB>, before: ChargeRow, refund: RefundRow, at: Date): Promise<ChargeRow> {
  if (refund.status === 'failed') return { ...before, refunded_minor: before.refunded_minor - refund.amount_minor, updated_at: at }
  const given = await succeededMinor(tx, before.business_id, before.id)
  return { ...before, status: given === before.amount_minor ? 'refunded' : 'partially_refunded', refunded_at: at, updated_at: at }
}

async function emitRefundEvents(
  tx: Transaction<DB>,
  business: Business,
  before: Finishing,
  { charge, refund }: ChargeAndRefund,
  { requestId, caller, baseUrl }: Origin,
): Promise<void> {
  const shared = { businessId: business.id, requestId, caller, at: refund.updated_at }
  const events: (NewEvent & { businessId: string })[] = [
    {
      ...shared,
      type: before.isNew ? 'refund.created' : 'refund.updated',
      objectId: refund.id,
      data: JSON.stringify(presentRefund(withCharge(refund, charge))),
      ...(before.isNew ? {} : { previousAttributes: JSON.stringify({ status: before.refund.status }) }),
      callbacks: refund.status === 'pending' ? [] : refundCallbacks(refund),
    },
  ]
  if (refund.status === 'succeeded') {
    const { status, refunded_at, refunded_minor } = before.charge
    const { business_id: businessId, payment_request_id: paymentRequestId } = charge
    const [request] = paymentRequestId === null ? [] : await findAnyPaymentRequests(tx, [{ businessId, id: paymentRequestId }])
    const shown = request ? presentPaymentRequest(request, business, baseUrl) : null
    events.push({
      ...shared,
      type: 'charge.updated',
      objectId: charge.id,
      data: JSON.stringify(presentChargeEvent(charge, business, shown)),
      previousAttributes: JSON.stringify({
        status,
        refunded_amount: amountAsNumber(refunded_minor - refund.amount_minor, charge.currency),
        refunded_at: refunded_at && formatBusinessTime(refunded_at, business.timezone),
      }),
    })
  }
  await emitEvents(tx, events)
}

/** The form that is sent to a refund's own `webhook` when its outcome is known; its fields are named as the API names them. */
function refundCallbacks(refund: RefundRow): Callback[] {
  if (refund.webhook === null) return []
  const fields = {
    id: refund.id,
    payment_id: refund.charge_id,
    payment_request_id: refund.payment_request_id ?? '',
    amount_refunded: formatAmount(refund.amount_minor, refund.currency),
    currency: refund.currency.toUpperCase(),
    status: refund.status,
  }
  return [{ url: refund.webhook, apiKeyId: refund.api_key_id, fields }]
}
