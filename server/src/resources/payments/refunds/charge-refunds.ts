import type { Database } from '#foundation/database/database.ts'
import type { ChargeRefunds } from '#resources/payments/charges/wire.ts'
import { refundsOfCharge } from './queries.ts'
import { presentRefund, Refund } from './wire.ts'

/** The refunds of a charge, for the charge's own answer. */
export function chargeRefunds({ db }: Database): ChargeRefunds {
  return {
    schema: Refund,
    async list(businessId, chargeId) {
      const rows = await refundsOfCharge(db, businessId, chargeId)
      return rows.map((row) => ({ shown: presentRefund(row), isAutomatic: row.reason === 'duplicate' && row.refunded_by === null }))
    },
  }
}
