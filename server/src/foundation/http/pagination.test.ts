import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { newId } from '#foundation/shared/ids.ts'
import { isKnown, requireMatch } from './etag.ts'
import { type Cursor, decodeCursor, encodeCursor, keysetPage, maxSkippedRows, pageNumbers, skippedRows } from './pagination.ts'

const cursor = fc.record<Cursor>({
  order: fc.constantFrom('created_at desc', 'name asc'),
  key: fc.string({ unit: 'binary' }).filter((key) => !key.includes('\0')),
  id: fc.date({ min: new Date(0), max: new Date('2100-01-01'), noInvalidDate: true }).map((at) => newId(at)),
  direction: fc.constantFrom('next', 'previous'),
})

describe('cursors', () => {
  test('a cursor survives a round trip through a URL', () => {
    fc.assert(
      fc.property(cursor, (one) => {
        const text = encodeCursor(one)
        expect(text).toMatch(/^[\w-]+$/)
        expect(decodeCursor(text, one.order)).toEqual(one)
      }),
    )
  })

  test('a cursor that is invented, changed or of another order is a 422 that names the field', () => {
    const id = newId(new Date())
    const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
    const refused = [
      encodeCursor({ order: 'name asc', key: '', id, direction: 'next' }),
      '',
      'x',
      encode(null),
      encode({}),
      encode(['created_at desc', '', id]),
      encode(['created_at desc', '', id, 2]),
      encode(['created_at desc', '', id, 1, 1]),
      encode(['created_at desc', 1, id, 1]),
      encode(['created_at desc', 'a\0', id, 1]),
      encode(['created_at desc', '', "' or 1=1", 1]),
    ]
    for (const text of refused) expect(() => decodeCursor(text, 'created_at desc'), text).toThrow('The cursor does not belong to this list.')
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(() => decodeCursor(text, 'created_at desc')).toThrow('The cursor does not belong to this list.')
      }),
    )
  })

  test('links keep the filters and drop the page number', () => {
    const id = newId(new Date())
    const rows = [
      { id, text: '{"a":1}' },
      { id, text: '{"a":2}' },
      { id, text: '{"a":3}' },
    ]
    const asked = { order: 'id desc', cursor: undefined, path: 'http://x/v1/a', query: 'page=2&metadata[k]=v%26w&cursor=old', perPage: 2 }
    const { links, meta, data } = JSON.parse(keysetPage(rows, asked, ({ text }) => text))
    const next = encodeCursor({ order: 'id desc', key: '', id, direction: 'next' })
    expect(data).toEqual([{ a: 1 }, { a: 2 }])
    expect(meta).toEqual({ path: 'http://x/v1/a', per_page: 2, next_cursor: next, prev_cursor: null })
    expect(links).toMatchObject({ first: null, last: null, prev: null })
    expect([...new URL(links.next).searchParams]).toEqual([
      ['metadata[k]', 'v&w'],
      ['cursor', next],
    ])
  })

  test('a page number that goes too deep is a 422 that refers to the cursor', () => {
    expect(skippedRows(1, 100)).toBe(0)
    expect(skippedRows(101, 100)).toBe(maxSkippedRows)
    expect(() => skippedRows(102, 100)).toThrow('follow links.next or meta.next_cursor instead')
  })
})

test('page numbers include both ends and the neighbors of the current page, in order', () => {
  expect(pageNumbers(1, 1)).toEqual([1])
  expect(pageNumbers(10, 20)).toEqual([1, 2, null, 7, 8, 9, 10, 11, 12, 13, null, 19, 20])
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 2_000 }), fc.integer({ min: 1, max: 1_000 }), (current, last) => {
      const numbers = pageNumbers(current, last).filter((number) => number !== null)
      expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b))
      expect(numbers[0]).toBe(1)
      expect(numbers.at(-1)).toBe(last)
    }),
  )
})

describe('ETags', () => {
  const tag = '"abc.1"'

  test('If-Match accepts only the current ETag, by strong comparison', () => {
    for (const header of [undefined, '*', ' * ', tag, `"x", ${tag}`, ` ${tag} ,"y"`]) expect(() => requireMatch(header, tag)).not.toThrow()
    for (const header of ['', '"abc.2"', `W/${tag}`, 'abc.1', '"*"']) expect(() => requireMatch(header, tag), header).toThrow(`its current ETag is ${tag}`)
  })

  test('If-None-Match also accepts a weak ETag', () => {
    for (const header of ['*', tag, `W/${tag}`, `"x", W/${tag}`]) expect([header, isKnown(header, tag)]).toEqual([header, true])
    for (const header of [undefined, '', '"abc.2"', 'abc.1']) expect([header, isKnown(header, tag)]).toEqual([header, false])
  })
})
