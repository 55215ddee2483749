import { ownValue } from '@hawker/web/own-value'
import { exponentOf, formatAmount } from '#foundation/shared/money.ts'
import { displayName } from '#resources/payments/charges/payment-method-wire.ts'
import type { Receipt } from './receipt-wire.ts'
import { type Texts, texts } from './texts.ts'

/** A language that receipts are written in, by its tag in `lang`. */
export type Language = keyof typeof texts

/** The languages in the order in which they are offered: tag, own name, and the locale of numbers and dates. */
export const languages: readonly { tag: Language; name: string; locale: string }[] = [
  { tag: 'en', name: 'English', locale: 'en-SG' },
  { tag: 'zh-Hans', name: '简体中文', locale: 'zh-Hans-SG' },
  { tag: 'ms', name: 'Bahasa Melayu', locale: 'ms-MY' },
  { tag: 'id', name: 'Bahasa Indonesia', locale: 'id-ID' },
  { tag: 'th', name: 'ไทย', locale: 'th-TH' },
  { tag: 'vi', name: 'Tiếng Việt', locale: 'vi-VN' },
  { tag: 'ta', name: 'தமிழ்', locale: 'ta-SG' },
]

/** A receipt's words, amounts and dates in one language. */
export interface Speech {
  readonly language: Language
  readonly texts: Texts
  money(minor: bigint): string
  moment(at: Date): string
  day(at: Date): string
  method(): string
  fill(text: string, values: Record<string, string>): string
}

/** The words, amounts and dates of a receipt in a language; dates are in the business's time zone. */
export function speech(language: Language, receipt: Pick<Receipt, 'currency' | 'method' | 'card'>, timezone: string): Speech {
  const words = texts[language]
  const locale = languages.find(({ tag }) => tag === language)?.locale ?? language
  const { currency, method, card } = receipt
  const digits = exponentOf(currency)
  const amounts = new Intl.NumberFormat(locale, {
    style: 'currency',
    currency: currency.toUpperCase(),
    currencyDisplay: 'code',
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  })
  const moments = new Intl.DateTimeFormat(locale, { timeZone: timezone, dateStyle: 'long', timeStyle: 'short' })
  const offsets = new Intl.DateTimeFormat('en', { timeZone: timezone, timeZoneName: 'shortOffset' })
  const days = new Intl.DateTimeFormat(locale, { timeZone: timezone, dateStyle: 'medium' })
  const offset = (at: Date) => offsets.formatToParts(at).find(({ type }) => type === 'timeZoneName')?.value ?? ''
  const named: Record<string, string> = { card: words.card, cash: words.cash, card_present: words.inPerson, wifi_card_reader: words.inPerson }
  const spaced = (text: string) => text.replace(/[\u202f\u2009]/g, '\u00a0')
  return {
    language,
    texts: words,
    // As text, digit by digit: an amount never becomes a float.
    money: (minor) => spaced(amounts.format(formatAmount(minor, currency) as unknown as bigint)),
    moment: (at) => spaced(`${moments.format(at)} (${offset(at)})`),
    day: (at) => spaced(days.format(at)),
    method() {
      const name = ownValue(named, method) ?? displayName(method)
      if (!card) return name
      const brand = displayName(card.brand.toLowerCase().replaceAll(' ', '_'))
      return `${name}, ${brand} •••• ${card.last4}`
    },
    fill: (text, values) => text.replace(/\{(\w+)\}/g, (whole, name: string) => ownValue(values, name) ?? whole),
  }
}
