import { emitEvent } from '#engine/events/emit-event.ts'
import type { Deps } from '#foundation/deps.ts'
import type { Call } from '#foundation/http/api.ts'
import type { Business } from '#foundation/http/authentication.ts'
import { etagOf, isKnown, preconditionFailed, requireMatch } from '#foundation/http/etag.ts'
import type { Answer } from '#foundation/http/idempotency.ts'
import { writeOnce } from '#foundation/http/transaction.ts'
import { ApiError, invalid, notFound, spoken } from '#foundation/shared/errors.ts'
import { isUuid, newId } from '#foundation/shared/ids.ts'
import { laterThan } from '#foundation/shared/time.ts'
import { externalIdTaken } from './create-customer.ts'
import { type CustomerReference, type CustomerRow, deleteCustomer, fieldsOf, insertCustomerUnlessTaken, lockCustomer, updateCustomer } from './queries.ts'
import { applyTo, faultsOf, previousAttributes } from './understand.ts'
import { presentCustomer, type UpdateCustomer } from './wire.ts'

/** How a path names a customer. Throws the same 404 as for an unknown one when it can name none. */
export function referenceOf(id: string): CustomerReference {
  // Trimmed as the bodies that set it are.
  if (id.startsWith('ext:') && !/[\p{Cc}\p{Cs}]/u.test(id)) return { external_id: id.slice('ext:'.length).trim() }
  if (isUuid(id)) return { id: id.toLowerCase() }
  throw notFound('Customer', id)
}

/** 412 when If-None-Match says that this version, or any (`*`), must not be there. */
function requireUnknown(ifNoneMatch: string | undefined, row: CustomerRow): void {
  if (isKnown(ifNoneMatch, etagOf(row))) throw preconditionFailed('The customer already exists.', etagOf(row))
}

function answerWith(status: number, row: CustomerRow, body: string): Answer {
  return { status, body, headers: { etag: etagOf(row), ...(status === 201 ? { location: `/v1/customers/${row.id}` } : {}) } }
}

/** Applies a change to a row that this transaction holds; a change of nothing leaves the row and tells no one. */
async function change(
  { now }: Deps,
  tx: Parameters<typeof emitEvent>[0],
  business: Business,
  before: CustomerRow,
  body: UpdateCustomer,
  requestId: string,
): Promise<Answer> {
  const at = laterThan(before.updated_at, now())
  const fields = applyTo(fieldsOf(before), body, business, at)
  const previous = previousAttributes(before, fields)
  if (!previous) return answerWith(200, before, JSON.stringify(presentCustomer(before, business)))
  const row: CustomerRow = { ...before, ...fields, version: before.version + 1, updated_at: at }
  await updateCustomer(tx, business.id, row)
  const shown = JSON.stringify(presentCustomer(row, business))
  await emitEvent(tx, business.id, { type: 'customer.updated', objectId: row.id, data: shown, previousAttributes: JSON.stringify(previous), requestId, at })
  return answerWith(200, row, shown)
}

/** Changes what is sent of a customer, named by our id or by the merchant's; 404, 412 and 422 change nothing. */
export async function changeCustomer(deps: Deps, { business, params, body, headers, claim, requestId }: Call<unknown, UpdateCustomer>): Promise<Answer> {
  const { database, now, onEvent } = deps
  const id = params.customer_id ?? ''
  const reference = referenceOf(id)
  const answer = await writeOnce(database.db, claim, now(), async (tx) => {
    const before = await lockCustomer(tx, business.id, reference)
    if (!before) throw notFound('Customer', id)
    requireMatch(headers['if-match'], etagOf(before))
    requireUnknown(headers['if-none-match'], before)
    return change(deps, tx, business, before, body, requestId)
  }).catch((error: unknown) => {
    throw externalIdTaken(error)
  })
  onEvent(business.id)
  return answer
}

/** The customer with this external id, made or changed; a hundred callers at once leave one row and one created event. */
export async function upsertCustomer(
  deps: Deps,
  { business, body, headers, claim, requestId }: Call<unknown, UpdateCustomer>,
  externalId: string,
): Promise<Answer> {
  const { database, now, onEvent } = deps
  const changes = body
  if (changes.external_id && changes.external_id !== externalId) throw invalid({ external_id: ['The external id must match the one in the path.'] })
  const answer = await writeOnce(database.db, claim, now(), async (tx) => {
    // A row can be deleted between the insert that found it and the lock that looks for it; then the insert is tried again.
    for (let attempt = 0; attempt < 5; attempt++) {
      const before = await lockCustomer(tx, business.id, { external_id: externalId })
      if (before) {
        requireMatch(headers['if-match'], etagOf(before))
        requireUnknown(headers['if-none-match'], before)
        return change(deps, tx, business, before, { ...changes, external_id: externalId }, requestId)
      }
      if (headers['if-match'] !== undefined) throw preconditionFailed('There is no customer with this external id.')
      const required = { email: changes.email, phone_number: changes.phone_number }
      const missing = Object.entries(required).filter(([, value]) => value === undefined)
      const at = now()
      if (missing.length > 0) {
        const texts = missing.map(([field]) => [field, [`The ${spoken(field)} field is required.`]])
        throw invalid({ ...Object.fromEntries(texts), ...faultsOf(changes, business, at) })
      }
      const row: CustomerRow = {
        ...applyTo(undefined, { ...changes, external_id: externalId }, business, at),
        business_id: business.id,
        id: newId<'customer'>(at),
        version: 1,
        created_at: at,
        updated_at: at,
      }
      if (!(await insertCustomerUnlessTaken(tx, row))) continue
      const shown = JSON.stringify(presentCustomer(row, business))
      await emitEvent(tx, business.id, { type: 'customer.created', objectId: row.id, data: shown, requestId, at })
      return answerWith(201, row, shown)
    }
    throw new ApiError(503, 'busy', 'The customer is being created and deleted at the same time; try again.', { headers: { 'retry-after': '1' } })
  })
  onEvent(business.id)
  return answer
}

/** Deletes a customer; its events stay. */
export async function removeCustomer({ database, now, onEvent }: Deps, { business, params, headers, claim, requestId }: Call): Promise<Answer> {
  const id = params.customer_id ?? ''
  const reference = referenceOf(id)
  const answer = await writeOnce(database.db, claim, now(), async (tx) => {
    const before = await lockCustomer(tx, business.id, reference)
    if (!before) throw notFound('Customer', id)
    requireMatch(headers['if-match'], etagOf(before))
    await deleteCustomer(tx, business.id, before.id)
    const at = laterThan(before.updated_at, now())
    await emitEvent(tx, business.id, {
      type: 'customer.deleted',
      objectId: before.id,
      data: JSON.stringify(presentCustomer(before, business)),
      requestId,
      at,
    })
    return { status: 204 }
  })
  onEvent(business.id)
  return answer
}
