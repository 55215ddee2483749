import DataLoader from 'dataloader'
import type { Database, Db } from '#foundation/database/database.ts'
import type { Business } from '#foundation/shared/business.ts'
import type { FieldErrors } from '#foundation/shared/errors.ts'
import { isUuid } from '#foundation/shared/ids.ts'
import { findLocation } from '#resources/business/locations/queries.ts'
import { customerExists, findCustomersByEmail } from '#resources/customers/customers/queries.ts'
import { type Links, locationIn } from './rules.ts'
import type { UpdatePaymentRequest } from './wire.ts'

/** What only the database knows about a body: its location, its customer. Inside a transaction, it sees what that wrote. */
export type LookUp = (business: Business, body: UpdatePaymentRequest, tx?: Db) => Promise<Links>

type FindByEmail = (businessId: string, email: string) => Promise<string | undefined>

export function lookingUp(database: Database): LookUp {
  // Creates that arrive together share one query.
  const byEmail = new DataLoader<{ businessId: string; email: string }, string | undefined>((keys) => findCustomersByEmail(database.db, keys), {
    cache: false,
    maxBatchSize: 100,
    batchScheduleFn: (run) => setImmediate(run),
  })
  const findByEmail: FindByEmail = (businessId, email) => byEmail.load({ businessId, email })
  return (business, body, tx) => (tx ? lookUpIn(tx, business, body) : findLinks(database.db, findByEmail, business, body))
}

/** The same inside a transaction. */
export function lookUpIn(tx: Db, business: Business, body: UpdatePaymentRequest): Promise<Links> {
  return findLinks(tx, async (businessId, email) => (await findCustomersByEmail(tx, [{ businessId, email }]))[0], business, body)
}

async function findLinks(db: Db, findByEmail: FindByEmail, business: Business, body: UpdatePaymentRequest): Promise<Links> {
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
  const linked = email && customer_id === undefined ? await findByEmail(business.id, email) : undefined
  return { customerId: linked ?? null, errors }
}
