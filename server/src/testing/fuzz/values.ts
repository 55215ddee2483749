import fc, { type Arbitrary } from 'fast-check'

/** As much of JSON Schema as openapi.json uses. */
export interface FuzzSchema {
  $ref?: string
  type?: string | string[]
  format?: string
  enum?: unknown[]
  const?: unknown
  examples?: unknown[]
  default?: unknown
  minimum?: number
  maximum?: number
  maxLength?: number
  anyOf?: FuzzSchema[]
  required?: string[]
  properties?: Record<string, FuzzSchema>
  patternProperties?: Record<string, FuzzSchema>
  additionalProperties?: FuzzSchema | boolean
  items?: FuzzSchema
}

/** Texts that have broken programs before. */
const hostileTexts = [
  '',
  ' ',
  '\u0000',
  'null',
  'true',
  '[]',
  '{}',
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  '-0',
  '0x10',
  'NaN',
  'Infinity',
  '1e309',
  '1e-7',
  '1,234.5',
  '1.234,50',
  '.5',
  '0.001',
  '-1.00',
  '99999999999999999999.99',
  '9'.repeat(400),
  '１２．５０',
  '2026-02-30',
  '2026-13-01T00:00:00Z',
  '0000-00-00',
  '+275760-09-13T00:00:00.001Z',
  '-1 days',
  '\r\nset-cookie: a=b',
  '<script>alert(1)</script>',
  '"><img src=x onerror=alert(1)>',
  "'; drop table customers; --",
  '%00',
  '%',
  '%E0%A4%A',
  '%2e%2e%2f',
  '../../../../etc/passwd',
  '=1+1',
  'http://user:secret@localhost/',
  'http://[::1]:9/',
  'javascript:alert(1)',
  '//example.com',
  'a@b@c',
  '\ud800',
  '\udc00a',
  'e\u0301'.repeat(40),
  '\u202eabc',
  '\u{1f468}\u200d\u{1f469}\u200d\u{1f467}',
  'ยน้ำปลา',
  'W'.repeat(255),
  'W'.repeat(256),
  ' '.repeat(5_000),
  '\n'.repeat(5_000),
  'a,'.repeat(20_000),
  'x'.repeat(100_000),
  '((((((((((((((((((((',
  '0b7c7b2e-8f5b-7c3a-9d5e-0123456789ab',
  'ZZZZZZZZ-ZZZZ-ZZZZ-ZZZZ-ZZZZZZZZZZZZ',
]

export const hostileText: Arbitrary<string> = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...hostileTexts) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 40 }) },
  { weight: 1, arbitrary: fc.string({ maxLength: 20 }) },
)

/** A value within values, `depth` times. */
function nested(depth: number, asList: boolean): unknown {
  let value: unknown = 1
  for (let i = 0; i < depth; i++) value = asList ? [value] : { a: value }
  return value
}

const hostileValue: Arbitrary<unknown> = fc.oneof(
  { weight: 4, arbitrary: hostileText },
  { weight: 3, arbitrary: fc.constantFrom<unknown>(null, true, false, 0, -1, 1e21, 1e308, 5e-324, 0.1 + 0.2, 2 ** 53, [], {}, [null], [[]], ['a', 1, {}]) },
  { weight: 1, arbitrary: fc.record({ depth: fc.integer({ min: 1, max: 3_000 }), asList: fc.boolean() }).map(({ depth, asList }) => nested(depth, asList)) },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 2_000 }).map((count) => Array.from({ length: count }, (_, i) => i)) },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 500 }).map((count) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, i]))) },
  { weight: 1, arbitrary: fc.constantFrom<unknown>(JSON.parse('{"__proto__":{"a":1}}'), { constructor: { prototype: { a: 1 } } }) },
)

/** Values for schemas: mostly valid, sometimes of another type, hostile or missing. */
export function valuesFor(schemas: ReadonlyMap<string, FuzzSchema>) {
  const resolved = (schema: FuzzSchema): FuzzSchema => (schema.$ref ? resolved(schemas.get(schema.$ref.split('/').at(-1) ?? '') ?? {}) : schema)

  function text({ format, maxLength = 40 }: FuzzSchema): Arbitrary<string> {
    if (format === 'date') return fc.constantFrom('2026-11-27', '2024-02-29')
    if (format === 'date-time') return fc.constantFrom('2026-11-27T10:00:00Z', '2027-01-01T00:00:00+08:00')
    if (format === 'email') return fc.constantFrom('jane@example.com', 'a@b.sg')
    if (format === 'uri') return fc.constant('https://example.com/back')
    return fc.oneof(
      fc.constantFrom('1', '12.50', '10', 'Jane', 'jane@example.com', '91234567', 'sgd', 'SG', 'card', 'https://example.com/x'),
      fc.string({ maxLength: Math.min(maxLength, 20) }),
    )
  }

  function valid(schema: FuzzSchema, depth: number): Arbitrary<unknown> {
    const { type = [], enum: values, const: constant, examples = [], anyOf, items, properties, patternProperties = {}, additionalProperties } = schema
    const known = [...examples, ...(values ?? []), ...(constant === undefined ? [] : [constant])]
    if (known.length > 0) return fc.constantFrom(...known)
    if (anyOf) return fc.oneof(...anyOf.map((one) => valueFor(one, depth + 1)))
    const types = [type].flat().filter((one) => one !== 'null')
    const [name] = types
    if (name === 'string') return text(schema)
    if (name === 'integer' || name === 'number')
      return fc.integer({ min: Math.max(schema.minimum ?? 0, -1000), max: Math.min(schema.maximum ?? 1000, 100_000) })
    if (name === 'boolean') return fc.boolean()
    if (name === 'array') return fc.array(items ? valueFor(items, depth + 1) : hostileValue, { maxLength: 4 })
    const [free] = [...Object.values(patternProperties), ...(typeof additionalProperties === 'object' ? [additionalProperties] : [])]
    if (properties) return objectOf(schema, depth)
    return fc.dictionary(fc.oneof(hostileText, fc.string({ maxLength: 8 })), free ? valueFor(free, depth + 1) : hostileValue, { maxKeys: 4 })
  }

  /** An object with some of the fields that its schema names, and perhaps others. */
  function objectOf({ properties = {}, required = [] }: FuzzSchema, depth: number): Arbitrary<Record<string, unknown>> {
    const fields = fc.record(Object.fromEntries(Object.entries(properties).map(([name, one]) => [name, valueFor(one, depth + 1)])), { requiredKeys: required })
    return fc.oneof(
      { weight: 6, arbitrary: fields },
      { weight: 1, arbitrary: fc.tuple(fields, fc.dictionary(hostileText, hostileValue, { maxKeys: 3 })).map(([own, more]) => ({ ...own, ...more })) },
    )
  }

  function valueFor(given: FuzzSchema, depth = 0): Arbitrary<unknown> {
    const schema = resolved(given)
    return fc.oneof({ weight: depth === 0 ? 12 : 10, arbitrary: valid(schema, depth) }, { weight: 1, arbitrary: hostileValue })
  }
  return valueFor
}
