import { describe, expect, test } from 'vitest'
import { afterFailure, brandOf, cardFaults, cvcLength, editNumber, formatExpiry, formatNumber, hasCheckDigit, looksMistyped, parseExpiry } from './card.ts'

describe('card numbers', () => {
  test.each([
    ['4242424242424242', 'visa', '4242 4242 4242 4242'],
    ['5555555555554444', 'mastercard', '5555 5555 5555 4444'],
    ['2223003122003222', 'mastercard', '2223 0031 2200 3222'],
    ['378282246310005', 'amex', '3782 822463 10005'],
    ['36227206271667', 'diners', '3622 720627 1667'],
    ['3056930009020004', 'diners', '3056 9300 0902 0004'],
    ['3566002020360505', 'jcb', '3566 0020 2036 0505'],
    ['6011111111111117', 'discover', '6011 1111 1111 1117'],
    ['6205500000000000004', 'unionpay', '6205 5000 0000 0000 004'],
  ])('the card number %s is of %s and is formatted %s', (number, brand, written) => {
    expect(brandOf(number)).toBe(brand)
    expect(formatNumber(number)).toBe(written)
    expect(hasCheckDigit(number)).toBe(true)
    expect(looksMistyped(number)).toBe(false)
  })

  test('a card number is read however it was typed or autofilled', () => {
    expect(formatNumber('4242-4242 42424242')).toBe('4242 4242 4242 4242')
    expect(formatNumber('４２４２４２４２４２４２４２４２')).toBe('4242 4242 4242 4242')
    expect(formatNumber('37828224631000599')).toBe('3782 822463 10005')
    expect(formatNumber('abc')).toBe('')
  })

  test('a complete card number with a wrong check digit looks mistyped', () => {
    expect(looksMistyped('4242424242424241')).toBe(true)
    expect(looksMistyped('42424242424242')).toBe(false)
  })

  test('the caret stays behind the digit that was typed', () => {
    expect(editNumber('4242 4242', '4242 94242', 6)).toEqual({ number: '4242 9424 2', caret: 6 })
    expect(editNumber('4242', '42424', 5)).toEqual({ number: '4242 4', caret: 6 })
  })

  test('deleting a gap deletes the digit before it', () => {
    expect(editNumber('4242 4242', '42424242', 4)).toEqual({ number: '4244 242', caret: 3 })
  })
})

describe('expiry dates', () => {
  test.each([
    ['1230', '12 / 30'],
    ['1/30', '01 / 30'],
    ['01/2030', '01 / 30'],
    ['012030', '01 / 30'],
    ['5', '05 / '],
    ['12', '12 / '],
    ['1', '1'],
    ['', ''],
  ])('the expiry date %s becomes %s', (typed, written) => {
    expect(formatExpiry(typed)).toBe(written)
  })

  test('an expiry date can be deleted character by character', () => {
    let shown = '12 / 30'
    for (let step = 0; step < 10; step++) shown = formatExpiry(shown.slice(0, -1), shown)
    expect(shown).toBe('')
  })

  test('an expiry date can be typed character by character', () => {
    let shown = ''
    for (const sign of '0830') shown = formatExpiry(shown + sign, shown)
    expect(shown).toBe('08 / 30')
    shown = ''
    for (const sign of '08/30') shown = formatExpiry(shown + sign, shown)
    expect(shown).toBe('08 / 30')
  })

  test('an expiry date has a month from 1 to 12', () => {
    expect(parseExpiry('08 / 30')).toEqual({ month: 8, year: 2030 })
    expect(parseExpiry('13 / 30')).toBeUndefined()
    expect(parseExpiry('00 / 30')).toBeUndefined()
    expect(parseExpiry('08')).toBeUndefined()
  })
})

describe('the card form', () => {
  const today = { month: 11, year: 2026 }
  const sound = { number: '4242 4242 4242 4242', expiry: '11 / 26', cvc: '123' }

  test('a card is valid in the month in which it expires', () => {
    expect(cardFaults(sound, today)).toEqual({ number: null, expiry: null, cvc: null })
    expect(cardFaults({ ...sound, expiry: '10 / 26' }, today).expiry).toBe('card.expiry_past')
  })

  test('the card form names every missing field', () => {
    expect(cardFaults({ number: '', expiry: '', cvc: '' }, today)).toEqual({
      number: 'card.number_required',
      expiry: 'card.expiry_required',
      cvc: 'card.cvc_required',
    })
  })

  test('the card form names every field that is too short', () => {
    expect(cardFaults({ number: '4242 4242', expiry: '1', cvc: '12' }, today)).toEqual({
      number: 'card.number_short',
      expiry: 'card.expiry_invalid',
      cvc: 'card.cvc_length',
    })
  })

  test('the card form leaves a wrong check digit to the issuer', () => {
    expect(cardFaults({ ...sound, number: '4242 4242 4242 4241' }, today).number).toBeNull()
  })

  test('the card form requires four digits if the brand has them', () => {
    expect(cvcLength('3782 82')).toBe(4)
    expect(cardFaults({ ...sound, number: '3782 822463 10005' }, today).cvc).toBe('card.cvc_length')
  })
})

describe('the card form after a failure', () => {
  const fields = { number: '4000 0000 0000 0127', expiry: '12 / 30', cvc: '123' }

  test('a security code never stays in the form once its card was sent', () => {
    for (const text of [
      'failure.incorrect_cvc',
      'failure.incorrect_number',
      'failure.invalid_expiry',
      'failure.processing_error',
      'failure.declined',
      'refused.too_many',
    ])
      expect([text, afterFailure(text, fields).fields.cvc]).toEqual([text, ''])
    expect(afterFailure('failure.tokeniser', fields)).toEqual({ fields, fault: null, focus: null })
  })

  test.each([
    ['failure.incorrect_cvc', 'cvc'],
    ['failure.incorrect_number', 'number'],
    ['failure.invalid_expiry', 'expiry'],
  ])('%s marks one field and keeps the rest of the card', (text, field) => {
    expect(afterFailure(text, fields)).toEqual({ fields: { ...fields, cvc: '' }, fault: { field, text }, focus: field })
  })

  test('a decline empties the form for another card, and a form that is empty anyway asks for the number', () => {
    const empty = { number: '', expiry: '', cvc: '' }
    expect(afterFailure('failure.declined', fields)).toEqual({ fields: empty, fault: null, focus: 'number' })
    expect(afterFailure('failure.incorrect_cvc', empty)).toEqual({ fields: empty, fault: null, focus: 'number' })
  })
})
