import type { Transaction } from 'kysely'
import { type Callback, emitEvents, type NewEvent } from '#engine/events/emit-event.ts'
import type { RefundOutcome } from '#engine/rails/rail.ts'
import type { Database } from '#foundation/database/database.ts'
import type { DB } from '#foundation/database/tables.ts'
import type { Business } from '#foundation/http/authentication.ts'
import { type Answer, replaceAnswer } from '#foundation/http/idempotency.ts'
import { amountAsNumber, formatAmount } from '#foundation/shared/money.ts'
import { laterThan, type Now } from '#foundation/shared/time.ts'
import { insertMails } from '#resources/business/mails/queries.ts'
import { presentChargeEvent } from '#resources/payments/charges/event-wire.ts'
import { type ChargeRow, lockCharges, updateCharges } from '#resources/payments/charges/queries.ts'
import { forgetChecks, scheduleChecks } from '#resources/payments/rails/check-queries.ts'
import { type ReceiptLinks, receiptUrl } from '#resources/payments/receipts/address.ts'
import { refundMail } from '#resources/payments/receipts/letter.ts'
import { lockRefund, type RefundRow, succeededMinor, updateRefund } from './queries.ts'
import { putRefundMoneyBack } from './refund-money.ts'
import { presentNewRefund, presentRefund } from './wire.ts'

export interface FinishDeps extends ReceiptLinks {
  database: Database
  now: Now
  onEvent: (businessId: string) => void
}

interface Finishing {
  charge: ChargeRow
  refund: RefundRow
  outcome: RefundOutcome
  /** True when the refund was written in this transaction, so that nobody has heard of it. */
  isNew: boolean
  requestId: string | null
  at: Date
}

/** What a request for a refund is answered: the refund, or the rail's refusal. */
export function answerOf(refund: RefundRow, charge: ChargeRow, business: Business, requestId: string | null): Answer {
  const headers = { location: `/v1/refunds/${refund.id}` }
  if (refund.status !== 'failed') {
    return { status: 201, headers, body: JSON.stringify(presentNewRefund({ ...refund, total_minor: charge.amount_minor, method: charge.method }, business)) }
  }
  // Clients take any 201 for money given back, so a refund that failed at once is refused.
  const text = refund.failure_message ?? 'The refund failed.'
  return { status: 422, headers, body: JSON.stringify({ message: text, errors: { payment_id: [text] }, code: 'refund_failed', request_id: requestId ?? '' }) }
}

/**
 * The third step: writes what a rail said of a refund, once. An answer to a refund that has its outcome changes nothing.
 * Charge before refund before release before ledger: the order in which every transaction takes them.
 */
export async function settleRefund(
  deps: FinishDeps,
  business: Business,
  { chargeId, refundId, outcome, requestId }: { chargeId: string; refundId: string; outcome: RefundOutcome; requestId: string | null },
): Promise<{ refund: RefundRow; charge: ChargeRow; answer: Answer }> {
  const { database, now, onEvent } = deps
  const done = await database.db.transaction().execute(async (tx) => {
    const charge = (await lockCharges(tx, [{ businessId: business.id, id: chargeId }])).get(chargeId)
    const refund = await lockRefund(tx, business.id, refundId)
    if (!charge || !refund) throw new Error('the refund to finish does not exist')
    const finished =
      refund.status === 'pending' ? await finish(tx, deps, business, { charge, refund, outcome, isNew: false, requestId, at: now() }) : { charge, refund }
    const answer = answerOf(finished.refund, finished.charge, business, requestId)
    if (finished.refund !== refund && refund.idempotency_key !== null) await replaceAnswer(tx, business.id, refund.idempotency_key, refund.id, answer)
    return { ...finished, answer }
  })
  onEvent(business.id)
  return done
}

/** Writes an outcome of a pending refund whose rows this transaction holds, with everything that follows from it. */
export async function finish(
  tx: Transaction<DB>,
  { baseUrl, secretKey }: ReceiptLinks,
  business: Business,
  finishing: Finishing,
): Promise<{ charge: ChargeRow; refund: RefundRow }> {
  const { charge: before, refund: pending, outcome, isNew } = finishing
  const at = laterThan(before.updated_at > pending.updated_at ? before.updated_at : pending.updated_at, finishing.at)
  const key = { businessId: business.id, id: pending.id }
  if (outcome.status === 'pending') {
    const refund = { ...pending, rail_reference: outcome.reference ?? pending.rail_reference, updated_at: at }
    await updateRefund(tx, business.id, refund)
    await scheduleChecks(tx, [{ ...key, kind: 'refund', dueAt: new Date(at.getTime() + outcome.checkAfterSeconds * 1000) }])
    if (isNew) await tell(tx, business, finishing, { charge: before, refund })
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
  await tell(tx, business, finishing, { charge, refund })
  if (refund.status === 'failed') await putRefundMoneyBack(tx, refund, at)
  else if (refund.send_email && refund.email !== null) {
    await insertMails(tx, [refundMail(business, charge, refund, receiptUrl(baseUrl(), secretKey(), business, charge.id), at)])
  }
  return { charge, refund }
}

async function chargeAfter(tx: Transaction<DB>, before: ChargeRow, refund: RefundRow, at: Date): Promise<ChargeRow> {
  if (refund.status === 'failed') return { ...before, refunded_minor: before.refunded_minor - refund.amount_minor, updated_at: at }
  const given = await succeededMinor(tx, before.business_id, before.id)
  return { ...before, status: given === before.amount_minor ? 'refunded' : 'partially_refunded', refunded_at: at, updated_at: at }
}

async function tell(tx: Transaction<DB>, business: Business, finishing: Finishing, after: { charge: ChargeRow; refund: RefundRow }): Promise<void> {
  const { charge, refund } = after
  const shared = { businessId: business.id, requestId: finishing.requestId, at: refund.updated_at }
  const events: (NewEvent & { businessId: string })[] = [
    {
      ...shared,
      type: finishing.isNew ? 'refund.created' : 'refund.updated',
      objectId: refund.id,
      data: JSON.stringify(presentRefund({ ...refund, total_minor: charge.amount_minor, method: charge.method })),
      ...(finishing.isNew ? {} : { previousAttributes: JSON.stringify({ status: finishing.refund.status }) }),
      callbacks: refund.status === 'pending' ? [] : callbacksOf(refund),
    },
  ]
  if (refund.status === 'succeeded') {
    const { status, refunded_at } = finishing.charge
    events.push({
      ...shared,
      type: 'charge.updated',
      objectId: charge.id,
      data: JSON.stringify(presentChargeEvent(charge, business)),
      previousAttributes: JSON.stringify({
        status,
        refunded_amount: amountAsNumber(finishing.charge.refunded_minor - refund.amount_minor, charge.currency),
        refunded_at: refunded_at && presentChargeEvent(finishing.charge, business).refunded_at,
      }),
    })
  }
  await emitEvents(tx, events)
}

/** The form that a refund's own `webhook` gets when its outcome is known; its fields are named as the API names them. */
function callbacksOf(refund: RefundRow): Callback[] {
  if (refund.webhook === null || refund.api_key_id === null) return []
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
