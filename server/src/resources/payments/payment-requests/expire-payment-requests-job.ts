import { emitEvents } from '#engine/events/emit-event.ts'
import type { Database } from '#foundation/database/database.ts'
import type { Business } from '#foundation/shared/business.ts'
import { laterThan, type Now } from '#foundation/shared/time.ts'
import { findBusinesses } from '#resources/business/businesses/queries.ts'
import { findDueExpiries, forgetExpiries, lockFreePaymentRequests, writeStatuses } from './queries.ts'
import { presentPaymentRequest } from './wire.ts'

export interface ExpireDeps {
  database: Database
  now: Now
  /** Called after a commit that appended an event. */
  onEvent: (businessId: string) => void
  baseUrl: () => string
}

/** Requests that one round looks at; more follow at once. */
const batch = 500

/**
 * Ends the requests whose time is over, and says how many. A request that is being paid at this moment is held by that
 * payment: it is passed over, and looked at again in the next round. Two workers never end the same request twice.
 */
export async function expirePaymentRequests(deps: ExpireDeps): Promise<number> {
  const { database, now } = deps
  let ended = 0
  for (;;) {
    const due = await findDueExpiries(database.db, now(), batch)
    const byBusiness = new Map<string, string[]>()
    for (const { business_id, id } of due) byBusiness.set(business_id, [...(byBusiness.get(business_id) ?? []), id])
    const businesses = await findBusinesses(database.db, [...byBusiness.keys()])
    let endedNow = 0
    let fault: unknown
    for (const [businessId, ids] of byBusiness) {
      const business = businesses.get(businessId)
      if (!business) continue
      try {
        endedNow += await expireOf(deps, business, ids)
      } catch (error) {
        // One business's trouble holds up no other's.
        fault ??= error
      }
    }
    if (fault !== undefined) throw fault
    ended += endedNow
    if (due.length < batch || endedNow === 0) return ended
  }
}

async function expireOf({ database, now, onEvent, baseUrl }: ExpireDeps, business: Business, ids: string[]): Promise<number> {
  const count = await database.db.transaction().execute(async (tx) => {
    const held = await lockFreePaymentRequests(tx, business.id, ids)
    const at = now()
    const over = held.filter(({ status, deleted_at, expires_at }) => status === 'pending' && deleted_at === null && expires_at !== null && expires_at <= at)
    for (const row of over) {
      row.status = 'expired'
      row.version += 1
      row.updated_at = laterThan(row.updated_at, at)
    }
    await writeStatuses(tx, over)
    const settled = held.filter(({ status, deleted_at }) => status !== 'pending' || deleted_at !== null)
    await forgetExpiries(
      tx,
      settled.map(({ id }) => ({ businessId: business.id, id })),
    )
    await emitEvents(
      tx,
      over.map((row) => ({
        businessId: business.id,
        type: 'payment_request.expired',
        objectId: row.id,
        data: JSON.stringify(presentPaymentRequest(row, business, baseUrl())),
        requestId: null,
        at: row.updated_at,
      })),
    )
    return over.length
  })
  if (count > 0) onEvent(business.id)
  return count
}
