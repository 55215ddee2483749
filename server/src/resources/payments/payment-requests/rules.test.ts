import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { FieldErrors } from '#foundation/shared/errors.ts'
import { currencies, exponentOf, formatAmount } from '#foundation/shared/money.ts'
import { newPaymentReference } from './create-payment-request.ts'
import { readExpiresAfter } from './expiry.ts'
import { readRequestAmount } from './rules.ts'

const secondsOf = { mins: 60, hours: 3_600, days: 86_400 }

describe('expires_after', () => {
  test('expires_after is a whole number, one space and a unit, and at least five minutes', () => {
    fc.assert(
      fc.property(fc.nat({ max: 9_999_999 }), fc.constantFrom('mins' as const, 'hours' as const, 'days' as const), (count, unit) => {
        const errors: FieldErrors = {}
        const seconds = count * secondsOf[unit]
        const read = readExpiresAfter(`${count} ${unit}`, errors)
        if (seconds < 300) expect(errors).toEqual({ expires_after: ['The expires after must be at least 5 mins.'] })
        else if (seconds > 3_650 * 86_400) expect(errors).toEqual({ expires_after: ['The expires after may not be greater than 3650 days.'] })
        else expect([read, errors]).toEqual([seconds, {}])
      }),
    )
  })

  test('any other expires_after is rejected in the words that clients know', () => {
    const other = fc.string().filter((text) => !/^\d+ (mins|hours|days)$/.test(text))
    const near = fc.constantFrom('1 hour', '5 minutes', '60', '60mins', '60  mins', '-60 mins', '1.5 hours', '60 MINS', '60 mins ', '1e3 mins', '６０ mins')
    fc.assert(
      fc.property(fc.oneof(other, near), (text) => {
        const errors: FieldErrors = {}
        expect(readExpiresAfter(text, errors)).toBeUndefined()
        expect(errors).toEqual({ expires_after: ['The expires after format is invalid.'] })
      }),
    )
  })
})

describe('amounts', () => {
  const currency = fc.constantFrom(...currencies())

  test('every amount within the bounds that a currency can have is read exactly', () => {
    fc.assert(
      fc.property(fc.bigInt(1n, 99_999_999_999n), currency, (cents, code) => {
        const minor = (cents * 10n ** BigInt(exponentOf(code))) / 100n
        const errors: FieldErrors = {}
        const read = readRequestAmount(formatAmount(minor, code), code, errors)
        const tooLow = minor * 10n < 3n * 10n ** BigInt(exponentOf(code))
        if (tooLow) expect(errors).toEqual({ amount: ['The amount must be between 0.3 and 999999999.99.'] })
        else expect([read, errors]).toEqual([minor, {}])
      }),
    )
  })

  test('an amount sent as a JSON number keeps its value', () => {
    fc.assert(
      fc.property(fc.integer({ min: 30, max: 99_999_999_999 }), (cents) => {
        const errors: FieldErrors = {}
        expect(readRequestAmount(cents / 100, 'sgd', errors)).toBe(BigInt(cents))
        expect(errors).toEqual({})
      }),
    )
  })

  test('any input is an amount within the bounds or an error, and never both', () => {
    const given = fc.oneof(fc.string(), fc.double(), fc.stringMatching(/^-?[\d.,]{1,20}$/), fc.integer())
    fc.assert(
      fc.property(given, currency, (value, code) => {
        const errors: FieldErrors = {}
        const read = readRequestAmount(value, code, errors)
        expect(read === null).toBe('amount' in errors)
        if (read !== null) expect(read > 0n && read <= 99_999_999_999n * 10n ** BigInt(exponentOf(code))).toBe(true)
      }),
    )
  })
})

test('a payment reference has twenty unambiguous characters, and is never repeated', () => {
  const made = Array.from({ length: 5_000 }, newPaymentReference)
  for (const reference of made) expect(reference).toMatch(/^HWK[0-9A-HJKMNP-TV-Z]{17}$/)
  expect(new Set(made).size).toBe(made.length)
})
