import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { cardBrand, describeCard, findTestCard, hasCheckDigit, readCardNumber } from './test-cards.ts'

describe('test cards', () => {
  test.each([
    ['4242424242424242', 'visa', '4242', 'US', 'credit'],
    ['4000056655665556', 'visa', '5556', 'US', 'debit'],
    ['2223003122003222', 'mastercard', '3222', 'US', 'credit'],
    ['5105105105105100', 'mastercard', '5100', 'US', 'prepaid'],
    ['378282246310005', 'amex', '0005', 'US', 'credit'],
    ['6011111111111117', 'discover', '1117', 'US', 'credit'],
    ['3056930009020004', 'diners', '0004', 'US', 'credit'],
    ['36227206271667', 'diners', '1667', 'US', 'credit'],
    ['3566002020360505', 'jcb', '0505', 'US', 'credit'],
    ['6200000000000005', 'unionpay', '0005', 'US', 'credit'],
    ['6205500000000000004', 'unionpay', '0004', 'US', 'credit'],
    ['4000007020000003', 'visa', '0003', 'SG', 'credit'],
    ['4000004580000002', 'visa', '0002', 'MY', 'credit'],
    ['4000007640000003', 'visa', '0003', 'TH', 'credit'],
    ['4000003560000008', 'visa', '0008', 'IN', 'credit'],
    ['4000006080000002', 'visa', '0002', 'PH', 'credit'],
  ])('%s succeeds and is %s %s from %s', (number, brand, last4, country, funding) => {
    const found = findTestCard(number)
    expect(found?.card).toEqual({ brand, last4, country, funding })
    expect(found?.outcome).toMatchObject({ decline: null, threeDSecure: 'not_enrolled' })
    expect(hasCheckDigit(number)).toBe(true)
  })

  test.each([
    ['4000000000000002', 'card_declined', 'generic_decline'],
    ['4000000000009995', 'card_declined', 'insufficient_funds'],
    ['4000000000009987', 'card_declined', 'lost_card'],
    ['4000000000009979', 'card_declined', 'stolen_card'],
    ['4000000000000069', 'expired_card', null],
    ['4000000000000127', 'incorrect_cvc', null],
    ['4000000000000119', 'processing_error', null],
    ['4000000000006975', 'card_declined', 'card_velocity_exceeded'],
    ['4100000000000019', 'card_declined', 'fraudulent'],
    ['4242424242424241', 'incorrect_number', null],
  ])('%s is declined with %s, %s', (number, code, declineCode) => {
    expect(findTestCard(number)?.outcome.decline).toEqual({ code, declineCode })
  })

  test.each([
    ['4000002500003155', 'unless_set_up', 'succeeds', null],
    ['4000002760003184', 'always', 'succeeds', null],
    ['4000003800000446', 'set_up', 'succeeds', null],
    ['4000008260003178', 'always', 'succeeds', 'insufficient_funds'],
    ['4000000000003220', 'required', 'succeeds', null],
    ['4000008400001629', 'required', 'succeeds', 'generic_decline'],
    ['4000008400001280', 'required', 'error', 'generic_decline'],
    ['4000000000003055', 'optional', 'succeeds', null],
    ['4000000000003097', 'optional', 'error', null],
  ])('%s requires 3-D Secure: %s, which %s, then %s', (number, threeDSecure, authentication, declineCode) => {
    const outcome = findTestCard(number)?.outcome
    expect(outcome).toMatchObject({ threeDSecure, authentication })
    expect(outcome?.decline?.declineCode ?? null).toBe(declineCode)
  })

  test('test cards decide what comes after the charge: disputes, refunds, funds, a saved card that fails', () => {
    const outcome = (number: string) => findTestCard(number)?.outcome
    expect(outcome('4000000000000259')?.dispute).toBe('fraudulent')
    expect(outcome('4000000000002685')?.dispute).toBe('product_not_received')
    expect(outcome('4000000000001976')?.dispute).toBe('inquiry')
    expect(outcome('4000000000007726')?.refund).toBe('succeeds_later')
    expect(outcome('4000000000005126')?.refund).toBe('fails_later')
    expect(outcome('4000000000000077')?.availableAtOnce).toBe(true)
    expect(outcome('4000000000000341')).toMatchObject({ decline: null, laterDecline: { code: 'card_declined' } })
  })

  test('a test card is found in every format in which people type it', () => {
    expect(findTestCard('4242 4242-4242 4242')?.card.last4).toBe('4242')
    expect(readCardNumber('4242 4242')).toBeUndefined()
    expect(readCardNumber('4242x4242424242424')).toBeUndefined()
  })
})

describe('other numbers', () => {
  test('any other number is not a test card, and nothing about it contains the number', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^9[0-9]{11,18}$/), (number) => {
        expect(findTestCard(number)).toBeUndefined()
        expect(JSON.stringify(describeCard(number))).not.toContain(number.slice(0, 6))
        expect(describeCard(number)).toMatchObject({ last4: number.slice(-4), country: null, funding: 'unknown' })
      }),
    )
  })

  test('a check digit catches every wrong digit and nearly every swap', () => {
    const number = fc.stringMatching(/^[0-9]{11,18}$/).map((body) => {
      const digit = [...'0123456789'].find((last) => hasCheckDigit(body + last))
      return body + digit
    })
    fc.assert(
      fc.property(number, fc.nat(), fc.integer({ min: 1, max: 9 }), (digits, position, step) => {
        const at = position % digits.length
        const changed = digits.slice(0, at) + ((Number(digits[at]) + step) % 10) + digits.slice(at + 1)
        expect(hasCheckDigit(digits)).toBe(true)
        expect(hasCheckDigit(changed)).toBe(false)
      }),
    )
    expect(hasCheckDigit('')).toBe(false)
  })

  test('a number has a brand by its prefix and length', () => {
    expect(cardBrand('2720990000000000')).toBe('mastercard')
    expect(cardBrand('2721000000000000')).toBe('unknown')
    expect(cardBrand('2220990000000000')).toBe('unknown')
    expect(cardBrand('424242424242')).toBe('unknown')
    expect(cardBrand('6445000000000000')).toBe('discover')
    expect(describeCard('no card')).toEqual({ brand: 'unknown', last4: '', country: null, funding: 'unknown' })
  })
})
