import { invalid } from './errors.ts'

/**
 * Decimals of each accepted currency (ISO 4217); amounts are stored in minor units.
 * The list contains the currencies that card acquirers settle in, plus those of South-East Asia.
 */
const twoDigits =
  'aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bmd bnd bob brl bsd bwp byn bzd cad cdf chf cny cop crc cve czk ' +
  'dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gtq gyd hkd hnl htg huf idr ils inr jmd kes kgs khr kyd kzt lak lbp lkr ' +
  'lrd lsl mad mdl mkd mmk mnt mop mur mvr mwk mxn myr mzn nad ngn nio nok npr nzd pab pen pgk php pkr pln qar ron rsd rub ' +
  'sar sbd scr sek sgd shp sle sos srd std szl thb tjs top try ttd twd tzs uah usd uyu uzs wst xcd yer zar zmw'
const noDigits = 'bif clp djf gnf isk jpy kmf krw mga pyg rwf ugx vnd vuv xaf xof xpf'
const threeDigits = 'bhd jod kwd omr tnd'

const exponents: ReadonlyMap<string, number> = new Map([
  ...twoDigits.split(' ').map((code) => [code, 2] as const),
  ...noDigits.split(' ').map((code) => [code, 0] as const),
  ...threeDigits.split(' ').map((code) => [code, 3] as const),
])

/** A lower-case ISO 4217 code that Hawker accepts, for example `sgd`. */
export type Currency = string

/** The currency in lower case, or undefined if it is not accepted. Both cases are accepted. */
export function parseCurrency(text: string): Currency | undefined {
  const code = text.toLowerCase()
  return exponents.has(code) ? code : undefined
}

/** Every accepted currency, sorted. */
export function currencies(): Currency[] {
  return [...exponents.keys()].sort()
}

/** Decimals of a currency: 2 for `sgd`, 0 for `vnd`. Throws for an unknown currency. */
export function exponentOf(currency: Currency): number {
  const exponent = exponents.get(currency)
  if (exponent === undefined) throw new Error(`unknown currency ${currency}`)
  return exponent
}

const decimal = /^(\d{1,15})(?:\.(\d{1,10}))?$/

/**
 * Converts an amount in major units, as text or as a JSON number, to minor units of its currency.
 * Read digit by digit, never through float arithmetic. Returns undefined for anything that is not a plain decimal, or
 * that has more significant decimals than the currency has (`10.005` in SGD; trailing zeros do not count: `10.500` is fine).
 */
export function parseAmount(amount: string | number, currency: Currency): bigint | undefined {
  const match = decimal.exec(typeof amount === 'number' ? String(amount) : amount.trim())
  if (!match) return undefined
  const exponent = exponentOf(currency)
  const fraction = (match[2] ?? '').replace(/0+$/, '')
  if (fraction.length > exponent) return undefined
  return BigInt(`${match[1]}${fraction.padEnd(exponent, '0')}`)
}

/** As `parseAmount`, but an invalid amount is a 422 that names the field. */
export function requireAmount(field: string, amount: string | number, currency: Currency): bigint {
  const minor = parseAmount(amount, currency)
  if (minor !== undefined) return minor
  const digits = exponentOf(currency)
  const shape = digits === 0 ? 'a whole number' : `a number with at most ${digits} decimals`
  throw invalid({ [field]: [`The ${field.replaceAll('_', ' ')} must be ${shape} in ${currency.toUpperCase()}.`] })
}

/** An amount in major units as text with all the currency's decimals: `1050n` of SGD is `10.50`. */
export function formatAmount(amountMinor: bigint, currency: Currency): string {
  const exponent = exponentOf(currency)
  const sign = amountMinor < 0n ? '-' : ''
  const digits = (amountMinor < 0n ? -amountMinor : amountMinor).toString().padStart(exponent + 1, '0')
  if (exponent === 0) return sign + digits
  return `${sign}${digits.slice(0, -exponent)}.${digits.slice(-exponent)}`
}

/** An amount in major units as a JSON number, as charges, orders and invoices return it: `1050n` of SGD is `10.5`. */
export function amountAsNumber(amountMinor: bigint, currency: Currency): number {
  return Number(formatAmount(amountMinor, currency))
}

/** A share of an amount, given in hundredths of a percent (365 is 3.65 %), rounded half away from zero. */
export function shareOf(amountMinor: bigint, basisPoints: bigint): bigint {
  const product = amountMinor * basisPoints
  return product < 0n ? -((-product + 5000n) / 10_000n) : (product + 5000n) / 10_000n
}
