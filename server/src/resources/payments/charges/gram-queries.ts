import type { RawBuilder } from 'kysely'
import { insertSearchGramsSql } from '#foundation/database/search-grams.ts'
import { gramsOf } from '#foundation/shared/search-text.ts'
import type { PaymentRequestRow } from '#resources/payments/payment-requests/queries.ts'
import type { ChargeRow } from './queries.ts'

/** Whether a charge has words that its payment request does not have: then the request's grams do not find it (decision 7). */
export function hasOwnWords(charge: ChargeRow, request: PaymentRequestRow | undefined): boolean {
  return (
    request === undefined ||
    charge.customer_name !== request.name ||
    charge.customer_email !== request.email ||
    charge.customer_phone !== request.phone ||
    charge.reference_number !== request.reference_number ||
    charge.remark !== request.purpose
  )
}

/** The statement that writes the grams of new charges that have words of their own. */
export function insertChargeGramsSql(cases: { charge: ChargeRow; request: PaymentRequestRow | undefined }[]): RawBuilder<unknown> {
  const own = cases.filter(({ charge, request }) => hasOwnWords(charge, request)).map(({ charge }) => charge)
  return insertSearchGramsSql(own.map((charge) => ({ businessId: charge.business_id, id: charge.id, grams: gramsOf(charge.search, charge.business_id) })))
}
