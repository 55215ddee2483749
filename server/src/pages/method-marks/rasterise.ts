import { crc32, deflateSync } from 'node:zlib'
import type { Drawing } from './draw-mark.ts'

type Point = [x: number, y: number]

/** Steps in which a curve becomes straight lines; at the sizes drawn here none is longer than a pixel or two. */
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
 * How much of each pixel a path covers, 0 to 1, exactly: each edge adds the signed area to its right in each row that it
 * crosses, and a running sum along the row makes coverage of it.
 */
function coverage(path: string, width: number, height: number, scale: number): Float64Array {
  const row = width + 2
  const sums = new Float64Array(row * height)
  const addEdge = ([x0, y0]: Point, [x1, y1]: Point) => {
    if (y0 === y1) return
    const [direction, top, bottom, xTop, xBottom] = y0 < y1 ? [1, y0, y1, x0, x1] : [-1, y1, y0, x1, x0]
    const slope = (xBottom - xTop) / (bottom - top)
    for (let y = Math.max(0, Math.floor(top)); y < Math.min(height, Math.ceil(bottom)); y += 1) {
      const [from, to] = [Math.max(top, y), Math.min(bottom, y + 1)]
      const [xFrom, xTo] = [xTop + (from - top) * slope, xTop + (to - top) * slope]
      const [left, right] = xFrom < xTo ? [xFrom, xTo] : [xTo, xFrom]
      // Within a row the edge is cut at pixel borders; each piece lies in one pixel.
      for (let x = Math.floor(left); x < Math.max(Math.floor(left) + 1, Math.ceil(right)); x += 1) {
        const [pieceLeft, pieceRight] = [Math.max(left, x), Math.min(right, x + 1)]
        const part = right === left ? 1 : (pieceRight - pieceLeft) / (right - left)
        const rise = direction * (to - from) * part
        const inPixel = Math.min(Math.max(x, 0), width)
        const covered = rise * (1 - ((pieceLeft + pieceRight) / 2 - x))
        const at = y * row + inPixel
        sums[at] = (sums[at] ?? 0) + covered
        sums[at + 1] = (sums[at + 1] ?? 0) + rise - covered
      }
    }
  }
  for (const polygon of polygonsOf(path, scale)) {
    for (const [i, point] of polygon.entries()) addEdge(point, polygon[(i + 1) % polygon.length] ?? point)
  }
  const out = new Float64Array(width * height)
  for (let y = 0; y < height; y += 1) {
    let sum = 0
    for (let x = 0; x < width; x += 1) {
      sum += sums[y * row + x] ?? 0
      out[y * width + x] = Math.min(1, Math.abs(sum))
    }
  }
  return out
}

/** A drawing as pixels, four bytes each: red, green, blue, and opacity that is not multiplied in. */
export function toPixels(drawing: Drawing, height: number): { width: number; height: number; pixels: Uint8Array } {
  const scale = height / drawing.height
  const width = Math.round(drawing.width * scale)
  const pixels = new Uint8Array(width * height * 4)
  const paint = new Float64Array(width * height * 4)
  for (const { path, fill } of drawing.shapes) {
    const colour = [1, 3, 5].map((at) => Number.parseInt(fill.slice(at, at + 2), 16))
    const covered = coverage(path, width, height, scale)
    for (let i = 0; i < covered.length; i += 1) {
      const cover = covered[i] ?? 0
      if (cover === 0) continue
      for (let channel = 0; channel < 4; channel += 1) {
        const at = i * 4 + channel
        paint[at] = (paint[at] ?? 0) * (1 - cover) + (colour[channel] ?? 255) * cover
      }
    }
  }
  for (let i = 0; i < pixels.length; i += 4) {
    const opacity = (paint[i + 3] ?? 0) / 255
    if (opacity === 0) continue
    for (let channel = 0; channel < 3; channel += 1) pixels[i + channel] = Math.round((paint[i + channel] ?? 0) / opacity)
    pixels[i + 3] = Math.round(opacity * 255)
  }
  return { width, height, pixels }
}

function chunk(type: string, data: Uint8Array): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data])
  const [length, check] = [Buffer.alloc(4), Buffer.alloc(4)]
  length.writeUInt32BE(data.length)
  check.writeUInt32BE(crc32(body))
  return Buffer.concat([length, body, check])
}

/** A drawing as a PNG file of a height in pixels. */
export function toPng(drawing: Drawing, height: number): Buffer {
  const { width, pixels } = toPixels(drawing, height)
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width, 0)
  header.writeUInt32BE(height, 4)
  header.set([8, 6], 8) // eight bits a channel, with opacity
  const lines = Array.from({ length: height }, (_, y) => Buffer.concat([Buffer.alloc(1), pixels.subarray(y * width * 4, (y + 1) * width * 4)]))
  const signature = Buffer.from('89504e470d0a1a0a', 'hex')
  const data = deflateSync(Buffer.concat(lines), { level: 9 })
  return Buffer.concat([signature, chunk('IHDR', header), chunk('IDAT', data), chunk('IEND', new Uint8Array())])
}
