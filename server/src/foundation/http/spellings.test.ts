import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { nullable, plainText } from './schemas.ts'
import { compileWhenUsed } from './validation.ts'

/** A field after it was read: its value, `omitted`, or `rejected`. */
function readAs(schema: object, value: unknown): unknown {
  const validate = compileWhenUsed({ type: 'object', properties: { field: schema } })
  const body = { field: value }
  if (!validate(body)) return 'rejected'
  return 'field' in body ? body.field : 'omitted'
}

const text = { type: 'string' }
const number = { type: 'number' }
const integer = { type: 'integer' }
const flag = { type: 'boolean' }
const texts = { type: 'array', items: text }
const numbers = { type: 'array', items: number }
const object = { type: 'object', properties: { a: number } }
const map = { type: 'object', additionalProperties: text }
const amount = { type: ['number', 'string'] }
const orNull = (schema: { type: string }) => ({ ...schema, type: [schema.type, 'null'] })

describe('the table of spellings', () => {
  test.each<[string, object, [unknown, unknown][]]>([
    [
      'a text',
      text,
      [
        ['7', '7'],
        [7, '7'],
        [12.5, '12.5'],
        [-1, '-1'],
        [2 ** 53, 'rejected'],
        [1e21, 'rejected'],
        [1e-7, 'rejected'],
        [null, 'rejected'],
        ['', ''],
      ],
    ],
    [
      'a number',
      number,
      [
        [7, 7],
        ['7', 7],
        ['-7.50', -7.5],
        ['1e3', 'rejected'],
        ['0x10', 'rejected'],
        ['.5', 'rejected'],
        [' 7', 'rejected'],
        ['1,000', 'rejected'],
        ['', 'omitted'],
        [null, 'omitted'],
      ],
    ],
    [
      'an integer',
      integer,
      [
        [7, 7],
        ['7', 7],
        ['-7', -7],
        ['7.0', 'rejected'],
        [7.5, 'rejected'],
        ['', 'omitted'],
      ],
    ],
    [
      'an amount',
      amount,
      [
        [7.5, 7.5],
        ['7.50', '7.50'],
        [true, 'rejected'],
        [null, 'rejected'],
      ],
    ],
    [
      'a list of texts',
      texts,
      [
        [
          ['a', 1],
          ['a', '1'],
        ],
        ['a, b,', ['a', 'b']],
        [{ 0: 'a', 1: 'b' }, ['a', 'b']],
        [{ a: 'b' }, 'rejected'],
        [5, 'rejected'],
        [null, 'omitted'],
        ['', 'omitted'],
        [[true], 'rejected'],
      ],
    ],
    [
      'a list of numbers',
      numbers,
      [
        [
          ['1', 2],
          [1, 2],
        ],
        ['1,2', 'rejected'],
        [{ 0: '1' }, [1]],
      ],
    ],
    [
      'an object',
      object,
      [
        [{ a: '1' }, { a: 1 }],
        [[], {}],
        [['a'], 'rejected'],
        ['a', 'rejected'],
        [null, 'rejected'],
      ],
    ],
    [
      'a free map',
      map,
      [
        [
          { a: 1, 'b/~c': 'x' },
          { a: '1', 'b/~c': 'x' },
        ],
        [{ a: true }, 'rejected'],
        [{ a: {} }, 'rejected'],
      ],
    ],
  ])('%s', (_, schema, pairs) => {
    for (const [sent, read] of pairs) expect([sent, readAs(schema, sent)]).toEqual([sent, read])
  })

  test('a flag is read in every format of its two values, and nothing else is one', () => {
    for (const sent of [true, 1, '1', 'true', 'True', 'TRUE', 'on', 'yes']) expect([sent, readAs(flag, sent)]).toEqual([sent, true])
    for (const sent of [false, 0, '0', 'false', 'False', 'FALSE', 'off', 'no']) expect([sent, readAs(flag, sent)]).toEqual([sent, false])
    for (const sent of ['', null]) expect([sent, readAs(flag, sent)]).toEqual([sent, 'omitted'])
    for (const sent of ['2', 2, -1, 0.5, 'y', 'ja', [], [true], {}, { a: 1 }]) expect([sent, readAs(flag, sent)]).toEqual([sent, 'rejected'])
  })

  test('null stays where it is a value', () => {
    for (const schema of [text, number, integer, flag, texts, object]) expect(readAs(orNull(schema), null)).toBeNull()
  })

  test('a boolean, an array or an object is never a number or a text', () => {
    const wrong = fc.oneof(fc.boolean(), fc.array(fc.jsonValue()), fc.dictionary(fc.string(), fc.jsonValue()))
    const schema = fc.constantFrom<object>(text, number, integer, amount, orNull(text), orNull(number), nullable(plainText(10)))
    fc.assert(
      fc.property(schema, wrong, (one, value) => {
        expect(readAs(one, value)).toBe('rejected')
      }),
    )
  })

  test('a list is read no further than one item beyond its limit, and a free map no further than a thousand names', () => {
    const validate = compileWhenUsed({ type: 'object', properties: { list: { ...texts, maxItems: 3 }, map } })
    const began = performance.now()
    const body = { list: Array(200_000).fill(true), map: Object.fromEntries(Array.from({ length: 100_000 }, (_, i) => [`k${i}`, true])) }
    expect(validate(body)).toBe(false)
    expect(validate.errors?.length).toBeLessThan(1_100)
    expect(performance.now() - began).toBeLessThan(1_000)
  })
})
