import { createContext, type ReactNode, useContext, useEffect, useState } from 'react'
import type { MessageKey } from '../messages/en.ts'
import { formatMoney, type Money } from '../shared/money.ts'
import { ownValue } from '../shared/own-value.ts'

/** A page's language: its texts, its money and its times. */
export interface Texts {
  language: string
  /** The text of a key, with `{name}` replaced. A missing key is shown as it is rather than as nothing. */
  t(key: MessageKey, values?: Record<string, string>): string
  money(amount: string): string
  /** A count with the separators of the language. */
  count(number: number): string
}

/** Puts values into a text. */
export function fill(text: string, values: Record<string, string> = {}): string {
  return text.replace(/\{(\w+)\}/g, (all, name: string) => ownValue(values, name) ?? all)
}

/** Texts of a page from its messages. */
export function textsOf(messages: Record<string, string>, language: string, currency: Money): Texts {
  return {
    language,
    t: (key, values) => fill(messages[key] ?? key, values),
    money: (amount) => formatMoney(amount, currency, language),
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

/** A moment in the payer's own time zone. The server does not know the zone, so until the script runs it is shown in UTC. */
export function Time({ at }: { at: string }) {
  const { language } = useTexts()
  const [local, setLocal] = useState(false)
  useEffect(() => setLocal(true), [])
  return <time dateTime={at}>{formatTime(at, language, local ? undefined : 'UTC')}</time>
}

/** Date and time; a zone that is not the reader's own is named. */
export function formatTime(at: string, language: string, timeZone?: string): string {
  const options: Intl.DateTimeFormatOptions = { day: 'numeric', month: 'long', year: 'numeric', hour: 'numeric', minute: '2-digit' }
  const zone: Intl.DateTimeFormatOptions = timeZone ? { timeZone, timeZoneName: 'short' } : {}
  // English as it is written in Singapore and Malaysia: the day before the month. Thai years are counted as in Thailand.
  return new Intl.DateTimeFormat(language === 'en' ? 'en-SG' : language, { ...options, ...zone }).format(new Date(at))
}
