import { formatDay, formatMoment } from '@hawker/web/moment'
import { formatMoney } from '@hawker/web/money'
import { ownValue } from '@hawker/web/own-value'
import { exponentOf, formatAmount } from '#foundation/shared/money.ts'
import { displayName } from '#resources/payments/charges/payment-method-wire.ts'
import type { Receipt } from './receipt-wire.ts'
import { type Texts, texts } from './texts.ts'

/** A language that receipts are written in, by its tag in `lang`. */
export type Language = keyof typeof texts

/** The languages in the order in which they are offered: tag and own name. */
export const languages: readonly { tag: Language; name: string }[] = [
  { tag: 'en', name: 'English' },
  { tag: 'zh-Hans', name: '简体中文' },
  { tag: 'ms', name: 'Bahasa Melayu' },
  { tag: 'id', name: 'Bahasa Indonesia' },
  { tag: 'th', name: 'ไทย' },
  { tag: 'vi', name: 'Tiếng Việt' },
  { tag: 'ta', name: 'தமிழ்' },
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
  const { currency, method, card } = receipt
  const amount = { currency, decimals: exponentOf(currency) }
  const named: Record<string, string> = { card: words.card, cash: words.cash, card_present: words.inPerson, wifi_card_reader: words.inPerson }
  return {
    language,
    texts: words,
    money: (minor) => formatMoney(formatAmount(minor, currency), amount, language),
    moment: (at) => formatMoment(at, language, timezone),
    day: (at) => formatDay(at, language, timezone),
    method() {
      const name = ownValue(named, method) ?? displayName(method)
      if (!card) return name
      const brand = displayName(card.brand.toLowerCase().replaceAll(' ', '_'))
      return `${name}, ${brand} •••• ${card.last4}`
    },
    fill: (text, values) => text.replace(/\{(\w+)\}/g, (whole, name: string) => ownValue(values, name) ?? whole),
  }
}
