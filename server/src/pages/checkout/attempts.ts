import type { Transaction } from 'kysely'
import { type Static, Type } from 'typebox'
import { findMethod } from '#engine/rails/methods.ts'
import type { Db } from '#foundation/database/database.ts'
import type { DB } from '#foundation/database/tables.ts'
import type { Business } from '#foundation/http/authentication.ts'
import type { Idempotency } from '#foundation/http/idempotency.ts'
import { type Answer, readClaim } from '#foundation/http/idempotency.ts'
import type { Origin } from '#foundation/http/origin.ts'
import { plainText } from '#foundation/http/schemas.ts'
import { ApiError, conflict, invalid } from '#foundation/shared/errors.ts'
import { requireAmount } from '#foundation/shared/money.ts'
import { lockPaymentRequests, type PaymentRequestRow } from '#resources/payments/payment-requests/queries.ts'
import { checkoutUrl } from '#resources/payments/payment-requests/wire.ts'
import { type StartDeps, startPayment } from '#resources/payments/settlement/start-payment.ts'
import { statusAt } from './checkout-state.ts'
import { countUnpaidAttempts, findCheckoutCharges } from './queries.ts'

/** What the payer's page sends to start a payment. A card is sent as its token, never as its number. */
export const AttemptInput = Type.Object({
  method: plainText(64),
  amount: Type.Optional(Type.Unsafe<string | number>({ type: ['string', 'number'] })),
  token: Type.Optional(plainText(255)),
  name: Type.Optional(plainText(255)),
  email: Type.Optional(Type.String({ format: 'email', maxLength: 255 })),
  embedded: Type.Optional(Type.Boolean()),
})
export type AttemptInput = Static<typeof AttemptInput>

/** Attempts that one request may have in ten minutes; stolen card numbers are tried out by the hundred. */
const mostAttempts = 30
const attemptWindowMs = 10 * 60_000
/** For this long, an attempt that a rail is processing blocks others; after that, the payer may try again. */
const workingMs = 60_000

/** Rejects attempts beyond the limit; successful ones do not count, since many payers may share a link. */
async function requireFew(db: Db, business: Business, request: PaymentRequestRow, at: Date): Promise<void> {
  const since = new Date(at.getTime() - attemptWindowMs)
  if ((await countUnpaidAttempts(db, business.id, request.id, since, mostAttempts)) >= mostAttempts) {
    throw new ApiError(429, 'too_many_attempts', 'There were too many payment attempts; try again later.', { headers: { 'retry-after': '600' } })
  }
}

/** Rejects what looks like a card number: rails are given tokens, and repeat them in their errors, which are stored. */
function requireToken(token: string | undefined): void {
  if (token !== undefined && /^[\d\s-]{12,}$/.test(token)) {
    throw invalid({ token: ['The token must be a card token from the tokeniser, not a card number.'] }, 'card_number_not_taken')
  }
}

/** Rejects an attempt while a rail is processing another. */
async function requireFree(db: Db, business: Business, request: PaymentRequestRow, at: Date): Promise<void> {
  if (request.allow_repeated_payments) return
  const charges = await findCheckoutCharges(db, business.id, request.id, null)
  const isWorking = charges.some(({ status, created_at }) => status === 'pending' && at.getTime() - created_at.getTime() < workingMs)
  if (isWorking) throw conflict('payment_in_progress', 'A payment is being processed; wait for its result.')
}

/** The same check inside a transaction that locks the request: of two tabs that pay at the same time, one is rejected before its rail is called. */
const guardOf = (business: Business, request: PaymentRequestRow, at: Date) => async (tx: Transaction<DB>) => {
  const held = (await lockPaymentRequests(tx, [{ businessId: business.id, id: request.id }])).get(request.id)
  if (!held || (statusAt(held, at) !== 'pending' && !held.allow_repeated_payments)) {
    throw conflict('payment_request_not_payable', 'This payment request can no longer be paid.')
  }
  await requireFew(tx, business, held, at)
  await requireFree(tx, business, held, at)
}

/**
 * Starts the payer's payment, once per key: a reload, a second click and a lost response get the charge of the first attempt.
 * Returns the charge's id.
 */
export async function beginAttempt(
  deps: StartDeps & { idempotency: Idempotency },
  business: Business,
  request: PaymentRequestRow,
  { body, key, origin: { at, requestId } }: { body: AttemptInput; key: string | undefined; origin: Origin },
): Promise<string> {
  const { method, amount, token, name, email, embedded } = body
  requireToken(token)
  if (findMethod(method)?.kind === 'qr') throw invalid({ method: ['This method is paid by scanning its QR code.'] }, 'payment_method_not_available')
  // Only of these fields: of anything else that a page may have sent, not even a digest is stored.
  const claim = readClaim(key && `checkout:${request.id}:${key}`, business.id, `POST attempts ${request.id}`, { method, amount, token, name, email, embedded })
  if (!claim) throw invalid({ 'Idempotency-Key': ['The Idempotency-Key header is required.'] }, 'invalid_idempotency_key')
  const answered = (id: string): Answer => ({ status: 200, body: JSON.stringify({ charge_id: id }) })
  const run = async (): Promise<Answer> => {
    await requireFew(deps.database.db, business, request, at)
    await requireFree(deps.database.db, business, request, at)
    const page = checkoutUrl(request, business, deps.baseUrl())
    const settled = await startPayment(deps, business, {
      request,
      method,
      ...(request.amount_minor === null ? { amountMinor: typed(amount, request) } : {}),
      input: { interactive: true, ...(token === undefined ? {} : { token }) },
      payer: { ...(name === undefined ? {} : { name }), ...(email === undefined ? {} : { email }) },
      requestId,
      returnUrl: embedded ? `${page}?embed=1` : page,
      guard: guardOf(business, request, at),
      begun: { claim, answer: ({ id }) => answered(id) },
    })
    return settled.answer ?? answered(settled.charge.id)
  }
  const { body: text = '{}' } = await deps.idempotency.once(claim, { lookFirst: true }, run)
  return String((JSON.parse(text) as { charge_id: string }).charge_id)
}

/** The amount that the payer entered, in minor units. */
export function typed(amount: string | number | undefined, { currency }: Pick<PaymentRequestRow, 'currency'>): bigint {
  if (amount === undefined || amount === '') throw invalid({ amount: ['The amount field is required.'] })
  const minor = requireAmount('amount', amount, currency)
  if (minor <= 0n) throw invalid({ amount: ['The amount must be greater than 0.'] })
  return minor
}
