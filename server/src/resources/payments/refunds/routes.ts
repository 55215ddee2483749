import type { Deps } from '#foundation/deps.ts'
import type { Api, Call } from '#foundation/http/api.ts'
import type { Answer } from '#foundation/http/idempotency.ts'
import { keysetPage, keysetRequest } from '#foundation/http/pagination.ts'
import { isTrue } from '#foundation/http/schemas.ts'
import { conflict, invalid, notFound } from '#foundation/shared/errors.ts'
import { isUuid } from '#foundation/shared/ids.ts'
import { listPayments } from '#resources/payments/charges/queries.ts'
import { paymentRequestExists, type RefundStatus, refundPages, refundReader } from './queries.ts'
import { type RefundDeps, type RefundInput, refundCharge } from './refund-charge.ts'
import { CreateRefund, ListRefunds, presentRefund, Refund, RefundPage, RefundPaymentRequest } from './wire.ts'

const order = 'id desc'

function inputOf({ business, claim }: Call, chargeId: string, body: RefundPaymentRequest): RefundInput {
  return {
    chargeId,
    amount: body.amount,
    reason: body.comment ?? body.reason,
    webhook: body.webhook,
    sendEmail: isTrue(body.send_email),
    email: body.email,
    refundedBy: business.name,
    claim,
  }
}

/** Refunds under both of HitPay's paths, a list of them, and the refund of a payment request's only payment. */
export function refundsRoutes(api: Api, deps: RefundDeps & Pick<Deps, 'groupAcrossBusinesses'>): void {
  const refunds = api.group('Refunds')
  const { database, groupAcrossBusinesses } = deps
  const page = refundPages(database, groupAcrossBusinesses)
  const read = refundReader(database, groupAcrossBusinesses)

  const create = async (call: Call<unknown, CreateRefund>): Promise<Answer> =>
    (await refundCharge(deps, call.business, inputOf(call, call.body.payment_id.toLowerCase(), call.body), call)).answer
  const creating = { body: CreateRefund, answers: { 201: Refund } }
  const description = 'Refunds a charge in part or in full, as often as there is an amount left to refund. The fee of the charge is not returned.'
  refunds.write('POST', '/v1/refund', { operationId: 'createRefund', summary: 'Refund a charge', description, ...creating }, create)
  refunds.write('POST', '/v1/refunds', { operationId: 'createRefundToo', summary: 'Refund a charge (the plural path)', description, ...creating }, create)

  const get = async ({ business, params }: Call): Promise<Answer> => {
    const id = params.refund_id ?? ''
    const [row] = isUuid(id) ? await read({ businessId: business.id, id }) : []
    if (!row) throw notFound('Refund', id)
    return { status: 200, body: JSON.stringify(presentRefund(row)) }
  }
  const getting = { answers: { 200: Refund } }
  refunds.read('/v1/refund/:refund_id', { operationId: 'getRefund', summary: 'Get a refund', ...getting }, get)
  refunds.read('/v1/refunds/:refund_id', { operationId: 'getRefundToo', summary: 'Get a refund (the plural path)', ...getting }, get)

  refunds.read(
    '/v1/refunds',
    { operationId: 'listRefunds', summary: 'List refunds', description: 'Newest first.', query: ListRefunds, answers: { 200: RefundPage } },
    async (call) => {
      const { business, query } = call
      const asked = keysetRequest(call, '/v1/refunds', order)
      if (query.status && !['pending', 'succeeded', 'failed'].includes(query.status)) throw invalid({ status: ['The selected status is invalid.'] })
      if (query.payment_id && !isUuid(query.payment_id)) throw invalid({ payment_id: ['The payment id must be a valid UUID.'] })
      const filter = { chargeId: query.payment_id || undefined, status: (query.status || undefined) as RefundStatus | undefined }
      const rows = await page(business.id, { ...asked, filter })
      return { status: 200, body: keysetPage(rows, asked, (row) => JSON.stringify(presentRefund(row))) }
    },
  )

  refunds.write(
    'POST',
    '/v1/payment-requests/:payment_request_id/refund',
    {
      operationId: 'refundPaymentRequest',
      summary: "Refund a payment request's payment",
      description: 'For requests with exactly one payment that can still be refunded; otherwise refund the charge.',
      body: RefundPaymentRequest,
      answers: { 201: Refund },
    },
    async (call) => {
      const { business, params, body } = call
      const id = params.payment_request_id ?? ''
      if (!isUuid(id) || !(await paymentRequestExists(database.db, business.id, id))) throw notFound('PaymentRequest', id)
      const payments = await listPayments(database.db, business.id, id)
      const open = payments.filter((row) => row.refunded_minor < row.amount_minor)
      const [only] = open
      if (!only) throw conflict('nothing_to_refund', 'This payment request has no payment that can be refunded.')
      if (open.length > 1) throw conflict('several_payments', 'This payment request has several payments; refund one of them by its payment id.')
      return (await refundCharge(deps, business, inputOf(call, only.id, body), call)).answer
    },
  )
}
