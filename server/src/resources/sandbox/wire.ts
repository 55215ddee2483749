import { type Static, Type } from 'typebox'
import { plainText } from '../../foundation/http/schemas.ts'

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

export const PaymentRequestId = Type.Object({ payment_request_id: Type.String() })

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
    redirect_url: text,
  },
  { title: 'SandboxPayment' },
)
export type PayResult = Static<typeof PayResult>
