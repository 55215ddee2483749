import DataLoader from 'dataloader'
import type { Api } from '../../foundation/http/api.ts'
import type { Business } from '../../foundation/http/authentication.ts'
import { writeHeaders } from '../../foundation/http/schemas.ts'
import { ApiError, invalid, notFound } from '../../foundation/shared/errors.ts'
import { isUuid } from '../../foundation/shared/ids.ts'
import { formatAmount, requireAmount } from '../../foundation/shared/money.ts'
import type { Settled } from '../charges/settle-charges.ts'
import { type StartDeps, startPayment } from '../charges/start-payment.ts'
import { findAnyPaymentRequests, type PaymentRequestRow } from '../payment-requests/queries.ts'
import { redirectUrl } from '../payment-requests/redirect.ts'
import { checkoutUrl } from '../payment-requests/wire.ts'
import { readCode } from './read-code.ts'
import { PayCodeInput, PayInput, PaymentRequestId, PayResult } from './wire.ts'

const redirected: Record<string, string> = { succeeded: 'completed', canceled: 'canceled', failed: 'failed' }

function presentResult({ charge, paymentRequest }: Settled, request: PaymentRequestRow): PayResult {
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
    redirect_url: ended ? redirectUrl(request.redirect_url, request.id, redirected[charge.status] ?? charge.status) : null,
  }
}

/** Playing the payer, for sandbox businesses only; a live business finds no such routes. */
export function sandboxRoutes(api: Api, deps: StartDeps): void {
  payRoute(api, deps)
  payCodeRoute(api, deps)
}

function requireSandbox({ mode }: Business): void {
  if (mode !== 'sandbox') throw new ApiError(404, 'route_not_found', 'Not Found')
}

/** A scanned code: the request that it is for, by the reference that it carries, and what it asks for. */
function payCodeRoute(api: Api, deps: StartDeps): void {
  api.write(
    'POST',
    '/v1/sandbox/pay-code',
    {
      operationId: 'paySandboxCode',
      tags: ['Sandbox'],
      summary: 'Play the payer who scans a code',
      description: 'Reads a payment code as a bank or a wallet would, and pays the payment request whose reference it carries.',
      headers: writeHeaders,
      body: PayCodeInput,
      answers: { 200: PayResult },
    },
    async ({ business, body, claim, requestId }) => {
      requireSandbox(business)
      const { request, method, totalMinor } = await readCode(deps, business, body.qr_code)
      const total = body.amount === undefined ? totalMinor : requireAmount('amount', body.amount, request.currency)
      const settled = await startPayment(deps, business, {
        request,
        method,
        ...(total === undefined ? {} : { totalMinor: total }),
        input: { outcome: body.outcome ?? 'completed', ...(body.delay === undefined ? {} : { delaySeconds: body.delay }) },
        payer: { name: body.name ?? null, email: body.email ?? null, phone: body.phone ?? null },
        requestId,
        returnUrl: checkoutUrl(request, business, deps.baseUrl()),
        answered: { claim, answer: (one) => ({ status: 200, body: JSON.stringify(presentResult(one, request)) }) },
      })
      return settled.answer ?? { status: 200, body: JSON.stringify(presentResult(settled, request)) }
    },
  )
}

function payRoute(api: Api, deps: StartDeps): void {
  // Payments that arrive together ask once.
  const requests = new DataLoader<{ businessId: string; id: string }, PaymentRequestRow | undefined>(
    (keys) => findAnyPaymentRequests(deps.database.pool, keys),
    {
      cache: false,
      maxBatchSize: 100,
      batchScheduleFn: (run) => setImmediate(run),
    },
  )
  api.write(
    'POST',
    '/v1/sandbox/payment-requests/:payment_request_id/pay',
    {
      operationId: 'paySandboxPaymentRequest',
      tags: ['Sandbox'],
      summary: 'Play the payer',
      description: 'Pays a request as a payer would: by any method, with any outcome, late, too little or too much.',
      params: PaymentRequestId,
      headers: writeHeaders,
      body: PayInput,
      answers: { 200: PayResult },
    },
    async ({ business, params, body, claim, requestId }) => {
      const id = params.payment_request_id ?? ''
      requireSandbox(business)
      const request = isUuid(id) ? await requests.load({ businessId: business.id, id }) : undefined
      if (!request) throw notFound('PaymentRequest', id)
      const number = typeof body.card === 'object' ? body.card?.number : body.card
      const method = body.method ?? (number === undefined ? request.payment_methods[0] : undefined) ?? 'card'
      if (number !== undefined && typeof number !== 'string') throw invalid({ card: ['The card must be a number.'] })
      const settled = await startPayment(deps, business, {
        request,
        method,
        ...(body.amount === undefined ? {} : { amountMinor: requireAmount('amount', body.amount, request.currency) }),
        input: {
          ...(number === undefined ? {} : { card: { number } }),
          ...(body.delay === undefined ? {} : { delaySeconds: body.delay }),
          outcome: body.outcome ?? (number === undefined ? 'completed' : undefined),
          ...(body.challenge === undefined ? {} : { challenge: body.challenge }),
        },
        payer: { name: body.name ?? null, email: body.email ?? null, phone: body.phone ?? null },
        requestId,
        returnUrl: checkoutUrl(request, business, deps.baseUrl()),
        answered: { claim, answer: (one) => ({ status: 200, body: JSON.stringify(presentResult(one, request)) }) },
      })
      return settled.answer ?? { status: 200, body: JSON.stringify(presentResult(settled, request)) }
    },
  )
}
