import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { findMethod, methodsFor, type PaymentMethod, paymentMethods } from '#engine/rails/methods.ts'
import { offeredMethods, shortList } from './offered-methods.ts'

const of = (...codes: string[]) => codes.map((code) => findMethod(code) as PaymentMethod)
const codesOf = (methods: PaymentMethod[]) => methods.map(({ code }) => code)

describe('the methods that a page offers', () => {
  test('QRIS is offered once, with the code of the business’s own country whatever the order', () => {
    expect(codesOf(offeredMethods(of('card', 'ifpay_qris', 'doku_qris'), { country: 'ID' }))).toEqual(['card', 'doku_qris'])
    expect(codesOf(offeredMethods(of('doku_qris', 'ifpay_qris'), { country: 'SG' }))).toEqual(['ifpay_qris'])
    expect(codesOf(offeredMethods(of('doku_qris', 'ifpay_qris'), { country: 'JP' }))).toEqual(['doku_qris'])
  })

  test('no two offered methods look the same, and every way to pay is among them', () => {
    fc.assert(
      fc.property(fc.shuffledSubarray([...paymentMethods]), fc.constantFrom('SG', 'MY', 'ID', 'TH', 'US'), (methods, country) => {
        const seen = ({ name, kind }: PaymentMethod) => `${kind} ${name}`
        const offered = offeredMethods(methods, { country })
        expect(new Set(offered.map(seen)).size).toBe(offered.length)
        expect(new Set(offered.map(seen))).toEqual(new Set(methods.map(seen)))
      }),
    )
  })

  test('a short list keeps the merchant’s order, and a long one starts with cards and the country’s own scheme', () => {
    expect(codesOf(offeredMethods(of('grabpay_direct', 'card', 'paynow_online'), { country: 'SG' }))).toEqual(['grabpay_direct', 'card', 'paynow_online'])
    const all = methodsFor('SG', 'sgd').reverse()
    expect(all.length).toBeGreaterThan(shortList)
    const offered = codesOf(offeredMethods(all, { country: 'SG' }))
    expect(offered.slice(0, 2).sort()).toEqual(['card', 'paynow_online'])
    expect(offered.slice(2, 4).sort()).toEqual(['apple_pay', 'google_pay'])
  })
})
