import { createContext, type ReactNode, useContext } from 'react'
import type { MessageKey } from '../messages/en.ts'
import { formatMoment } from '../shared/moment.ts'
import { formatMoney, type Money } from '../shared/money.ts'
import { ownValue } from '../shared/own-value.ts'

/** A page's language: its texts, its money and its times. */
export interface Texts {
  language: string
  /** The text of a key, with `{name}` replaced. A missing key is shown as it is rather than as nothing. */
  t(key: MessageKey, values?: Record<string, string>): string
  money(amount: string): string
  /** A moment, in the business's time zone. */
  moment(at: string): string
  /** A count with the separators of the language. */
  count(number: number): string
}

/** Puts values into a text. */
export function fill(text: string, values: Record<string, string> = {}): string {
  return text.replace(/\{(\w+)\}/g, (all, name: string) => ownValue(values, name) ?? all)
}

/** Texts of a page from its messages. */
export function textsOf(messages: Record<string, string>, language: string, currency: Money, timeZone: string): Texts {
  return {
    language,
    t: (key, values) => fill(messages[key] ?? key, values),
    money: (amount) => formatMoney(amount, currency, language),
    moment: (at) => formatMoment(at, language, timeZone),
    count: (number) => new Intl.NumberFormat(language).format(number),
  }
}

const Context = createContext<Texts | null>(null)

export function TextsProvider({ texts, children }: { texts: Texts; children: ReactNode }) {
  return <Context.Provider value={texts}>{children}</Context.Provider>
}

/** The texts of the surrounding page. */
export function useTexts(): Texts {
  const texts = useContext(Context)
  if (!texts) throw new Error('There are no texts around this.')
  return texts
}

/** A moment, in the business's time zone. */
export function Time({ at }: { at: string }) {
  return <time dateTime={at}>{useTexts().moment(at)}</time>
}
