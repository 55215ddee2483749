import { createHash } from 'node:crypto'
import { ownValue } from '@hawker/web/own-value'

/** Card brands, as Stripe writes them. */
export type CardBrand = 'visa' | 'mastercard' | 'amex' | 'discover' | 'diners' | 'jcb' | 'unionpay'

/** What may be stored and shown of a card. Never its number. */
export interface CardDetails {
  brand: CardBrand | 'unknown'
  last4: string
  /** The country of issue, ISO 3166-1 alpha-2; null if the number does not reveal it. */
  country: string | null
  funding: 'credit' | 'debit' | 'prepaid' | 'unknown'
}

/** `code` is Stripe's error code, `declineCode` the issuer's reason if there is one. */
export interface CardDecline {
  code: 'card_declined' | 'expired_card' | 'incorrect_cvc' | 'processing_error' | 'incorrect_number' | 'authentication_required'
  declineCode: string | null
}

/**
 * `not_enrolled`: never asked. `optional`: possible, asked only if the merchant wants it. `unless_set_up`: asked, but not
 * for a card that was saved with it. `required`: without it, the charge is declined. `always`: also for a saved card.
 * `set_up`: asked, while a charge without the payer succeeds, because it is already set up.
 */
export type ThreeDSecure = 'not_enrolled' | 'optional' | 'unless_set_up' | 'required' | 'always' | 'set_up'

/** What a test card does when it is charged. */
export interface TestCardOutcome {
  threeDSecure: ThreeDSecure
  /** The outcome if the payer is asked; `error`: it cannot be looked up, so no one is asked. */
  authentication: 'succeeds' | 'error'
  /** The decline that follows, after authentication if that is required; null if the charge succeeds. */
  decline: CardDecline | null
  /** The decline of a later charge, once the card has been saved; saving itself succeeds. */
  laterDecline: CardDecline | null
  dispute: 'fraudulent' | 'product_not_received' | 'inquiry' | null
  /** How refunds of it end. */
  refund: 'succeeds' | 'succeeds_later' | 'fails_later'
  /** Whether the money skips the pending balance. */
  availableAtOnce: boolean
}

export type TestCard = { card: CardDetails; outcome: TestCardOutcome }

const declined = (declineCode: string): Partial<TestCardOutcome> => ({ decline: { code: 'card_declined', declineCode } })
const failed = (code: CardDecline['code']): Partial<TestCardOutcome> => ({ decline: { code, declineCode: null } })
const asks = (threeDSecure: ThreeDSecure, more: Partial<TestCardOutcome> = {}): Partial<TestCardOutcome> => ({ threeDSecure, ...more })

/**
 * Stripe's test cards (rails standards §7). These numbers are published and belong to no one; others are never listed.
 * If a number starts with 400000, the next three digits are the issuer's country by ISO 3166-1; the others are American.
 */
const testCards: readonly (readonly [number: string, outcome: Partial<TestCardOutcome>, card?: Partial<CardDetails>])[] = [
  ['4242424242424242', {}],
  ['4000056655665556', {}, { funding: 'debit' }],
  ['5555555555554444', {}],
  ['2223003122003222', {}],
  ['5200828282828210', {}, { funding: 'debit' }],
  ['5105105105105100', {}, { funding: 'prepaid' }],
  ['378282246310005', {}],
  ['371449635398431', {}],
  ['6011111111111117', {}],
  ['3056930009020004', {}],
  ['36227206271667', {}],
  ['3566002020360505', {}],
  ['6200000000000005', {}],
  ['6200000000000047', {}],
  ['6205500000000000004', {}],
  ['4000000000000002', declined('generic_decline')],
  ['4000000000009995', declined('insufficient_funds')],
  ['4000000000009987', declined('lost_card')],
  ['4000000000009979', declined('stolen_card')],
  ['4000000000000069', failed('expired_card')],
  ['4000000000000127', failed('incorrect_cvc')],
  ['4000000000000119', failed('processing_error')],
  ['4000000000006975', declined('card_velocity_exceeded')],
  ['4000000000000341', { laterDecline: { code: 'card_declined', declineCode: 'generic_decline' } }],
  ['4100000000000019', declined('fraudulent')],
  ['4242424242424241', failed('incorrect_number')],
  ['4000002500003155', asks('unless_set_up')],
  ['4000002760003184', asks('always')],
  ['4000003800000446', asks('set_up')],
  ['4000008260003178', asks('always', declined('insufficient_funds'))],
  ['4000000000003220', asks('required')],
  ['4000008400001629', asks('required', declined('generic_decline'))],
  ['4000008400001280', asks('required', { authentication: 'error', decline: { code: 'card_declined', declineCode: 'generic_decline' } })],
  ['4000000000003055', asks('optional')],
  ['4000000000003097', asks('optional', { authentication: 'error' })],
  ['4000000000000259', { dispute: 'fraudulent' }],
  ['4000000000002685', { dispute: 'product_not_received' }],
  ['4000000000001976', { dispute: 'inquiry' }],
  ['4000000000007726', { refund: 'succeeds_later' }],
  ['4000000000005126', { refund: 'fails_later' }],
  ['4000000000000077', { availableAtOnce: true }],
  ['4000007020000003', {}],
  ['4000004580000002', {}],
  ['4000007640000003', {}],
  ['4000003560000008', {}],
  ['4000006080000002', {}],
]

