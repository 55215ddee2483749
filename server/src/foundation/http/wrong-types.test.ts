import { beforeAll, describe, expect, inject, test } from 'vitest'
import { newId } from '#foundation/shared/ids.ts'
import { aBusiness, type Client } from '#testing/api.ts'

interface Schema {
  $ref?: string
  type?: string | string[]
  enum?: unknown[]
  const?: unknown
  anyOf?: Schema[]
  properties?: Record<string, Schema>
  patternProperties?: Record<string, Schema>
  additionalProperties?: Schema | boolean
  items?: Schema
}

interface Operation {
  parameters?: { name: string; in: string; schema: Schema }[]
  requestBody?: { content: Record<string, { schema: Schema }> }
}

const document = JSON.parse(inject('openApi')) as { paths: Record<string, Record<string, Operation>>; components: { schemas: Record<string, Schema> } }

const resolved = (schema: Schema): Schema => (schema.$ref ? resolved(document.components.schemas[schema.$ref.split('/').at(-1) ?? ''] ?? {}) : schema)

/** A field of a request, with the names that lead to it; `0` is an item of a list, and `any` a value of a free map. */
interface Field {
  path: string[]
  types: string[]
  itemTypes: string[]
}

function typesOf(schema: Schema): string[] {
  const { type = [], anyOf = [], enum: values, const: value } = resolved(schema)
  return [...[type].flat(), ...anyOf.flatMap(typesOf), ...(type.length === 0 && (values || value !== undefined) ? ['choice'] : [])].filter(
    (one) => one !== 'null',
  )
}

function fieldsOf(schema: Schema, path: string[] = []): Field[] {
  const { properties = {}, patternProperties = {}, additionalProperties, items, anyOf = [] } = resolved(schema)
  const [map] = [...Object.values(patternProperties), ...(typeof additionalProperties === 'object' ? [additionalProperties] : [])]
  const inner: [string, Schema][] = [
    ...Object.entries(properties),
    ...(map ? [['any', map] as [string, Schema]] : []),
    ...(items ? [['0', items] as [string, Schema]] : []),
  ]
  const own = path.length > 0 ? [{ path, types: typesOf(schema), itemTypes: items ? typesOf(items) : [] }] : []
  return [...own, ...inner.flatMap(([name, one]) => fieldsOf(one, [...path, name])), ...anyOf.flatMap((one) => fieldsOf(one, path).slice(1))]
}

const operations = Object.entries(document.paths).flatMap(([path, item]) =>
  Object.entries(item).map(([method, operation]) => ({
    name: `${method.toUpperCase()} ${path}`,
    method: method.toUpperCase(),
    path,
    body: Object.values(operation.requestBody?.content ?? {})[0]?.schema,
    // A name with brackets documents how a list is written.
    query: (operation.parameters ?? []).filter(({ name, in: where }) => where === 'query' && !name.endsWith('[]')),
  })),
)
const writes = operations.flatMap(({ body, ...operation }) => (body ? [{ ...operation, fields: fieldsOf(body) }] : []))
const reads = operations.flatMap(({ query, ...operation }) =>
  query.length > 0 ? [{ ...operation, fields: query.flatMap(({ name, schema }) => fieldsOf(schema, [name])) }] : [],
)

/** Values that a field may never have, by what they are; a form sends only the last four, and texts for the others. */
const values = { true: true, false: false, number: 7, word: 'word', list: ['word'], object: { other: 'word' } }
type Value = keyof typeof values

/** Whether a value may be meant for a field of these types (the table in `spellings.ts`). */
function isAccepted({ types, itemTypes }: Field, value: Value): boolean {
  if (value === 'word' && types.includes('choice')) return false
  return types.some((type) => {
    if (type === 'string') return value === 'word' || value === 'number'
    if (type === 'number' || type === 'integer') return value === 'number'
    if (type === 'boolean') return value === 'true' || value === 'false'
    if (type === 'array') return value === 'list' || (value === 'word' && itemTypes.includes('string'))
    return type === 'object' && value === 'object'
  })
}

