import { expect, test } from 'vitest'
import { encodeArray } from '#foundation/database/binary-arrays.ts'
import { testDatabase } from '#testing/database.ts'
import { recordStatements, replayOf } from './recorded.ts'

const number = '100000000007'
const request = `01a21650-f7f2-7000-8001-${number}`
const business = '01a21650-f778-745a-b3d8-5a51f9f919a8'
const charge = '01a21651-7c1b-7440-8abc-123456789abc'

test('a recorded statement has the text and the parameters that were sent', async () => {
  const { pool } = await testDatabase()
  const at = new Date('2026-11-26T05:26:08.668Z')
  const heard = await recordStatements(async () => {
    await pool.query({ name: 'recorded', text: '/* recorded */ select $1::uuid[], $2::timestamptz, $3::text', values: [[business], at, null] })
    await pool.query('/* recorded */ select 1')
  })
  await pool.query('/* recorded */ select 2')
  // Servers of other tests may send statements of their own meanwhile.
  const own = heard.filter(({ text }) => text.startsWith('/* recorded */'))
  expect(own.map(({ text }) => text)).toEqual(['/* recorded */ select $1::uuid[], $2::timestamptz, $3::text', '/* recorded */ select 1'])
  const [ids, moment, nothing] = own[0]?.values ?? []
  expect(ids).toBe(`{"${business}"}`)
  expect(new Date(moment ?? '')).toEqual(at)
  expect(nothing).toBeNull()
})

test("a replay puts another payment's number and ids into the recorded statements, and keeps what is the same for all", async () => {
  const client = await (await testDatabase()).pool.connect()
  const before = [{ text: 'select $1::uuid', values: [business] }]
  const statements = [
    { text: 'begin', values: [] },
    {
      text: `select 'clearing:x' || $4, $1::uuid, $2::uuid[], $3::json, $5::text, $6::text`,
      values: [business, `{"${request}"}`, `{"id":"${charge}"}`, 'it', null, ''],
    },
  ]
  const { script, variables } = await replayOf(client, number, { before, statements }).finally(() => client.release())
  expect(variables).toEqual({ turn: '0', s1p1: business, s1p4: 'it' })
  expect(script.split('\n')).toEqual([
    '\\set turn :turn + 1',
    '\\set number :first + :turn * :clients + :client_id',
    'begin;',
    // pgbench would take `:x` for a variable, and `:"` it leaves alone.
    `select ('clearing:' || 'x') || :s1p4, :s1p1::uuid, ('{"01a21650-f7f2-7000-8001-' || :number::text || '"}')::uuid[]::uuid[], ('{"id":"01a21651-7c1b-7440-8000-' || :number::text || '"}')::json::json, null::text::text, ''::text::text;`,
    '',
  ])
})

test.each([
  ['uuid', ['01a21693-e897-7380-9ae5-75d70c6d125a', null]],
  ['text', ['plain', 'with "quotes", a \\ and {braces}', '', null]],
  ['int8', [9_007_199_254_740_993n, -1n]],
  ['int4', [1, -2]],
  ['bool', [true, false]],
  ['timestamptz', [new Date('2026-11-26T06:00:00.123Z')]],
  ['jsonb', ['{"a":"b"}']],
] as const)('a recorded binary array of type %s is the same array as text', async (type, values) => {
  const { pool } = await testDatabase()
  const heard = await recordStatements(async () => {
    await pool.query({ text: `select $1::${type}[] as value`, values: [encodeArray(type, values)] })
  })
  const literal = heard[0]?.values[0]
  const { rows } = await pool.query(`select $1::${type}[] is not distinct from $2::${type}[] as same`, [encodeArray(type, values), literal])
  expect(rows).toEqual([{ same: true }])
})
