import type { CheckoutMethod } from './state.ts'
import type { Checkout } from './use-checkout.ts'

/** What a payment method needs to know of the payment. */
export interface PanelProps {
  checkout: Checkout
  method: CheckoutMethod
  /** The amount to pay, including the fee; null until the payer has entered it. */
  total: string | null
  /** The amount to send: none if the request has its own. Null if it is missing; its field is then marked and focused. */
  requireAmount(): { amount?: string } | null
}
