import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { testDatabase } from '#testing/database.ts'
import { tables } from './columns.ts'
import { arrayParameter, blankRow, columnList, parameterOf } from './rows.ts'

const itself = (value: unknown) => value

/** What PostgreSQL reads from an array parameter of one type. */
async function roundTrip(column: string, values: unknown[], options?: { printed?: boolean }): Promise<unknown[]> {
  const { pool } = await testDatabase()
  const { type, cast, encode } = arrayParameter(column, options)
  const { rows } = await pool.query(`select value${cast} as value from unnest($1::${type}) with ordinality as input (value, place) order by place`, [
    encode(values, itself),
  ])
  return rows.map(({ value }) => value)
}

// What PostgreSQL cannot store is rejected by validation, so it is not tested here.
const text = fc.string({ unit: 'binary', maxLength: 40 }).filter((value) => !/[\0\p{Cs}]/u.test(value))
const special = fc.constantFrom('', 'NULL', 'null', '{}', '{a,b}', '"', '\\', '\\"', ',', ' a ', '\n', '\t', 'a\\nb', "'", '$&', '😀')
const json = fc.jsonValue({ maxDepth: 3 }).filter((value) => !/\\u0000|\\ud[89a-f]/i.test(JSON.stringify(value)))

describe('array parameters', () => {
  test('texts survive an array parameter', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.option(fc.oneof(text, special)), { maxLength: 20 }), async (values) => {
        expect(await roundTrip('text?', values)).toEqual(values)
      }),
      { numRuns: 60 },
    )
  })

  test('JSON survives an array parameter, serialized before or in it', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(json, { maxLength: 10 }), async (values) => {
        // A null in JSON is not a null of PostgreSQL; our columns have the latter.
        const known = JSON.parse(JSON.stringify(values.filter((value) => value !== null)))
        expect(await roundTrip('json', known)).toEqual(known)
        expect(await roundTrip('jsonb?', known)).toEqual(known)
        const printed = known.map((value: unknown) => JSON.stringify(value))
        expect(await roundTrip('json', printed, { printed: true })).toEqual(known)
      }),
      { numRuns: 40 },
    )
  })

  test('lists of texts and of numbers survive an array parameter', async () => {
    const lists = fc.array(fc.option(fc.array(fc.oneof(text, special), { maxLength: 5 })), { maxLength: 8 })
    const numbers = fc.array(fc.array(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }), { maxLength: 8 }), { maxLength: 8 })
    await fc.assert(
      fc.asyncProperty(lists, numbers, async (texts, integers) => {
        expect(await roundTrip('text[]?', texts)).toEqual(texts)
        expect(await roundTrip('integer[]', integers)).toEqual(integers)
      }),
      { numRuns: 40 },
    )
  })

  test('numbers, flags, timestamps, days and ids survive an array parameter', async () => {
    const at = new Date('2026-11-26T05:00:00.123Z')
    expect(await roundTrip('bigint', [0n, -(2n ** 63n), 2n ** 63n - 1n, null])).toEqual([0n, -(2n ** 63n), 2n ** 63n - 1n, null])
    expect(await roundTrip('integer', [0, -1, undefined])).toEqual([0, -1, null])
    expect(await roundTrip('boolean', [true, false, null])).toEqual([true, false, null])
    expect(await roundTrip('timestamp with time zone?', [at, null])).toEqual([at, null])
    expect(await roundTrip('date?', ['2024-02-29', null])).toEqual(['2024-02-29', null])
    expect(await roundTrip('uuid', ['01990000-0000-7000-8000-000000000000'])).toEqual(['01990000-0000-7000-8000-000000000000'])
  })

  test('a text for an id is an error and cannot shift the rows after it', async () => {
    for (const forged of ['a,b', '01990000-0000-7000-8000-000000000000","x', '}', 'NULL']) {
      await expect(roundTrip('uuid', [forged, '01990000-0000-7000-8000-000000000000'])).rejects.toThrow()
    }
  })
})

describe('tables as values', () => {
  test('tables as values name the columns of the database, with their types', async () => {
    const { pool } = await testDatabase()
    const { rows } = await pool.query<{ table: string; column: string }>(
      "select table_name as table, column_name as column from information_schema.columns where table_schema = 'hawker'",
    )
    const known = Object.values(tables).flatMap(({ name, columns }) => Object.keys(columns).map((column) => `${name}.${column}`))
    expect(known.sort()).toEqual(rows.map(({ table, column }) => `${table}.${column}`).sort())
  })

  test('a blank row has null in every nullable column, and nothing in the others', () => {
    expect(blankRow(tables.bank_accounts)).toEqual({ proxy_type: null, proxy_value: null })
  })

  test('every column is named in a list', () => {
    expect(columnList({ columns: { id: 'uuid', name: 'text' } }, 'r')).toBe('r."id", r."name"')
  })

  test('an array in a JSON column is sent as JSON, and anything else unchanged', () => {
    expect([parameterOf('jsonb', ['a']), parameterOf('json?', null), parameterOf('text[]', ['a'])]).toEqual(['["a"]', null, ['a']])
  })
})
