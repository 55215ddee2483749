import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { aPng, pictures } from '#testing/pictures.ts'
import { readPicture } from './picture.ts'

const all = Object.entries({ 'a PNG': aPng({ width: 24, height: 16 }), ...pictures })

describe.each(all)('%s', (name, bytes) => {
  test('a picture is recognized with its size', () => {
    const contentType = `image/${/JPEG|PNG|WebP/.exec(name)?.[0]?.toLowerCase()}`
    expect(readPicture(bytes)).toEqual({ contentType, width: 24, height: 16 })
  })

  test('a truncated picture is not a picture, wherever it ends', () => {
    for (let length = 0; length < bytes.length; length++) expect([length, readPicture(bytes.subarray(0, length))]).toEqual([length, undefined])
  })

  test('a picture with trailing data is not a picture', () => {
    for (const more of ['<script>alert(1)</script>', 'PK\u0003\u0004', '\0', '%PDF-1.7'])
      expect(readPicture(Buffer.concat([bytes, Buffer.from(more)]))).toBeUndefined()
  })

  test('a picture with leading data is not a picture', () => {
    for (const before of ['GIF89a', '<svg>', '\0', '<!doctype html>']) expect(readPicture(Buffer.concat([Buffer.from(before), bytes]))).toBeUndefined()
  })

  test('a picture with randomly changed bytes is a picture or none, and never an error', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 }), (changes) => {
        const changed = Buffer.from(bytes)
        for (const [at, value] of changes) changed[at] = value
        readPicture(changed)
      }),
      { numRuns: 500 },
    )
  })
})

test('random bytes are a picture or none, and never an error', () => {
  const marks = all.map(([, bytes]) => bytes.subarray(0, 16))
  fc.assert(
    fc.property(fc.constantFrom(...marks), fc.uint8Array({ maxLength: 200 }), (mark, rest) => {
      readPicture(Buffer.concat([mark, rest]))
    }),
    { numRuns: 2000 },
  )
})

test('other file types are not pictures', () => {
  for (const text of ['', '<svg xmlns="http://www.w3.org/2000/svg"/>', 'GIF89a', 'BM', '%PDF-1.7', 'RIFF\0\0\0\0WAVE'])
    expect(readPicture(Buffer.from(text))).toBeUndefined()
})

test('a PNG with a wrong checksum, without data or without a size is not a picture', () => {
  const damaged = aPng()
  damaged[20] = 1
  expect(readPicture(damaged)).toBeUndefined()
  expect(readPicture(aPng({ stated: { width: 0, height: 2 } }))).toBeUndefined()
  const png = aPng()
  const data = png.indexOf('IDAT') - 4
  expect(readPicture(Buffer.concat([png.subarray(0, data), png.subarray(png.indexOf('IEND') - 4)]))).toBeUndefined()
})
