import { describe, expect, test } from 'vitest'
import { languages } from '../messages/languages.ts'
import { formatMoney, typedFrom } from './money.ts'

const plain = (text: string) => text.replace(/[\u00a0\u202f]/g, ' ')

describe('formatted money', () => {
  test.each([
    ['49.90', 'sgd', 2, 'en', 'SGD 49.90'],
    ['49.9', 'sgd', 2, 'en', 'SGD 49.90'],
    ['1000000', 'vnd', 0, 'vi', '1.000.000 ₫'],
    ['25000.00', 'idr', 2, 'id', 'Rp 25.000'],
    ['25000.50', 'idr', 2, 'id', 'Rp 25.000,50'],
    ['49.90', 'myr', 2, 'ms', 'RM 49.90'],
    ['10', 'usd', 2, 'en', 'US$10.00'],
    ['10', 'usd', 2, 'ms', 'USD 10.00'],
    ['1000', 'jpy', 0, 'en', 'JPY 1,000'],
    ['10', 'cny', 2, 'zh-Hans', 'CNY 10.00'],
    ['99999999999999.99', 'sgd', 2, 'en', 'SGD 99,999,999,999,999.99'],
  ])('%s %s with %i digits in %s is %s', (amount, currency, decimals, language, written) => {
    expect(plain(formatMoney(amount, { currency, decimals }, language))).toBe(written)
  })
})

test('an amount is put into the field in the format of the language', () => {
  expect(typedFrom('10.50', 'id')).toBe('10,50')
  expect(typedFrom('10.50', 'en')).toBe('10.50')
})

test('no currency is written with a symbol that another one shares, in any language, and no amount has a place to break', () => {
  const known = Intl.supportedValuesOf('currency')
  for (const language of Object.keys(languages)) {
    const owners = new Map<string, string>()
    for (const currency of known) {
      const { maximumFractionDigits: decimals = 2 } = new Intl.NumberFormat('en', { style: 'currency', currency }).resolvedOptions()
      const written = formatMoney('1234567.00', { currency: currency.toLowerCase(), decimals }, language)
      expect(written).not.toMatch(/[ \t\n]/)
      const symbol = written.replace(/[\d.,]/g, '').trim()
      expect(['$', '¥']).not.toContain(symbol)
      expect([language, currency, symbol, owners.get(symbol) ?? currency]).toEqual([language, currency, symbol, currency])
      owners.set(symbol, currency)
    }
  }
})
