import fc from 'fast-check'
import { expect, test } from 'vitest'
import { toE164 } from './phone.ts'

test.each([
  ['91234567', '65', 'SG', '+6591234567'],
  ['9123 4567', null, 'SG', '+6591234567'],
  ['+65 9123 4567', null, 'MY', '+6591234567'],
  ['012-345 6789', '60', 'SG', '+60123456789'],
  ['0812-3456-789', '62', 'SG', '+628123456789'],
  ['081 234 5678', '66', 'SG', '+66812345678'],
  ['091 234 56 78', '84', 'SG', '+84912345678'],
  ['0917 123 4567', '63', 'SG', '+639171234567'],
  ['5123 4567', '852', 'SG', '+85251234567'],
  ['0412 345 678', '61', 'SG', '+61412345678'],
  ['098765 43210', '91', 'SG', '+919876543210'],
  ['0412 345 678', null, 'AU', '+61412345678'],
  ['91234567', '+65', 'US', '+6591234567'],
])('%s with calling code %s in %s is %s', (number, code, country, e164) => {
  expect(toE164(number, code, country)).toBe(e164)
})

test.each([
  ['', '65', 'SG'],
  ['12', '65', 'SG'],
  ['not a number', '65', 'SG'],
  ['91234567', '999', 'SG'],
  ['91234567', null, 'XX'],
  ['9'.repeat(40), '65', 'SG'],
])('%j with calling code %s in %s is stored as sent and has no E.164 number', (number, code, country) => {
  expect(toE164(number, code, country)).toBeNull()
})

test('parsing a phone number never throws, and its result is an E.164 number that parses to itself', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'grapheme', maxLength: 32 }),
      fc.option(fc.string({ maxLength: 5 })),
      fc.constantFrom('SG', 'IN', 'XX', ''),
      (number, code, country) => {
        const e164 = toE164(number, code, country)
        if (e164 === null) return
        expect(e164).toMatch(/^\+[1-9]\d{3,14}$/)
        expect(toE164(e164, null, 'SG')).toBe(e164)
      },
    ),
  )
})
