import { describe, expect, test } from 'vitest'
import { recordsConformance } from '#engine/records/conformance.ts'
import { randomHex } from '#foundation/shared/ids.ts'
import { openApiDocument } from '#openapi.ts'
import { aBusiness, customerBody, eventsOf } from '#testing/api.ts'
import { testDatabase } from '#testing/database.ts'

/** The contract of the five operations: fields and their types, as HitPay documents them. */
const address = { city: 'string', state: 'string', street: 'string', postal_code: 'string', country: 'string' }
const customer = {
  id: 'string',
  name: 'string',
  birth_date: 'string',
  gender: 'string',
  email: 'string',
  phone_number: 'string',
  address,
  remark: 'string',
  phone_number_country_code: 'string',
  created_at: 'string',
  updated_at: 'string',
}
const { id: _id, created_at: _created, updated_at: _updated, ...input } = customer

type Fact = string | { [field: string]: Fact } | [Fact]
interface Contract {
  query?: Record<string, Fact>
  body?: { required: string[]; fields: Record<string, Fact> }
  status: string
  answer?: Record<string, Fact>
}

const contract: Record<string, Contract> = {
  'post /v1/customers': { body: { required: ['email', 'phone_number'], fields: input }, status: '201', answer: customer },
  'get /v1/customers': {
    query: { page: 'number', per_page: 'number' },
    status: '200',
    answer: {
      data: [customer],
      links: { first: 'any', last: 'any', prev: 'any', next: 'string' },
      meta: { path: 'string', per_page: 'number', next_cursor: 'string', prev_cursor: 'any' },
    },
  },
  // The contract says 201, which is an error (behaviour §1.4).
  'get /v1/customers/{customer_id}': { status: '200', answer: customer },
  'patch /v1/customers/{customer_id}': { body: { required: [], fields: input }, status: '200', answer: customer },
  'delete /v1/customers/{customer_id}': { status: '204' },
}

interface Schema {
  $ref?: string
  type?: string | string[]
  properties?: Record<string, Schema>
  required?: string[]
  items?: Schema
}

interface Operation {
  parameters?: { name: string; in: string; schema: Schema }[]
  requestBody?: { content: Record<string, { schema: Schema }> }
  responses: Record<string, { content?: Record<string, { schema: Schema }> }>
}

describe('the contract', () => {
  test.each(Object.entries(contract))('%s returns every documented field with its type', async (operationName, { query = {}, body, status, answer }) => {
    const document = JSON.parse(await openApiDocument(await testDatabase())) as {
      paths: Record<string, Record<string, Operation>>
      components: { schemas: Record<string, Schema> }
    }
    const resolved = (schema: Schema | undefined): Schema =>
      schema?.$ref ? (document.components.schemas[schema.$ref.split('/').at(-1) ?? ''] ?? {}) : (schema ?? {})
    const holds = (given: Schema | undefined, fact: Fact, at: string, all: boolean): void => {
      const schema = resolved(given)
      const types = [schema.type ?? []].flat()
      if (Array.isArray(fact)) {
        expect(types, at).toContain('array')
        holds(schema.items, fact[0], `${at}[]`, all)
      } else if (typeof fact === 'object') {
        expect(types, at).toContain('object')
        for (const [name, inner] of Object.entries(fact)) {
          expect(schema.properties, at).toHaveProperty([name])
          if (all) expect(schema.required, at).toContain(name)
          holds(schema.properties?.[name], inner, `${at}.${name}`, all)
        }
      } else if (fact !== 'any') expect(fact === 'number' ? types.map((type) => (type === 'integer' ? 'number' : type)) : types, at).toContain(fact)
    }
    const [method = '', path = ''] = operationName.split(' ')
    const operation = document.paths[path]?.[method]
    for (const [name, fact] of Object.entries(query)) {
      const parameter = operation?.parameters?.find((one) => one.name === name && one.in === 'query')
      holds(parameter?.schema, fact, `query ${name}`, false)
    }
    if (body) {
      const schema = resolved(operation?.requestBody?.content['application/json']?.schema)
      holds(schema, body.fields, 'body', false)
      expect([...(schema.required ?? [])].sort()).toEqual(body.required)
    }
    const response = operation?.responses[status]
    expect(response).toBeDefined()
    if (answer) holds(response?.content?.['application/json']?.schema, answer, 'answer', true)
    else expect(response?.content).toBeUndefined()
  })
})

recordsConformance({
  path: '/v1/customers',
  name: 'Customer',
  aClient: () => aBusiness(),
  body: () => customerBody({ name: 'Tan Ah Kow', external_id: randomHex(8) }),
  changeTo: (n) => ({ name: `Name ${n}`, remark: `Remark ${n}` }),
  list: 'cursor',
  deleted: 'gone',
  events: { prefix: 'customer', of: eventsOf },
})
