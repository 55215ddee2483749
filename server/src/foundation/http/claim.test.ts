import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { readClaim } from './idempotency.ts'

const claimOf = (body: unknown, request = 'POST /v1/customers') => readClaim('key', 'b', request, body)?.fingerprint

const shuffled = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(shuffled)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .map(([name, inner]) => [name, shuffled(inner)])
      .reverse(),
  )
}

/** JSON as a body has it: its keys are no prototype's. */
const json = fc
  .jsonValue({ maxDepth: 3 })
  .map((value) => JSON.parse(JSON.stringify(value, (name, inner) => (name === '__proto__' ? undefined : inner))) as unknown)
const body = fc.dictionary(
  fc.string({ maxLength: 5 }).filter((name) => name !== '__proto__'),
  json,
  { maxKeys: 4 },
)

test('the same fields in another order, and fields that are undefined, are the same request', () => {
  fc.assert(
    fc.property(body, (one) => {
      expect(claimOf(shuffled({ ...one, absent: { inner: undefined } }))).toEqual(claimOf({ ...one, absent: {} }))
    }),
  )
})

test('two bodies have the same fingerprint exactly if they are equal', () => {
  fc.assert(
    fc.property(body, body, (one, other) => {
      const isEqual = JSON.stringify(sorted(one)) === JSON.stringify(sorted(other))
      expect(isDeepStrictEqual(claimOf(one), claimOf(other))).toBe(isEqual)
    }),
  )
})

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, inner]) => [name, sorted(inner)]),
  )
}

test.each([
  ['a number and its text', { a: 1 }, { a: '1' }],
  ['a list and its items as an object', { a: ['x'] }, { a: { 0: 'x' } }],
  ['a list of two and a list of one text', { a: ['x', 'y'] }, { a: ['x,y'] }],
  ['null and an empty object', { a: null }, { a: {} }],
  ['a field and its absence', { a: '' }, {}],
])('%s have different fingerprints', (_, one, other) => {
  expect(claimOf(one)).not.toEqual(claimOf(other))
})

test('another operation has another fingerprint', () => {
  expect(claimOf({}, 'POST /v1/customers')).not.toEqual(claimOf({}, 'POST /v1/refunds'))
})

test.each(['', ' ', 'a b', 'ü', 'x'.repeat(256), 'a\tb'])('the key %j is a 422 that names the header', (key) => {
  expect(() => readClaim(key, 'b', 'POST /', {})).toThrow(
    expect.objectContaining({
      status: 422,
      code: 'invalid_idempotency_key',
      errors: { 'Idempotency-Key': ['The Idempotency-Key must have 1 to 255 printable ASCII characters without spaces.'] },
    }),
  )
})

test('a key of up to 255 characters is taken, the first of several counts, and no key is no claim', () => {
  expect(readClaim('x'.repeat(255), 'b', 'POST /', {})?.key).toHaveLength(255)
  expect(readClaim(['one', 'two'], 'b', 'POST /', undefined)).toMatchObject({ businessId: 'b', key: 'one' })
  expect(readClaim(undefined, 'b', 'POST /', {})).toBeUndefined()
})
