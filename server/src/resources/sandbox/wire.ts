import { type Static, Type } from 'typebox'
import { lenientFlag, plainText } from '#foundation/http/schemas.ts'
import { formatAmount } from '#foundation/shared/money.ts'
import type { PaymentRequestRow } from '#resources/payments/payment-requests/queries.ts'
import { redirectUrl } from '#resources/payments/payment-requests/redirect.ts'
import type { Settled } from '#resources/payments/settlement/settle-charges.ts'

const text = Type.Unsafe<string | null>({ type: ['string', 'null'] })

/** How the sandbox's payer pays. */
export const PayInput = Type.Object({
  method: Type.Optional(plainText(64, { description: "A code of the request's `payment_methods`; the first of them unless given." })),
  outcome: Type.Optional(
    Type.Enum(['completed', 'failed', 'canceled', 'timeout'], {
      description: 'Overrides what the card would do. `timeout` leaves the payment pending until it counts as failed.',
    }),
  ),
  card: Type.Optional(
    Type.Unsafe<string | { number: string }>({
      type: ['string', 'object'],
      description: "The number of one of Stripe's test cards, alone or in `number`. It is not stored.",
      examples: ['4000000000000002'],
    }),
  ),
  delay: Type.Optional(Type.Number({ minimum: 0, maximum: 86_400, description: 'Seconds until the rail answers; the payment is pending meanwhile.' })),
  amount: Type.Optional(
    Type.Unsafe<string | number>({ type: ['string', 'number'], description: 'For requests without an amount, and for paying too little or too much.' }),
  ),
  challenge: Type.Optional(Type.Enum(['passed', 'failed', 'abandoned'], { description: 'What the payer does when a card asks for 3-D Secure.' })),
  interactive: Type.Optional(
    lenientFlag(
      'Stop where a payer at a browser is asked: `action_url` is the page of the simulator, and `POST /v1/sandbox/payments/{charge_id}/answer` answers in its place.',
    ),
  ),
  late: Type.Optional(lenientFlag('Dated behind the deadline of the request, as by a bank that sends too late. Needs a request with a deadline.')),
  anyway: Type.Optional(lenientFlag('Pay although the request takes no payment any more: a second time, for example. The money is kept apart.')),
  name: Type.Optional(plainText(255)),
  email: Type.Optional(Type.String({ format: 'email', maxLength: 255 })),
  phone: Type.Optional(plainText(32)),
})
export type PayInput = Static<typeof PayInput>

/** How the sandbox's payer pays a code: as the code says, unless they are to type another amount. */
export const PayCodeInput = Type.Object({
  qr_code: Type.String({ minLength: 1, maxLength: 2048, description: 'What `qr_code_data.qr_code` holds, or what was read from its image.' }),
  amount: Type.Optional(Type.Unsafe<string | number>({ type: ['string', 'number'], description: 'What is paid in all, for paying too little or too much.' })),
  outcome: PayInput.properties.outcome,
  delay: PayInput.properties.delay,
  name: PayInput.properties.name,
  email: PayInput.properties.email,
  phone: PayInput.properties.phone,
})
export type PayCodeInput = Static<typeof PayCodeInput>

/** What came of playing the payer. */
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
    action_url: Type.Unsafe<string | null>({ type: ['string', 'null'], description: 'The page of the simulator on which the payer is asked.' }),
    redirect_url: text,
  },
  { title: 'SandboxPayment' },
)
export type PayResult = Static<typeof PayResult>

/** What the payer says on a page of the simulator. */
export const AnswerInput = Type.Object({
  outcome: Type.Optional(
    Type.Enum(['approved', 'declined', 'canceled', 'timeout', 'slow'], {
      default: 'approved',
      description:
        'Of a wallet or a bank; of a 3-D Secure page `approved` is passed, `declined` is failed and `canceled` is abandoned. `slow` approves after ten seconds, `timeout` never answers.',
    }),
  ),
  delay: Type.Optional(Type.Number({ minimum: 0, maximum: 86_400, description: 'Seconds until the rail hears of it; the payment is pending meanwhile.' })),
})
export type AnswerInput = Static<typeof AnswerInput>

const redirected: Record<string, string> = { succeeded: 'completed', canceled: 'canceled', failed: 'failed' }

export function presentResult({ charge, paymentRequest }: Pick<Settled, 'charge' | 'paymentRequest'>, request: PaymentRequestRow): PayResult {
  // A decline leaves the payer on the page, to try otherwise; only an end sends the browser back. Merchants take `completed`
  // for paid, so money that was not applied says it only where other money has been.
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
