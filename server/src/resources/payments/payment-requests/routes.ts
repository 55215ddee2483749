import { change } from '#engine/records/change.ts'
import { createsTogether } from '#engine/records/create-together.ts'
import type { Deps } from '#foundation/deps.ts'
import type { Api, Call } from '#foundation/http/api.ts'
import { etagOf } from '#foundation/http/etag.ts'
import type { Answer } from '#foundation/http/idempotency.ts'
import { ApiError, notFound } from '#foundation/shared/errors.ts'
import { isUuid } from '#foundation/shared/ids.ts'
import { findLocation } from '#resources/business/locations/queries.ts'
import { presentLocation } from '#resources/business/locations/wire.ts'
import { countedPaymentsReader } from '#resources/payments/charges/counted-payments.ts'
import { payableMethods } from '#resources/payments/rails/payable-methods.ts'
import type { Rails } from '#resources/payments/rails/registry.ts'
import { changePaymentRequest } from './change-payment-request.ts'
import { createPaymentRequest } from './create-payment-request.ts'
import { defaultLinkId, presentDefaultLink } from './default-link.ts'
import { deletePaymentRequest } from './end-payment-request.ts'
import { entryOf } from './issue-qr.ts'
import { paymentRequestPages } from './list-payment-requests.ts'
import { paymentRequestReader } from './queries.ts'
import {
  CreatePaymentRequest,
  Deleted,
  ListPaymentRequests,
  PaymentRequest,
  PaymentRequestId,
  PaymentRequestPage,
  presentPaymentRequest,
  UpdatePaymentRequest,
} from './wire.ts'

export type PaymentRequestsDeps = Deps & { rails: Rails }

const path = '/v1/payment-requests/:request_id'
const idOf = ({ params }: Call): string => params.request_id ?? ''

/** Accepts an address without parts, which forms send for none. */
function normalise(body: Record<string, unknown>): Record<string, unknown> {
  const out = { ...body }
  if (typeof out.address === 'object' && out.address !== null && Object.keys(out.address).length === 0) delete out.address
  // PHP sends an empty list if there is nothing to say.
  if (Array.isArray(out.metadata) && out.metadata.length === 0) delete out.metadata
  return out
}

/** A code whose method was removed since is omitted; the request is still returned. */
function withoutEntry(error: unknown): object {
  if (error instanceof ApiError) return {}
  throw error
}

/** One request with its location, its payments, and its code or link while it can be paid. */
function readPaymentRequest({ database, groupAcrossBusinesses, rails }: PaymentRequestsDeps) {
  // Clients wait for a payment by polling: what they request at the same time is one query.
  const read = paymentRequestReader(database, groupAcrossBusinesses)
  const paymentsOf = countedPaymentsReader(database, groupAcrossBusinesses)
  return async (call: Call): Promise<Answer> => {
    const { business, baseUrl } = call
    const given = idOf(call)
    if (!isUuid(given)) throw notFound('PaymentRequest', given)
    const id = given.toLowerCase()
    if (id === defaultLinkId(business.id)) {
      const link = presentDefaultLink(business, baseUrl, await payableMethods(rails, business))
      return { status: 200, body: JSON.stringify({ ...link, location: null }) }
    }
    const [[row], payments] = await Promise.all([read({ businessId: business.id, id }), paymentsOf(business, id)])
    if (!row) throw notFound('PaymentRequest', given)
    const location = row.location_id === null ? undefined : await findLocation(database.db, business.id, row.location_id)
    const shown: PaymentRequest = {
      ...presentPaymentRequest(row, business, baseUrl),
      location: location ? presentLocation(location) : null,
      // Clients take the presence of the field as the sign of a payment.
      ...(payments.length > 0 ? { payments } : {}),
      ...(await entryOf(database.db, business, row, baseUrl).catch(withoutEntry)),
    }
    return { status: 200, body: JSON.stringify(shown), headers: { etag: etagOf(row) } }
  }
}

/** The request that a call is about, and the version that its client has seen. */
const targetOf = (call: Call) => ({ id: idOf(call), ifMatch: call.headers['if-match'] })

const changeRequest = (deps: PaymentRequestsDeps) => async (call: Call<unknown, UpdatePaymentRequest>) => {
  const { body: fields, business } = call
  const isOffer = fields.payment_methods !== undefined || fields.currency !== undefined
  const payable = isOffer ? await payableMethods(deps.rails, business) : null
  return change(deps, call, async (tx) => {
    const { row, shown } = await changePaymentRequest(tx, business, { ...targetOf(call), fields, payable }, call)
    return { status: 202, body: JSON.stringify(shown), headers: { etag: etagOf(row) } }
  })
}

const removeRequest = (deps: Deps) => (call: Call) =>
  change(deps, call, async (tx) => {
    await deletePaymentRequest(tx, call.business, targetOf(call), call)
    return { status: 200, body: '{"success":true}' }
  })

/** The operations of the contract, and `PATCH` as an alias of `PUT`. */
export function paymentRequestsRoutes(api: Api, deps: PaymentRequestsDeps): void {
  const paymentRequests = api.group('Payment requests')
  const page = paymentRequestPages(deps)
  paymentRequests.write(
    'POST',
    '/v1/payment-requests',
    {
      operationId: 'createPaymentRequest',
      summary: 'Create a payment request',
      body: CreatePaymentRequest,
      normalise,
      answers: { 201: PaymentRequest },
    },
    createsTogether(createPaymentRequest(deps), ({ body }: Call<unknown, CreatePaymentRequest>) => ({ fields: body })),
  )

  paymentRequests.read(
    '/v1/payment-requests',
    { operationId: 'listPaymentRequests', summary: 'List payment requests', query: ListPaymentRequests, answers: { 200: PaymentRequestPage } },
    async (call) => ({ status: 200, body: await page(call) }),
  )

  paymentRequests.read(
    path,
    { operationId: 'getPaymentRequest', summary: 'Get a payment request', params: PaymentRequestId, answers: { 200: PaymentRequest } },
    readPaymentRequest(deps),
  )

  paymentRequests.write(
    ['PUT', 'PATCH'],
    path,
    {
      operationId: ['updatePaymentRequest', 'patchPaymentRequest'],
      summary: 'Update a payment request',
      params: PaymentRequestId,
      ifMatch: true,
      body: UpdatePaymentRequest,
      normalise,
      answers: { 202: PaymentRequest },
    },
    changeRequest(deps),
  )

  paymentRequests.write(
    'DELETE',
    path,
    {
      operationId: 'deletePaymentRequest',
      summary: 'Delete a payment request',
      description: 'Cancels a pending request. A completed request cannot be deleted.',
      params: PaymentRequestId,
      ifMatch: true,
      answers: { 200: Deleted },
    },
    removeRequest(deps),
  )
}
