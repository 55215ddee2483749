import DataLoader from 'dataloader'
import { type Api, type Call, findingTakenKeys } from '#foundation/http/api.ts'
import { etagOf } from '#foundation/http/etag.ts'
import type { Answer } from '#foundation/http/idempotency.ts'
import { withSpellings } from '#foundation/http/spellings.ts'
import { ApiError, notFound } from '#foundation/shared/errors.ts'
import { findLocation } from '#resources/business/locations/queries.ts'
import { presentLocation } from '#resources/business/locations/wire.ts'
import { changePaymentRequest, deletePaymentRequest, idOf } from './change-payment-request.ts'
import type { PaymentRequestsDeps } from './create-payment-request.ts'
import { createPaymentRequest } from './create-payment-request.ts'
import { entryOf } from './issue-qr.ts'
import { paymentRequestsPage } from './list-payment-requests.ts'
import { lookingUp } from './look-up.ts'
import { findPaymentRequests, type PaymentRequestRow } from './queries.ts'
import {
  CreatePaymentRequest,
  Deleted,
  ListPaymentRequests,
  PaymentRequest,
  PaymentRequestId,
  PaymentRequestPage,
  presentPaymentRequest,
  spelling,
  UpdatePaymentRequest,
} from './wire.ts'

const path = '/v1/payment-requests/:request_id'

/** Free spellings, and an address without parts, which forms send for none. */
function normalise(body: Record<string, unknown>): Record<string, unknown> {
  const out = withSpellings(body, spelling)
  if (typeof out.address === 'object' && out.address !== null && Object.keys(out.address).length === 0) delete out.address
  // PHP sends an empty list where there is nothing to say.
  if (Array.isArray(out.metadata) && out.metadata.length === 0) delete out.metadata
  return out
}

/** A code whose method was taken away since is not shown; the request still is. */
function withoutEntry(error: unknown): object {
  if (error instanceof ApiError) return {}
  throw error
}

/** One request with its location, its payments, and its code or link while it can be paid. */
function readPaymentRequest({ database, qr, listPayments }: PaymentRequestsDeps) {
  // Clients wait for a payment by asking again and again: what they ask at the same time is one query.
  const reader = new DataLoader<{ businessId: string; id: string }, PaymentRequestRow | undefined>((keys) => findPaymentRequests(database.pool, keys), {
    cache: false,
    maxBatchSize: 100,
    batchScheduleFn: (run) => setImmediate(run),
  })
  return async (call: Call): Promise<Answer> => {
    const { business, baseUrl } = call
    const id = idOf(call)
    const [row, payments] = await Promise.all([reader.load({ businessId: business.id, id }), listPayments(business, id)])
    if (!row) throw notFound('PaymentRequest', call.params.request_id ?? '')
    const location = row.location_id === null ? undefined : await findLocation(database.db, business.id, row.location_id)
    const shown: PaymentRequest = {
      ...presentPaymentRequest(row, business, baseUrl),
      location: location ? presentLocation(location) : null,
      // Clients take the field itself as the sign of a payment.
      ...(payments.length > 0 ? { payments } : {}),
      ...(await entryOf(qr, database.db, business, row, baseUrl).catch(withoutEntry)),
    }
    return { status: 200, body: JSON.stringify(shown), headers: { etag: etagOf(row) } }
  }
}

/** The operations of the contract, and `PATCH` as another word for `PUT`. */
export function paymentRequestsRoutes(api: Api, deps: PaymentRequestsDeps): void {
  const paymentRequests = api.group('Payment requests')
  const { database } = deps
  const lookUp = lookingUp(database)
  const create = createPaymentRequest(deps, lookUp)
  const change = changePaymentRequest(deps, lookUp)
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
    findingTakenKeys(async (call) => (await create(undefined, call.business, { fields: call.body }, call)).answer),
  )

  paymentRequests.read(
    '/v1/payment-requests',
    { operationId: 'listPaymentRequests', summary: 'List payment requests', query: ListPaymentRequests, answers: { 200: PaymentRequestPage } },
    async (call) => ({ status: 200, body: await paymentRequestsPage(database, call) }),
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
    change,
  )

  paymentRequests.write(
    'DELETE',
    path,
    {
      operationId: 'deletePaymentRequest',
      summary: 'Delete a payment request',
      description: 'Cancels it when it is pending. One that was paid stays.',
      params: PaymentRequestId,
      ifMatch: true,
      answers: { 200: Deleted },
    },
    deletePaymentRequest(deps),
  )
}
