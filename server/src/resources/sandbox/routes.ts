import { findTestCard } from '#engine/rails/test-cards.ts'
import { readTogether } from '#foundation/database/read-together.ts'
import { type Api, findingTakenKeys } from '#foundation/http/api.ts'
import { isTrue } from '#foundation/http/schemas.ts'
import { ApiError, invalid, notFound } from '#foundation/shared/errors.ts'
import { isUuid } from '#foundation/shared/ids.ts'
import { requireAmount } from '#foundation/shared/money.ts'
import { findAnyPaymentRequests, type PaymentRequestRow } from '#resources/payments/payment-requests/queries.ts'
import { checkoutUrl } from '#resources/payments/payment-requests/wire.ts'
import type { Settled } from '#resources/payments/settlement/settle-charges.ts'
import { type NewPayment, type StartDeps, startPayment } from '#resources/payments/settlement/start-payment.ts'
import { answerSimulated, findSimulated } from './answer-simulated.ts'
import { lateDate } from './lateness.ts'
import { payCode } from './pay-code.ts'
import { scanCode } from './scan-code.ts'
import { AnswerInput, PayCodeInput, PayInput, PayResult, presentResult } from './wire.ts'

/** Acting as the payer, for sandbox businesses only; a live business has no such routes. */
export function sandboxRoutes(api: Api, deps: StartDeps): void {
  payRoute(api, deps)
  payCodeRoute(api, deps)
  answerRoute(api, deps)
}

const requireSandbox = (mode: string) => {
  if (mode !== 'sandbox') throw new ApiError(404, 'route_not_found', 'Not Found')
}

const payerOf = ({ name, email, phone }: Pick<PayInput, 'name' | 'email' | 'phone'>) => ({ name: name ?? null, email: email ?? null, phone: phone ?? null })

/** What a request to the sandbox is answered, once its payment is settled. */
const answerWith = (request: PaymentRequestRow) => (settled: Settled) => ({ status: 200, body: JSON.stringify(presentResult(settled, request)) })

/** Replaces every number that is not a published test card. */
const otherCard = 'other'

/**
 * Discards a number that is not a test card before the body is processed: an Idempotency-Key stores a digest of each field,
 * and the few digits of a card that someone typed by mistake could be recovered from one.
 */
function withoutRealCards(body: Record<string, unknown>): Record<string, unknown> {
  const { card } = body
  const known = (number: unknown) => ((typeof number !== 'string' && typeof number !== 'number') || findTestCard(String(number)) ? number : otherCard)
  if (typeof card === 'string' || typeof card === 'number') return { ...body, card: known(card) }
  if (typeof card !== 'object' || card === null || !('number' in card)) return body
  return { ...body, card: { number: known(card.number) } }
}

/** The payment that a body describes. */
function paymentOf(
  request: PaymentRequestRow,
  body: PayInput,
  now: Date,
): Pick<NewPayment, 'request' | 'method' | 'amountMinor' | 'input' | 'acceptLate' | 'beganAt'> {
  const number = typeof body.card === 'object' ? body.card?.number : body.card
  if (number !== undefined && typeof number !== 'string') throw invalid({ card: ['The card must be a number.'] })
  const late = isTrue(body.late)
  return {
    request,
    method: body.method ?? (number === undefined ? request.payment_methods[0] : undefined) ?? 'card',
    ...(body.amount === undefined ? {} : { amountMinor: requireAmount('amount', body.amount, request.currency) }),
    input: {
      ...(number === undefined ? {} : { card: { number } }),
      ...(body.delay === undefined ? {} : { delaySeconds: body.delay }),
      outcome: body.outcome ?? (number === undefined ? 'completed' : undefined),
      ...(body.challenge === undefined ? {} : { challenge: body.challenge }),
      ...(isTrue(body.interactive) ? { interactive: true } : {}),
    },
    ...(late || isTrue(body.anyway) ? { acceptLate: true } : {}),
    ...(late ? { beganAt: lateDate(request, now) } : {}),
  }
}

/** A scanned code: its request, by the reference that it contains, and its amount. */
function payCodeRoute(api: Api, deps: StartDeps): void {
  const sandbox = api.group('Sandbox')
  sandbox.write(
    'POST',
    '/v1/sandbox/pay-code',
    {
      operationId: 'paySandboxCode',
      summary: 'Pay a scanned code as its payer',
      description: 'Reads a payment code as a banking app or a wallet would, and pays the payment request whose reference it contains.',
      body: PayCodeInput,
      answers: { 200: PayResult },
    },
    findingTakenKeys(async (call) => {
      const { business, body } = call
      requireSandbox(business.mode)
      const code = await scanCode(deps.database.db, body.qr_code, { field: 'qr_code', of: business })
      const decision = { outcome: body.outcome ?? 'completed', amount: body.amount === undefined ? undefined : String(body.amount), delaySeconds: body.delay }
      const { request } = code
      const answer = answerWith(request)
      const settled = await payCode(deps, code, decision, { payer: payerOf(body), answer }, call)
      return settled.answer ?? answer(settled)
    }),
  )
}

function payRoute(api: Api, deps: StartDeps): void {
  const sandbox = api.group('Sandbox')
  const { database, groupAcrossBusinesses } = deps
  const groupOf = groupAcrossBusinesses ? undefined : ({ businessId }: { businessId: string }) => businessId
  const findRequest = readTogether((keys: { businessId: string; id: string }[]) => findAnyPaymentRequests(database.write, keys), { groupOf })
  sandbox.write(
    'POST',
    '/v1/sandbox/payment-requests/:payment_request_id/pay',
    {
      operationId: 'paySandboxPaymentRequest',
      summary: 'Pay a payment request as its payer',
      description: 'Pays a request as a payer would: with any method, with any outcome, late, twice, too little or too much.',
      body: PayInput,
      normalise: withoutRealCards,
      answers: { 200: PayResult },
    },
    findingTakenKeys(async (call) => {
      const { business, params, body } = call
      const id = params.payment_request_id ?? ''
      requireSandbox(business.mode)
      const request = isUuid(id) ? await findRequest({ businessId: business.id, id }) : undefined
      if (!request) throw notFound('PaymentRequest', id)
      const answer = answerWith(request)
      const returnUrl = checkoutUrl(request, business, call.baseUrl)
      const settled = await startPayment(deps, business, { ...paymentOf(request, body, call.at), payer: payerOf(body), returnUrl, answer }, call)
      return settled.answer ?? answer(settled)
    }),
  )
}

function answerRoute(api: Api, deps: StartDeps): void {
  const sandbox = api.group('Sandbox')
  sandbox.write(
    'POST',
    '/v1/sandbox/payments/:charge_id/answer',
    {
      operationId: 'answerSandboxPayment',
      summary: 'Answer for the payer',
      description:
        "Answers as the payer on the simulator's wallet, bank or 3-D Secure page. Only the first answer counts; a later one returns the existing result.",
      body: AnswerInput,
      answers: { 200: PayResult },
    },
    findingTakenKeys(async (call) => {
      const { business, params, body } = call
      const id = params.charge_id ?? ''
      requireSandbox(business.mode)
      const payment = await findSimulated(deps, business.id, id)
      if (!payment) throw notFound('Charge', id)
      const { outcome = 'approved', delay } = body
      const answer = answerWith(payment.request)
      const settled = await answerSimulated(deps, payment, { outcome, ...(delay === undefined ? {} : { delaySeconds: delay }) }, call, answer)
      return settled.answer ?? answer(settled)
    }),
  )
}
