import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { languages } from '../messages/languages.ts'
import { readTypedAmount } from './typed-amount.ts'

const sgd = { currency: 'sgd', decimals: 2 }
const idr = { currency: 'idr', decimals: 2 }
const jpy = { currency: 'jpy', decimals: 0 }
const vnd = { currency: 'vnd', decimals: 0 }
const kwd = { currency: 'kwd', decimals: 3 }

describe('typed amounts', () => {
  test.each([
    ['49.90', sgd, 'en', '49.90'],
    ['49,90', sgd, 'en', '49.90'],
    ['49.9', sgd, 'id', '49.90'],
    ['49', sgd, 'en', '49.00'],
    ['.5', sgd, 'en', '0.50'],
    ['$.50', sgd, 'en', '0.50'],
    [',5', sgd, 'id', '0.50'],
    ['5.', sgd, 'en', '5.00'],
    ['007', sgd, 'en', '7.00'],
    ['0.500', sgd, 'en', '0.50'],
    ['1,000', sgd, 'en', '1000.00'],
    ['10,000', sgd, 'en', '10000.00'],
    ['1.000', sgd, 'id', '1000.00'],
    ['1,000.00', sgd, 'en', '1000.00'],
    ['1,000.50', sgd, 'id', '1000.50'],
    ['1.000,50', sgd, 'en', '1000.50'],
    ['1,234.5', sgd, 'en', '1234.50'],
    ["1'000.50", sgd, 'en', '1000.50'],
    ['1 000,50', sgd, 'en', '1000.50'],
    ['10 000', sgd, 'en', '10000.00'],
    ['10\u00a0000', sgd, 'en', '10000.00'],
    ['10\u202f000', sgd, 'vi', '10000.00'],
    ['10\u2009000', sgd, 'en', '10000.00'],
    ['1,00,000', sgd, 'ta', '100000.00'],
    ['S$ 12.30', sgd, 'en', '12.30'],
    ['SGD12.30', sgd, 'en', '12.30'],
    ['12.30 SGD', sgd, 'en', '12.30'],
    ['１２．３０', sgd, 'zh-Hans', '12.30'],
    ['１，０００', sgd, 'zh-Hans', '1000.00'],
    ['๑๒.๕๐', sgd, 'th', '12.50'],
    ['150.000', idr, 'id', '150000.00'],
    ['150.000', idr, 'en', '150000.00'],
    ['150,000', idr, 'id', '150000.00'],
    ['Rp. 150.000,-', idr, 'id', '150000.00'],
    ['Rp150.000,00', idr, 'id', '150000.00'],
    ['1,000', jpy, 'en', '1000'],
    ['1,000.00', jpy, 'en', '1000'],
    ['10.000', vnd, 'vi', '10000'],
    ['10.000 ₫', vnd, 'en', '10000'],
    ['10.000đ', vnd, 'vi', '10000'],
    ['25,000', vnd, 'en', '25000'],
    ['1,234.567', kwd, 'en', '1234.567'],
    ['1.5', kwd, 'en', '1.500'],
  ])('the typed amount %s of %o in %s is %s', (typed, money, language, amount) => {
    expect(readTypedAmount(typed, money, language)).toEqual({ amount })
  })

  test.each([
    ['10.000', sgd, 'en', ['10000.00', '10.00']],
    ['10,500', sgd, 'id', ['10500.00', '10.50']],
    ['10.005', sgd, 'en', ['10005.00']],
    ['1.234', kwd, 'en', ['1234.000', '1.234']],
    ['1,234', kwd, 'en', ['1234.000', '1.234']],
  ])('the typed amount %s of %o in %s is one of %j, and is asked about', (typed, money, language, choices) => {
    expect(readTypedAmount(typed, money, language)).toEqual({ choices })
  })

  test.each([
    ['', 'amount.required'],
    [' \u00a0 ', 'amount.required'],
    ['ten', 'amount.invalid'],
    ['1.2.3', 'amount.invalid'],
    ['-5', 'amount.invalid'],
    ['minus 5', 'amount.invalid'],
    ['1e5', 'amount.invalid'],
    ['150 rb', 'amount.invalid'],
    ['10k', 'amount.invalid'],
    ['5 %', 'amount.invalid'],
    ['1 5', 'amount.invalid'],
    ['12,34.5', 'amount.invalid'],
    ['10.0051', 'amount.invalid'],
    ['0', 'amount.zero'],
    ['0.00', 'amount.zero'],
    ['1234567890123', 'amount.invalid'],
    ['1'.repeat(10_000), 'amount.invalid'],
    [`${' '.repeat(60)}1 1 1`, 'amount.invalid'],
  ])('the typed amount %s is rejected with %s', (typed, fault) => {
    expect(readTypedAmount(typed, sgd, 'en')).toEqual({ fault })
  })

  const currencies = [sgd, idr, jpy, vnd, kwd, { currency: 'inr', decimals: 2 }, { currency: 'usd', decimals: 2 }]
  const spellings = ['en', 'id', 'de-CH', 'fr', 'ta', 'vi', 'th', 'hi', 'ar-EG', 'sv']
  test('an amount in any grouping is read as itself in every language, or asked about with itself among the choices, and never as another', () => {
    const kinds = ['decimal', 'currency', 'code'] as const
    const written = fc.record({
      money: fc.constantFrom(...currencies),
      minor: fc.oneof(
        fc.bigInt(1n, 10n ** 4n),
        fc.bigInt(1n, 10n ** 9n).map((n) => n * 100n),
        fc.bigInt(1n, 10n ** 12n - 1n),
      ),
      language: fc.constantFrom(...Object.keys(languages)),
      spelling: fc.constantFrom(...spellings),
      kind: fc.constantFrom(...kinds),
      useGrouping: fc.boolean(),
      short: fc.boolean(),
    })
    fc.assert(
      fc.property(written, ({ money, minor, language, spelling, kind, useGrouping, short }) => {
        const { currency, decimals } = money
        const digits = minor.toString().padStart(decimals + 1, '0')
        const amount = decimals > 0 ? `${digits.slice(0, -decimals)}.${digits.slice(-decimals)}` : digits
        const isWhole = !/\.\d*[1-9]/.test(amount)
        // Sen that nobody writes are not typed either.
        fc.pre(currency !== 'idr' || isWhole)
        const fraction = short && isWhole ? 0 : decimals
        const style =
          kind === 'decimal' ? {} : { style: 'currency' as const, currency, currencyDisplay: kind === 'code' ? ('code' as const) : ('symbol' as const) }
        const format = new Intl.NumberFormat(spelling, { ...style, useGrouping, minimumFractionDigits: fraction, maximumFractionDigits: fraction })
        const typed = format.format(amount as `${number}`)
        const read = readTypedAmount(typed, money, language)
        if ('amount' in read) expect([typed, read.amount]).toEqual([typed, amount])
        else if ('choices' in read) expect(read.choices).toContain(amount)
        // A symbol that the reader does not know is refused, plain digits never are.
        else expect([typed, kind]).not.toEqual([typed, 'decimal'])
      }),
      { numRuns: 5_000 },
    )
  })

  test('an amount in the language’s own format is never asked about where the currency has two decimals or none', () => {
    const cases = fc.record({
      money: fc.constantFrom(...currencies.filter(({ decimals }) => decimals < 3)),
      whole: fc.integer({ min: 1, max: 999_999_999 }),
      language: fc.constantFrom(...Object.keys(languages)),
    })
    fc.assert(
      fc.property(cases, ({ money, whole, language }) => {
        for (const digits of [0, money.decimals]) {
          const typed = new Intl.NumberFormat(language, { minimumFractionDigits: digits }).format(whole)
          expect([typed, readTypedAmount(typed, money, language)]).toEqual([
            typed,
            { amount: money.decimals > 0 ? `${whole}.${'0'.repeat(money.decimals)}` : `${whole}` },
          ])
        }
      }),
    )
  })
})
