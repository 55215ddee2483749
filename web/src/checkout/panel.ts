import type { CheckoutMethod } from './state.ts'
import type { Checkout } from './use-checkout.ts'

/** What a way to pay needs to know of the payment. */
export interface PanelProps {
  checkout: Checkout
  method: CheckoutMethod
  /** What is going to be paid, fee included; null until the payer has typed it. */
  total: string | null
  /** The amount to send: none where the request has its own. Null when it is missing; its field is then marked and focused. */
  requireAmount(): { amount?: string } | null
}
