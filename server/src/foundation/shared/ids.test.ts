import fc from 'fast-check'
import { expect, test } from 'vitest'
import { isUuid, lowestIdAt, newId, randomHex, randomLetters } from './ids.ts'

test('ids are UUIDs of version 7 that start with their time', () => {
  const at = new Date(Date.now() + 60_000)
  const id = newId(at)
  expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  expect(Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16)).toBe(at.getTime())
})

test('ids of one process increase, even within a millisecond and when the clock goes back a little', () => {
  const base = Date.now() + 120_000
  const ids: string[] = []
  for (let i = 0; i < 20_000; i++) ids.push(newId(new Date(base + Math.floor(i / 5_000) - (i % 3))))
  expect([...ids].sort()).toEqual(ids)
  expect(new Set(ids).size).toBe(ids.length)
})

test('an id made at or after a moment is at or above the lowest id of that moment, and an earlier id is below', () => {
  const start = Date.now() + 300_000
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 4_000_000_000 }), (step) => {
      // Large steps, so that the generator uses each time as it is.
      const at = new Date(start + step)
      const id = newId(at)
      expect(id >= lowestIdAt(at)).toBe(true)
      if (Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16) === at.getTime()) expect(id < lowestIdAt(new Date(at.getTime() + 1))).toBe(true)
    }),
  )
})

test('the lowest id of a moment is a UUID at both ends of the calendar', () => {
  expect(lowestIdAt(new Date(0))).toBe('00000000-0000-7000-8000-000000000000')
  expect(lowestIdAt(new Date('0001-01-01T00:00:00Z'))).toBe('00000000-0000-7000-8000-000000000000')
  expect(isUuid(lowestIdAt(new Date('9999-12-31T23:59:59.999Z')))).toBe(true)
})

test('a UUID is distinguished from other texts', () => {
  expect(isUuid('9EF68E2E-3569-4F69-9F68-04C7E4BB007C')).toBe(true)
  for (const text of [
    '',
    '9ef68e2e35694f699f6804c7e4bb007c',
    '9ef68e2e-3569-4f69-9f68-04c7e4bb007',
    ' 9ef68e2e-3569-4f69-9f68-04c7e4bb007c',
    '9ef68e2e-3569-4f69-9f68-04c7e4bb007c\n',
  ])
    expect(isUuid(text)).toBe(false)
})

test('random texts have the requested length and never repeat', () => {
  expect(randomHex(32)).toMatch(/^[0-9a-f]{64}$/)
  expect(new Set(Array.from({ length: 1000 }, () => randomHex(16))).size).toBe(1000)
})

test('random letters use the whole alphabet of readable capitals and digits, and do not repeat', () => {
  const texts = Array.from({ length: 2_000 }, () => randomLetters(17))
  expect(texts.filter((text) => !/^[0-9A-HJKMNP-TV-Z]{17}$/.test(text))).toEqual([])
  expect(new Set(texts).size).toBe(texts.length)
  expect(new Set(texts.join('')).size).toBe(32)
})
