import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { contrastRatio, defaultColors, formatContrast, hoverOf, parseColor, textOn, themeOf, white } from './color.ts'

const anyColor = fc.integer({ min: 0, max: 0xffffff }).map((value) => `#${value.toString(16).padStart(6, '0')}`)

describe('contrast', () => {
  test('the contrast of known pairs is what WCAG says', () => {
    expect(contrastRatio('#000000', '#ffffff')).toBeCloseTo(21)
    expect(contrastRatio('#777777', '#ffffff')).toBeCloseTo(4.48, 2)
    expect(contrastRatio('#767676', '#ffffff')).toBeCloseTo(4.54, 2)
    expect(contrastRatio('#ff0000', '#ffffff')).toBeCloseTo(4, 2)
    expect(contrastRatio('#0000ff', '#ffffff')).toBeCloseTo(8.59, 2)
  })

  test('contrast is symmetric, from 1 to 21, and 1 with itself', () => {
    fc.assert(
      fc.property(anyColor, anyColor, (one, other) => {
        const ratio = contrastRatio(one, other)
        expect(ratio).toBe(contrastRatio(other, one))
        expect(ratio).toBeGreaterThanOrEqual(1)
        expect(ratio).toBeLessThanOrEqual(21)
        expect(contrastRatio(one, one)).toBe(1)
      }),
    )
  })

  test('a formatted contrast is never rounded up', () => {
    expect([formatContrast(2.999), formatContrast(4.5), formatContrast(21)]).toEqual(['2.99:1', '4.50:1', '21.00:1'])
  })

  test('the contrast between any color and the text on it is at least 4.5, and every gray has such a text color', () => {
    fc.assert(
      fc.property(anyColor, (color) => contrastRatio(color, textOn(color)) >= 4.5),
      { numRuns: 2000 },
    )
    const greys = Array.from({ length: 256 }, (_, i) => `#${i.toString(16).padStart(2, '0').repeat(3)}`)
    expect(greys.filter((grey) => contrastRatio(grey, textOn(grey)) < 4.5)).toEqual([])
  })
})

test('a color is read in capitals, without its mark and with three digits, and nothing else is a color', () => {
  expect(['#1D4ED8', '1d4ed8', ' #fff ', 'ABC'].map(parseColor)).toEqual(['#1d4ed8', '#1d4ed8', '#ffffff', '#aabbcc'])
  for (const bad of ['', '#', '#12345', '#1234567', 'red', 'rgb(0,0,0)', '#12345g', '##123456', '#123456;}', 'url(x)'])
    expect([bad, parseColor(bad)]).toEqual([bad, undefined])
})

describe('the colors of a page', () => {
  test('the colors of a page are readable in light and dark mode, whatever a business chooses', () => {
    fc.assert(
      fc.property(anyColor, anyColor, (primary_color, background_color) => {
        const { light, dark } = themeOf({ primary_color, background_color })
        for (const colors of [light, dark]) {
          const at = (name: keyof typeof colors, on: keyof typeof colors) => contrastRatio(colors[name], colors[on])
          for (const ground of ['--background', '--surface'] as const) {
            for (const name of ['--text', '--muted', '--brand-link', '--danger', '--success'] as const)
              expect([name, ground, at(name, ground) >= 4.5]).toEqual([name, ground, true])
            expect(at('--border-field', ground)).toBeGreaterThanOrEqual(3)
          }
          expect(at('--brand', '--background')).toBeGreaterThanOrEqual(3)
          expect(at('--brand-text', '--brand')).toBeGreaterThanOrEqual(4.5)
          expect(at('--brand-text', '--brand-hover')).toBeGreaterThanOrEqual(4.5)
          for (const color of Object.values(colors)) expect(color).toMatch(/^#[0-9a-f]{6}$/)
        }
      }),
      { numRuns: 200 },
    )
  })

  test('a pair of colors with enough contrast stays as it was chosen', () => {
    fc.assert(
      fc.property(anyColor, anyColor, (primary_color, background_color) => {
        fc.pre(contrastRatio(primary_color, background_color) >= 3)
        expect(themeOf({ primary_color, background_color }).light).toMatchObject({ '--brand': primary_color, '--background': background_color })
      }),
    )
  })

  test('the colors of a page are dark in dark mode, and colors that are already dark stay', () => {
    expect(textOn(themeOf(defaultColors).dark['--background'])).toBe(white)
    const night = { primary_color: '#f59e0b', background_color: '#101418' }
    expect(themeOf(night).dark).toEqual(themeOf(night).light)
  })

  test('a color changes under the pointer if the text stays readable', () => {
    for (const color of ['#1d4ed8', '#000000', '#ffffff', '#f59e0b', '#0f766e']) expect(hoverOf(color, white)).not.toBe(color)
  })
})
