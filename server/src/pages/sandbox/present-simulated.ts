import { ownValue } from '@hawker/web/own-value'
import type { PhonePayment, ScannedCode, SimulatedPayment as ShownPayment } from '@hawker/web/sandbox-data'
import { findMethod } from '#engine/rails/methods.ts'
import { waitingPage } from '#engine/rails/simulator/simulator.ts'
import { formatAmount } from '#foundation/shared/money.ts'
import { displayName } from '#resources/payments/charges/payment-method-wire.ts'
import type { ChargeRow } from '#resources/payments/charges/queries.ts'
import { isPastDeadline } from '#resources/payments/payment-requests/expiry.ts'
import type { PaymentRequestRow } from '#resources/payments/payment-requests/queries.ts'
import type { SimulatedPayment } from '#resources/sandbox/answer-simulated.ts'
import type { Scan } from '#resources/sandbox/scan-code.ts'

const textIn = (data: Record<string, unknown>, name: string): string | null => {
  const value = ownValue(data, name)
  return typeof value === 'string' ? value : null
}

/** A request's status as a payer sees it: an expired request is expired before a job has written it. */
function statusOf(request: PaymentRequestRow, now: Date): string {
  if (request.deleted_at !== null) return 'canceled'
  return request.status === 'pending' && isPastDeadline(request, now) ? 'expired' : request.status
}

/** Where the browser returns to from a simulator page. */
export const returnUrlOf = ({ rail_data }: ChargeRow): string | null => textIn(rail_data, 'return_url')

/** A payment as the simulator's wallet and 3-D Secure pages show it. */
export function presentSimulated({ business, charge, request }: SimulatedPayment, now: Date): ShownPayment {
  return {
    business: business.name,
    method: { code: charge.method, name: findMethod(charge.method)?.name ?? displayName(charge.method) },
    amount: formatAmount(charge.amount_minor, charge.currency),
    currency: charge.currency,
    purpose: request.purpose,
    reference: request.reference_number,
    card: charge.card && { brand: charge.card.brand, last4: charge.card.last4 },
    state: waitingPage(charge.rail_data) === undefined || charge.closed_at !== null ? 'answered' : 'waiting',
    status: charge.status,
    unapplied_reason: charge.unapplied_reason,
    failure_code: charge.failure_code,
    request_status: request.allow_repeated_payments ? 'pending' : statusOf(request, now),
    return_url: returnUrlOf(charge),
  }
}

/** A code as the phone's banking app shows it. */
export function presentScanned(code: Scan, now: Date): ScannedCode {
  const { scheme, payee, amountMinor, request, reference, editable, expiresAt, method } = code
  return {
    scheme,
    payee,
    amount: amountMinor === null ? null : formatAmount(amountMinor, request.currency),
    currency: request.currency,
    reference,
    editable_amount: editable,
    is_open: request.amount_minor === null,
    status: statusOf(request, now),
    expires_at: expiresAt?.toISOString() ?? null,
    deadline: request.expires_at?.toISOString() ?? null,
    method: method.code,
    method_name: method.name,
    payment_request_id: request.id,
    now: now.toISOString(),
  }
}

/** The result of a payment, as the phone shows it. */
export function presentPhonePayment(charge: ChargeRow, request: PaymentRequestRow): PhonePayment {
  return {
    payment_id: charge.id,
    payment_request_id: request.id,
    status: charge.status,
    payment_request_status: request.status,
    amount: formatAmount(charge.amount_minor, charge.currency),
    refunded_amount: formatAmount(charge.refunded_minor, charge.currency),
    currency: charge.currency,
    method: charge.method,
    unapplied_reason: charge.unapplied_reason,
    failure_code: charge.failure_code,
    url: `/sandbox/phone/payments/${charge.business_id}/${charge.id}`,
  }
}
