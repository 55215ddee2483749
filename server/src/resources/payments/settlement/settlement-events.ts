import type { Callback, NewEvent } from '#engine/events/emit-event.ts'
import { formatAmount } from '#foundation/shared/money.ts'
import { presentChargeEvent, presentPayment } from '#resources/payments/charges/event-wire.ts'
import type { ChargeRow } from '#resources/payments/charges/queries.ts'
import type { PaymentRequestRow } from '#resources/payments/payment-requests/queries.ts'
import { type Payment, presentPaymentRequest } from '#resources/payments/payment-requests/wire.ts'
import { type Case, isTerminalFailure, type SettleDeps } from './settlement.ts'

type BusinessEvent = NewEvent & { businessId: string }

/** What a settlement tells; `earlier` are the payments of its request before this one, where it takes more than one. */
export function eventsOf(one: Case, earlier: Payment[], { baseUrl }: Pick<SettleDeps, 'baseUrl'>): BusinessEvent[] {
  const { charge, settlement, request } = one
  const { business, requestId } = settlement
  const shared = { businessId: business.id, requestId, at: charge.updated_at }
  if (charge.status !== 'succeeded' && charge.status !== 'failed' && charge.status !== 'canceled') return []
  const data = JSON.stringify(presentChargeEvent(charge, business))
  if (charge.status !== 'succeeded') {
    return [{ ...shared, type: 'charge.failed', objectId: charge.id, data }, ...failedEvents(one, baseUrl)]
  }
  const events: BusinessEvent[] = [{ ...shared, type: 'charge.created', objectId: charge.id, data }]
  if (charge.unapplied_reason !== null) events.push({ ...shared, type: 'charge.unapplied', objectId: charge.id, data })
  if (request && one.applied) {
    const payments = earlier.some(({ id }) => id === charge.id) ? earlier : [...earlier, presentPayment(charge, business)]
    const completed = { ...presentPaymentRequest(request, business, baseUrl()), status: 'completed', payments, payment_type: charge.method }
    events.push({
      ...shared,
      type: 'payment_request.completed',
      objectId: request.id,
      data: JSON.stringify(completed),
      callbacks: completedCallback(request, charge),
    })
  }
  return events
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
function failedEvents(one: Case, baseUrl: () => string): BusinessEvent[] {
  const { charge, request, settlement } = one
  if (!request) return []
  const terminal = isTerminalFailure(one)
  const fields = { ...fieldsOf(request, charge, 'failed'), error_message: charge.failure_code ?? 'failed' }
  const callbacks: Callback[] = []
  if (request.failed_webhook !== null) callbacks.push({ url: request.failed_webhook, apiKeyId: request.api_key_id, fields })
  else if (terminal && request.webhook !== null) callbacks.push({ url: request.webhook, apiKeyId: request.api_key_id, fields })
  if (!terminal && callbacks.length === 0) return []
  const data = {
    ...presentPaymentRequest(request, settlement.business, baseUrl()),
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
