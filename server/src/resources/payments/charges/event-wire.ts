import type { Business } from '#foundation/shared/business.ts'
import { amountAsNumber, formatAmount } from '#foundation/shared/money.ts'
import { formatBusinessTime, formatLocalTime } from '#foundation/shared/time.ts'
import type { Payment, PaymentRequest } from '#resources/payments/payment-requests/wire.ts'
import type { ChargeRow } from './queries.ts'

/**
 * A charge as `charge.*` webhooks contain it (behaviour §4.4): flat, not in the shape of GET /v1/charges, with the payment request that
 * it pays, in which integrators find their order (behaviour §15).
 */
export function presentChargeEvent(row: ChargeRow, business: Business, paymentRequest: PaymentRequest | null) {
  const time = (at: Date | null) => (at === null ? null : formatBusinessTime(at, business.timezone))
  return {
    id: row.id,
    business_id: row.business_id,
    channel: row.channel,
    customer_id: row.customer_id,
    customer: { name: row.customer_name, email: row.customer_email, phone_number: row.customer_phone },
    status: row.status,
    currency: row.currency,
    amount: amountAsNumber(row.amount_minor, row.currency),
    refunded_amount: amountAsNumber(row.refunded_minor, row.currency),
    refunded_at: time(row.refunded_at),
    fixed_fee: amountAsNumber(row.fixed_fee_minor, row.currency),
    discount_fee: amountAsNumber(row.discount_fee_minor, row.currency),
    discount_fee_rate: row.discount_fee_rate / 100,
    failed_reason: row.failure_message,
    failure_code: row.failure_code,
    order: null,
    order_id: null,
    payment_request_id: row.payment_request_id,
    payment_request: paymentRequest,
    payment_provider: { code: row.rail, charge: { method: row.method, details: row.card ? { brand: row.card.brand, last4: row.card.last4 } : {} } },
    remark: row.remark,
    unapplied_reason: row.unapplied_reason,
    closed_at: time(row.closed_at),
    created_at: time(row.created_at),
    updated_at: time(row.updated_at),
  }
}

/** A charge as one of the payments of its request (behaviour §2.2). */
export function presentPayment(row: ChargeRow, business: Business): Payment {
  return {
    id: row.id,
    quantity: 1,
    status: row.status === 'refunded' || row.status === 'partially_refunded' ? row.status : 'succeeded',
    buyer_name: row.customer_name,
    buyer_phone: row.customer_phone,
    buyer_email: row.customer_email,
    currency: row.currency,
    amount: formatAmount(row.amount_minor, row.currency),
    refunded_amount: formatAmount(row.refunded_minor, row.currency),
    payment_type: row.method,
    fees: formatAmount(row.fixed_fee_minor + row.discount_fee_minor, row.currency),
    fees_currency: row.currency,
    created_at: formatLocalTime(row.created_at, business.timezone),
    updated_at: formatLocalTime(row.updated_at, business.timezone),
  }
}
