import type { Business } from '../foundation/shared/business.ts'
import { frameAncestors } from '../resources/checkout-settings/framing.ts'
import type { CheckoutSettings } from '../resources/checkout-settings/queries.ts'

/** Whose pages may be around a page in the drop-in: the drop-in's own frame, and those that the merchant allows. */
export function embeddedIn(business: Pick<Business, 'mode'>, settings: Pick<CheckoutSettings, 'allowed_origins'>): string[] {
  const value = frameAncestors(business, settings)
  return value === "'none'" ? ["'self'"] : ["'self'", ...value.split(' ')]
}
