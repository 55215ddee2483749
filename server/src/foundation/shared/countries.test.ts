import { expect, test } from 'vitest'
import { parseCountry } from './countries.ts'

test('a country is accepted as two or three letters in either case and stored as two capitals', () => {
  expect(['SG', 'sg', 'SGP', 'sgp', ' My ', 'IDN'].map(parseCountry)).toEqual(['SG', 'SG', 'SG', 'SG', 'MY', 'ID'])
})

test.each(['XX', 'ZZZ', 'Singapore', '', 'S', 'S1', '702', 'ＳＧ', '__proto__'])('%j is not a country', (text) => {
  expect(parseCountry(text)).toBeUndefined()
})
