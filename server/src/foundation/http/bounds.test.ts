import { describe, expect, inject, test } from 'vitest'
import { aBusiness, customerBody } from '#testing/api.ts'

interface Schema {
  $ref?: string
  type?: string | string[]
  [keyword: string]: unknown
}

const { paths, components } = JSON.parse(inject('openApi')) as {
  paths: Record<
    string,
    Record<
      string,
      { operationId: string; parameters?: { name: string; in: string; schema: Schema }[]; requestBody?: { content: Record<string, { schema: Schema }> } }
    >
  >
  components: { schemas: Record<string, Schema> }
}

/** Where a schema says nothing of how long a text or a list may be. A choice and a UUID are bounded by what they are. */
function unbounded(schema: Schema, at: string): string[] {
  const found = schema.$ref ? (components.schemas[schema.$ref.split('/').at(-1) ?? ''] ?? {}) : schema
  const types = [found.type ?? []].flat()
  const isChoice = found.enum !== undefined || found.const !== undefined || found.format === 'uuid'
  const own = [
    ...(types.includes('string') && found.maxLength === undefined && !isChoice ? [at] : []),
    ...(types.includes('array') && found.maxItems === undefined ? [`${at}[]`] : []),
  ]
  const inner = ['properties', 'patternProperties'].flatMap((name) => Object.entries((found[name] ?? {}) as Record<string, Schema>))
  const others = ['items', 'additionalProperties'].flatMap((name) => (typeof found[name] === 'object' ? [[`{${name}}`, found[name] as Schema] as const] : []))
  const alternatives = ['anyOf', 'oneOf', 'allOf'].flatMap((name) => ((found[name] ?? []) as Schema[]).map((one) => [name, one] as const))
  return [...own, ...[...inner, ...others, ...alternatives].flatMap(([name, one]) => unbounded(one, `${at}.${name}`))]
}

const operations = Object.values(paths).flatMap((item) => Object.values(item))

describe('what a client sends is bounded', () => {
  test('every list in a request body has a limit of items, and every text one of characters', () => {
    const bodies = operations.flatMap(({ operationId, requestBody }) =>
      Object.values(requestBody?.content ?? {}).map(({ schema }) => [operationId, schema] as const),
    )
    expect(bodies.length).toBeGreaterThan(20)
    expect(bodies.flatMap(([operationId, schema]) => unbounded(schema, operationId))).toEqual([])
  })

  test('every list and every text in a query has a limit', () => {
    const queries = operations.flatMap(({ operationId, parameters = [] }) =>
      parameters.filter((one) => one.in === 'query').map((one) => [`${operationId}?${one.name}`, one.schema] as const),
    )
    expect(queries.length).toBeGreaterThan(50)
    expect(queries.flatMap(([name, schema]) => unbounded(schema, name))).toEqual([])
  })

  test('an answer to a megabyte of input is short and quick, whatever the input repeats', async () => {
    const client = await aBusiness()
    const fill = (text: string, bytes = 1_000_000) =>
      Array(Math.floor(bytes / (text.length + 1)))
        .fill(text)
        .join(',')
    const inputs: [string, string, string][] = [
      ['PATCH', '/v1/checkout-settings', `{"allowed_origins":[${fill('""')}]}`],
      ['PATCH', '/v1/checkout-settings', `{"allowed_origins":[${fill('{}')}]}`],
      ['PATCH', '/v1/checkout-settings', `{"allowed_origins":"${fill('x')}"}`],
      ['POST', '/v1/payment-requests', `{"payment_methods":[${fill('"x"')}]}`],
      ['POST', '/v1/payment-requests', `{"currency":"sgd","amount":1,"line_items":[${fill('{"name":1,"price":true}')}]}`],
      ['POST', '/v1/payment-requests', `{"metadata":{${Array.from({ length: 80_000 }, (_, i) => `"k${i}":[]`).join(',')}}}`],
      ['POST', '/v1/webhook-events', `{"event_types":[${fill('"nothing.at_all"')}]}`],
      ['POST', '/v1/customers', `{${Array.from({ length: 80_000 }, (_, i) => `"k${i}":[]`).join(',')}}`],
      ['POST', '/v1/customers', JSON.stringify(customerBody({ metadata: Object.fromEntries(Array.from({ length: 9_000 }, (_, i) => [`k${i}`, []])) }))],
      ['POST', '/v1/customers', JSON.stringify(customerBody({ metadata: { ['k'.repeat(500_000)]: true } }))],
      ['POST', '/v1/customers', JSON.stringify(customerBody({ name: 'n'.repeat(900_000), email: 'e'.repeat(100_000) }))],
      ['POST', '/v1/refund', `{"payment_id":"${'9'.repeat(1_000_000)}"}`],
    ]
    for (const [method, path, body] of inputs) {
      const began = performance.now()
      const answer = await client.request(method, path, { raw: { body, type: 'application/json' } })
      expect([path, body.slice(0, 40), [400, 422].includes(answer.status)]).toEqual([path, body.slice(0, 40), true])
      expect(answer.text.length).toBeLessThan(32_000)
      expect(performance.now() - began).toBeLessThan(1_500)
    }
  })
})
