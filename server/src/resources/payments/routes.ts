import type { Api } from '#foundation/http/api.ts'
import { bankAccountsRoutes } from './bank-accounts/routes.ts'
import { presentPayment } from './charges/event-wire.ts'
import { listPayments } from './charges/queries.ts'
import { chargesRoutes } from './charges/routes.ts'
import { adminFeeOn } from './fees/fees.ts'
import { feeRoutes } from './fees/routes.ts'
import type { PaymentRequestsDeps } from './payment-requests/create-payment-request.ts'
import { issueQr } from './payment-requests/issue-qr.ts'
import { paymentRequestsRoutes } from './payment-requests/routes.ts'
import type { PaymentsDeps } from './payments.ts'
import { railsRoutes } from './rails/routes.ts'
import { receiptsRoutes } from './receipts/routes.ts'
import { chargeRefunds } from './refunds/charge-refunds.ts'
import { refundsRoutes } from './refunds/routes.ts'

/** What the operations of payment requests use of their area. */
export function paymentRequestsOf(deps: PaymentsDeps): PaymentRequestsDeps {
  return {
    ...deps,
    qr: issueQr,
    adminFee: adminFeeOn,
    listPayments: async (business, id) => {
      const rows = await listPayments(deps.database.db, business.id, id)
      return rows.filter((row) => row.unapplied_reason === null).map((row) => presentPayment(row, business))
    },
  }
}

/** The routes of payment requests, charges, refunds, receipts, fees, bank accounts and rails. */
export function paymentsRoutes(api: Api, deps: PaymentsDeps): void {
  paymentRequestsRoutes(api, paymentRequestsOf(deps))
  chargesRoutes(api, { ...deps, refunds: chargeRefunds(deps.database) })
  feeRoutes(api, deps)
  refundsRoutes(api, deps)
  receiptsRoutes(api, deps)
  bankAccountsRoutes(api, deps)
  railsRoutes(api, deps)
}
