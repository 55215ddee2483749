import type { Database } from '#foundation/database/database.ts'
import { readTogether } from '#foundation/database/read-together.ts'
import type { Deps } from '#foundation/deps.ts'
import { type CheckoutSettings, findCheckoutSettingsOf } from '#resources/business/checkout-settings/queries.ts'
import { findAnyPaymentRequests, type PaymentRequestRow } from '#resources/payments/payment-requests/queries.ts'
import { type ChargesKey, type CheckoutCharge, findCheckoutCharges } from './queries.ts'

/** What payers' pages read. Pages that are requested at the same time share a statement, as in a sale when many pay at once. */
export interface CheckoutReads {
  /** One payment request, even if it is deleted. */
  request(key: { businessId: string; id: string }): Promise<PaymentRequestRow | undefined>
  /** The latest charges of a request, and the one that its page started even if it is older; newest first, at most 21. */
  charges(key: ChargesKey): Promise<CheckoutCharge[]>
  settings(businessId: string): Promise<CheckoutSettings>
}

export function checkoutReads({ database, groupAcrossBusinesses }: { database: Database } & Pick<Deps, 'groupAcrossBusinesses'>): CheckoutReads {
  const { write } = database
  const groupOf = groupAcrossBusinesses ? undefined : ({ businessId }: { businessId: string }) => businessId
  return {
    request: readTogether((keys: { businessId: string; id: string }[]) => findAnyPaymentRequests(write, keys), { groupOf }),
    charges: readTogether((keys: ChargesKey[]) => findCheckoutCharges(write, keys), { groupOf }),
    settings: readTogether((ids: string[]) => findCheckoutSettingsOf(write, ids), { groupOf: groupAcrossBusinesses ? undefined : (id) => id }),
  }
}
