import { describe, expect, test } from 'vitest'
import { failureText, refusalText } from '../checkout/view.ts'
import { en, type MessageKey } from './en.ts'
import { languages } from './languages.ts'
import { messagesOf } from './messages.ts'

const keys = Object.keys(en) as MessageKey[]
const placeholdersOf = (text: string) => [...text.matchAll(/\{\w+\}/g)].map(([name]) => name).sort()

/** Texts that may be the same as in English. */
const shared: Partial<Record<string, MessageKey[]>> = {
  id: ['payer.email', 'summary.total'],
  vi: ['payer.email', 'card.expiry_format'],
  ta: ['card.expiry_format'],
}
const scripts = { 'zh-Hans': /\p{Script=Han}/u, th: /\p{Script=Thai}/u, ta: /\p{Script=Tamil}/u } as const

describe.each(Object.keys(languages) as (keyof typeof languages)[])('%s', (language) => {
  const messages = messagesOf[language]

  test('a language has the same keys in the same order', () => {
    expect(Object.keys(messages)).toEqual(keys)
  })

  test('a language has the same placeholders in every text', () => {
    expect(keys.filter((key) => placeholdersOf(messages[key]).join() !== placeholdersOf(en[key]).join())).toEqual([])
  })

  test('a language has no text that is empty or has stray spaces', () => {
    expect(keys.filter((key) => messages[key] === '' || messages[key] !== messages[key].trim() || / {2}/.test(messages[key]))).toEqual([])
  })

  if (language !== 'en') {
    test('a language has no text left in English', () => {
      expect(keys.filter((key) => messages[key] === en[key] && !shared[language]?.includes(key))).toEqual([])
    })
  }

  test('a language is written in its own script', () => {
    const script = scripts[language as keyof typeof scripts]
    if (script) expect(keys.filter((key) => !script.test(messages[key]) && !shared[language]?.includes(key))).toEqual([])
    else expect(keys.filter((key) => /[\p{Script=Han}\p{Script=Thai}\p{Script=Tamil}]/u.test(messages[key]))).toEqual([])
  })
})

test('every reason for a failure and a refusal has a text', () => {
  const codes = ['insufficient_funds', 'expired_card', 'timeout', 'canceled', 'payment_in_progress', 'too_many_attempts', 'anything', null]
  for (const code of codes) {
    const texts = (['card', 'wallet', 'qr', 'redirect', 'bank'] as const).map((kind) => failureText(code, kind))
    expect(keys).toEqual(expect.arrayContaining([...texts, refusalText(code)]))
  }
})
