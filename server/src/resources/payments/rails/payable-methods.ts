import { paymentMethods } from '#engine/rails/methods.ts'
import type { Business } from '#foundation/shared/business.ts'
import type { Rails } from './registry.ts'

/** The codes of the methods that can be paid; null for all of them, as in the sandbox, where the simulator plays every rail. */
export type PayableMethods = ReadonlySet<string> | null

/** The methods of a business that a rail serves. A live card also requires a key with which the payer's browser sends its number to Stripe. */
export async function payableMethods(rails: Rails, business: Business): Promise<PayableMethods> {
  if (business.mode === 'sandbox') return null
  const found = await Promise.all(
    paymentMethods.map(async ({ code, kind }) => {
      const served = await rails.find(business, code)
      const isPayable = served !== undefined && (kind !== 'card' || served.rail.name !== 'stripe' || Boolean(served.access.publishable_key))
      return isPayable ? [code] : []
    }),
  )
  return new Set(found.flat())
}

const cards = 'for cards, set up Stripe with a publishable key (PUT /v1/rails/stripe)'
const payNow = 'for PayNow, add a bank account with a proxy (POST /v1/bank-accounts)'

/** What a business must do so that a method can be paid in live. */
export function setUpText(code: string): string {
  const how = code === 'card' ? cards : code === 'paynow_online' ? payNow : `no rail serves it yet; ${cards}, ${payNow}`
  return `The method ${code} is not set up for live payments: ${how}.`
}

/** The same for a request that names no method. */
export const nothingSetUp = (currency: string): string => `No method is set up for live payments in ${currency.toUpperCase()}: ${cards}, ${payNow}.`
