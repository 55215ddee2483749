import fc from 'fast-check'
import { expect, test } from 'vitest'
import { endOfTime, idsOf, keysOfTime, shortestTime, timeOf } from './id-times.ts'
import { lowestIdAt } from './ids.ts'

const moment = fc.integer({ min: 0, max: endOfTime })

test('an id gives the millisecond that it was made in', () => {
  const moments = fc.integer({ min: 0, max: Date.parse('2200-01-01') })
  fc.assert(
    fc.property(moments, (at) => {
      expect(timeOf(lowestIdAt(new Date(at)))).toBe(at)
    }),
  )
})

test('the ids of a time are those between its lowest and its highest', () => {
  fc.assert(
    fc.property(moment, moment, moment, (a, b, at) => {
      const [from, until] = [Math.min(a, b), Math.max(a, b)]
      const { lowest, highest } = idsOf(from, until)
      const { lowest: first, highest: last } = idsOf(at, at)
      expect(first >= lowest && last <= highest).toBe(from <= at && at <= until)
    }),
  )
})

test('every id of a time begins with one of its keys, and there are few keys', () => {
  const length = fc.integer({ min: 0, max: 60 }).map((power) => Math.min(2 ** (power * 0.8), endOfTime))
  fc.assert(
    fc.property(moment, length, fc.double({ min: 0, max: 1, noNaN: true }), (from, long, share) => {
      const until = Math.min(endOfTime, from + long)
      const keys = keysOfTime(from, until)
      const inside = idsOf(Math.floor(from + share * (until - from)), until).lowest
      if (keys) expect(keys.filter((key) => inside.startsWith(key))).toHaveLength(1)
      if (keys) expect(keys.length).toBeLessThanOrEqual(600)
      else expect(until - from).toBeGreaterThan(5 * 365 * 86_400_000)
    }),
  )
})

test('keys cover little more than the time, or the shortest that they can name', () => {
  expect(keysOfTime(0, 1)).toEqual(['00000000'])
  expect(keysOfTime(0, 31 * shortestTime)).toHaveLength(32)
  expect(keysOfTime(0, 64 * shortestTime)).toEqual(['000000'])
  expect(keysOfTime(0, 20 * 86_400_000)?.at(-1)).toBe('00006')
  expect(keysOfTime(0, 1000 * 86_400_000)).toHaveLength(322)
})
