import DataLoader from 'dataloader'
import { emitEvent } from '../../engine/events/emit-event.ts'
import type { Database } from '../../foundation/database/database.ts'
import type { Api, Call } from '../../foundation/http/api.ts'
import type { Business } from '../../foundation/http/authentication.ts'
import { etagOf, isKnown, preconditionFailed, requireMatch } from '../../foundation/http/etag.ts'
import type { Answer } from '../../foundation/http/idempotency.ts'
import { changeHeaders, writeHeaders } from '../../foundation/http/schemas.ts'
import { writeOnce } from '../../foundation/http/transaction.ts'
import { ApiError, invalid, notFound, spoken } from '../../foundation/shared/errors.ts'
import { isUuid, newId } from '../../foundation/shared/ids.ts'
import { laterThan, type Now } from '../../foundation/shared/time.ts'
import { createCustomer, externalIdTaken } from './create-customer.ts'
import { customersPage } from './list-customers.ts'
import {
  type CustomerJson,
  type CustomerReference,
  type CustomerRow,
  deleteCustomer,
  fieldsOf,
  findCustomerByExternalId,
  findCustomersById,
  insertCustomerUnlessTaken,
  lockCustomer,
  updateCustomer,
} from './queries.ts'
import { acceptOtherDialect, applyTo, faultsOf, previousAttributes } from './understand.ts'
import { CreateCustomer, Customer, CustomerId, CustomerPage, completeJson, ListCustomers, presentCustomer, UpdateCustomer, UpsertHeaders } from './wire.ts'

export interface CustomersDeps {
  database: Database
  now: Now
  /** Called after a commit that appended an event. */
  onEvent: (businessId: string) => void
  /** Whether rows of different businesses may share a statement. */
  groupAcrossBusinesses: boolean
  /** Rows that one statement may carry; 256 when undefined. */
  groupRows?: number | undefined
}

const tags = ['Customers']

/** How a path names a customer. Throws the same 404 as for an unknown one when it can name none. */
function referenceOf(id: string): CustomerReference {
  // Trimmed as the bodies that set it are.
  if (id.startsWith('ext:') && !/[\p{Cc}\p{Cs}]/u.test(id)) return { external_id: id.slice('ext:'.length).trim() }
  if (isUuid(id)) return { id: id.toLowerCase() }
  throw notFound('Customer', id)
}

/** 412 when If-None-Match says that this version, or any (`*`), must not be there. */
function requireUnknown(ifNoneMatch: string | undefined, row: CustomerRow): void {
  if (isKnown(ifNoneMatch, etagOf(row))) throw preconditionFailed('The customer exists already.', etagOf(row))
}

function answerWith(status: number, row: CustomerRow, body: string): Answer {
  return { status, body, headers: { etag: etagOf(row), ...(status === 201 ? { location: `/v1/customers/${row.id}` } : {}) } }
}

