import { type Created, createTogether } from '#engine/records/create-together.ts'
import type { Tx } from '#engine/records/kind.ts'
import { newRow } from '#engine/records/operations.ts'
import type { Deps } from '#foundation/deps.ts'
import type { Origin } from '#foundation/http/origin.ts'
import type { Business } from '#foundation/shared/business.ts'
import type { CustomerRow } from './queries.ts'
import { applyCustomer } from './rules.ts'
import { type CreateCustomer, customerKind } from './wire.ts'

/** Creates customers, in a transaction or by group commit (`CreateTogether`). Throws a 422 that names every invalid field. */
export function createCustomer(deps: Deps) {
  const insert = createTogether(deps, customerKind)
  return async (tx: Tx | undefined, business: Business, input: CreateCustomer, origin: Origin): Promise<Created<CustomerRow>> => {
    const fields = applyCustomer(undefined, input, business, origin.at)
    return insert(tx, business, newRow<CustomerRow>(business, fields, origin.at), origin)
  }
}