/** Fields of the same depth do not contain each other, so that one request can give all of them a wrong value. */
function batches(fields: Field[], value: Value): Field[][] {
  const wrong = fields.filter((field) => !isAccepted(field, value))
  return [...new Set(wrong.map(({ path }) => path.length))].map((depth) => wrong.filter(({ path }) => path.length === depth))
}

function bodyWith(fields: Field[], value: unknown): Record<string, unknown> {
  const body: Record<string, unknown> = {}
  for (const { path } of fields) {
    let at: Record<string, unknown> = body
    for (const [i, name] of path.slice(0, -1).entries()) at = (at[name] ??= path[i + 1] === '0' ? [] : {}) as typeof at
    at[path.at(-1) ?? ''] = value
  }
  return body
}

/** The same as a form: `a[b][0]=word`. */
function formWith(fields: Field[], value: Value): string {
  const ending = value === 'list' ? '[0]' : value === 'object' ? '[other]' : ''
  return fields
    .map(({ path: [first = '', ...rest] }) => `${encodeURIComponent(first)}${rest.map((name) => `[${encodeURIComponent(name)}]`).join('')}${ending}=word`)
    .join('&')
}

let client: Client
beforeAll(async () => {
  client = await aBusiness()
})

const pathOf = (path: string) => path.replace(/\{method\}/, 'card').replaceAll(/\{\w+\}/g, newId(new Date()))

function expectNamed(answer: { status: number; json: { errors?: object } }, fields: Field[]): void {
  expect([answer.status, fields.map(({ path }) => path.join('.')).filter((name) => !Object.hasOwn(answer.json.errors ?? {}, name))]).toEqual([422, []])
}

describe('a value of the wrong type is never converted', () => {
  test('these rules cover the fields of every request', () => {
    expect(writes.flatMap(({ fields }) => fields).length).toBeGreaterThan(200)
    expect(reads.flatMap(({ fields }) => fields).length).toBeGreaterThan(60)
  })

  test.each(writes)('$name names every field of its JSON that has another type', async ({ method, path, fields }) => {
    for (const value of Object.keys(values) as Value[]) {
      for (const wrong of batches(fields, value)) {
        expectNamed(await client.request(method, pathOf(path), { body: bodyWith(wrong, values[value]) }), wrong)
      }
    }
  })

  test.each(writes)('$name names every field of a form that has another type', async ({ method, path, fields }) => {
    for (const value of ['word', 'list', 'object'] as const) {
      for (const wrong of batches(fields, value)) {
        expectNamed(await client.request(method, pathOf(path), { form: formWith(wrong, value) }), wrong)
      }
    }
  })

  test.each(reads)('$name names every parameter of its query that has another type', async ({ method, path, fields }) => {
    for (const value of ['word', 'list', 'object'] as const) {
      for (const wrong of batches(fields, value)) {
        expectNamed(await client.request(method, `${pathOf(path)}?${formWith(wrong, value)}`), wrong)
      }
    }
  })

  const maps = writes.flatMap(({ fields, ...operation }) =>
    fields
      .filter(({ path }) => path.at(-1) === 'any')
      .map(({ path }) => ({ ...operation, title: `${operation.name} ${path[0]}`, map: path.slice(0, -1).join('.') })),
  )

  test.each(maps)('$title with an item named __proto__ is a 422 that names it', async ({ method, path, map }) => {
    const [raw, form] = [{ body: `{"${map}":{"__proto__":"x"}}`, type: 'application/json' }, `${map}[__proto__]=x`]
    for (const options of [{ raw }, { form }]) {
      const { status, json } = await client.request(method, pathOf(path), options)
      expect([status, json.errors[`${map}.__proto__`]]).toEqual([422, [`The ${map} may not have an item named __proto__.`]])
    }
  })

  test('these rules cover every free map', () => {
    expect(new Set(maps.map(({ map }) => map))).toEqual(new Set(['metadata', 'headers']))
  })

  test('an amount that is true refunds nothing', async () => {
    const { json } = await client.post('/v1/refund', { payment_id: newId(new Date()), amount: true })
    expect(json.errors).toEqual({ amount: ['The amount must be a number.'] })
  })
})
