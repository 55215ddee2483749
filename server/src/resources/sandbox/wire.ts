import { type Static, Type } from 'typebox'
import { lenientFlag, plainText } from '#foundation/http/schemas.ts'
import { formatAmount } from '#foundation/shared/money.ts'
import type { PaymentRequestRow } from '#resources/payments/payment-requests/queries.ts'
import { redirectUrl } from '#resources/payments/payment-requests/redirect.ts'
import type { Settled } from '#resources/payments/settlement/settle-charges.ts'

const text = Type.Unsafe<string | null>({ type: ['string', 'null'] })

/** How the sandbox payer pays. */
export const PayInput = Type.Object({
  method: Type.Optional(plainText(64, { description: "One of the request's `payment_methods`; the first one if omitted." })),
  outcome: Type.Optional(
    Type.Enum(['completed', 'failed', 'canceled', 'timeout'], {
      description: 'Overrides the outcome of the card. `timeout` leaves the payment pending until it counts as failed.',
    }),
  ),
  card: Type.Optional(
    Type.Unsafe<string | { number: string }>({
      type: ['string', 'object'],
      maxLength: 40,
      properties: { number: { type: 'string', maxLength: 40 } },
      required: ['number'],
      description: "The number of one of Stripe's test cards, as text or in `number`. It is not stored.",
      examples: ['4000000000000002'],
    }),
  ),
  delay: Type.Optional(
    Type.Number({ minimum: 0, maximum: 86_400, description: 'Seconds until the rail reports the outcome; the payment is pending until then.' }),
  ),
  amount: Type.Optional(
    Type.Unsafe<string | number>({
      type: ['number', 'string'],
      maxLength: 32,
      description: 'For requests without an amount, or to pay too little or too much.',
    }),
  ),
  challenge: Type.Optional(Type.Enum(['passed', 'failed', 'abandoned'], { description: 'What the payer does when the card requires 3-D Secure.' })),
  interactive: Type.Optional(
    lenientFlag(
      'Stop where a payer in a browser is asked: `action_url` is the simulator page, and `POST /v1/sandbox/payments/{charge_id}/answer` answers instead of it.',
    ),
  ),
  late: Type.Optional(lenientFlag("Date the payment after the request's deadline, as if the bank had sent it too late. Requires a request with a deadline.")),
  anyway: Type.Optional(lenientFlag('Pay even if the request no longer accepts payments, for example a second time. The payment is recorded but not applied.')),
  name: Type.Optional(plainText(255)),
  email: Type.Optional(Type.String({ format: 'email', maxLength: 255 })),
  phone: Type.Optional(plainText(32)),
})
export type PayInput = Static<typeof PayInput>

/** How the sandbox payer pays a code: its own amount, unless another one is given. */
export const PayCodeInput = Type.Object({
  qr_code: Type.String({ minLength: 1, maxLength: 2048, description: 'The value of `qr_code_data.qr_code`, or the text read from its image.' }),
  amount: Type.Optional(
    Type.Unsafe<string | number>({ type: ['number', 'string'], maxLength: 32, description: 'Total amount to pay, if it is to be too little or too much.' }),
  ),
  outcome: PayInput.properties.outcome,
  delay: PayInput.properties.delay,
  name: PayInput.properties.name,
  email: PayInput.properties.email,
  phone: PayInput.properties.phone,
})
export type PayCodeInput = Static<typeof PayCodeInput>

/** The result of a sandbox payment. */
export const PayResult = Type.Object(
  {
    payment_id: Type.String({ description: 'The charge.' }),
    payment_request_id: Type.String(),
    status: Type.String({ description: "The charge's status." }),
    payment_request_status: Type.String(),
    amount: Type.String(),
    currency: Type.String(),
    method: Type.String(),
    unapplied_reason: text,
    failure_code: text,
    action_url: Type.Unsafe<string | null>({ type: ['string', 'null'], description: 'The simulator page on which the payer approves or declines.' }),
    redirect_url: text,
  },
  { title: 'SandboxPayment' },
)
export type PayResult = Static<typeof PayResult>

/** The payer's answer on a simulator page. */
export const AnswerInput = Type.Object({
  outcome: Type.Optional(
    Type.Enum(['approved', 'declined', 'canceled', 'timeout', 'slow'], {
      default: 'approved',
      description:
        'The answer of a wallet or a bank; for 3-D Secure, `approved` means passed, `declined` failed and `canceled` abandoned. `slow` approves after ten seconds, `timeout` never answers.',
    }),
  ),
  delay: Type.Optional(
    Type.Number({ minimum: 0, maximum: 86_400, description: 'Seconds until the rail reports the outcome; the payment is pending until then.' }),
  ),
})
export type AnswerInput = Static<typeof AnswerInput>

const redirected: Record<string, string> = { succeeded: 'completed', canceled: 'canceled', failed: 'failed' }

export function presentResult({ charge, paymentRequest }: Pick<Settled, 'charge' | 'paymentRequest'>, request: PaymentRequestRow): PayResult {
  // A decline leaves the payer on the page, to try another way; only an end redirects the browser. Merchants take `completed`
  // as paid, so a payment that was not applied says it only if another one has been.
  const paid = charge.status === 'succeeded' && (charge.unapplied_reason === null || paymentRequest?.status === 'completed')
  const ended = paid || charge.status === 'canceled' || paymentRequest?.status === 'failed'
  return {
    payment_id: charge.id,
    payment_request_id: request.id,
    status: charge.status,
    payment_request_status: paymentRequest?.status ?? request.status,
    amount: formatAmount(charge.amount_minor, charge.currency),
    currency: charge.currency,
    method: charge.method,
    unapplied_reason: charge.unapplied_reason,
    failure_code: charge.failure_code,
    action_url: charge.status === 'requires_customer_action' && typeof charge.rail_data.action_url === 'string' ? charge.rail_data.action_url : null,
    redirect_url: ended ? redirectUrl(request.redirect_url, request.id, redirected[charge.status] ?? charge.status) : null,
  }
}
