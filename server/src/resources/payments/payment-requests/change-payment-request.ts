import { emitEvent } from '#engine/events/emit-event.ts'
import { runTogether } from '#foundation/database/prepared.ts'
import { insertSearchGramsSql } from '#foundation/database/search-grams.ts'
import type { Call } from '#foundation/http/api.ts'
import { etagOf, requireMatch } from '#foundation/http/etag.ts'
import type { Answer } from '#foundation/http/idempotency.ts'
import { writeOnce } from '#foundation/http/transaction.ts'
import { conflict, invalid, notFound } from '#foundation/shared/errors.ts'
import { isUuid } from '#foundation/shared/ids.ts'
import { laterThan } from '#foundation/shared/time.ts'
import type { PaymentRequestsDeps } from './create-payment-request.ts'
import { searchGramsOf, searchOf } from './create-payment-request.ts'
import { entryOf, feeInCode } from './issue-qr.ts'
import type { LookUp } from './look-up.ts'
import { lockPaymentRequest, type PaymentRequestRow, updatePaymentRequest } from './queries.ts'
import { applyTo } from './understand.ts'
import { type PaymentRequest, presentPaymentRequest, type UpdatePaymentRequest } from './wire.ts'

/** The id in a path. Throws the same 404 as for an unknown one when it can be none. */
export function idOf({ params }: Pick<Call, 'params'>): string {
  const id = params.request_id ?? ''
  if (!isUuid(id)) throw notFound('PaymentRequest', id)
  return id.toLowerCase()
}

/** The fields in which two states of a request differ, with their values before, as webhooks show them. */
function previousAttributes(before: PaymentRequest, after: PaymentRequest): Record<string, unknown> | null {
  const names = (Object.keys(after) as (keyof PaymentRequest)[]).filter(
    (name) => name !== 'updated_at' && JSON.stringify(before[name]) !== JSON.stringify(after[name]),
  )
  return names.length === 0 ? null : Object.fromEntries(names.map((name) => [name, before[name]]))
}

/** Changes a pending request; a change of nothing leaves its version and tells no one. */
export function changePaymentRequest(deps: PaymentRequestsDeps, lookUp: LookUp) {
  const { database, now, onEvent, qr, adminFee } = deps
  return async (call: Call<unknown, UpdatePaymentRequest>): Promise<Answer> => {
    const { business, body, headers, claim, requestId, baseUrl } = call
    const id = idOf(call)
    const links = await lookUp(business, body)
    const answer = await writeOnce(database.db, claim, now(), async (tx) => {
      const before = await lockPaymentRequest(tx, business.id, id)
      if (!before) throw notFound('PaymentRequest', call.params.request_id ?? '')
      requireMatch(headers['if-match'], etagOf(before))
      if (before.status !== 'pending') throw conflict(`payment_request_${before.status}`, `A payment request that is ${before.status} cannot be edited.`)
      const at = laterThan(before.updated_at, now())
      // Money that was taken as one payment of several cannot become the second of a request that takes one.
      if (body.allow_repeated_payments === false && before.allow_repeated_payments && before.completed_at !== null)
        throw invalid({ allow_repeated_payments: ['A payment request that was paid cannot stop taking repeated payments; delete it instead.'] })
      const present = (row: PaymentRequestRow) => presentPaymentRequest(row, business, baseUrl)
      let row: PaymentRequestRow = { ...before, ...applyTo(before, body, links, business, at) }
      row.admin_fee_minor = await feeInCode(adminFee, tx, row, before)
      const previous = previousAttributes(present(before), present(row))
      const isSwitched = row.generate_qr !== before.generate_qr || row.generate_direct_link !== before.generate_direct_link
      if (previous || isSwitched) {
        row = { ...row, search: searchOf(row), version: before.version + 1, updated_at: at }
        await updatePaymentRequest(tx, business.id, row)
        await runTogether(tx, 'search_grams', [insertSearchGramsSql([{ businessId: business.id, id, grams: searchGramsOf(row) }])])
        const data = JSON.stringify(present(row))
        const event = { type: 'payment_request.updated', objectId: id, data, previousAttributes: JSON.stringify(previous ?? {}), requestId, at } as const
        await emitEvent(tx, business.id, event)
      }
      const shown = { ...present(row), ...(await entryOf(qr, tx, business, row, baseUrl)) }
      return { status: 202, body: JSON.stringify(shown), headers: { etag: etagOf(row) } }
    })
    onEvent(business.id)
    return answer
  }
}

/** Deletes a request that was not paid; one that is pending is canceled by it. Its row stays, for money that still comes. */
export function deletePaymentRequest({ database, now, onEvent }: PaymentRequestsDeps) {
  return async (call: Call): Promise<Answer> => {
    const { business, headers, claim, requestId, baseUrl } = call
    const id = idOf(call)
    const answer = await writeOnce(database.db, claim, now(), async (tx) => {
      const before = await lockPaymentRequest(tx, business.id, id)
      if (!before) throw notFound('PaymentRequest', call.params.request_id ?? '')
      requireMatch(headers['if-match'], etagOf(before))
      if (before.status === 'completed') throw conflict('payment_request_completed', 'A payment request that is completed cannot be deleted.')
      const at = laterThan(before.updated_at, now())
      const wasPending = before.status === 'pending'
      const status = wasPending ? 'canceled' : before.status
      const row: PaymentRequestRow = { ...before, status, version: before.version + 1, updated_at: at, deleted_at: at }
      await updatePaymentRequest(tx, business.id, row)
      const type = wasPending ? 'payment_request.canceled' : 'payment_request.deleted'
      await emitEvent(tx, business.id, { type, objectId: id, data: JSON.stringify(presentPaymentRequest(row, business, baseUrl)), requestId, at })
      return { status: 200, body: '{"success":true}' }
    })
    onEvent(business.id)
    return answer
  }
}
