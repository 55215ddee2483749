import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { testDatabase } from '#testing/database.ts'
import { fold, searchable, searchPattern, searchTextOf } from './search-text.ts'

/** Whether PostgreSQL finds a keyword in the text of a row. */
async function finds(pairs: { parts: string[]; keyword: string }[]): Promise<boolean[]> {
  const { pool } = await testDatabase()
  const { rows } = await pool.query('select t like p as found from unnest($1::text[], $2::text[]) with ordinality as x (t, p, n) order by n', [
    pairs.map(({ parts }) => searchTextOf(parts)),
    pairs.map(({ keyword }) => searchPattern(keyword) ?? '%'),
  ])
  return rows.map(({ found }) => found)
}

describe('folding', () => {
  test.each([
    ['Nguyễn Đức', 'nguyen duc'],
    ['ÅSA Øster', 'asa oster'],
    ['Straße', 'strasse'],
    ['ﬁne', 'fine'],
    ['ＦＵＬＬ', 'full'],
    ['İstanbul', 'istanbul'],
    ['தமிழ்', 'தமிழ்'],
    ['ภาษาไทย', 'ภาษาไทย'],
  ])('%s is folded to %s', (text, folded) => {
    expect(fold(text)).toBe(folded.normalize('NFC'))
  })

  test('folding does not depend on how accents are composed', () => {
    fc.assert(
      fc.property(fc.constantFrom('Nguyễn', 'Zoë', 'Ñandú', 'Ấp Bắc'), (name) => {
        expect(searchable(name.normalize('NFD'))).toBe(searchable(name.normalize('NFC')))
      }),
    )
  })
})

describe('search text', () => {
  test('search text is ASCII without capitals except for encoded characters, five capitals for each', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(searchable(text)).toMatch(/^(?:[\x20-\x40\x5b-\x7e]|[A-M][N-Z]{4})*$/)
      }),
    )
  })

  test('different characters are encoded differently', () => {
    const seen = new Map<string, number>()
    for (const character of 'தமிழ்ภาษาไทย中文日本語한국어עבריתالعربية😀😁') {
      const spelled = searchable(character)
      const before = seen.get(spelled)
      if (before !== undefined && before !== character.codePointAt(0)) expect([character, before]).toEqual([character, character.codePointAt(0)])
      seen.set(spelled, character.codePointAt(0) ?? 0)
    }
  })

  test('search text has one space for any white space, and none at its ends', () => {
    expect(searchable('  Tan \t\n  Ah  Kow ')).toBe('tan ah kow')
  })
})

describe('plain text', () => {
  test('a text of printable ASCII is the same whether or not another character follows it', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme-ascii' }), (text) => {
        expect(searchable(`${text} é`)).toBe(`${searchable(text)} e`.trim())
      }),
    )
  })
})

describe('keywords', () => {
  test('a keyword of three or more characters matches anywhere, a shorter one only at the start of a word', async () => {
    const parts = ['Tan Ah Kow', 'kow@example.com']
    const found = await finds(['tan', 'AH ', 'ow@', 'ko', 'ow', 't', 'a', 'x'].map((keyword) => ({ parts, keyword })))
    expect(found).toEqual([true, true, true, true, false, true, true, false])
  })

  test('a keyword finds every part of a name in any script, cut between characters', async () => {
    const names = ['தமிழ்ச்செல்வன்', 'สมชาย ใจดี', 'Nguyễn Thị Ánh', '王小明', 'محمد علي', 'José 🎉 Müller']
    const pairs = fc.sample(
      fc.tuple(fc.constantFrom(...names), fc.nat(12), fc.nat(12)).map(([name, from, length]) => {
        const characters = [...name]
        return { parts: [name], keyword: characters.slice(from % characters.length, (from % characters.length) + length + 1).join('') }
      }),
      200,
    )
    // Short keywords of ASCII are prefixes by design.
    const long = pairs.filter(({ keyword }) => searchable(keyword).length >= 3)
    const found = await finds(long)
    expect(long.filter((_, i) => !found[i])).toEqual([])
  })

  test('an encoded character matches only where a character starts', async () => {
    const alphabet = [...'தமிழ்ภาษาไทย中文日本語'].map((character) => searchable(character)).filter((spelled) => spelled.length === 5)
    for (const a of alphabet) for (const b of alphabet) for (const c of alphabet.slice(0, 4)) expect([0, 5, -1]).toContain(`${a}${b}`.indexOf(c))
  })

  test('percent, underscore and backslash are matched literally', async () => {
    const found = await finds([
      { parts: ['50% off'], keyword: '50%' },
      { parts: ['500 off'], keyword: '50%' },
      { parts: ['a_b'], keyword: 'a_b' },
      { parts: ['axb'], keyword: 'a_b' },
      { parts: ['back\\slash'], keyword: 'k\\s' },
      { parts: ['anything'], keyword: '%%%' },
      { parts: ['anything'], keyword: '___' },
    ])
    expect(found).toEqual([true, false, true, false, true, false, false])
  })

  test('a keyword of only blanks is no pattern', () => {
    expect(searchPattern(' \t ')).toBeUndefined()
    expect(searchPattern('')).toBeUndefined()
  })

  test('a keyword of printable ASCII finds itself in PostgreSQL', async () => {
    const words = ['+1V', '+5?', '+1.', '+659']
      .concat(fc.sample(fc.string({ minLength: 1, maxLength: 12 }), 300))
      .filter((word) => searchable(word).length > 0 && !/^\+\d{1,2}$/.test(word.trim()))
    const found = await finds(words.map((keyword) => ({ parts: [keyword, 'x'], keyword })))
    expect(words.filter((_, i) => !found[i])).toEqual([])
  })
})
