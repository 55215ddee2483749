import { expect, test } from 'vitest'
import { languages } from '../messages/languages.ts'
import { formatDay, formatMoment } from './moment.ts'

test.each([
  ['en', '1 March 2026 at 8:05 am (GMT+8)'],
  ['zh-Hans', '2026年3月1日 08:05 (GMT+8)'],
  ['ms', '1 Mac 2026 pada 8:05 PG (GMT+8)'],
  ['id', '1 Maret 2026 pukul 08.05 (GMT+8)'],
  ['th', '1 มีนาคม 2569 เวลา 08:05 (GMT+8)'],
  ['vi', 'lúc 08:05 1 tháng 3, 2026 (GMT+8)'],
  ['ta', '1 மார்ச், 2026 அன்று 8:05 AM (GMT+8)'],
])('a moment in %s is %s', (language, text) => {
  expect(formatMoment('2026-03-01T00:05:00Z', language, 'Asia/Singapore').replaceAll('\u00a0', ' ')).toBe(text)
})

test('a moment names its zone by the distance from UTC, which daylight saving changes', () => {
  const ending = (at: string, zone: string) => formatMoment(at, 'en', zone).split(' ').at(-1)
  expect([ending('2026-01-15T00:00:00Z', 'Australia/Sydney'), ending('2026-07-15T00:00:00Z', 'Australia/Sydney')]).toEqual(['(GMT+11)', '(GMT+10)'])
  expect(ending('2026-01-15T00:00:00Z', 'Asia/Kolkata')).toBe('(GMT+5:30)')
})

test('a moment and a day have no thin spaces, which some fonts lack, in any language', () => {
  for (const language of Object.keys(languages)) {
    expect(formatMoment(new Date(0), language, 'Asia/Manila')).not.toMatch(/[\u202f\u2009]/)
    expect(formatDay('2026-03-01T17:00:00Z', language, 'Asia/Manila')).toMatch(/2/)
  }
})
