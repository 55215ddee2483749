/** A currency and the number of its decimals. */
export interface Money {
  currency: string
  decimals: number
}

/** Currencies of which nobody writes decimals: those without any, and the rupiah, whose sen are no coins. */
export function isWholeCurrency({ currency, decimals }: Money): boolean {
  return decimals === 0 || currency.toLowerCase() === 'idr'
}

/** Symbols that several currencies of the region share; an amount of money must not depend on where its reader lives. */
const ambiguous: ReadonlyMap<string, string> = new Map([
  ['$', 'US$'],
  ['¥', ''],
])

/**
 * Decimal text in major units in the format of a language, without a place to break the line. A bare `$` or `¥` is never
 * written: it is `US$`, or the currency's code. The text never passes through a float.
 */
export function formatMoney(amount: string, money: Money, language: string): string {
  const { currency, decimals } = money
  const whole = isWholeCurrency(money) && /^-?\d+(\.0*)?$/.test(amount)
  const digits = whole ? 0 : decimals
  const options = {
    style: 'currency',
    currency: currency.toUpperCase(),
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  } as const
  const parts = new Intl.NumberFormat(language, options).formatToParts(amount as `${number}`)
  const symbol = parts.find(({ type }) => type === 'currency')?.value ?? ''
  const clear = ambiguous.get(symbol)
  if (clear === '') return unbroken(new Intl.NumberFormat(language, { ...options, currencyDisplay: 'code' }).format(amount as `${number}`))
  return unbroken(parts.map(({ type, value }) => (type === 'currency' ? (clear ?? value) : value)).join(''))
}

const unbroken = (text: string) => text.replaceAll(' ', '\u00a0')

/** The decimal mark of a language: `.` or `,`. */
export function decimalMark(language: string): string {
  return new Intl.NumberFormat(language).formatToParts(1.5).find(({ type }) => type === 'decimal')?.value ?? '.'
}

/** An amount in the format of an input field: digits and the language's decimal mark. */
export function typedFrom(amount: string, language: string): string {
  return amount.replace('.', decimalMark(language))
}
