import { ownValue } from '@hawker/web/own-value'
import { box, glyphs } from './glyphs.ts'
import { advances, kerning, outlines } from './letters.ts'
import { colours, type Mark } from './marks.ts'

/** A closed path that is filled: only capital M, L, H, V, C, Q and Z, which is all that the rasterizer understands. */
export interface Shape {
  readonly path: string
  readonly fill: string
}
/** A picture in its own units. */
export interface Drawing {
  readonly width: number
  readonly height: number
  readonly shapes: readonly Shape[]
}

/** Letters are drawn on a grid of 1000 units to the em. */
const em = 1000
const capHeight = 0.7
const lineHeight = 1.02
const round = (value: number) => Math.round(value * 100) / 100

/** Moves and scales a path; `flip` is for letters, whose y axis points upwards from the baseline. */
function place(path: string, x: number, y: number, scale: number, flip = false): string {
  const [sx, sy] = [scale, flip ? -scale : scale]
  return path.replace(/([MLHVCQZ])([^MLHVCQZ]*)/g, (_all, command: string, numbers: string) => {
    const values = numbers.trim() === '' ? [] : numbers.trim().split(/[ ,]+/).map(Number)
    const isY = (i: number) => command === 'V' || (command !== 'H' && i % 2 === 1)
    return command + values.map((value, i) => round(isY(i) ? y + value * sy : x + value * sx)).join(' ')
  })
}

/** The width of a line in ems. */
function widthOf(line: string): number {
  return [...line].reduce((sum, letter, i) => sum + (ownValue(advances, letter) ?? 0) + (ownValue(kerning, line.slice(i, i + 2)) ?? 0), 0) / em
}

function drawLine(line: string, left: number, baseline: number, size: number): string {
  let x = left
  return [...line]
    .map((letter, i) => {
      const path = place(ownValue(outlines, letter) ?? '', x, baseline, size / em, true)
      x += (((ownValue(advances, letter) ?? 0) + (ownValue(kerning, line.slice(i, i + 2)) ?? 0)) * size) / em
      return path
    })
    .join('')
}

/** Lines with their final size and the space they need. */
interface Setting {
  size: number
  width: number
  height: number
}

/** Sets lines as large as the room allows, up to a maximum size. */
function setWithin(lines: readonly string[], width: number, height: number, largest: number): Setting {
  const widest = Math.max(...lines.map(widthOf))
  const tall = capHeight + lineHeight * (lines.length - 1)
  const size = Math.min(largest, width / widest, height / tall)
  return { size, width: widest * size, height: tall * size }
}

/** Lines below each other, around the middle of a height: from `x`, or centered on it. */
function drawLines(lines: readonly string[], { size, height }: Setting, x: number, middle: number, centred: boolean): string {
  const first = middle - height / 2 + capHeight * size
  return lines.map((line, i) => drawLine(line, centred ? x - (widthOf(line) * size) / 2 : x, first + i * lineHeight * size, size)).join('')
}

const white = '#ffffff'

/** A badge of 40 by 24: the sign and the letters beside it, both centered. */
function drawWide({ lines, colour, glyph }: Mark): Drawing {
  const { ground, tint } = colours[colour]
  const plate = { path: box(0, 0, 40, 24, 4), fill: ground }
  if (!glyph) {
    const setting = setWithin(lines, 32, 17, lines.length > 1 ? 8.75 : 11)
    return { width: 40, height: 24, shapes: [plate, { path: drawLines(lines, setting, 20, 12, true), fill: white }] }
  }
  const [sign, gap] = [10, 2.5]
  const setting = setWithin(lines, 21.5, 17, lines.length > 1 ? 8 : 9)
  // The sign is aligned to whole units, so that it is sharp where a unit is a pixel.
  const left = Math.round((40 - sign - gap - setting.width) / 2)
  return {
    width: 40,
    height: 24,
    shapes: [plate, { path: place(glyphs[glyph], left, 7, 1), fill: tint }, { path: drawLines(lines, setting, left + sign + gap, 12, false), fill: white }],
  }
}

/** A badge of 40 by 40: the sign above the letters. */
function drawSquare({ lines, colour, glyph }: Mark): Drawing {
  const { ground, tint } = colours[colour]
  const isTwoLines = lines.length > 1
  const setting = setWithin(lines, 33, 20, isTwoLines ? 8.75 : glyph ? 10 : 12)
  const letters = (middle: number) => ({ path: drawLines(lines, setting, 20, middle, true), fill: white })
  const plate = { path: box(0, 0, 40, 40, 6), fill: ground }
  if (!glyph) return { width: 40, height: 40, shapes: [plate, letters(20)] }
  // At 96 pixels a unit of the sign is three.
  const [scale, top] = [1.25, isTwoLines ? 3.75 : 7.5]
  const sign = { path: place(glyphs[glyph], 13.75, top, scale), fill: tint }
  return { width: 40, height: 40, shapes: [plate, sign, letters(top + 10 * scale + (isTwoLines ? 3.5 : 5) + setting.height / 2)] }
}

/** Draws a mark, as a badge of 40 by 24 or as a square of 40. */
export function drawMark(mark: Mark, form: 'wide' | 'square'): Drawing {
  return form === 'wide' ? drawWide(mark) : drawSquare(mark)
}

/** A drawing as an SVG document, which needs no font and no style sheet. */
export function toSvg({ width, height, shapes }: Drawing): string {
  const paths = shapes.map(({ path, fill }) => `<path fill="${fill}" d="${path}"/>`).join('')
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">${paths}</svg>`
}
