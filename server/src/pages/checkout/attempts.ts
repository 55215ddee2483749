import { type Static, Type } from 'typebox'
import { findMethod } from '#engine/rails/methods.ts'
import type { Idempotency } from '#foundation/http/idempotency.ts'
import { type Answer, readClaim } from '#foundation/http/idempotency.ts'
import type { Origin } from '#foundation/http/origin.ts'
import { plainText } from '#foundation/http/schemas.ts'
import type { Business } from '#foundation/shared/business.ts'
import { invalid } from '#foundation/shared/errors.ts'
import { requireAmount } from '#foundation/shared/money.ts'
import { languages } from '#resources/business/checkout-settings/wire.ts'
import type { PaymentRequestRow } from '#resources/payments/payment-requests/queries.ts'
import { checkoutUrl } from '#resources/payments/payment-requests/wire.ts'
import { type StartDeps, startPayment } from '#resources/payments/settlement/start-payment.ts'

/** What the payer's page sends to start a payment. A card is sent as its token, never as its number. */
export const AttemptInput = Type.Object({
  method: plainText(64),
  amount: Type.Optional(Type.Unsafe<string | number>({ type: ['number', 'string'], maxLength: 32 })),
  token: Type.Optional(plainText(255)),
  name: Type.Optional(plainText(255)),
  email: Type.Optional(Type.String({ format: 'email', maxLength: 255 })),
  embedded: Type.Optional(Type.Boolean()),
  /** The page's own. */
  language: Type.Optional(plainText(16)),
})
export type AttemptInput = Static<typeof AttemptInput>

/** Whether a text contains a card number, however its digits are grouped and in whichever script they are. */
export function hasCardNumber(text: string): boolean {
  return /\d{12,}/.test(text.normalize('NFKC').replace(/[^\p{L}\d]/gu, ''))
}

/** Rejects what looks like a card number: rails are given tokens, and repeat them in their errors, which are stored. */
function requireToken(token: string | undefined): void {
  if (token !== undefined && hasCardNumber(token)) {
    throw invalid({ token: ['The token must be a card token from the tokeniser, not a card number.'] }, 'card_number_not_taken')
  }
}

/** An attempt that a payer started: its charge, and its payment request after it; absent if an earlier answer was repeated. */
export interface BegunAttempt {
  chargeId: string
  request?: PaymentRequestRow | undefined
}

/**
 * Starts the payer's payment, once per key: a reload, a second click and a lost response get the charge of the first attempt.
 */
export async function beginAttempt(
  deps: StartDeps & { idempotency: Idempotency },
  business: Business,
  request: PaymentRequestRow,
  { body, key, origin }: { body: AttemptInput; key: string | undefined; origin: Origin },
): Promise<BegunAttempt> {
  const { method, amount, token, name, email, embedded } = body
  const language = languages.find((one) => one === body.language)
  requireToken(token)
  if (findMethod(method)?.kind === 'qr') throw invalid({ method: ['This method is paid by scanning its QR code.'] }, 'payment_method_not_available')
  // Only of these fields: of anything else that a page may have sent, not even a digest is stored.
  const claim = readClaim(key && `checkout:${request.id}:${key}`, business.id, `POST attempts ${request.id}`, { method, amount, token, name, email, embedded })
  if (!claim) throw invalid({ 'Idempotency-Key': ['The Idempotency-Key header is required.'] }, 'invalid_idempotency_key')
  const page = checkoutUrl(request, business, origin.baseUrl)
  let paid: PaymentRequestRow | undefined
  const run = async (): Promise<Answer> => {
    const payment = {
      request,
      method,
      ...(request.amount_minor === null ? { amountMinor: typed(amount, request) } : {}),
      input: { interactive: true, ...(token === undefined ? {} : { token }) },
      payer: { ...(name === undefined ? {} : { name }), ...(email === undefined ? {} : { email }), ...(language === undefined ? {} : { language }) },
      returnUrl: embedded ? `${page}?embed=1` : page,
      limitAttempts: true,
      answer: ({ charge }: { charge: { id: string } }): Answer => ({ status: 200, body: JSON.stringify({ charge_id: charge.id }) }),
    }
    const settled = await startPayment(deps, business, payment, { ...origin, claim })
    paid = settled.paymentRequest
    return settled.answer ?? payment.answer(settled)
  }
  const { body: text = '{}' } = await deps.idempotency.once(claim, { lookFirst: false }, run)
  return { chargeId: String((JSON.parse(text) as { charge_id: string }).charge_id), request: paid }
}

/** The amount that the payer entered, in minor units. */
export function typed(amount: string | number | undefined, { currency }: Pick<PaymentRequestRow, 'currency'>): bigint {
  if (amount === undefined || amount === '') throw invalid({ amount: ['The amount field is required.'] })
  const minor = requireAmount('amount', amount, currency)
  if (minor <= 0n) throw invalid({ amount: ['The amount must be greater than 0.'] })
  return minor
}
