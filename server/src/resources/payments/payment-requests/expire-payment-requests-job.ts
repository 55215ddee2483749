import type { Deps } from '#foundation/deps.ts'
import { systemOrigin } from '#foundation/http/origin.ts'
import type { Business } from '#foundation/shared/business.ts'
import type { Due } from '#foundation/shared/clock.ts'
import { findBusinesses } from '#resources/business/businesses/queries.ts'
import { expirePaymentRequests } from './end-payment-request.ts'
import { findDueExpiries } from './queries.ts'

export type ExpireDeps = Pick<Deps, 'database' | 'clock' | 'onEvent' | 'baseUrl'>

/** Requests that one round processes; more follow immediately. */
const batch = 500

/**
 * Expires the requests whose deadline has passed, and returns how many. A request that is being paid at this moment is locked by that
 * payment: it is skipped, and processed in the next round. Two workers never expire the same request twice.
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
        // A problem of one business delays no other.
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
