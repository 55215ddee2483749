import { describe, expect, test } from 'vitest'
import { parseCountry } from '#foundation/shared/countries.ts'
import { parseAmount, parseCurrency } from '#foundation/shared/money.ts'
import { findMethod, methodsFor, minimumAmount, paymentMethods } from './methods.ts'

const codes = (country: string, currency: string) => methodsFor(country, currency).map(({ code }) => code)

describe('the catalog of methods', () => {
  test('every method in the catalog has a unique code', () => {
    const spellings = paymentMethods.flatMap(({ code, aliases }) => [code, ...aliases])
    expect(new Set(spellings).size).toBe(spellings.length)
    for (const spelling of spellings) expect(spelling).toMatch(/^[a-z][a-z_]+$/)
  })

  test('every method in the catalog has only existing countries and currencies', () => {
    for (const { countries, currencies, minimums } of paymentMethods) {
      expect(countries.map(parseCountry)).toEqual(countries)
      expect(currencies.map(parseCurrency)).toEqual(currencies)
      for (const [currency, minimum] of Object.entries(minimums)) expect(parseAmount(minimum, currency)).toBeDefined()
    }
  })

  test('the catalog has every code that the contract names', () => {
    const contract = ['paynow_online', 'card', 'wechat', 'alipay', 'grabpay_direct', 'grabpay_paylater', 'shopee_pay', 'zip', 'fpx']
    for (const code of contract) expect(findMethod(code)?.code).toBe(code)
  })

  test('a method is found by an older code', () => {
    expect(findMethod('qris')?.code).toBe('doku_qris')
    expect(findMethod('grabpay')?.code).toBe('grabpay_direct')
    expect(findMethod('vietqr')?.code).toBe('vietqr_zalopay')
    expect(findMethod('PayNow')).toBeUndefined()
    expect(findMethod('constructor')).toBeUndefined()
  })

  test('a method says whether it can be shown as a code, linked to, saved and refunded', () => {
    expect(findMethod('paynow_online')).toMatchObject({ kind: 'qr', generateQr: true, borderless: true, recurring: false, refundable: true, refundDays: 30 })
    expect(findMethod('card')).toMatchObject({ generateQr: false, recurring: true, refundable: true, partiallyRefundable: true, refundDays: null })
    expect(findMethod('giro')).toMatchObject({ recurring: true, refundable: false })
    expect(findMethod('upay')?.refundable).toBe(false)
    const linked = paymentMethods.filter(({ generateDirectLink }) => generateDirectLink).map(({ code }) => code)
    expect(linked).toEqual(['grabpay_direct', 'grabpay_paylater', 'touch_n_go', 'gcash', 'zalopay'])
  })
})

describe('the methods a business can offer', () => {
  test('the offered methods depend on the country and the currency', () => {
    expect(codes('SG', 'sgd')).toContain('paynow_online')
    expect(codes('SG', 'sgd')).not.toContain('fpx')
    expect(codes('MY', 'myr')).toEqual(['card', 'apple_pay', 'google_pay', 'grabpay_direct', 'shopee_pay', 'fpx', 'touch_n_go', 'duitnow', 'boost'])
    expect(codes('SG', 'usd')).toEqual(['card', 'apple_pay', 'google_pay'])
    expect(codes('ID', 'idr')).toEqual(['card', 'apple_pay', 'google_pay', 'doku_qris'])
    expect(codes('SG', 'idr')).toContain('ifpay_qris')
  })

  test('withdrawn and in-person methods are not offered', () => {
    expect(codes('SG', 'sgd')).not.toContain('hoolah')
    expect(codes('SG', 'sgd')).not.toContain('cash')
    expect(findMethod('hoolah')?.withdrawn).toBe(true)
  })

  test('a method has a minimum amount', () => {
    const card = findMethod('card')
    expect(card && [minimumAmount(card, 'sgd'), minimumAmount(card, 'myr'), minimumAmount(card, 'krw')]).toEqual([50n, 200n, undefined])
  })
})
