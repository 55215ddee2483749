import { type Static, Type } from 'typebox'
import type { Business } from '../../foundation/http/authentication.ts'
import { formatAmount } from '../../foundation/shared/money.ts'
import { formatLocalTime } from '../../foundation/shared/time.ts'
import type { PaymentRequestRow } from './queries.ts'

const text = Type.Unsafe<string | null>({ type: ['string', 'null'] })

/** A payment of a request, as HitPay lists it inside the request (behaviour §2.2); `id` is the charge's. */
export const Payment = Type.Object(
  {
    id: Type.String(),
    quantity: Type.Integer(),
    status: Type.String(),
    buyer_name: text,
    buyer_phone: text,
    buyer_email: text,
    currency: Type.String(),
    amount: Type.String(),
    refunded_amount: Type.String(),
    payment_type: Type.String(),
    fees: Type.String(),
    fees_currency: Type.String(),
    created_at: Type.String(),
    updated_at: Type.String(),
  },
  { title: 'Payment' },
)
export type Payment = Static<typeof Payment>

/** The part of a payment request that every answer and webhook has (behaviour §2.2). */
export function presentPaymentRequest(row: PaymentRequestRow, business: Business, baseUrl: string) {
  const time = (at: Date) => formatLocalTime(at, business.timezone)
  return {
    id: row.id,
    name: row.name,
    email: row.email,
    phone: row.phone,
    amount: row.amount_minor === null ? null : formatAmount(row.amount_minor, row.currency),
    currency: row.currency,
    is_currency_editable: row.is_currency_editable,
    status: row.status,
    purpose: row.purpose,
    reference_number: row.reference_number,
    payment_methods: row.payment_methods,
    url: checkoutUrl(row, business, baseUrl),
    redirect_url: row.redirect_url,
    webhook: row.webhook,
    failed_webhook: row.failed_webhook,
    send_sms: row.send_sms,
    send_email: row.send_email,
    sms_status: row.sms_status,
    email_status: row.email_status,
    allow_repeated_payments: row.allow_repeated_payments,
    add_admin_fee: row.add_admin_fee,
    expiry_date: row.expires_at && time(row.expires_at),
    address: row.address,
    line_items: row.line_items,
    metadata: row.metadata,
    channel: row.channel,
    executor_id: null,
    customer_id: row.customer_id,
    wifi_terminal_id: row.wifi_terminal_id,
    staff_id: row.staff_id,
    business_location_id: row.location_id,
    created_at: time(row.created_at),
    updated_at: time(row.updated_at),
  }
}

/** The hosted page of a request (behaviour §2.3); clients find the id in it. */
export function checkoutUrl(row: Pick<PaymentRequestRow, 'id'>, business: Business, baseUrl: string): string {
  return `${baseUrl}/payment-request/@${business.slug}/${row.id}/checkout`
}
