import DataLoader from 'dataloader'
import type { Deps } from '#foundation/deps.ts'
import { type Api, type Call, findingTakenKeys } from '#foundation/http/api.ts'
import type { Business } from '#foundation/http/authentication.ts'
import { etagOf, isKnown } from '#foundation/http/etag.ts'
import { invalid, notFound } from '#foundation/shared/errors.ts'
import { changeCustomer, referenceOf, removeCustomer, upsertCustomer } from './change-customer.ts'
import { createCustomer } from './create-customer.ts'
import { customersPage } from './list-customers.ts'
import { type CustomerJson, findCustomerByExternalId, findCustomersById } from './queries.ts'
import { acceptOtherDialect, faultsOf } from './understand.ts'
import { CreateCustomer, Customer, CustomerId, CustomerPage, completeJson, ListCustomers, UpdateCustomer, upsertHeaders } from './wire.ts'

/** The five operations of the contract, `PUT` as another word for `PATCH`, and the upsert by the merchant's own id. */
export function customersRoutes(api: Api, deps: Deps): void {
  const customers = api.group('Customers')
  const { database, now } = deps
  const create = createCustomer(deps)
  const taking = { normalise: acceptOtherDialect, faults: (body: unknown, business: Business) => faultsOf(body, business, now()) }
  // Gets that arrive together are one query; nothing is kept beyond it.
  const reader = new DataLoader<{ businessId: string; id: string }, CustomerJson | undefined>((keys) => findCustomersById(database.pool, keys), {
    cache: false,
    maxBatchSize: 100,
    batchScheduleFn: (run) => setImmediate(run),
  })

  customers.write(
    'POST',
    '/v1/customers',
    { operationId: 'createCustomer', summary: 'Create a customer', body: CreateCustomer, answers: { 201: Customer }, ...taking },
    findingTakenKeys((call: Call<unknown, CreateCustomer>) => create(call, call.body)),
  )

  customers.read(
    '/v1/customers',
    { operationId: 'listCustomers', summary: 'List customers', query: ListCustomers, answers: { 200: CustomerPage } },
    async (call) => ({ status: 200, body: await customersPage(database, call) }),
  )

  customers.read(
    '/v1/customers/:customer_id',
    { operationId: 'getCustomer', summary: 'Get a customer', params: CustomerId, answers: { 200: Customer, 304: null } },
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

  const updating = { params: CustomerId, ifMatch: true, body: UpdateCustomer, answers: { 200: Customer }, ...taking }
  customers.write('PATCH', '/v1/customers/:customer_id', { operationId: 'updateCustomer', summary: 'Update a customer', ...updating }, (call) =>
    changeCustomer(deps, call),
  )

  customers.write(
    'PUT',
    '/v1/customers/:customer_id',
    {
      operationId: 'upsertCustomer',
      summary: 'Create or update a customer by your own id',
      description: "With `ext:<id>` the customer is created (201) or updated (200), atomically; with a customer's id this is the same as PATCH.",
      ...updating,
      headers: upsertHeaders,
      answers: { 200: Customer, 201: Customer },
    },
    (call) => {
      const id = call.params.customer_id ?? ''
      if (!id.startsWith('ext:')) return changeCustomer(deps, call)
      const externalId = id.slice('ext:'.length).trim()
      if (externalId === '') throw invalid({ external_id: ['The external id field is required.'] })
      if ([...externalId].length > 255) throw invalid({ external_id: ['The external id may not be greater than 255 characters.'] })
      if (/[\p{Cc}\p{Cs}]/u.test(externalId)) throw invalid({ external_id: ['The external id format is invalid.'] })
      return upsertCustomer(deps, call, externalId)
    },
  )

  customers.write(
    'DELETE',
    '/v1/customers/:customer_id',
    { operationId: 'deleteCustomer', summary: 'Delete a customer', params: CustomerId, ifMatch: true, answers: { 204: null } },
    (call) => removeCustomer(deps, call),
  )
}
