import type { BusinessEvent, Callback } from '#engine/events/emit-event.ts'
import { formatAmount } from '#foundation/shared/money.ts'
import { presentBankCredit } from '#resources/payments/bank-accounts/wire.ts'
import { presentChargeEvent, presentPayment } from '#resources/payments/charges/event-wire.ts'
import type { ChargeRow } from '#resources/payments/charges/queries.ts'
import type { PaymentRequestRow } from '#resources/payments/payment-requests/queries.ts'
import { type Payment, presentPaymentRequest } from '#resources/payments/payment-requests/wire.ts'
import { type Case, isTerminalFailure } from './settlement.ts'

/** The fields that every event of a settlement has. */
const sharedBy = ({ settlement: { business, origin } }: Case) => ({ businessId: business.id, requestId: origin.requestId, caller: origin.caller })

/** A change of the request is dated after earlier changes, even if the payment started before them. */
const later = (a: Date, b: Date) => (a > b ? a : b)

/** The events of a settlement; `earlier` are the previous payments of its request, if it accepts more than one. */
export function eventsOfSettlement(decided: Case, earlier: Payment[]): BusinessEvent[] {
  const { charge, settlement } = decided
  if (charge.status !== 'succeeded' && charge.status !== 'failed' && charge.status !== 'canceled') return []
  const { business, origin } = settlement
  const shown = decided.request ? presentPaymentRequest(decided.request, business, origin.baseUrl) : null
  const data = JSON.stringify(presentChargeEvent(charge, business, shown))
  const ofCharge = { ...sharedBy(decided), at: charge.updated_at, objectId: charge.id, data }
  if (charge.status !== 'succeeded') return [{ ...ofCharge, type: 'charge.failed' }, ...failedEvents(decided)]
  const events: BusinessEvent[] = [{ ...ofCharge, type: 'charge.created' }]
  if (charge.unapplied_reason !== null) events.push({ ...ofCharge, type: 'charge.unapplied' })
  return [...events, ...completedEvents(decided, earlier), ...creditEvents(decided)]
}

/** A payment that its request was waiting for. */
function completedEvents(decided: Case, earlier: Payment[]): BusinessEvent[] {
  const { charge, request, settlement, applied } = decided
  if (!request || !applied) return []
  const payments = [...earlier, presentPayment(charge, settlement.business)]
  const completed = {
    ...presentPaymentRequest(request, settlement.business, settlement.origin.baseUrl),
    status: 'completed',
    payments,
    payment_type: charge.method,
  }
  return [
    {
      ...sharedBy(decided),
      type: 'payment_request.completed',
      at: later(request.updated_at, charge.updated_at),
      objectId: request.id,
      data: JSON.stringify(completed),
      callbacks: completedCallback(request, charge),
    },
  ]
}

/** A credit that waited for its payment request. */
function creditEvents(decided: Case): BusinessEvent[] {
  const { bankCredit, business } = decided.settlement
  if (!bankCredit || bankCredit.isNew) return []
  const { row } = bankCredit
  const data = JSON.stringify(presentBankCredit(row, business))
  return [{ ...sharedBy(decided), type: 'bank_credit.allocated', objectId: row.id, data, at: row.updated_at }]
}

/** The form that is sent to a request's own webhook once for each payment (behaviour §3.1). */
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
 * A failure goes to `failed_webhook`; to `webhook` only if it ends the request, since clients take the first call
 * as the final one (behaviour §3.3).
 */
function failedEvents(decided: Case): BusinessEvent[] {
  const { charge, request, settlement } = decided
  if (!request) return []
  const terminal = isTerminalFailure(decided)
  const fields = { ...fieldsOf(request, charge, 'failed'), error_message: charge.failure_code ?? 'failed' }
  const callbacks: Callback[] = []
  if (request.failed_webhook !== null) callbacks.push({ url: request.failed_webhook, apiKeyId: request.api_key_id, fields })
  else if (terminal && request.webhook !== null) callbacks.push({ url: request.webhook, apiKeyId: request.api_key_id, fields })
  if (!terminal && callbacks.length === 0) return []
  const data = {
    ...presentPaymentRequest(request, settlement.business, settlement.origin.baseUrl),
    payments: [],
    error_message: charge.failure_message,
    failure_reason: charge.failure_code,
  }
  const at = later(request.updated_at, charge.updated_at)
  return [{ ...sharedBy(decided), type: 'payment_request.failed', objectId: request.id, data: JSON.stringify(data), callbacks, at }]
}
