import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  businessDay,
  formatBusinessTime,
  formatLocalTime,
  formatUtcMicroseconds,
  isCalendarDay,
  isTimeZone,
  laterThan,
  nextDay,
  offsetMinutes,
  parseMoment,
  startOfDay,
} from './time.ts'

const zones = [
  'Asia/Singapore',
  'Asia/Kuala_Lumpur',
  'Asia/Jakarta',
  'Asia/Kolkata',
  'Asia/Kathmandu',
  'Australia/Sydney',
  'Australia/Lord_Howe',
  'Europe/Berlin',
  'America/New_York',
  'America/St_Johns',
  'America/Sao_Paulo',
  'America/Havana',
  'America/Santiago',
  'Africa/Cairo',
  'Asia/Beirut',
  'Pacific/Apia',
  'Pacific/Chatham',
  'UTC',
]
const zone = fc.constantFrom(...zones)
const at = fc.date({ min: new Date('2012-02-01T00:00:00Z'), max: new Date('2037-01-01T00:00:00Z'), noInvalidDate: true })

describe('wire formats', () => {
  const moment = new Date('2024-09-04T08:05:21.987Z')

  test('a time is written with offset, without offset, and in UTC with microseconds', () => {
    expect(formatBusinessTime(moment, 'Asia/Singapore')).toBe('2024-09-04T16:05:21+08:00')
    expect(formatLocalTime(moment, 'Asia/Singapore')).toBe('2024-09-04T16:05:21')
    expect(formatUtcMicroseconds(new Date('2026-06-11T05:01:08Z'))).toBe('2026-06-11T05:01:08.000000Z')
    expect(formatUtcMicroseconds(moment)).toBe('2024-09-04T08:05:21.987000Z')
  })

  test.each([
    ['America/St_Johns', '2024-09-04T05:35:21-02:30'],
    ['Asia/Kathmandu', '2024-09-04T13:50:21+05:45'],
    ['Europe/Berlin', '2024-09-04T10:05:21+02:00'],
    ['UTC', '2024-09-04T08:05:21+00:00'],
    ['Pacific/Chatham', '2024-09-04T20:50:21+12:45'],
  ])('a time is written with the offset of %s', (name, text) => {
    expect(formatBusinessTime(moment, name)).toBe(text)
  })

  test('a time is the one that toISOString prints, for every second of four-digit years', () => {
    const any = fc.integer({ min: Date.parse('1000-01-01'), max: Date.parse('9999-12-31') })
    fc.assert(
      fc.property(any, (ms) => {
        expect(formatLocalTime(ms, 'UTC')).toBe(new Date(ms).toISOString().slice(0, 19))
      }),
    )
    expect(formatLocalTime(1_700_000_000_999.9, 'UTC')).toBe('2023-11-14T22:13:20')
  })

  test('a time with its offset identifies the moment, to the second', () => {
    fc.assert(
      fc.property(at, zone, (date, name) => {
        expect(Date.parse(formatBusinessTime(date, name))).toBe(Math.floor(date.getTime() / 1000) * 1000)
      }),
    )
  })

  test("the day is that of the business's time zone", () => {
    expect(businessDay(new Date('2024-12-31T16:00:00Z'), 'Asia/Singapore')).toBe('2025-01-01')
    expect(businessDay(new Date('2024-12-31T15:59:59Z'), 'Asia/Singapore')).toBe('2024-12-31')
  })
})

describe('offsets', () => {
  test('an offset changes at the very second at which the clocks change, whichever is asked first', () => {
    const change = Date.parse('2024-03-10T07:00:00Z')
    expect(offsetMinutes(change, 'America/New_York')).toBe(-240)
    expect(offsetMinutes(change - 1, 'America/New_York')).toBe(-300)
    expect(offsetMinutes(change, 'America/New_York')).toBe(-240)
  })

  test('offsets are those of Intl', () => {
    fc.assert(
      fc.property(at, zone, (date, name) => {
        const text = new Intl.DateTimeFormat('sv-SE', { timeZone: name, dateStyle: 'short', timeStyle: 'medium' }).format(date)
        expect(formatLocalTime(date, name)).toBe(text.replace(' ', 'T'))
      }),
    )
  })

  test('only existing time zones have offsets', () => {
    expect(isTimeZone('Asia/Singapore')).toBe(true)
    expect(isTimeZone('Asia/Atlantis')).toBe(false)
    expect(isTimeZone('')).toBe(false)
  })
})