const plain: TestCardOutcome = {
  threeDSecure: 'not_enrolled',
  authentication: 'succeeds',
  decline: null,
  laterDecline: null,
  dispute: null,
  refund: 'succeeds',
  availableAtOnce: false,
}

const countryNumbers: Record<string, string> = {
  '250': 'FR',
  '276': 'DE',
  '356': 'IN',
  '380': 'IT',
  '458': 'MY',
  '608': 'PH',
  '702': 'SG',
  '764': 'TH',
  '826': 'GB',
  '840': 'US',
}

/** The digits of a card number as typed, with spaces or hyphens between them; undefined for anything else. */
export function readCardNumber(text: string): string | undefined {
  const digits = text.replace(/[ -]/g, '')
  return /^[0-9]{12,19}$/.test(digits) ? digits : undefined
}

/** Whether the last digit of a number is the right check digit (ISO/IEC 7812-1, Luhn). Digits only. */
export function hasCheckDigit(digits: string): boolean {
  let sum = 0
  for (let at = 0; at < digits.length; at++) {
    const digit = Number(digits[digits.length - 1 - at])
    const doubled = at % 2 === 1 ? digit * 2 : digit
    sum += doubled > 9 ? doubled - 9 : doubled
  }
  return /^[0-9]+$/.test(digits) && sum % 10 === 0
}

/** Issuer number ranges by brand; the first match wins (Discover's part of 62 is UnionPay's where both work). */
const brands: readonly (readonly [brand: CardBrand, prefix: RegExp, lengths: readonly number[]])[] = [
  ['visa', /^4/, [13, 16, 18, 19]],
  ['mastercard', /^(5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720)/, [16]],
  ['amex', /^3[47]/, [15]],
  ['diners', /^(30[0-5]|3095|36|3[89])/, [14, 15, 16, 17, 18, 19]],
  ['jcb', /^35(2[89]|[3-8])/, [16, 17, 18, 19]],
  ['discover', /^(6011|64[4-9]|65)/, [16, 17, 18, 19]],
  ['unionpay', /^(62|81)/, [14, 15, 16, 17, 18, 19]],
]

/** The brand of a card number by its first digits and its length, whether or not its check digit is right. */
export function cardBrand(digits: string): CardBrand | 'unknown' {
  return brands.find(([, prefix, lengths]) => prefix.test(digits) && lengths.includes(digits.length))?.[0] ?? 'unknown'
}

/** What may be stored of a card: brand, last four digits, and country and funding if they are known. Never throws. */
export function describeCard(number: string): CardDetails {
  const digits = readCardNumber(number) ?? ''
  const known = testCards.find(([listed]) => listed === digits)
  const country = /^400000([0-9]{3})/.exec(digits)?.[1]
  return {
    brand: cardBrand(digits),
    last4: digits.slice(-4),
    country: (country && ownValue(countryNumbers, country)) ?? (known ? 'US' : null),
    funding: known ? 'credit' : 'unknown',
    ...known?.[2],
  }
}

/**
 * What a published test card does. Undefined for every other number, which the simulator must reject: a real card does
 * not belong in a sandbox. Nothing that is returned contains the number.
 */
export function findTestCard(number: string): TestCard | undefined {
  const digits = readCardNumber(number)
  const known = testCards.find(([listed]) => listed === digits)
  return known && { card: describeCard(number), outcome: { ...plain, ...known[1] } }
}

/** The prefix of a token of the simulator. */
export const testTokenPrefix = 'simtok_'

const tokenOf = (digits: string) => `${testTokenPrefix}${createHash('sha256').update(digits).digest('hex').slice(0, 32)}`
const numbersByToken = new Map(testCards.map(([number]) => [tokenOf(number), number]))

/** The token of a published test card; undefined for every other number. Nothing is stored for it. */
export function testCardToken(number: string): string | undefined {
  const token = tokenOf(readCardNumber(number) ?? '')
  return numbersByToken.has(token) ? token : undefined
}

/** What the test card behind a token does. */
export function findTestCardByToken(token: string): TestCard | undefined {
  const number = numbersByToken.get(token)
  return number === undefined ? undefined : findTestCard(number)
}
