import DataLoader from 'dataloader'
import type { Database, Db } from '#foundation/database/database.ts'
import type { Business } from '#foundation/shared/business.ts'
import type { FieldErrors } from '#foundation/shared/errors.ts'
import { isUuid } from '#foundation/shared/ids.ts'
import { findLocation } from '#resources/business/locations/queries.ts'
import { customerExists, findCustomersByEmail } from '#resources/customers/customers/queries.ts'
import { type Links, locationIn } from './understand.ts'
import type { UpdatePaymentRequest } from './wire.ts'

/** What follows from a body that only the database knows: its location, its customer. Inside a transaction it sees what that wrote. */
export type LookUp = (business: Business, body: UpdatePaymentRequest, tx?: Db) => Promise<Links>

export function lookingUp(database: Database): LookUp {
  // Creates that arrive together ask once.
  const byEmail = new DataLoader<{ businessId: string; email: string }, string | undefined>((keys) => findCustomersByEmail(database.db, keys), {
    cache: false,
    maxBatchSize: 100,
    batchScheduleFn: (run) => setImmediate(run),
  })
  return async (business, body, tx) => {
    const db = tx ?? database.db
    const errors: FieldErrors = {}
    const location = locationIn(body)
    if (location?.id) {
      const found = isUuid(location.id) ? await findLocation(db, business.id, location.id) : undefined
      if (!found?.active) errors[location.field] = [`The selected ${location.field.replaceAll('_', ' ')} is invalid.`]
    }
    const { customer_id, email } = body
    if (customer_id) {
      if (isUuid(customer_id) && (await customerExists(db, business.id, customer_id))) return { customerId: customer_id.toLowerCase(), errors }
      errors.customer_id = ['The selected customer id is invalid.']
    }
    const key = email && customer_id === undefined ? { businessId: business.id, email } : undefined
    const linked = key && (tx ? (await findCustomersByEmail(tx, [key]))[0] : await byEmail.load(key))
    return { customerId: linked ?? null, errors }
  }
}
