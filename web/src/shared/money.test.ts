import { describe, expect, test } from 'vitest'
import { formatMoney, parseTyped, typedFrom } from './money.ts'

const plain = (text: string) => text.replace(/[\u00a0\u202f]/g, ' ')

describe('money is written', () => {
  test.each([
    ['49.90', 'sgd', 2, 'en', 'SGD 49.90'],
    ['49.9', 'sgd', 2, 'en', 'SGD 49.90'],
    ['1000000', 'vnd', 0, 'vi', '1.000.000 ₫'],
    ['25000.00', 'idr', 2, 'id', 'Rp 25.000'],
    ['25000.50', 'idr', 2, 'id', 'Rp 25.000,50'],
    ['49.90', 'myr', 2, 'ms', 'RM 49.90'],
    ['99999999999999.99', 'sgd', 2, 'en', 'SGD 99,999,999,999,999.99'],
  ])('%s %s with %i digits in %s as %s', (amount, currency, decimals, language, written) => {
    expect(plain(formatMoney(amount, { currency, decimals }, language))).toBe(written)
  })
})

describe('a typed amount', () => {
  test.each([
    ['49.90', 2, 'en', '49.90'],
    ['49,90', 2, 'en', '49.90'],
    ['49.9', 2, 'id', '49.90'],
    ['49', 2, 'en', '49.00'],
    ['.5', 2, 'en', '0.50'],
    ['5.', 2, 'en', '5.00'],
    ['007', 2, 'en', '7.00'],
    ['1,000', 2, 'en', '1000.00'],
    ['1.000', 2, 'id', '1000.00'],
    ['1,000.50', 2, 'en', '1000.50'],
    ['1.000,50', 2, 'id', '1000.50'],
    ["1'000.50", 2, 'en', '1000.50'],
    ['1 000,50', 2, 'en', '1000.50'],
    ['1,00,000', 2, 'ta', '100000.00'],
    ['S$ 12.30', 2, 'en', '12.30'],
    ['１２．３０', 2, 'zh-Hans', '12.30'],
    ['25.000', 0, 'vi', '25000'],
    ['25,000', 0, 'en', '25000'],
    ['25000', 0, 'vi', '25000'],
    ['1.234', 3, 'en', '1.234'],
  ])('%s with %i digits in %s is %s', (typed, decimals, language, amount) => {
    expect(parseTyped(typed, decimals, language)).toEqual({ amount })
  })

  test.each([
    ['', 'amount.required'],
    ['  ', 'amount.required'],
    ['ten', 'amount.invalid'],
    ['1.2.3', 'amount.invalid'],
    ['10.005', 'amount.invalid'],
    ['-5', 'amount.invalid'],
    ['1e5', 'amount.invalid'],
    ['1,00', null],
    ['12,34.5', 'amount.invalid'],
    ['0', 'amount.zero'],
    ['0.00', 'amount.zero'],
    ['1234567890123', 'amount.invalid'],
  ])('%s is answered with %s', (typed, fault) => {
    const read = parseTyped(typed, 2, 'en')
    expect('fault' in read ? read.fault : null).toBe(fault)
  })

  test('is put into the field as the language writes it', () => {
    expect(typedFrom('10.50', 'id')).toBe('10,50')
    expect(typedFrom('10.50', 'en')).toBe('10.50')
  })
})
