import { type Static, Type } from 'typebox'
import { CursorPage, lenientFlag, longText, nullable, plainText } from '#foundation/http/schemas.ts'
import type { Business } from '#foundation/shared/business.ts'
import { amountAsNumber } from '#foundation/shared/money.ts'
import { formatLocalTime, formatUtcMicroseconds } from '#foundation/shared/time.ts'
import type { ShownRefund } from './queries.ts'

const text = Type.Unsafe<string | null>({ type: ['string', 'null'] })
const amount = Type.Unsafe<string | number>({
  type: ['number', 'string'],
  maxLength: 32,
  description: 'Amount to refund, in major units; everything that is left if omitted.',
})

const about = {
  amount: Type.Optional(amount),
  webhook: Type.Optional(nullable(plainText(1028, { description: 'URL that receives the outcome of the refund as a form: https, in the sandbox also http.' }))),
  send_email: Type.Optional(lenientFlag('Whether to email the payer.')),
  email: Type.Optional(nullable(Type.String({ format: 'email', maxLength: 255, description: "Address for that email; the payer's own if omitted." }))),
  comment: Type.Optional(nullable(longText(255, { description: 'Why the payment is refunded.' }))),
  reason: Type.Optional(nullable(longText(255, { description: 'Alias of `comment`.' }))),
}

/** The body of `POST /v1/refund` (behaviour §5.5). */
export const CreateRefund = Type.Object(
  {
    payment_id: Type.String({ maxLength: 64, description: 'The charge: `payment_id` in webhooks, `payments[].id` in payment requests.' }),
    ...about,
  },
  { examples: [{ payment_id: '3c90c3cc-0d44-4b50-8888-8dd25736052a', amount: 10.5, comment: 'Out of stock' }] },
)
export type CreateRefund = Static<typeof CreateRefund>

/** The body of `POST /v1/payment-requests/{id}/refund`. */
export const RefundPaymentRequest = Type.Object(about)
export type RefundPaymentRequest = Static<typeof RefundPaymentRequest>

/** A refund as every operation returns it: HitPay's twelve fields, then ours. */
export const Refund = Type.Object(
  {
    id: Type.String({ format: 'uuid' }),
    refunded_by: text,
    payment_id: Type.String({ format: 'uuid', description: 'The charge.' }),
    amount_refunded: Type.Number(),
    total_amount: Type.Number({ description: "The charge's amount." }),
    currency: Type.String(),
    status: Type.Enum(['pending', 'succeeded', 'failed']),
    payment_method: Type.String(),
    provider_fee: Type.Unsafe<number | null>({ type: ['number', 'null'] }),
    provider_fee_currency: text,
    refunded_at: Type.Unsafe<string | null>({ type: ['string', 'null'], description: 'UTC with microseconds; null while pending.' }),
    created_at: Type.String({ description: "On POST in the business's time zone without a UTC offset, otherwise UTC with microseconds." }),
    payment_request_id: text,
    reason: text,
    failure_code: text,
    failure_reason: text,
  },
  { title: 'Refund' },
)
export type Refund = Static<typeof Refund>

export const RefundPage = CursorPage(Refund, 'RefundPage')

export const ListRefunds = Type.Object({
  cursor: Type.Optional(Type.String({ maxLength: 500 })),
  per_page: Type.Integer({ minimum: 1, maximum: 100, default: 25 }),
  payment_id: Type.Optional(plainText(64, { description: 'Only refunds of this charge.' })),
  status: Type.Optional(plainText(16, { description: '`pending`, `succeeded` or `failed`.' })),
})
export type ListRefunds = Static<typeof ListRefunds>

/** A refund as GET returns it: its times in UTC (behaviour §1.9). Has no `message`, which clients take for an error. */
export function presentRefund(row: ShownRefund): Refund {
  return {
    id: row.id,
    refunded_by: row.refunded_by,
    payment_id: row.charge_id,
    amount_refunded: amountAsNumber(row.amount_minor, row.currency),
    total_amount: amountAsNumber(row.total_minor, row.currency),
    currency: row.currency,
    status: row.status,
    payment_method: row.method,
    provider_fee: null,
    provider_fee_currency: null,
    refunded_at: row.refunded_at && formatUtcMicroseconds(row.refunded_at),
    created_at: formatUtcMicroseconds(row.created_at),
    payment_request_id: row.payment_request_id,
    reason: row.reason,
    failure_code: row.failure_code,
    failure_reason: row.failure_message,
  }
}

/** A refund as POST returns it: `created_at` in the business's time zone without offset (behaviour §1.9). */
export function presentNewRefund(row: ShownRefund, business: Business): Refund {
  return { ...presentRefund(row), created_at: formatLocalTime(row.created_at, business.timezone) }
}
