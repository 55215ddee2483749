import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { analyse } from 'scslre'
import { parseAst } from 'vite'
import { describe, expect, test } from 'vitest'

/** Patterns that grow faster than their text, and why their text is short. */
const bounded: Record<string, string> = {
  '/^[^\\s@]+@[^\\s@]+\\.[^\\s@]+$/': 'an address of at most 255 characters (default-link.ts)',
  '/^[^\\s@]+@[^\\s@]+\\.[^\\s@]{2,}$/': 'what a payer types into a field, in their own browser (EmailField.tsx)',
  '/^\\s*(\\d{1,2})\\s*[/\\-. ]\\s*(\\d{0,4})\\s*$/': 'what a payer types into a field of nine characters, in their own browser (card.ts)',
  '/0+$/': 'an amount of at most 64 characters (typed-amount.ts)',
  '/\\B(?=(\\d{3})+$)/g': 'an amount from the database (words.ts)',
  '/\\/+$/': 'a URL that the merchant’s own page passes to its drop-in (hitpay.ts)',
  '/[:/]+$/': 'a URL that the merchant’s own page passes to its drop-in (hitpay.ts)',
  '/^\\/+|\\/+$/g': 'a path that the merchant’s own page passes to its drop-in (hitpay.ts)',
}

const root = fileURLToPath(new URL('../..', import.meta.url))
const sources = ['server/src', 'web/src'].flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => /\.tsx?$/.test(file) && !file.includes('.test.') && !file.startsWith('testing'))
    .map((file) => join(root, folder, file)),
)

/** The regular expressions of a source, as they are written. */
function patternsIn(file: string): string[] {
  const found: string[] = []
  JSON.stringify(parseAst(readFileSync(file, 'utf8'), { lang: file.endsWith('x') ? 'tsx' : 'ts' }), (_, node) => {
    if (node?.type === 'Literal' && node.regex) found.push(`/${node.regex.pattern}/${node.regex.flags}`)
    return typeof node === 'bigint' ? String(node) : node
  })
  return found
}

/** Whether the time that a pattern takes can grow faster than its text. */
function isSuperLinear(pattern: string): boolean {
  const end = pattern.lastIndexOf('/')
  const { reports } = analyse({ source: pattern.slice(1, end), flags: pattern.slice(end + 1) }, { reportTypes: { Move: true } })
  return reports.length > 0
}

describe('patterns', () => {
  test.each(['/^(a+)+$/', '/\\s+$/', '/^\\s*\\d+\\s*,?\\s*$/', '/^(?:.*,)*x$/'])(
    'the pattern %s is recognized as one that grows faster than its text',
    (pattern) => {
      expect(isSuperLinear(pattern)).toBe(true)
    },
  )

  test('every pattern takes time in proportion to its text, except for those whose text is short', () => {
    const all = new Set(sources.flatMap(patternsIn))
    expect(all.size).toBeGreaterThan(200)
    const growing = [...all].filter(isSuperLinear)
    expect(growing.sort()).toEqual(Object.keys(bounded).sort())
  })
})
