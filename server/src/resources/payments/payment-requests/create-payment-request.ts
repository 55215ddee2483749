import { randomBytes } from 'node:crypto'
import type { Transaction } from 'kysely'
import { isOutcomeUnknown } from '#foundation/database/database.ts'
import { groupCommit } from '#foundation/database/group-commit.ts'
import type { DB } from '#foundation/database/tables.ts'
import type { Deps } from '#foundation/deps.ts'
import { etagOf } from '#foundation/http/etag.ts'
import { type Answer, KeyTaken, storedAnswer } from '#foundation/http/idempotency.ts'
import type { Origin } from '#foundation/http/origin.ts'
import type { Business } from '#foundation/shared/business.ts'
import { callerText, keyIdOf } from '#foundation/shared/caller.ts'
import { newId } from '#foundation/shared/ids.ts'
import { gramsOf, searchTextOf } from '#foundation/shared/search-text.ts'
import { type AdminFee, entryOf, feeInCode, type IssueQr } from './issue-qr.ts'
import { type LookUp, lookingUp } from './look-up.ts'
import { insertPaymentRequests, type NewPaymentRequest, type PaymentRequestRow } from './queries.ts'
import { applyTo } from './understand.ts'
import { type CreatePaymentRequest, type Payment, presentPaymentRequest } from './wire.ts'

export interface PaymentRequestsDeps extends Deps {
  qr: IssueQr
  adminFee: AdminFee
  /**
   * The payments that count towards a request. Money that came late, twice, short or over is not among them: clients take a
   * succeeded payment for a paid request.
   */
  listPayments: (business: Business, requestId: string) => Promise<Payment[]>
}

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

/** What a payment request collects money for, such as an order or an invoice: the object is completed with its payment. */
export interface PaymentSource {
  type: string
  id: string
}

/** A new payment request: the fields that a client may send, and what only Hawker itself says of it. */
export interface PaymentRequestInput {
  fields: CreatePaymentRequest
  source?: PaymentSource
}

/** A new payment request, and the answer to whoever asked for it (201, with its code or link). */
export interface CreatedPaymentRequest {
  row: PaymentRequestRow
  answer: Answer
}

/**
 * Creates payment requests. With a transaction the request and its event are written in it, and whoever opened it stores
 * the answer and wakes the relay. Without one they go by group commit: those that arrive together share one statement and
 * one durable commit, each with its own event, idempotency record, answer and failure. Throws a 422 that names every bad field.
 */
export function createPaymentRequest(deps: PaymentRequestsDeps, lookUp: LookUp = lookingUp(deps.database)) {
  const { database, onEvent, groupAcrossBusinesses, qr, adminFee } = deps
  const commit = groupCommit<NewPaymentRequest, boolean>({
    write: (requests) => insertPaymentRequests(database.db, requests),
    groupOf: groupAcrossBusinesses ? () => '' : ({ row }) => row.business_id,
    maxRows: 256,
    maxInFlight: 2,
    mayBeOneRow: (error) => !isOutcomeUnknown(error),
  })

  return async (tx: Transaction<DB> | undefined, business: Business, input: PaymentRequestInput, origin: Origin): Promise<CreatedPaymentRequest> => {
    const { caller, claim, requestId, baseUrl, at } = origin
    const db = tx ?? database.db
    const links = await lookUp(business, input.fields, tx)
    const fields = applyTo(undefined, input.fields, links, business, at)
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
      source_type: input.source?.type ?? null,
      source_id: input.source?.id ?? null,
      api_key_id: keyIdOf(caller),
      payment_reference: newPaymentReference(),
      search: searchOf({ ...fields, id }),
      version: 1,
      created_at: at,
      updated_at: at,
      completed_at: null,
      deleted_at: null,
    }
    row.admin_fee_minor = await feeInCode(adminFee, db, row)
    const shown = presentPaymentRequest(row, business, baseUrl)
    const body = JSON.stringify({ ...shown, ...(await entryOf(qr, db, business, row, baseUrl)) })
    const answer: Answer = { status: 201, body, headers: { etag: etagOf(row), location: `/v1/payment-requests/${id}` } }
    const made: NewPaymentRequest = {
      row,
      eventId: newId<'event'>(at),
      shown: JSON.stringify(shown),
      requestId,
      caller: callerText(caller),
      answer: tx ? undefined : claim && storedAnswer(claim, id, answer),
      grams: searchGramsOf(row),
    }
    if (tx) await insertPaymentRequests(tx, [made])
    else if (!(await commit(made))) throw new KeyTaken()
    else onEvent(business.id)
    return { row, answer }
  }
}
