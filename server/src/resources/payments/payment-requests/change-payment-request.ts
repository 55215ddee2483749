import type { Transaction } from 'kysely'
import { emitEvent } from '#engine/events/emit-event.ts'
import { previousAttributes } from '#engine/records/kind.ts'
import type { Target } from '#engine/records/operations.ts'
import { runTogether } from '#foundation/database/prepared.ts'
import { insertSearchGramsSql } from '#foundation/database/search-grams.ts'
import type { DB } from '#foundation/database/tables.ts'
import { etagOf, requireMatch } from '#foundation/http/etag.ts'
import type { Origin } from '#foundation/http/origin.ts'
import type { Business } from '#foundation/shared/business.ts'
import { conflict, invalid, notFound } from '#foundation/shared/errors.ts'
import { isUuid } from '#foundation/shared/ids.ts'
import { laterThan } from '#foundation/shared/time.ts'
import type { PayableMethods } from '#resources/payments/rails/payable-methods.ts'
import { entryOf, feeInCode } from './issue-qr.ts'
import { lookUpIn } from './look-up.ts'
import { lockPaymentRequest, type PaymentRequestRow, updatePaymentRequest } from './queries.ts'
import { applyPaymentRequest, requestSearchGrams, requestSearchText } from './rules.ts'
import { type PaymentRequest, presentPaymentRequest, type UpdatePaymentRequest } from './wire.ts'

/** A request after a change. */
export interface ChangedPaymentRequest {
  row: PaymentRequestRow
  /** As it is answered: with its code or link while it can be paid. */
  shown: PaymentRequest
  /** False if nothing differs: then nothing was written and no event emitted. */
  isChanged: boolean
}

/** Locks a request that is not deleted. Throws 404 for an unknown one, 412 for another version. */
export async function holdPaymentRequest(tx: Transaction<DB>, business: Business, { id, ifMatch }: Target): Promise<PaymentRequestRow> {
  const row = isUuid(id) ? await lockPaymentRequest(tx, business.id, id.toLowerCase()) : undefined
  if (!row) throw notFound('PaymentRequest', id)
  requireMatch(ifMatch, etagOf(row))
  return row
}

/**
 * Changes a pending request. Throws 404, 412, 409 for one that is no longer pending, and 422 with every error of `fields`; `payable` are the
 * methods that can be paid, if `fields` names methods or a currency.
 * A change of nothing keeps its version and emits no event.
 */
export async function changePaymentRequest(
  tx: Transaction<DB>,
  business: Business,
  { fields, payable, ...target }: Target & { fields: UpdatePaymentRequest; payable?: PayableMethods },
  { at: began, baseUrl, requestId, caller }: Origin,
): Promise<ChangedPaymentRequest> {
  const links = await lookUpIn(tx, business, fields)
  const before = await holdPaymentRequest(tx, business, target)
  if (before.status !== 'pending') throw conflict(`payment_request_${before.status}`, `A payment request that is ${before.status} cannot be edited.`)
  const at = laterThan(before.updated_at, began)
  // Money that was accepted as one payment of several cannot become the second payment of a request that accepts one.
  if (fields.allow_repeated_payments === false && before.allow_repeated_payments && before.completed_at !== null)
    throw invalid({ allow_repeated_payments: ['A payment request that was paid cannot stop accepting repeated payments; delete it instead.'] })
  const present = (row: PaymentRequestRow) => presentPaymentRequest(row, business, baseUrl)
  let row: PaymentRequestRow = { ...before, ...applyPaymentRequest(before, fields, { ...links, payable }, business, at) }
  row.admin_fee_minor = await feeInCode(tx, row, before)
  const previous = previousAttributes(present(before), present(row))
  const isSwitched = row.generate_qr !== before.generate_qr || row.generate_direct_link !== before.generate_direct_link
  const isChanged = Object.keys(previous).length > 0 || isSwitched
  if (isChanged) {
    row = { ...row, search: requestSearchText(row), version: before.version + 1, updated_at: at }
    await updatePaymentRequest(tx, business.id, row)
    await runTogether(tx, 'search_grams', [insertSearchGramsSql([{ businessId: business.id, id: row.id, grams: requestSearchGrams(row) }])])
    const data = JSON.stringify(present(row))
    const event = { type: 'payment_request.updated', objectId: row.id, data, previousAttributes: JSON.stringify(previous) } as const
    await emitEvent(tx, business.id, { ...event, requestId, caller, at })
  }
  return { row, shown: { ...present(row), ...(await entryOf(tx, business, row, baseUrl)) }, isChanged }
}
