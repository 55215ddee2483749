import { type Created, createTogether, type GroupedKind } from '#engine/records/create-together.ts'
import type { Tx } from '#engine/records/kind.ts'
import { tables } from '#foundation/database/columns.ts'
import { insertDirectoryEntriesSql } from '#foundation/database/directory.ts'
import { insertSearchGramsOfRowsSql } from '#foundation/database/search-grams.ts'
import type { Deps } from '#foundation/deps.ts'
import type { Origin } from '#foundation/http/origin.ts'
import type { Business } from '#foundation/shared/business.ts'
import { keyIdOf } from '#foundation/shared/caller.ts'
import { newId, randomLetters } from '#foundation/shared/ids.ts'
import { payableMethods } from '#resources/payments/rails/payable-methods.ts'
import type { Rails } from '#resources/payments/rails/registry.ts'
import { entryOf, feeInCode } from './issue-qr.ts'
import { type LookUp, lookingUp } from './look-up.ts'
import { insertExpiriesSql, type PaymentRequestRow } from './queries.ts'
import { applyPaymentRequest, requestSearchGrams, requestSearchText } from './rules.ts'
import { type CreatePaymentRequest, presentPaymentRequest } from './wire.ts'

/** What a payer's bank passes on: 20 capitals and digits, 85 bits of them random, short enough for every scheme's field. */
export function newPaymentReference(): string {
  return `HWK${randomLetters(17)}`
}

/** What a payment request collects money for, such as an order or an invoice: the object is completed with its payment. */
export interface PaymentSource {
  type: string
  id: string
}

/** A new payment request: the fields that a client may send, and those that only Hawker itself sets. */
export interface PaymentRequestInput {
  fields: CreatePaymentRequest
  source?: PaymentSource
}

const paymentRequestKind: GroupedKind<PaymentRequestRow> = {
  name: 'PaymentRequest',
  table: tables.payment_requests,
  path: '/v1/payment-requests',
  events: 'payment_request',
  companions: [
    { sql: insertExpiriesSql('accepted') },
    { sql: insertSearchGramsOfRowsSql('accepted'), columns: { grams: { type: 'integer[]', from: requestSearchGrams } } },
    { sql: insertDirectoryEntriesSql('accepted', 'payment_reference', 'payment_reference') },
  ],
  present: presentPaymentRequest,
}

/** Creates payment requests, in a transaction or by group commit (`CreateTogether`). Throws a 422 that names every invalid field. */
export function createPaymentRequest(deps: Deps & { rails: Rails }, lookUp: LookUp = lookingUp(deps.database)) {
  const insert = createTogether(deps, paymentRequestKind)
  return async (tx: Tx | undefined, business: Business, input: PaymentRequestInput, origin: Origin): Promise<Created<PaymentRequestRow>> => {
    const { caller, baseUrl, at } = origin
    const db = tx ?? deps.database.db
    const [links, payable] = await Promise.all([lookUp(business, input.fields, tx), payableMethods(deps.rails, business)])
    const fields = applyPaymentRequest(undefined, input.fields, { ...links, payable }, business, at)
    const row: PaymentRequestRow = {
      business_id: business.id,
      id: newId(at),
      status: 'pending',
      sms_status: 'pending',
      email_status: 'pending',
      admin_fee_minor: null,
      is_default: false,
      source_type: input.source?.type ?? null,
      source_id: input.source?.id ?? null,
      api_key_id: keyIdOf(caller),
      payment_reference: newPaymentReference(),
      search: '',
      version: 1,
      created_at: at,
      updated_at: at,
      completed_at: null,
      deleted_at: null,
      // Last, as V8 copies an object fast only where nothing follows it.
      ...fields,
    }
    row.search = requestSearchText(row)
    row.admin_fee_minor = await feeInCode(db, row)
    return insert(tx, business, row, origin, await entryOf(db, business, row, baseUrl))
  }
}
