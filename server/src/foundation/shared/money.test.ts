import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { amountAsNumber, currencies, exponentOf, formatAmount, parseAmount, parseCurrency, requireAmount, shareOf } from './money.ts'

const currency = fc.constantFrom(...currencies())
const nonNegative = fc.bigInt(0n, 999_999_999_999_999n)

describe('parseAmount and formatAmount', () => {
  test('parseAmount and formatAmount are inverse in every currency', () => {
    fc.assert(
      fc.property(nonNegative, currency, (minor, code) => {
        expect(parseAmount(formatAmount(minor, code), code)).toBe(minor)
      }),
    )
  })

  test('parseAmount and formatAmount agree with a reference that only moves the decimal point', () => {
    fc.assert(
      fc.property(fc.bigInt(0n, 999_999_999n), fc.bigInt(0n, 99n), (major, cents) => {
        expect(parseAmount(`${major}.${String(cents).padStart(2, '0')}`, 'sgd')).toBe(major * 100n + cents)
      }),
    )
  })

  test('amounts that floats get wrong stay exact', () => {
    expect(parseAmount('1.15', 'sgd')).toBe(115n)
    expect(parseAmount(1.15, 'sgd')).toBe(115n)
    expect(parseAmount('4.35', 'sgd')).toBe(435n)
    expect(parseAmount(70.56, 'sgd')).toBe(7056n)
    expect(parseAmount('999999999999999.99', 'sgd')).toBe(99_999_999_999_999_999n)
    expect(formatAmount(99_999_999_999_999_999n, 'sgd')).toBe('999999999999999.99')
  })

  test.each([
    ['10', 'sgd', 1000n],
    ['10.5', 'sgd', 1050n],
    ['10.500', 'sgd', 1050n],
    [' 10.50 ', 'sgd', 1050n],
    ['0', 'sgd', 0n],
    ['007', 'sgd', 700n],
    ['1500', 'vnd', 1500n],
    ['1500.00', 'vnd', 1500n],
    ['1.234', 'kwd', 1234n],
    [0.3, 'sgd', 30n],
    [-0, 'sgd', 0n],
  ])('%j in %s is %s', (text, code, minor) => {
    expect(parseAmount(text, code)).toBe(minor)
  })

  test.each([
    ['10.005', 'sgd'],
    ['1.5', 'vnd'],
    ['1.2345', 'kwd'],
    [0.1 + 0.2, 'sgd'],
    ['-1', 'sgd'],
    [-1, 'sgd'],
    ['+1', 'sgd'],
    ['1e3', 'sgd'],
    [1e21, 'sgd'],
    [1e-7, 'sgd'],
    [Number.NaN, 'sgd'],
    [Number.POSITIVE_INFINITY, 'sgd'],
    ['1,000.00', 'sgd'],
    ['.5', 'sgd'],
    ['5.', 'sgd'],
    ['0x10', 'sgd'],
    ['', 'sgd'],
    ['٣', 'sgd'],
    ['1 000', 'sgd'],
    ['1.0\n5', 'sgd'],
    ['1000000000000000', 'sgd'],
  ])('%j is not an amount in %s', (text, code) => {
    expect(parseAmount(text, code)).toBeUndefined()
  })

  test('a negative amount is formatted with its sign', () => {
    expect(formatAmount(-5n, 'sgd')).toBe('-0.05')
    expect(formatAmount(-1050n, 'sgd')).toBe('-10.50')
    expect(formatAmount(-3n, 'jpy')).toBe('-3')
    expect(formatAmount(-1n, 'bhd')).toBe('-0.001')
  })
})

test('an amount written as a JSON number reads back as the same amount', () => {
  fc.assert(
    fc.property(fc.bigInt(0n, 9_999_999_999_999n), currency, (minor, code) => {
      expect(parseAmount(JSON.parse(JSON.stringify(amountAsNumber(minor, code))), code)).toBe(minor)
    }),
  )
  expect(JSON.stringify(amountAsNumber(1050n, 'sgd'))).toBe('10.5')
  expect(JSON.stringify(amountAsNumber(7056n, 'sgd'))).toBe('70.56')
})

test('an amount cannot get into JSON without being formatted', () => {
  expect(() => JSON.stringify({ amount: 1050n })).toThrow(TypeError)
})

test('an invalid amount is a 422 that names the field, the digits and the currency', () => {
  expect(requireAmount('amount', '1.50', 'sgd')).toBe(150n)
  expect(() => requireAmount('unit_price', '1.505', 'sgd')).toThrow('The unit price must be a number with at most 2 decimals in SGD.')
  expect(() => requireAmount('amount', '1.5', 'vnd')).toThrow('The amount must be a whole number in VND.')
})

describe('currencies', () => {
  test('a currency is accepted in either case and stored in lower case', () => {
    expect(parseCurrency('SGD')).toBe('sgd')
    expect(parseCurrency('sgd')).toBe('sgd')
    expect(parseCurrency('xxx')).toBeUndefined()
    expect(parseCurrency('')).toBeUndefined()
  })

  test('every currency is listed once, with the exponent of ISO 4217', () => {
    const all = currencies()
    expect(new Set(all).size).toBe(all.length)
    for (const code of all) expect(code).toMatch(/^[a-z]{3}$/)
    // The exponents that Intl knows come from ISO 4217, except for a few that CLDR formats otherwise; those are listed here.
    const iso: Record<string, number> = {
      afn: 2,
      all: 2,
      idr: 2,
      irr: 2,
      kwd: 3,
      lbp: 2,
      mga: 0,
      ugx: 0,
      vnd: 0,
      jpy: 0,
      krw: 0,
      clp: 0,
      isk: 0,
      bhd: 3,
      tnd: 3,
    }
    for (const [code, digits] of Object.entries(iso)) if (all.includes(code)) expect([code, exponentOf(code)]).toEqual([code, digits])
    expect(['sgd', 'myr', 'thb', 'php', 'hkd', 'aud', 'inr'].map(exponentOf)).toEqual([2, 2, 2, 2, 2, 2, 2])
  })

  test('an unknown currency has no exponent', () => {
    expect(() => exponentOf('xxx')).toThrow('unknown currency xxx')
  })
})

describe('shareOf', () => {
  test.each([
    [1000n, 365n, 37n], // 36.5
    [1000n, 364n, 36n],
    [100n, 50n, 1n], // 0.5
    [99n, 50n, 0n], // 0.495
    [-100n, 50n, -1n],
    [-99n, 50n, 0n],
    [12_345n, 10_000n, 12_345n],
    [12_345n, 0n, 0n],
  ])('the share of %s at %s basis points is %s', (amount, points, share) => {
    expect(shareOf(amount, points)).toBe(share)
  })

  test('a share is never more than half a unit off, and mirrors its sign', () => {
    fc.assert(
      fc.property(fc.bigInt(-(10n ** 15n), 10n ** 15n), fc.bigInt(0n, 20_000n), (amount, points) => {
        const error = shareOf(amount, points) * 10_000n - amount * points
        expect(error <= 5000n && error >= -5000n).toBe(true)
        expect(shareOf(-amount, points)).toBe(-shareOf(amount, points))
      }),
    )
  })
})
