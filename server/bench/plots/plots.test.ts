import { describe, expect, test } from 'vitest'
import { drawBars } from './bars.ts'
import { drawGrowth } from './growth.ts'
import { drawRates } from './rates.ts'
import { plotWidth, shortCount, steps, type Theme, themes } from './svg.ts'

const figure = (value: number, spread = 0.1) => ({ value, low: value * (1 - spread), high: value * (1 + spread) })

/** Plots of figures that are as inconvenient as real ones may be: small beside large, close together, four digits and five. */
const drawings: Record<string, (theme: Theme) => string> = {
  rates: (theme) =>
    drawRates(
      theme,
      { title: 'Customers: requests per second by connections', unit: 'requests/s', sameAxis: false },
      ['create', 'get', 'list of 25'].map((name, i) => ({
        name,
        points: [1, 16, 64, 256].map((connections) => ({ connections, rate: figure(574 * 4 ** i * Math.log2(connections * 2), 0.3) })),
        direct: figure(2401 * 4 ** i),
      })),
    ),
  'rates of four': (theme) =>
    drawRates(
      theme,
      { title: 'Four ways to pay: payments per second by connections', unit: '/s', sameAxis: true },
      ['sandbox pay', 'bank credit', 'Stripe notification', 'checkout attempt'].map((name) => ({
        name,
        points: [1, 64, 256].map((connections) => ({ connections, rate: figure(connections * 12) })),
      })),
    ),
  multiples: (theme) =>
    drawBars(theme, {
      title: 'What a request costs the server',
      axis: 'CPU of Node.js for a request, as a multiple of a bare Fastify route that gives the same answer (= 1)',
      unit: ' ×',
      legend: [],
      groups: [
        {
          name: 'get',
          bars: [{ series: 0, figure: figure(2.4) }],
          limits: [1.6, 2].map((value, i) => ({ value, label: i === 0 ? `goal ${value}` : `floor ${value}` })),
        },
        {
          name: 'list of 25',
          bars: [{ series: 0, figure: figure(8.5) }],
          limits: [3.7, 5.5].map((value, i) => ({ value, label: i === 0 ? `goal ${value}` : `floor ${value}` })),
        },
      ],
    }),
  bars: (theme) =>
    drawBars(theme, {
      title: 'What a payment costs',
      axis: 'CPU for one payment at 64 connections, in ms',
      unit: ' ms',
      legend: ['Node.js', 'PostgreSQL', 'PostgreSQL, one payment at a time by pgbench'],
      groups: ['sandbox pay', 'Stripe notification'].map((name, i) => ({
        name,
        bars: [0.22, 0.18, 1.9].map((value, series) => ({ series: series as 0 | 1 | 2, figure: figure(value * (1 + i * 9)) })),
        limits: [{ value: 0.18, label: '' }],
      })),
    }),
  growth: (theme) =>
    drawGrowth(
      theme,
      'Answers as the customers of one business grow, one connection',
      ['get', 'deep cursor page of 25', 'three letters, in between', 'Tamil or Thai', 'last four phone digits'].map((name, i) => ({
        name,
        points: [10_000, 1_000_000, 5_000_000].map((rows, n) => ({ rows, p50Ms: 0.8 * 3 ** n, p99Ms: 1.8 * 8 ** n * (i + 1) })),
        ...(i > 1 ? { goalMs: 25 } : {}),
      })),
    ),
}

interface Box {
  content: string
  left: number
  right: number
  top: number
  bottom: number
}

/** The maximum width of a letter in the fonts that a plot names, as a share of its size. */
function widthOf(letter: string): number {
  if (/[iljtfI.,:;'|()[\] ]/.test(letter)) return 0.36
  if (/[mwMW%@÷×—]/.test(letter)) return 0.92
  return /[A-Z]/.test(letter) ? 0.72 : 0.6
}

function boxesOf(svg: string): Box[] {
  const pattern = /<text x="([\d.-]+)" y="([\d.-]+)" font-size="(\d+)" text-anchor="(\w+)"[^>]*>([^<]*)</g
  return [...svg.matchAll(pattern)].map(([, x, y, size, anchor, content = '']) => {
    const width = [...content].reduce((sum, letter) => sum + widthOf(letter), 0) * Number(size)
    const left = Number(x) - (anchor === 'end' ? width : anchor === 'middle' ? width / 2 : 0)
    return { content, left, right: left + width, top: Number(y) - Number(size) * 0.8, bottom: Number(y) + Number(size) * 0.25 }
  })
}

const overlap = (a: Box, b: Box) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom

describe.each(Object.entries(drawings))('the plot of %s', (_name, draw) => {
  const svg = draw(themes.light)
  const height = Number(/viewBox="0 0 \d+ (\d+)"/.exec(svg)?.[1])
  const boxes = boxesOf(svg).filter(({ content }) => content !== '')

  test('a plot keeps its text inside and apart', () => {
    expect(boxes.length).toBeGreaterThan(8)
    for (const box of boxes) {
      expect({ ...box, fits: box.left >= 0 && box.right <= plotWidth && box.top >= 0 && box.bottom <= height }).toMatchObject({ fits: true })
    }
    const touching = boxes.flatMap((a, i) => boxes.slice(i + 1).flatMap((b) => (overlap(a, b) ? [`${a.content} | ${b.content}`] : [])))
    expect(touching).toEqual([])
  })

  test('a plot keeps its marks inside, and contains only numbers', () => {
    expect(svg).not.toMatch(/NaN|Infinity|undefined/)
    const numbers = [...svg.matchAll(/ (x|y|cx|cy|x1|x2|y1|y2)="([\d.-]+)"/g)].map(([, name = '', value]) => ({ name, value: Number(value) }))
    for (const { name, value } of numbers) expect(value >= 0 && value <= (name.includes('x') ? plotWidth : height)).toBe(true)
  })

  test('a plot is the same each time, and differs between light and dark only in its colors', () => {
    expect(draw(themes.light)).toBe(svg)
    const withoutColors = (text: string) => text.replaceAll(/#[0-9a-f]{6}/g, '')
    expect(withoutColors(draw(themes.dark))).toBe(withoutColors(svg))
  })
})

test.each(Object.entries(themes))('the %s theme is readable', (_name, { background, text, faint, series }) => {
  const luminance = (color: string) => {
    const [r = 0, g = 0, b = 0] = [1, 3, 5].map((at) => {
      const part = Number.parseInt(color.slice(at, at + 2), 16) / 255
      return part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4
    })
    return 0.2126 * r + 0.7152 * g + 0.0722 * b
  }
  const contrast = (color: string) => {
    const [a, b] = [luminance(color), luminance(background)]
    return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)
  }
  for (const color of [text, faint]) expect(contrast(color)).toBeGreaterThanOrEqual(4.5)
  for (const color of series) expect(contrast(color)).toBeGreaterThanOrEqual(3)
})

test('an axis has round steps up to its highest value', () => {
  expect(steps(9.35, 6)).toEqual([0, 2, 4, 6, 8, 10])
  expect(steps(0.27, 6)).toEqual([0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3])
  expect(steps(12_870, 5)).toEqual([0, 5000, 10_000, 15_000])
  expect([950, 2500, 10_000, 5_000_000].map(shortCount)).toEqual(['950', '2,500', '10 k', '5 M'])
})
