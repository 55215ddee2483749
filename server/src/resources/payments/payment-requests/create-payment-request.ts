import { randomBytes } from 'node:crypto'
import { isOutcomeUnknown } from '#foundation/database/database.ts'
import { groupCommit } from '#foundation/database/group-commit.ts'
import type { Deps } from '#foundation/deps.ts'
import type { Call } from '#foundation/http/api.ts'
import { etagOf } from '#foundation/http/etag.ts'
import { type Answer, KeyTaken, storedAnswer } from '#foundation/http/idempotency.ts'
import { keyIdOf } from '#foundation/shared/caller.ts'
import { newId } from '#foundation/shared/ids.ts'
import { gramsOf, searchTextOf } from '#foundation/shared/search-text.ts'
import { entryOf, feeInCode } from './issue-qr.ts'
import type { LookUp } from './look-up.ts'
import { insertPaymentRequests, type NewPaymentRequest, type PaymentRequestRow } from './queries.ts'
import { applyPaymentRequest } from './rules.ts'
import { type CreatePaymentRequest, presentPaymentRequest } from './wire.ts'

/** Crockford's alphabet: no I, L, O and U, which are misread and make words. */
const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'

/** What a payer's bank tells us: 20 capitals and digits, 85 bits of them random, short enough for every scheme's field. */
export function newPaymentReference(): string {
  return `HWK${[...randomBytes(17)].map((byte) => alphabet[byte & 31]).join('')}`
}

/** The text in which a list's search looks. */
export function searchOf({ email, id, reference_number }: Pick<PaymentRequestRow, 'email' | 'id' | 'reference_number'>): string {
  return searchTextOf([email, id, reference_number])
}

/** The numbers by which a request is found: of what its own search looks in, and of what the charges paid of it have from it. */
export function searchGramsOf(row: PaymentRequestRow): number[] {
  return gramsOf(searchTextOf([row.name, row.email, row.phone, row.reference_number, row.purpose, row.id]), row.business_id)
}

/**
 * Creates payment requests by group commit: those that arrive together share one statement and one durable commit, each
 * with its own event, idempotency record, answer and failure.
 */
export function createPaymentRequest(deps: Deps, lookUp: LookUp) {
  const { database, now, onEvent, groupAcrossBusinesses } = deps
  const commit = groupCommit<NewPaymentRequest, boolean>({
    write: (requests) => insertPaymentRequests(database.pool, requests),
    groupOf: groupAcrossBusinesses ? () => '' : ({ row }) => row.business_id,
    maxRows: 256,
    maxInFlight: 2,
    mayBeOneRow: (error) => !isOutcomeUnknown(error),
  })

  return async (call: Call<unknown, CreatePaymentRequest>): Promise<Answer> => {
    const { business, caller, claim, requestId, baseUrl, body } = call
    const links = await lookUp(business, body)
    const at = now()
    const fields = applyPaymentRequest(undefined, body, links, business, at)
    const id = newId<'payment_request'>(at)
    const row: PaymentRequestRow = {
      ...fields,
      business_id: business.id,
      id,
      status: 'pending',
      sms_status: 'pending',
      email_status: 'pending',
      admin_fee_minor: null,
      is_default: false,
      api_key_id: keyIdOf(caller),
      payment_reference: newPaymentReference(),
      source_type: null,
      source_id: null,
      search: searchOf({ ...fields, id }),
      version: 1,
      created_at: at,
      updated_at: at,
      completed_at: null,
      deleted_at: null,
    }
    row.admin_fee_minor = await feeInCode(database.db, row)
    const shown = presentPaymentRequest(row, business, baseUrl)
    const body201 = JSON.stringify({ ...shown, ...(await entryOf(database.db, business, row, baseUrl)) })
    const answer: Answer = { status: 201, body: body201, headers: { etag: etagOf(row), location: `/v1/payment-requests/${id}` } }
    const stored = claim && storedAnswer(claim, id, answer)
    const written = await commit({ row, eventId: newId<'event'>(at), shown: JSON.stringify(shown), requestId, answer: stored, grams: searchGramsOf(row) })
    if (!written) throw new KeyTaken()
    onEvent(business.id)
    return answer
  }
}
