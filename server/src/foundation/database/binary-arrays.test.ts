import fc from 'fast-check'
import { expect, test } from 'vitest'
import { testDatabase } from '#testing/database.ts'
import { type ElementType, encodeArray } from './binary-arrays.ts'

const text = fc.string({ unit: 'grapheme', maxLength: 40 }).filter((one) => !one.includes('\0'))
const json = fc.json({ maxDepth: 2 }).filter((one) => !one.includes('\\u0000') && !one.includes('\\u')) // PostgreSQL keeps no NUL
const elements: Record<ElementType, fc.Arbitrary<unknown>> = {
  bool: fc.boolean(),
  int2: fc.integer({ min: -32_768, max: 32_767 }),
  int4: fc.integer(),
  int8: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  json,
  jsonb: json,
  text,
  timestamptz: fc.date({ min: new Date('0100-01-01'), max: new Date('9999-12-31'), noInvalidDate: true }),
  uuid: fc.uuid().chain((one) => fc.constantFrom(one, one.toUpperCase())),
}

test.each(Object.keys(elements) as ElementType[])('an array of %s arrives as its printed form does', async (type) => {
  const { pool } = await testDatabase()
  const printed = (value: unknown) => (typeof value === 'bigint' ? String(value) : value instanceof Date ? value.toISOString() : value)
  await fc.assert(
    fc.asyncProperty(fc.array(fc.option(elements[type]), { maxLength: 8 }), async (values) => {
      const { rows } = await pool.query(`select $1::${type}[]::text as sent, $2::${type}[]::text as printed`, [encodeArray(type, values), values.map(printed)])
      expect(rows[0].sent).toBe(rows[0].printed)
    }),
    { numRuns: 40 },
  )
})

test.each(['0190', '01900000-0000-7000-8000-00000000000g', '019000000000-7000-8000-0000-000000000000', '01900000-0000-7000-8000-00000000000é'])(
  'a text that is no UUID is refused: %s',
  (value) => expect(() => encodeArray('uuid', [value])).toThrow('no UUID'),
)
