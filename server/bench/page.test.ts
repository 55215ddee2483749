import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { goalOf, goalsTable, range, table, verdict } from './figures.ts'
import { renewed } from './page.ts'

describe('a section of the page', () => {
  const page = 'Before\n<!-- bench: a -->\nold\n<!-- end: a -->\nbetween\n<!-- bench: b -->\n<!-- end: b -->\nafter\n'

  test('a section of the page is replaced between its marks, and nothing else changes', () => {
    const once = renewed(page, { a: '| new |' })
    expect(once).toBe(page.replace('old', '| new |'))
    expect(renewed(once, { a: '| new |' })).toBe(once)
    expect(renewed(page, { b: '$& $1' })).toContain('<!-- bench: b -->\n$& $1\n<!-- end: b -->')
  })

  test('a section without marks is an error', () => {
    expect(() => renewed(page, { c: 'x' })).toThrow('has no marks for "c"')
  })

  test('a section ends after it starts, and each name occurs once', () => {
    const text = readFileSync(new URL('../../docs/performance.md', import.meta.url), 'utf8')
    const begins = [...text.matchAll(/<!-- bench: (.*) -->/g)].map(([, name]) => name)
    const ends = [...text.matchAll(/<!-- end: (.*) -->/g)].map(([, name]) => name)
    expect(begins.length).toBeGreaterThan(10)
    expect(ends).toEqual(begins)
    expect(new Set(begins).size).toBe(begins.length)
  })
})

describe('a goal', () => {
  test('a goal is met, met only by its floor, or missed, by the median', () => {
    const about = { floor: 2 }
    expect(verdict(goalOf('x', 1.6, [1.5, 1.4, 9], about))).toBe('met')
    expect(verdict(goalOf('x', 1.6, [1.9], about))).toBe('**missed**, floor met')
    expect(verdict(goalOf('x', 1.6, [2.4], about))).toBe('**missed**')
    expect(verdict(goalOf('x', 1.6, [2.4]))).toBe('**missed**')
    expect(verdict(goalOf('x', 4000, [4500], { more: true }))).toBe('met')
    expect(verdict(goalOf('x', 4000, [3609], { more: true }))).toBe('**missed**')
    expect(verdict(goalOf('x', 4000, [undefined], { more: true }))).toBe('not measured')
  })

  test('a goal shows its limits and the measured value', () => {
    const shown = goalsTable([goalOf('get', 1.6, [1.55, 1.5, 1.7], { floor: 2 }), goalOf('deliveries', 4000, [4500], { more: true, unit: '/s' })])
    expect(shown.split('\n').map((line) => line.replaceAll(/ +/g, ' '))).toEqual([
      '| | floor | goal | median (range) | |',
      expect.stringMatching(/^\|[-:|]+\|$/),
      '| get | ≤ 2 | ≤ 1.6 | 1.55 (1.50–1.70) | met |',
      '| deliveries | | ≥ 4,000/s | 4,500 | met |',
    ])
  })
})

test('a table is aligned in Markdown and in the terminal', () => {
  expect(
    table([
      ['', 'ms', ''],
      ['first page', '1.0', 'met'],
    ]),
  ).toBe('|            |  ms |     |\n|------------|----:|-----|\n| first page | 1.0 | met |')
  expect(range([3, 1, 2])).toBe('2.00 (1.00–3.00)')
  expect(range([])).toBe('–')
})
