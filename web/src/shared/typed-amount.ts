import { decimalMark, isWholeCurrency, type Money } from './money.ts'

export type TypedAmountFault = 'amount.required' | 'amount.invalid' | 'amount.zero'

/** What a typed amount means, in major units with all decimals: one amount, several that the person must choose from, or a fault. */
export type TypedAmount = { amount: string } | { choices: string[] } | { fault: TypedAmountFault }

/** Longer texts are no amounts; it also bounds what the patterns below read. */
const longest = 64
/** Digits before the decimal mark. */
const mostDigits = 12
/** The zeros of the digits that keyboards in the region type: Arabic, Devanagari, Bengali, Tamil, Thai, Lao, Burmese, Khmer. */
const zeros = [0x660, 0x6f0, 0x966, 0x9e6, 0xbe6, 0xe50, 0xed0, 0x1040, 0x17e0]

function latinDigit(digit: string): string {
  const code = digit.codePointAt(0) ?? 0
  const zero = zeros.find((one) => code >= one && code < one + 10)
  return zero === undefined ? digit : String(code - zero)
}

/**
 * Reads an amount as a person types it, on a page and on the server alike: points, commas, spaces and apostrophes, digits of
 * any script, the name of the currency. Text that can mean two amounts is never guessed: its readings are returned to be chosen from.
 */
export function readTypedAmount(typed: string, money: Money, language: string): TypedAmount {
  if (typed.trim() === '') return { fault: 'amount.required' }
  const number = typed.length <= longest ? numberIn(typed, money) : undefined
  if (number === undefined) return { fault: 'amount.invalid' }
  const readings = readingsOf(number, money, language)
  if (readings.length === 0) return { fault: 'amount.invalid' }
  const positive = readings.filter((amount) => /[1-9]/.test(amount))
  const [first] = positive
  if (first === undefined) return { fault: 'amount.zero' }
  return positive.length === 1 && isCertain(number, money, language) ? { amount: first } : { choices: positive }
}

/** The digits and marks of a text, without the name of the currency; undefined if it says anything else. */
function numberIn(typed: string, { currency }: Money): string | undefined {
  const text = typed
    .normalize('NFKC')
    .replace(/\p{Nd}/gu, latinDigit)
    .replace(/[\u2019\u2018`\u00b4]/g, "'")
    .replace(/\u066b/g, '.')
    .replace(/\u066c/g, ',')
    .replace(/[\s_]/g, ' ')
    .trim()
  const start = text.search(/\d/)
  if (start < 0) return undefined
  let end = text.length
  while (!/\d/.test(text[end - 1] ?? '')) end -= 1
  const [before, after] = [text.slice(0, start), text.slice(end)]
  // A mark before the first digit is a decimal mark, unless it ends an abbreviation: `.5`, `Rp.5`.
  const mark = /(^|[^\p{L}])[.,]$/u.test(before) ? (before.at(-1) ?? '') : ''
  const name = mark === '' ? before : before.slice(0, -1)
  if (!/^\p{L}{0,3}\.?\p{Sc}? ?$/u.test(name)) return undefined
  // Behind a number, a word may be a thousand or a million (`150 rb`), so only a symbol or the currency's code is taken.
  if (!/^([.,]-{0,2})? ?(\p{Sc}|đ)?$/iu.test(after) && after.trim().toLowerCase() !== currency.toLowerCase()) return undefined
  const inner = text.slice(start, end)
  return /^[\d.,' ]+$/.test(inner) ? `${mark}${inner}` : undefined
}

/** Digits without marks, or in groups of three (of two before the last three, as in India) with one and the same mark. */
function isGrouped(whole: string): boolean {
  if (/^\d+$/.test(whole)) return true
  if (whole.startsWith('0')) return false
  const mark = /\D/.exec(whole)?.[0] ?? ''
  const groups = whole.split(mark)
  const [first = '', ...rest] = groups
  if (groups.some((group) => !/^\d+$/.test(group))) return false
  const inThrees = first.length <= 3 && rest.every((group) => group.length === 3)
  const inTwos = mark === ',' && first.length <= 2 && rest.at(-1)?.length === 3 && rest.slice(0, -1).every((group) => group.length === 2)
  return inThrees || inTwos
}

function amountOf(whole: string, fraction: string, { decimals }: Money): string | undefined {
  const digits = whole.replace(/\D/g, '').replace(/^0+(?=\d)/, '') || '0'
  const kept = fraction.replace(/0+$/, '')
  if (digits.length > mostDigits || kept.length > decimals) return undefined
  return decimals > 0 ? `${digits}.${kept.padEnd(decimals, '0')}` : digits
}

/** Where the last point or comma is, or -1. */
const lastMark = (number: string) => Math.max(number.lastIndexOf('.'), number.lastIndexOf(','))

/** The reading of a number whose last mark is a decimal mark. */
function withFraction(number: string, money: Money): string | undefined {
  const at = lastMark(number)
  const [whole, fraction] = [number.slice(0, at), number.slice(at + 1)]
  if (at < 0 || !/^\d+$/.test(fraction) || whole.includes(number[at] ?? '') || !(whole === '' || isGrouped(whole))) return undefined
  return amountOf(whole, fraction, money)
}

/** Every amount that a number can mean. */
function readingsOf(number: string, money: Money, language: string): string[] {
  const whole = isGrouped(number) ? amountOf(number, '', money) : undefined
  const fraction = withFraction(number, money)
  if (whole === undefined || fraction === undefined) return [whole ?? fraction].filter((one) => one !== undefined)
  // One mark before exactly three digits. Where nobody writes decimals, or where it is no decimal mark and would have too many, it groups.
  if (isWholeCurrency(money)) return [whole]
  return money.decimals < 3 && number[lastMark(number)] !== decimalMark(language) ? [whole] : [whole, fraction]
}

/** Whether a number's only reading is also what its language says: in English, `10.005` is no way to write ten thousand and five. */
function isCertain(number: string, money: Money, language: string): boolean {
  const at = lastMark(number)
  const isOneGroup = at >= 0 && number.indexOf(number[at] ?? '') === at && number.length - at === 4 && !/[' ]/.test(number)
  const hasOtherMark = number.includes('.') && number.includes(',')
  return !isOneGroup || hasOtherMark || isWholeCurrency(money) || number[at] !== decimalMark(language) || /^[.,]|^0/.test(number)
}
