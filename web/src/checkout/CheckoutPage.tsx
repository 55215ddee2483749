import type { CheckoutData } from './state.ts'

/** The hosted page of a payment request or of a business's default link. */
export function CheckoutPage({ state }: CheckoutData) {
  return (
    <main>
      <h1>{state.business.name}</h1>
      <p>
        {state.currency.toUpperCase()} {state.request?.amount}
      </p>
    </main>
  )
}
