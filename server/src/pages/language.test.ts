import { expect, test } from 'vitest'
import { languageOf } from './language.ts'

const known = ['en', 'zh-Hans', 'ms', 'id', 'th', 'vi', 'ta']

test.each([
  ['th', undefined, 'th'],
  ['ZH-hans', 'th', 'zh-Hans'],
  [undefined, 'zh-CN,zh;q=0.9,en;q=0.8', 'zh-Hans'],
  [undefined, 'zh-Hant-TW, ms;q=0.5', 'zh-Hans'],
  [undefined, 'fr-FR, vi;q=0.3, ta-SG;q=0.7', 'ta'],
  [undefined, 'en-SG', 'en'],
  [undefined, 'fr', 'en'],
  [undefined, 'th;q=0, id;q=0.1', 'id'],
  ['xx', 'id', 'id'],
  [['th', 'vi'], undefined, 'en'],
  [undefined, ';;;,q=,,*', 'en'],
  ['constructor', undefined, 'en'],
  ['__proto__', 'toString, constructor-x, __proto__', 'en'],
])('the choice %j and a browser that prefers %j give the language %s', (chosen, accepted, language) => {
  expect(languageOf(chosen, accepted, known)).toBe(language)
})

test('the language falls back to the merchant’s default', () => {
  expect(languageOf(undefined, undefined, known, 'vi')).toBe('vi')
})