describe('startOfDay', () => {
  test.each([
    ['2024-06-01', 'Asia/Singapore', '2024-05-31T16:00:00.000Z'],
    ['2024-03-10', 'America/New_York', '2024-03-10T05:00:00.000Z'],
    ['2024-03-11', 'America/New_York', '2024-03-11T04:00:00.000Z'],
    ['2024-04-26', 'Africa/Cairo', '2024-04-25T22:00:00.000Z'], // midnight is skipped: the day starts at one
    ['2018-11-04', 'America/Sao_Paulo', '2018-11-04T03:00:00.000Z'], // the same, west of Greenwich
    ['2024-09-08', 'America/Santiago', '2024-09-08T04:00:00.000Z'],
    ['2024-11-03', 'America/Havana', '2024-11-03T04:00:00.000Z'], // midnight occurs twice: the first
    ['2018-02-18', 'America/Sao_Paulo', '2018-02-18T03:00:00.000Z'], // at midnight the clocks go back to the day before
  ])('the start of %s in %s is %s', (day, name, moment) => {
    expect(startOfDay(day, name).toISOString()).toBe(moment)
  })

  test('the start of a day is on that day, and one millisecond before is on the day before', () => {
    fc.assert(
      fc.property(at, zone, (date, name) => {
        const day = businessDay(date, name)
        const start = startOfDay(day, name)
        expect(businessDay(start, name)).toBe(day)
        expect(nextDay(businessDay(start.getTime() - 1, name))).toBe(day)
      }),
      { numRuns: 300 },
    )
  })

  test('the start of a day is never after a moment of that day, and the next start is after it', () => {
    fc.assert(
      fc.property(at, zone, (date, name) => {
        const day = businessDay(date, name)
        expect(startOfDay(day, name).getTime()).toBeLessThanOrEqual(date.getTime())
        expect(startOfDay(nextDay(day), name).getTime()).toBeGreaterThan(date.getTime())
      }),
      { numRuns: 300 },
    )
  })
})

describe('calendar days', () => {
  test.each(['2024-02-29', '2000-02-29', '1900-01-01', '9999-12-31', '0001-01-01'])('%s is a calendar day', (day) => {
    expect(isCalendarDay(day)).toBe(true)
  })

  test.each([
    '2023-02-29',
    '1900-02-29',
    '2024-13-01',
    '2024-00-10',
    '2024-04-31',
    '2024-1-1',
    '0000-01-01',
    '24-01-01',
    '2024-01-01T00:00',
    ' 2024-01-01',
    '2024-01-01\n',
    '',
  ])('%j is not a calendar day', (day) => {
    expect(isCalendarDay(day)).toBe(false)
  })

  test('calendar days follow each other across months, leap days and years', () => {
    expect([nextDay('2024-02-28'), nextDay('2024-02-29'), nextDay('2023-02-28'), nextDay('2024-12-31')]).toEqual([
      '2024-02-29',
      '2024-03-01',
      '2023-03-01',
      '2025-01-01',
    ])
  })
})

describe('parseMoment', () => {
  test.each([
    ['2024-09-04T16:05:21+08:00', '2024-09-04T08:05:21.000Z'],
    ['2024-09-04T16:05:21+0800', '2024-09-04T08:05:21.000Z'],
    ['2024-09-04T08:05:21Z', '2024-09-04T08:05:21.000Z'],
    ['2024-09-04T08:05Z', '2024-09-04T08:05:00.000Z'],
    ['2024-09-04T08:05:21.123456Z', '2024-09-04T08:05:21.123Z'],
    ['2025-05-26 15:10:00', '2025-05-26T07:10:00.000Z'],
    ['2025-05-26T15:10', '2025-05-26T07:10:00.000Z'],
  ])('%s in Singapore is %s', (text, moment) => {
    expect(parseMoment(text, 'Asia/Singapore')?.toISOString()).toBe(moment)
  })

  test.each([
    '2024-02-30T00:00:00Z',
    '2023-02-29 10:00:00',
    '2024-09-04',
    '2024-09-04T24:01:00Z',
    '2024-09-04T10:61:00Z',
    '2024-09-04T10:00:00+99:99',
    'yesterday',
    '1725437121',
    '',
    '2024-09-04T10:00:00Z; drop table',
  ])('%j is not a moment', (text) => {
    expect(parseMoment(text, 'Asia/Singapore')).toBeUndefined()
  })

  test('a time as shown to a business parses back to the same second', () => {
    fc.assert(
      fc.property(at, zone, (date, name) => {
        const local = formatLocalTime(date, name)
        const read = parseMoment(local, name)
        expect(read && formatLocalTime(read, name)).toBe(local)
        expect(parseMoment(formatBusinessTime(date, name), 'UTC')?.getTime()).toBe(Math.floor(date.getTime() / 1000) * 1000)
      }),
      { numRuns: 300 },
    )
  })

  test('a time that the clocks skip is moved past the gap, and of a repeated time the first is used', () => {
    expect(parseMoment('2024-03-10T02:30:00', 'America/New_York')?.toISOString()).toBe('2024-03-10T07:30:00.000Z')
    expect(parseMoment('2024-03-31T02:30:00', 'Europe/Berlin')?.toISOString()).toBe('2024-03-31T01:30:00.000Z')
    expect(parseMoment('2024-11-03T01:30:00', 'America/New_York')?.toISOString()).toBe('2024-11-03T05:30:00.000Z')
  })
})

test('timestamps of one object never go back', () => {
  const previous = new Date('2026-01-01T00:00:00.500Z')
  expect(laterThan(previous, new Date(previous.getTime() + 5))).toEqual(new Date(previous.getTime() + 5))
  expect(laterThan(previous, previous)).toEqual(new Date(previous.getTime() + 1))
  expect(laterThan(previous, new Date(0))).toEqual(new Date(previous.getTime() + 1))
})
