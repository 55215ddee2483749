import type { Tx } from '#engine/records/kind.ts'
import { type Cause, operationsOf, type Written } from '#engine/records/operations.ts'
import { etagOf, isKnown, preconditionFailed, requireMatch } from '#foundation/http/etag.ts'
import type { Business } from '#foundation/shared/business.ts'
import { ApiError, invalid, notFound, spoken } from '#foundation/shared/errors.ts'
import { isUuid } from '#foundation/shared/ids.ts'
import { laterThan } from '#foundation/shared/time.ts'
import type { CustomerRow } from './queries.ts'
import { applyCustomer, customerFaults } from './rules.ts'
import { customerKind, type UpdateCustomer } from './wire.ts'

const operations = operationsOf(customerKind)

/** How a path identifies a customer: by our id, or by the merchant's own. */
export type CustomerReference = { id: string } | { external_id: string }

/** How a path identifies a customer. Throws the same 404 as for an unknown one if it cannot identify any. */
export function customerReference(id: string): CustomerReference {
  // Trimmed like the bodies that set it.
  if (id.startsWith('ext:') && !/[\p{Cc}\p{Cs}]/u.test(id)) return { external_id: id.slice('ext:'.length).trim() }
  if (isUuid(id)) return { id: id.toLowerCase() }
  throw notFound('Customer', id)
}

/** Which version of a customer may be changed; anything else is a 412. */
export interface Preconditions {
  ifMatch?: string | undefined
  /** A version, or any (`*`), that must not be there. */
  ifNoneMatch?: string | undefined
}

/** A customer as a path identifies it: by its id, or `ext:` and the merchant's own. */
export interface CustomerTarget extends Preconditions {
  id: string
}

function requirePreconditions(row: CustomerRow, { ifMatch, ifNoneMatch }: Preconditions): void {
  requireMatch(ifMatch, etagOf(row))
  if (isKnown(ifNoneMatch, etagOf(row))) throw preconditionFailed('The customer already exists.', etagOf(row))
}

async function hold(tx: Tx, business: Business, { id, ...preconditions }: CustomerTarget): Promise<CustomerRow> {
  const reference = customerReference(id)
  const row = await ('id' in reference ? operations.table.lock(tx, business.id, reference.id) : operations.table.lockBy(tx, business.id, reference))
  if (!row) throw notFound('Customer', id)
  requirePreconditions(row, preconditions)
  return row
}

function replace(tx: Tx, business: Business, before: CustomerRow, changes: UpdateCustomer, cause: Cause): Promise<Written<CustomerRow>> {
  const at = laterThan(before.updated_at, cause.at)
  return operations.replace(tx, business, before, { ...before, ...applyCustomer(before, changes, business, at) }, cause)
}

/** Changes the sent fields of a customer; 404, 412 and 422 change nothing, and a change of nothing emits no event. */
export async function changeCustomer(
  tx: Tx,
  business: Business,
  { changes, ...target }: CustomerTarget & { changes: UpdateCustomer },
  cause: Cause,
): Promise<Written<CustomerRow>> {
  return replace(tx, business, await hold(tx, business, target), changes, cause)
}

/** Deletes a customer; its events stay. */
export async function removeCustomer(tx: Tx, business: Business, target: CustomerTarget, cause: Cause): Promise<void> {
  await operations.remove(tx, business, await hold(tx, business, target), cause)
}

/** The merchant's own id in a path. Throws the 422 that a body with it would get. */
export function externalIdIn(path: string): string {
  const externalId = path.slice('ext:'.length).trim()
  if (externalId === '') throw invalid({ external_id: ['The external id field is required.'] })
  if ([...externalId].length > 255) throw invalid({ external_id: ['The external id may not be greater than 255 characters.'] })
  if (/[\p{Cc}\p{Cs}]/u.test(externalId)) throw invalid({ external_id: ['The external id format is invalid.'] })
  return externalId
}

/** What an upsert requires for a new customer. Throws one 422 with every error. */
function requireForNew(changes: UpdateCustomer, business: Business, at: Date): void {
  const missing = (['email', 'phone_number'] as const).filter((field) => changes[field] === undefined)
  if (missing.length === 0) return
  const texts = missing.map((field) => [field, [`The ${spoken(field)} field is required.`]])
  throw invalid({ ...Object.fromEntries(texts), ...customerFaults(changes, business, at) })
}

/** The customer with this external id, created or changed; a hundred concurrent callers leave one row and one created event. */
export async function upsertCustomer(
  tx: Tx,
  business: Business,
  { externalId, changes, ...preconditions }: Preconditions & { externalId: string; changes: UpdateCustomer },
  cause: Cause,
): Promise<Written<CustomerRow> & { isNew: boolean }> {
  if (changes.external_id && changes.external_id !== externalId) throw invalid({ external_id: ['The external id must match the one in the path.'] })
  const input = { ...changes, external_id: externalId }
  // A row can be deleted between the insert that found it and the lock that looks for it; then the insert is retried.
  for (let attempt = 0; attempt < 5; attempt++) {
    const before = await operations.table.lockBy(tx, business.id, { external_id: externalId })
    if (before) {
      requirePreconditions(before, preconditions)
      return { ...(await replace(tx, business, before, input, cause)), isNew: false }
    }
    if (preconditions.ifMatch !== undefined) throw preconditionFailed('There is no customer with this external id.')
    requireForNew(changes, business, cause.at)
    const created = await operations.createUnlessTaken(tx, business, applyCustomer(undefined, input, business, cause.at), cause)
    if (created) return { ...created, isNew: true }
  }
  throw new ApiError(503, 'busy', 'The customer is being created and deleted at the same time; try again.', { headers: { 'retry-after': '1' } })
}
