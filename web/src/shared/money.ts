/** A currency and how many digits it has after the decimal point. */
export interface Money {
  currency: string
  decimals: number
}

/** Decimal text in major units as people of a language write money. The text never passes through a float. */
export function formatMoney(amount: string, { currency, decimals }: Money, language: string): string {
  // Nobody writes the sen of a rupiah unless there are some.
  const whole = currency.toLowerCase() === 'idr' && /^\d+(\.0*)?$/.test(amount)
  const digits = whole ? 0 : decimals
  const format = new Intl.NumberFormat(language, {
    style: 'currency',
    currency: currency.toUpperCase(),
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  })
  return format.format(amount as `${number}`)
}

/** The decimal mark of a language: `.` or `,`. */
export function decimalMark(language: string): string {
  return new Intl.NumberFormat(language).formatToParts(1.5).find(({ type }) => type === 'decimal')?.value ?? '.'
}

export type TypedAmount = { amount: string } | { fault: 'amount.required' | 'amount.invalid' | 'amount.zero' }

/**
 * What a payer typed as an amount, as decimal text in major units. Points, commas, spaces and apostrophes are read as
 * people mean them; what could be meant in two ways is refused rather than guessed.
 */
export function parseTyped(typed: string, decimals: number, language: string): TypedAmount {
  const text = typed
    .normalize('NFKC')
    .replace(/[\s'’_]/g, '')
    .replace(/^[^\d.,-]+|[^\d.,]+$/g, '')
  if (text === '') return { fault: typed.trim() === '' ? 'amount.required' : 'amount.invalid' }
  if (!/^[\d.,]+$/.test(text) || !/\d/.test(text)) return { fault: 'amount.invalid' }
  const at = decimalAt(text, decimals, language)
  const whole = at < 0 ? text : text.slice(0, at)
  const fraction = at < 0 ? '' : text.slice(at + 1)
  if (!isGrouped(whole) || fraction.length > decimals || !/^\d*$/.test(fraction)) return { fault: 'amount.invalid' }
  const digits = whole.replace(/[.,]/g, '').replace(/^0+(?=\d)/, '') || '0'
  if (digits.length > 12) return { fault: 'amount.invalid' }
  const amount = decimals > 0 ? `${digits}.${fraction.padEnd(decimals, '0')}` : digits
  return /[1-9]/.test(amount) ? { amount } : { fault: 'amount.zero' }
}

/** Where the decimal mark stands, or -1. */
function decimalAt(text: string, decimals: number, language: string): number {
  const last = Math.max(text.lastIndexOf('.'), text.lastIndexOf(','))
  if (last < 0 || decimals === 0) return -1
  const mark = text[last] ?? ''
  const after = text.length - last - 1
  if (text.indexOf(mark) !== last) return -1
  const both = text.includes('.') && text.includes(',')
  if (both) return last
  // One mark with three digits behind it divides thousands, unless it is the language's decimal mark: then there are too many.
  return after === 3 && mark !== decimalMark(language) ? -1 : last
}

/** Digits without marks, or in groups of three (of two before the last three, as in India) with one and the same mark. */
function isGrouped(whole: string): boolean {
  return /^\d*$/.test(whole) || /^\d{1,3}(\.\d{3})+$/.test(whole) || /^\d{1,3}(,\d{3})+$/.test(whole) || /^\d{1,2}(,\d{2})+,\d{3}$/.test(whole)
}

/** An amount as it is put into a field: digits and the language's decimal mark. */
export function typedFrom(amount: string, language: string): string {
  return amount.replace('.', decimalMark(language))
}
