import { inflateSync } from 'node:zlib'
import jsqr from 'jsqr'
import { expect, test } from 'vitest'
import { readPicture } from '#foundation/shared/picture.ts'
import { plainPng } from '#foundation/shared/png.ts'
import { pictureOf } from './codes.ts'

test('the picture of a code can be scanned, and costs almost nothing however often it is requested', () => {
  const payload = 'upi://pay?pa=sandbox@hawker&pn=Kopi%20stall&am=12.50&cu=INR&tr=HWK0123456789ABCDEFG'
  const picture = pictureOf(payload)
  expect(plainPng(picture)?.equals(picture)).toBe(true)
  const side = readPicture(picture)?.width ?? 0
  // One IDAT with one bit per pixel, after the 33 bytes of the head.
  const lines = inflateSync(picture.subarray(41, 41 + picture.readUInt32BE(33)))
  const length = 1 + Math.ceil(side / 8)
  expect(lines.length).toBe(side * length)
  const pixels = new Uint8ClampedArray(side * side * 4).fill(255)
  for (let i = 0; i < side * side; i += 1) {
    const [y, x] = [Math.floor(i / side), i % side]
    if (((lines[y * length + 1 + (x >> 3)] ?? 0) & (0x80 >> (x & 7))) === 0) pixels.fill(0, i * 4, i * 4 + 3)
  }
  // Its types and its module disagree.
  const scan = (typeof jsqr === 'function' ? jsqr : (jsqr as { default: unknown }).default) as typeof import('jsqr').default
  expect(scan(pixels, side, side)?.data).toBe(payload)
})
