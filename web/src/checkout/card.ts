import type { Brand } from '../shared/card-brands.ts'

interface BrandRule {
  prefix: RegExp
  lengths: readonly number[]
  /** How the digits are grouped on the card. */
  groups: readonly number[]
  cvc: 3 | 4
}

const fours = [4, 4, 4, 4, 3]

/** Issuer number ranges; the first match wins. A prefix is recognized as soon as it cannot mean another brand. */
export const brands: Record<Brand, BrandRule> = {
  visa: { prefix: /^4/, lengths: [13, 16, 18, 19], groups: fours, cvc: 3 },
  mastercard: { prefix: /^(5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720)/, lengths: [16], groups: fours, cvc: 3 },
  amex: { prefix: /^3[47]/, lengths: [15], groups: [4, 6, 5], cvc: 4 },
  diners: { prefix: /^(30[0-5]|3095|36|3[89])/, lengths: [14, 15, 16, 17, 18, 19], groups: [4, 6, 4, 5], cvc: 3 },
  jcb: { prefix: /^35(2[89]|[3-8])/, lengths: [16, 17, 18, 19], groups: fours, cvc: 3 },
  discover: { prefix: /^(6011|64[4-9]|65)/, lengths: [16, 17, 18, 19], groups: fours, cvc: 3 },
  unionpay: { prefix: /^(62|81)/, lengths: [14, 15, 16, 17, 18, 19], groups: fours, cvc: 3 },
}

/** The digits of what was typed, at most as many as a card has; other scripts' digits and spaces are tolerated. */
export function digitsOf(text: string, most = 19): string {
  return text.normalize('NFKC').replace(/\D/g, '').slice(0, most)
}

/** The brand by the first digits of a number, or undefined while they match none. */
export function brandOf(number: string): Brand | undefined {
  const digits = digitsOf(number)
  return (Object.keys(brands) as Brand[]).find((brand) => brands[brand].prefix.test(digits))
}

/** The digits in the groups in which they are printed on a card of their brand. */
export function formatNumber(text: string): string {
  const brand = brandOf(text)
  const digits = digitsOf(text, brand ? Math.max(...brands[brand].lengths) : 19)
  // A Diners card of more than 14 digits is grouped like any other.
  const groups = brand === 'diners' && digits.length > 14 ? fours : brand ? brands[brand].groups : fours
  const parts: string[] = []
  let at = 0
  for (const length of groups) {
    if (at < digits.length) parts.push(digits.slice(at, at + length))
    at += length
  }
  return parts.join(' ')
}

/** The new number when the field contains `typed` where `shown` was. Deleting a gap deletes the digit before it. */
export function editNumber(shown: string, typed: string, caret: number): { number: string; caret: number } {
  const gapDeleted = typed.length === shown.length - 1 && digitsOf(typed) === digitsOf(shown)
  const text = gapDeleted && caret > 0 ? typed.slice(0, caret - 1) + typed.slice(caret) : typed
  const place = gapDeleted && caret > 0 ? caret - 1 : caret
  const number = formatNumber(text)
  return { number, caret: caretAfter(text, place, number) }
}

/** The position of the caret after formatting: behind as many digits as before. */
export function caretAfter(before: string, caret: number, formatted: string): number {
  const wanted = digitsOf(before.slice(0, caret)).length
  if (caret >= before.length) return formatted.length
  let digits = 0
  let at = 0
  while (at < formatted.length && digits < wanted) if (/\d/.test(formatted[at++] ?? '')) digits++
  return at
}

/** Whether the last digit is the right check digit (ISO/IEC 7812-1, Luhn). */
export function hasCheckDigit(number: string): boolean {
  const digits = digitsOf(number)
  let sum = 0
  for (let at = 0; at < digits.length; at++) {
    const digit = Number(digits[digits.length - 1 - at])
    const doubled = at % 2 === 1 ? digit * 2 : digit
    sum += doubled > 9 ? doubled - 9 : doubled
  }
  return digits !== '' && sum % 10 === 0
}

/** `MM / YY` while it is typed, pasted or filled in by the browser (`0130`, `1/30`, `01/2030`). */
export function formatExpiry(text: string, previous = ''): string {
  const plain = text.normalize('NFKC')
  const separated = /^\s*(\d{1,2})\s*[/\-. ]\s*(\d{0,4})\s*$/.exec(plain)
  let month: string
  let year: string
  if (separated) {
    month = (separated[1] ?? '').padStart(2, '0')
    year = separated[2] ?? ''
  } else {
    let digits = digitsOf(plain, 6)
    // No month starts with 2 to 9, so such a digit is the whole month.
    if (/^[2-9]/.test(digits)) digits = `0${digits}`.slice(0, 6)
    month = digits.slice(0, 2)
    year = digits.slice(2)
  }
  const shortYear = year.length === 4 ? year.slice(2) : year.slice(0, year.startsWith('20') && year.length > 2 ? 4 : 2)
  const removing = previous.length > text.length
  if (month.length < 2 || (shortYear === '' && removing)) return separated && removing ? month.slice(0, 2) : month
  return `${month} / ${shortYear}`
}

