import type { Transaction } from 'kysely'
import { emitEvent, emitEvents } from '#engine/events/emit-event.ts'
import type { Target } from '#engine/records/operations.ts'
import type { DB } from '#foundation/database/tables.ts'
import type { Origin } from '#foundation/http/origin.ts'
import type { Business } from '#foundation/shared/business.ts'
import { conflict } from '#foundation/shared/errors.ts'
import { laterThan } from '#foundation/shared/time.ts'
import { holdPaymentRequest } from './change-payment-request.ts'
import { isPastDeadline } from './expiry.ts'
import { forgetExpiries, lockFreePaymentRequests, type PaymentRequestRow, updatePaymentRequest, writeStatuses } from './queries.ts'
import { presentPaymentRequest } from './wire.ts'

/**
 * Deletes a request that was not paid, and cancels it if it is pending. Its row stays, for money that still arrives.
 * Throws 404, 412, and 409 for a completed one.
 */
export async function deletePaymentRequest(
  tx: Transaction<DB>,
  business: Business,
  target: Target,
  { at: began, baseUrl, requestId, caller }: Origin,
): Promise<PaymentRequestRow> {
  const before = await holdPaymentRequest(tx, business, target)
  if (before.status === 'completed') throw conflict('payment_request_completed', 'A payment request that is completed cannot be deleted.')
  const at = laterThan(before.updated_at, began)
  const wasPending = before.status === 'pending'
  const status = wasPending ? 'canceled' : before.status
  const row: PaymentRequestRow = { ...before, status, version: before.version + 1, updated_at: at, deleted_at: at }
  await updatePaymentRequest(tx, business.id, row)
  const type = wasPending ? 'payment_request.canceled' : 'payment_request.deleted'
  const data = JSON.stringify(presentPaymentRequest(row, business, baseUrl))
  await emitEvent(tx, business.id, { type, objectId: row.id, data, requestId, caller, at })
  return row
}

/**
 * Expires those of a business's requests whose deadline has passed at `origin.at`, and returns them. A request that another
 * transaction has locked, because it is being paid or changed, is skipped.
 */
export async function expirePaymentRequests(
  tx: Transaction<DB>,
  business: Business,
  { ids }: { ids: string[] },
  { at, baseUrl, requestId, caller }: Origin,
): Promise<PaymentRequestRow[]> {
  const held = await lockFreePaymentRequests(tx, business.id, ids)
  const expired = held
    .filter((request) => request.status === 'pending' && request.deleted_at === null && isPastDeadline(request, at))
    .map((row): PaymentRequestRow => ({ ...row, status: 'expired', version: row.version + 1, updated_at: laterThan(row.updated_at, at) }))
  await writeStatuses(tx, expired)
  const over = [...expired, ...held.filter(({ status, deleted_at }) => status !== 'pending' || deleted_at !== null)]
  await forgetExpiries(
    tx,
    over.map(({ id }) => ({ businessId: business.id, id })),
  )
  await emitEvents(
    tx,
    expired.map((row) => {
      const data = JSON.stringify(presentPaymentRequest(row, business, baseUrl))
      return { businessId: business.id, type: 'payment_request.expired', objectId: row.id, data, requestId, caller, at: row.updated_at }
    }),
  )
  return expired
}