/** The five operations of the contract, `PUT` as another word for `PATCH`, and the upsert by the merchant's own id. */
export function customersRoutes(api: Api, deps: CustomersDeps): void {
  const { database, now, onEvent } = deps
  const create = createCustomer(deps)
  const taking = { understand: acceptOtherDialect, faults: (body: unknown, business: Business) => faultsOf(body, business, now()) }
  // Gets that arrive together are one query; nothing is kept beyond it.
  const reader = new DataLoader<{ businessId: string; id: string }, CustomerJson | undefined>((keys) => findCustomersById(database.pool, keys), {
    cache: false,
    maxBatchSize: 100,
    batchScheduleFn: (run) => setImmediate(run),
  })

  api.write(
    'POST',
    '/v1/customers',
    { operationId: 'createCustomer', tags, summary: 'Create a customer', headers: writeHeaders, body: CreateCustomer, answers: { 201: Customer }, ...taking },
    (call) => create(call, call.body),
    { findsTakenKeys: true },
  )

  api.read(
    '/v1/customers',
    { operationId: 'listCustomers', tags, summary: 'List customers', query: ListCustomers, answers: { 200: CustomerPage } },
    async (call) => ({ status: 200, body: await customersPage(database, call) }),
  )

  api.read(
    '/v1/customers/:customer_id',
    { operationId: 'getCustomer', tags, summary: 'Get a customer', params: CustomerId, answers: { 200: Customer, 304: null } },
    async ({ business, params, headers }) => {
      const id = params.customer_id ?? ''
      const reference = referenceOf(id)
      const found = await ('id' in reference
        ? reader.load({ businessId: business.id, id: reference.id })
        : findCustomerByExternalId(database.pool, business.id, reference.external_id))
      if (!found) throw notFound('Customer', id)
      const etag = etagOf(found)
      if (isKnown(headers['if-none-match'], etag)) return { status: 304, headers: { etag } }
      return { status: 200, body: completeJson(found.json, found.created_ms, found.updated_ms, business), headers: { etag } }
    },
  )

  /** Applies a change to a row that this transaction holds; a change of nothing leaves the row and tells no one. */
  async function change(
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

  async function update({ business, params, body, headers, claim, requestId }: Call<unknown, UpdateCustomer>): Promise<Answer> {
    const id = params.customer_id ?? ''
    const reference = referenceOf(id)
    const answer = await writeOnce(database.db, claim, now(), async (tx) => {
      const before = await lockCustomer(tx, business.id, reference)
      if (!before) throw notFound('Customer', id)
      requireMatch(headers['if-match'], etagOf(before))
      requireUnknown(headers['if-none-match'], before)
      return change(tx, business, before, body, requestId)
    }).catch((error: unknown) => {
      throw externalIdTaken(error)
    })
    onEvent(business.id)
    return answer
  }

  const updating = { tags, params: CustomerId, headers: changeHeaders, body: UpdateCustomer, answers: { 200: Customer }, ...taking }
  api.write('PATCH', '/v1/customers/:customer_id', { operationId: 'updateCustomer', summary: 'Update a customer', ...updating }, update)

  /** The customer with this external id, made or changed; a hundred callers at once leave one row and one created event. */
  async function upsert({ business, body, headers, claim, requestId }: Call<unknown, UpdateCustomer>, externalId: string): Promise<Answer> {
    const changes = body
    if (changes.external_id && changes.external_id !== externalId) throw invalid({ external_id: ['The external id must be the one in the path.'] })
    const answer = await writeOnce(database.db, claim, now(), async (tx) => {
      // A row can be deleted between the insert that found it and the lock that looks for it; then the insert is tried again.
      for (let attempt = 0; attempt < 5; attempt++) {
        const before = await lockCustomer(tx, business.id, { external_id: externalId })
        if (before) {
          requireMatch(headers['if-match'], etagOf(before))
          requireUnknown(headers['if-none-match'], before)
          return change(tx, business, before, { ...changes, external_id: externalId }, requestId)
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

  api.write(
    'PUT',
    '/v1/customers/:customer_id',
    {
      operationId: 'upsertCustomer',
      summary: 'Create or update a customer by your own id',
      description: "With `ext:<id>` the customer is created (201) or updated (200), atomically; with a customer's id this is the same as PATCH.",
      ...updating,
      headers: UpsertHeaders,
      answers: { 200: Customer, 201: Customer },
    },
    (call) => {
      const id = call.params.customer_id ?? ''
      if (!id.startsWith('ext:')) return update(call)
      const externalId = id.slice('ext:'.length).trim()
      if (externalId === '') throw invalid({ external_id: ['The external id field is required.'] })
      if ([...externalId].length > 255) throw invalid({ external_id: ['The external id may not be greater than 255 characters.'] })
      if (/[\p{Cc}\p{Cs}]/u.test(externalId)) throw invalid({ external_id: ['The external id format is invalid.'] })
      return upsert(call, externalId)
    },
  )

  api.write(
    'DELETE',
    '/v1/customers/:customer_id',
    { operationId: 'deleteCustomer', tags, summary: 'Delete a customer', params: CustomerId, headers: changeHeaders, answers: { 204: null } },
    async ({ business, params, headers, claim, requestId }) => {
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
    },
  )
}