/** Month and full year of `MM / YY`; undefined for anything that is not a month of this century. */
export function parseExpiry(text: string): { month: number; year: number } | undefined {
  const match = /^(\d{2}) \/ (\d{2})$/.exec(formatExpiry(text))
  if (!match) return undefined
  const month = Number(match[1])
  return month >= 1 && month <= 12 ? { month, year: 2000 + Number(match[2]) } : undefined
}

/** The content of the form. It is in memory only, until the number has become a token. */
export interface CardFields {
  number: string
  expiry: string
  cvc: string
}

/** The error of a field, as the key of a text; null if there is none. */
export type CardFault =
  | 'card.number_required'
  | 'card.number_short'
  | 'card.expiry_required'
  | 'card.expiry_invalid'
  | 'card.expiry_past'
  | 'card.cvc_required'
  | 'card.cvc_length'
  | 'failure.incorrect_number'
  | 'failure.invalid_expiry'
  | 'failure.expired_card'
  | 'failure.incorrect_cvc'

export type CardFaults = Record<keyof CardFields, CardFault | null>

/** How many digits the security code of a number's brand has. */
export function cvcLength(number: string): 3 | 4 {
  const brand = brandOf(number)
  return brand ? brands[brand].cvc : 3
}

/** What prevents a card from being submitted. A wrong check digit does not: the issuer has the last word. */
export function cardFaults({ number, expiry, cvc }: CardFields, today: { month: number; year: number }): CardFaults {
  const digits = digitsOf(number)
  const brand = brandOf(digits)
  const shortest = brand ? Math.min(...brands[brand].lengths) : 12
  const until = parseExpiry(expiry)
  const past = until !== undefined && (until.year < today.year || (until.year === today.year && until.month < today.month))
  const code = digitsOf(cvc)
  const codeFits = brand ? code.length === brands[brand].cvc : code.length === 3 || code.length === 4
  return {
    number: digits === '' ? 'card.number_required' : digits.length < shortest ? 'card.number_short' : null,
    expiry: expiry.trim() === '' ? 'card.expiry_required' : !until ? 'card.expiry_invalid' : past ? 'card.expiry_past' : null,
    cvc: code === '' ? 'card.cvc_required' : codeFits ? null : 'card.cvc_length',
  }
}

/** Whether a number that is long enough looks mistyped. */
export function looksMistyped(number: string): boolean {
  const brand = brandOf(number)
  const { length } = digitsOf(number)
  return (brand ? brands[brand].lengths.includes(length) : length >= 12) && !hasCheckDigit(number)
}

/** What the form becomes after a failure. */
export interface AfterFailure {
  fields: CardFields
  /** The field that is wrong, and its error. */
  fault: { field: keyof CardFields; text: CardFault } | null
  /** Where the payer continues; null at the message. */
  focus: keyof CardFields | null
}

const faultyFields: ReadonlyMap<string, keyof CardFields> = new Map([
  ['failure.incorrect_number', 'number'],
  ['failure.invalid_expiry', 'expiry'],
  ['failure.incorrect_cvc', 'cvc'],
])

/**
 * A failure about one field asks for that field only; any other decline asks for another card. The number and the expiry date
 * may stay in the fields in which the payer typed them: they are nowhere else, and the page's memory ends with the page. The
 * security code never stays after it was sent, because PCI DSS (3.3.1) forbids keeping it after an authorization.
 */
export function afterFailure(text: string, fields: CardFields): AfterFailure {
  // The card was not sent, so nothing of it was used.
  if (text === 'failure.tokeniser') return { fields, fault: null, focus: null }
  const kept = { ...fields, cvc: '' }
  const field = faultyFields.get(text)
  if (fields.number !== '' && field) return { fields: kept, fault: { field, text: text as CardFault }, focus: field }
  if (fields.number !== '' && text === 'failure.processing_error') return { fields: kept, fault: null, focus: 'cvc' }
  if (text.startsWith('refused.')) return { fields: kept, fault: null, focus: null }
  return { fields: { number: '', expiry: '', cvc: '' }, fault: null, focus: 'number' }
}
