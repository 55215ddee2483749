import type { Api } from '#foundation/http/api.ts'
import { bankAccountsRoutes } from './bank-accounts/routes.ts'
import { chargesRoutes } from './charges/routes.ts'
import { feeRoutes } from './fees/routes.ts'
import { paymentRequestsRoutes } from './payment-requests/routes.ts'
import type { PaymentsDeps } from './payments.ts'
import { railsRoutes } from './rails/routes.ts'
import { receiptsRoutes } from './receipts/routes.ts'
import { refundsRoutes } from './refunds/routes.ts'

/** The routes of payment requests, charges, refunds, receipts, fees, bank accounts and rails. */
export function paymentsRoutes(api: Api, deps: PaymentsDeps): void {
  paymentRequestsRoutes(api, deps)
  chargesRoutes(api, deps)
  feeRoutes(api, deps)
  refundsRoutes(api, deps)
  receiptsRoutes(api, deps)
  bankAccountsRoutes(api, deps)
  railsRoutes(api, deps)
}
