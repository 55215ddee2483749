import type { Business } from '#foundation/shared/business.ts'
import type { CheckoutSettings } from './queries.ts'

/** The origins whose pages may frame a business's checkout; without a list, any in the sandbox and none in live. */
export function framingOrigins({ mode }: Pick<Business, 'mode'>, { allowed_origins }: Pick<CheckoutSettings, 'allowed_origins'>): string[] | 'any' {
  return allowed_origins.length === 0 && mode === 'sandbox' ? 'any' : allowed_origins
}

/** The same as the value of a content security policy's `frame-ancestors`. */
export function frameAncestors(business: Pick<Business, 'mode'>, settings: Pick<CheckoutSettings, 'allowed_origins'>): string {
  const origins = framingOrigins(business, settings)
  if (origins === 'any') return '*'
  return origins.length === 0 ? "'none'" : origins.join(' ')
}
