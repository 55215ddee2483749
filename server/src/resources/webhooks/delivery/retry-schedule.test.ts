import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { nextTry, patienceMs, readRetryAfter, retryWaits } from './retry-schedule.ts'

const start = new Date('2026-03-01T00:00:00Z')

describe('nextTry', () => {
  test('a delivery is attempted twelve times over two days, then fails', () => {
    let now = start
    let step = 0
    let tries = 1
    for (;;) {
      const next = nextTry({ step, queuedAt: start, now, retryAfterMs: undefined, random: 0.5 })
      if (!next) break
      tries += 1
      now = next.at
      step = next.step
    }
    expect(tries).toBe(12)
    expect((now.getTime() - start.getTime()) / 3_600_000).toBeCloseTo(47.7, 1)
  })

  test('every wait has a jitter of at most a tenth, and never goes back', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: retryWaits.length - 1 }), fc.double({ min: 0, max: 1, noNaN: true }), (step, random) => {
        const wait = retryWaits[step] ?? 0
        const next = nextTry({ step, queuedAt: start, now: start, retryAfterMs: undefined, random })
        const waited = (next?.at.getTime() ?? 0) - start.getTime()
        expect(waited).toBeGreaterThanOrEqual(wait * 0.9 - 1)
        expect(waited).toBeLessThanOrEqual(wait * 1.1 + 1)
        expect(next?.step).toBe(step + 1)
      }),
    )
  })

  test('Retry-After is honored between a second and six hours, without using up the schedule', () => {
    const asked = (retryAfterMs: number) => nextTry({ step: 3, queuedAt: start, now: start, retryAfterMs, random: 0.5 })
    expect(asked(90_000)).toEqual({ at: new Date(start.getTime() + 90_000), step: 3 })
    expect(asked(0)?.at).toEqual(new Date(start.getTime() + 1_000))
    expect(asked(10 ** 12)?.at).toEqual(new Date(start.getTime() + 6 * 3_600_000))
  })

  test('the schedule applies again after two days of Retry-After', () => {
    const now = new Date(start.getTime() + patienceMs)
    expect(nextTry({ step: retryWaits.length, queuedAt: start, now, retryAfterMs: 1_000, random: 0.5 })).toBeUndefined()
  })
})

test('Retry-After is read as seconds or as a date, and as nothing else', () => {
  expect(readRetryAfter('120', start)).toBe(120_000)
  expect(readRetryAfter('Sun, 01 Mar 2026 00:01:00 GMT', start)).toBe(60_000)
  expect(readRetryAfter('Sat, 28 Feb 2026 00:01:00 GMT', start)).toBe(0)
  for (const text of [undefined, '', 'soon', '-1', '1.5', 'Sundae']) expect(readRetryAfter(text, start)).toBeUndefined()
})
