import { change } from '#engine/records/change.ts'
import { createsTogether } from '#engine/records/create-together.ts'
import type { Written } from '#engine/records/operations.ts'
import type { Deps } from '#foundation/deps.ts'
import type { Api, Call } from '#foundation/http/api.ts'
import { etagOf, isKnown } from '#foundation/http/etag.ts'
import type { Answer } from '#foundation/http/idempotency.ts'
import type { Business } from '#foundation/shared/business.ts'
import { notFound } from '#foundation/shared/errors.ts'
import { changeCustomer, customerReference, externalIdIn, removeCustomer, upsertCustomer } from './change-customer.ts'
import { createCustomer } from './create-customer.ts'
import { customerPages } from './list-customers.ts'
import { type CustomerRow, customerReader, findCustomerByExternalId } from './queries.ts'
import { acceptOtherDialect, customerFaults } from './rules.ts'
import { CreateCustomer, Customer, CustomerId, CustomerPage, completeJson, ListCustomers, UpdateCustomer, upsertHeaders } from './wire.ts'

const path = '/v1/customers'
const onePath = `${path}/:customer_id`

/** A customer's answer, with its ETag; for a new one, with its Location. */
const answerOf = ({ row, json }: Written<CustomerRow>, isNew = false): Answer => ({
  status: isNew ? 201 : 200,
  body: json,
  headers: { etag: etagOf(row), ...(isNew ? { location: `${path}/${row.id}` } : {}) },
})

/** The customer that a call identifies, and which version of it. */
const targetOf = ({ params, headers }: Call) => ({
  id: params.customer_id ?? '',
  ifMatch: headers['if-match'],
  ifNoneMatch: headers['if-none-match'],
})

/** The five operations of the contract, `PUT` as an alias of `PATCH`, and the upsert by the merchant's own id. */
export function customersRoutes(api: Api, deps: Deps): void {
  const customers = api.group('Customers')
  const taking = { normalise: acceptOtherDialect, faults: (body: unknown, business: Business) => customerFaults(body, business, deps.clock.now(business.id)) }
  const page = customerPages(deps)

  customers.write(
    'POST',
    path,
    { operationId: 'createCustomer', summary: 'Create a customer', body: CreateCustomer, answers: { 201: Customer }, ...taking },
    createsTogether(createCustomer(deps), ({ body }: Call<unknown, CreateCustomer>) => body),
  )

  customers.read(path, { operationId: 'listCustomers', summary: 'List customers', query: ListCustomers, answers: { 200: CustomerPage } }, async (call) => ({
    status: 200,
    body: await page(call),
  }))

  customers.read(
    onePath,
    { operationId: 'getCustomer', summary: 'Get a customer', params: CustomerId, answers: { 200: Customer, 304: null } },
    readCustomer(deps),
  )

  const update = (call: Call<unknown, UpdateCustomer>) =>
    change(deps, call, async (tx) => answerOf(await changeCustomer(tx, call.business, { ...targetOf(call), changes: call.body }, call)))
  const updating = { params: CustomerId, ifMatch: true, body: UpdateCustomer, answers: { 200: Customer }, ...taking }
  customers.write('PATCH', onePath, { operationId: 'updateCustomer', summary: 'Update a customer', ...updating }, update)

  customers.write(
    'PUT',
    onePath,
    {
      operationId: 'upsertCustomer',
      summary: 'Create or update a customer by your own id',
      description: 'With `ext:<id>`, atomically creates (201) or updates (200) the customer; with a customer id, the same as PATCH.',
      ...updating,
      headers: upsertHeaders,
      answers: { 200: Customer, 201: Customer },
    },
    (call) => {
      const { id, ...preconditions } = targetOf(call)
      if (!id.startsWith('ext:')) return update(call)
      const input = { ...preconditions, externalId: externalIdIn(id), changes: call.body }
      return change(deps, call, async (tx) => {
        const written = await upsertCustomer(tx, call.business, input, call)
        return answerOf(written, written.isNew)
      })
    },
  )

  customers.write(
    'DELETE',
    onePath,
    { operationId: 'deleteCustomer', summary: 'Delete a customer', params: CustomerId, ifMatch: true, answers: { 204: null } },
    (call) =>
      change(deps, call, async (tx) => {
        const { id, ifMatch } = targetOf(call)
        await removeCustomer(tx, call.business, { id, ifMatch }, call)
        return { status: 204 }
      }),
  )
}

/** One customer, by our id or the merchant's. */
function readCustomer({ database, groupAcrossBusinesses }: Deps): (call: Call) => Promise<Answer> {
  const read = customerReader(database, groupAcrossBusinesses)
  return async ({ business, params, headers }) => {
    const id = params.customer_id ?? ''
    const reference = customerReference(id)
    const found =
      'id' in reference
        ? (await read({ businessId: business.id, id: reference.id }))[0]
        : await findCustomerByExternalId(database.pool, business.id, reference.external_id)
    if (!found) throw notFound('Customer', id)
    const etag = etagOf(found)
    if (isKnown(headers['if-none-match'], etag)) return { status: 304, headers: { etag } }
    return { status: 200, body: completeJson(found.json, found.created_ms, found.updated_ms, business), headers: { etag } }
  }
}
