import { deflateSync } from 'node:zlib'
import { chunkOf, pngMark } from '#foundation/shared/png.ts'
import type { Drawing } from './draw-mark.ts'

type Point = [x: number, y: number]

/** Steps in which a curve becomes straight lines; at the sizes drawn here, none is longer than a pixel or two. */
const steps = 8

/** A path as closed polygons, scaled. */
function polygonsOf(path: string, scale: number): Point[][] {
  const polygons: Point[][] = []
  let current: Point[] = []
  for (const [, command = '', numbers = ''] of path.matchAll(/([MLHVCQZ])([^MLHVCQZ]*)/g)) {
    const values = (numbers.match(/-?[\d.]+/g) ?? []).map((text) => Number(text) * scale)
    const [fromX, fromY] = current.at(-1) ?? [0, 0]
    const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = values
    if (command === 'M') {
      current = [[a, b]]
      polygons.push(current)
    } else if (command === 'L') current.push([a, b])
    else if (command === 'H') current.push([a, fromY])
    else if (command === 'V') current.push([fromX, a])
    else if (command === 'Q' || command === 'C') {
      // A quadratic curve is the cubic one with its control points two thirds of the way.
      const [x1, y1, x2, y2, x, y] =
        command === 'C'
          ? [a, b, c, d, e, f]
          : [fromX + ((a - fromX) * 2) / 3, fromY + ((b - fromY) * 2) / 3, c + ((a - c) * 2) / 3, d + ((b - d) * 2) / 3, c, d]
      for (let i = 1; i <= steps; i += 1) {
        const t = i / steps
        const s = 1 - t
        const [p, q, r, u] = [s * s * s, 3 * s * s * t, 3 * s * t * t, t * t * t]
        current.push([p * fromX + q * x1 + r * x2 + u * x, p * fromY + q * y1 + r * y2 + u * y])
      }
    }
  }
  return polygons
}

/**
 * Adds an edge to the rows that it crosses: in each, the area to its right, signed by its direction, so that a running sum
 * along the row is how much of each pixel is covered. Exact; at most `width` by `height` pixels, and one more at the right.
 */
function addEdge(sums: Float64Array, width: number, height: number, x0: number, y0: number, x1: number, y1: number): void {
  if (y0 === y1) return
  const isDown = y0 < y1
  const direction = isDown ? 1 : -1
  const top = isDown ? y0 : y1
  const bottom = isDown ? y1 : y0
  const xTop = isDown ? x0 : x1
  const slope = (x1 - x0) / (y1 - y0)
  for (let y = Math.max(0, Math.floor(top)); y < Math.min(height, Math.ceil(bottom)); y += 1) {
    const from = Math.max(top, y)
    const to = Math.min(bottom, y + 1)
    const xFrom = xTop + (from - top) * slope
    const xTo = xTop + (to - top) * slope
    const left = Math.min(xFrom, xTo)
    const right = Math.max(xFrom, xTo)
    // Within a row, the edge is cut at the pixel borders.
    for (let x = Math.floor(left); x < Math.max(Math.floor(left) + 1, Math.ceil(right)); x += 1) {
      const pieceLeft = Math.max(left, x)
      const pieceRight = Math.min(right, x + 1)
      const rise = direction * (to - from) * (right === left ? 1 : (pieceRight - pieceLeft) / (right - left))
      const covered = rise * (1 - ((pieceLeft + pieceRight) / 2 - x))
      const at = y * (width + 2) + Math.min(Math.max(x, 0), width)
      sums[at] = (sums[at] ?? 0) + covered
      sums[at + 1] = (sums[at + 1] ?? 0) + rise - covered
    }
  }
}

/** How much of each pixel a path covers, 0 to 1; rows are two longer than the width. */
function coverage(path: string, width: number, height: number, scale: number): Float64Array {
  const sums = new Float64Array((width + 2) * height)
  for (const polygon of polygonsOf(path, scale)) {
    let [x, y] = polygon.at(-1) ?? [0, 0]
    for (const [nextX, nextY] of polygon) {
      addEdge(sums, width, height, x, y, nextX, nextY)
      x = nextX
      y = nextY
    }
  }
  for (let row = 0; row < height; row += 1) {
    let sum = 0
    for (let at = row * (width + 2); at < (row + 1) * (width + 2); at += 1) {
      sum += sums[at] ?? 0
      sums[at] = Math.min(1, Math.abs(sum))
    }
  }
  return sums
}

/** A drawing as pixels, four bytes each: red, green, blue, and opacity that is not premultiplied. */
export function toPixels(drawing: Drawing, height: number): { width: number; height: number; pixels: Uint8Array } {
  const scale = height / drawing.height
  const width = Math.round(drawing.width * scale)
  const pixels = new Uint8Array(width * height * 4)
  for (const { path, fill } of drawing.shapes) {
    const colour = [...Buffer.from(fill.slice(1), 'hex')]
    const covered = coverage(path, width, height, scale)
    for (let i = 0; i < width * height; i += 1) {
      const cover = covered[i + 2 * Math.floor(i / width)] ?? 0
      if (cover > 0) paint(pixels, i * 4, colour, cover)
    }
  }
  return { width, height, pixels }
}

/** Blends a color over a pixel, according to its coverage. */
function paint(pixels: Uint8Array, at: number, colour: readonly number[], cover: number): void {
  const below = ((pixels[at + 3] ?? 0) / 255) * (1 - cover)
  const opacity = cover + below
  for (let channel = 0; channel < 3; channel += 1) {
    pixels[at + channel] = Math.round(((colour[channel] ?? 0) * cover + (pixels[at + channel] ?? 0) * below) / opacity)
  }
  pixels[at + 3] = Math.round(opacity * 255)
}

/** A drawing as a PNG file with a given height in pixels. */
export function toPng(drawing: Drawing, height: number): Buffer {
  const { width, pixels } = toPixels(drawing, height)
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width, 0)
  header.writeUInt32BE(height, 4)
  header.set([8, 6], 8) // eight bits per channel, with opacity
  const lines = Array.from({ length: height }, (_, y) => Buffer.concat([Buffer.alloc(1), pixels.subarray(y * width * 4, (y + 1) * width * 4)]))
  const data = deflateSync(Buffer.concat(lines), { level: 9 })
  return Buffer.concat([pngMark, chunkOf('IHDR', header), chunkOf('IDAT', data), chunkOf('IEND', new Uint8Array())])
}
