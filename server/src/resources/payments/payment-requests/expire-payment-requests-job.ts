import type { Deps } from '#foundation/deps.ts'
import { systemOrigin } from '#foundation/http/origin.ts'
import type { Business } from '#foundation/shared/business.ts'
import type { Due } from '#foundation/shared/clock.ts'
import { findBusinesses } from '#resources/business/businesses/queries.ts'
import { expirePaymentRequests } from './end-payment-request.ts'
import { findDueExpiries } from './queries.ts'

export type ExpireDeps = Pick<Deps, 'database' | 'clock' | 'onEvent' | 'baseUrl'>

/** Requests that one round looks at; more follow at once. */
const batch = 500

/**
 * Ends the requests whose time is over, and says how many. A request that is being paid at this moment is held by that
 * payment: it is passed over, and looked at again in the next round. Two workers never end the same request twice.
 */
export async function expireDuePaymentRequests(deps: ExpireDeps, due: Due): Promise<number> {
  const { db } = deps.database
  let ended = 0
  for (;;) {
    const found = await findDueExpiries(db, due, batch)
    const byBusiness = new Map<string, string[]>()
    for (const { business_id, id } of found) byBusiness.set(business_id, [...(byBusiness.get(business_id) ?? []), id])
    const businesses = await findBusinesses(db, [...byBusiness.keys()])
    let endedNow = 0
    let fault: unknown
    for (const [businessId, ids] of byBusiness) {
      const business = businesses.get(businessId)
      if (!business) continue
      try {
        endedNow += await expireOfBusiness(deps, business, ids)
      } catch (error) {
        // One business's trouble holds up no other's.
        fault ??= error
      }
    }
    if (fault !== undefined) throw fault
    ended += endedNow
    if (found.length < batch || endedNow === 0) return ended
  }
}

async function expireOfBusiness(deps: ExpireDeps, business: Business, ids: string[]): Promise<number> {
  const expired = await deps.database.db.transaction().execute((tx) => expirePaymentRequests(tx, business, { ids }, systemOrigin(deps, business.id)))
  if (expired.length > 0) deps.onEvent(business.id)
  return expired.length
}
