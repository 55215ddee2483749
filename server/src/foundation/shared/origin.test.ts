import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseOrigin } from './origin.ts'

test.each([
  ['https://shop.example.com', 'https://shop.example.com'],
  ['HTTPS://Shop.Example.COM', 'https://shop.example.com'],
  ['https://shop.example.com:8443', 'https://shop.example.com:8443'],
  ['https://shop.example.com:443', 'https://shop.example.com'],
  ['https://xn--bcher-kva.example', 'https://xn--bcher-kva.example'],
  ['https://192.0.2.7', 'https://192.0.2.7'],
  ['http://localhost:3000', 'http://localhost:3000'],
  ['http://127.0.0.1:5173', 'http://127.0.0.1:5173'],
  ['https://localhost', 'https://localhost'],
])('%s is the origin %s', (text, origin) => {
  expect(parseOrigin(text)).toBe(origin)
  expect(parseOrigin(origin)).toBe(origin)
})

test.each([
  ['of another scheme', ['ftp://a.example', 'javascript:alert(1)', 'file://', 'wss://a.example', 'data:,', 'null', '//a.example', 'a.example', '']],
  ['plain http elsewhere', ['http://shop.example.com', 'http://127.0.0.2', 'http://localhost.example.com', 'http://10.0.0.1:3000']],
  ['with a path, query or fragment', ['https://a.example/', 'https://a.example/shop', 'https://a.example?x', 'https://a.example#', 'https://a.example\\']],
  ['with a user', ['https://user@a.example', 'https://a.example@b.example', 'https://u:p@a.example', 'http://localhost:3000@b.example']],
  ['with a wildcard', ['*', 'https://*', 'https://*.example.com', 'https://a.example:*', "'self'", 'https:']],
  ['with a trailing dot or empty labels', ['https://a.example.', 'https://.a.example', 'https://a..example', 'https://.']],
  [
    'in letters beyond ASCII',
    ['https://bücher.example', 'https://a.example。com', 'https://ｓhop.example', 'https://\u212Aopi.example', 'http://loc\u00ADalhost:1'],
  ],
  ['of names that are none', ['https://-a.example', 'https://a-.example', 'https://a_b.example', `https://${'a'.repeat(64)}.example`, 'https://a b.example']],
  ['of addresses in other spellings', ['https://0x7f.1', 'https://2130706433', 'https://127.1', 'https://[::1]', 'https://[::1]:3000', 'https://300.1.1.1']],
  [
    'with ports that are none',
    ['https://a.example:', 'https://a.example:0', 'https://a.example:65536', 'https://a.example:0443', 'https://a.example:99999', 'https://a.example:8o'],
  ],
  [
    'with more behind them',
    [
      'https://a.example https://b.example',
      'https://a.example;',
      'https://a.example,https://b.example',
      'https://a.example\n',
      ' https://a.example',
      'https://a.exam\tple',
    ],
  ],
])('%s is not an origin', (_what, texts) => {
  expect(texts.filter((text) => parseOrigin(text) !== undefined)).toEqual([])
})

test('an origin is what a browser makes of it, and cannot end a directive', () => {
  const part = fc.constantFrom(
    'https://',
    'http://',
    'a',
    'B',
    'localhost',
    '127.0.0.1',
    '.',
    '-',
    ':',
    '443',
    '80',
    '3000',
    '/',
    '@',
    '*',
    ';',
    ' ',
    'é',
    '%',
    '0x7f',
    '\\',
  )
  fc.assert(
    fc.property(fc.array(part, { maxLength: 8 }), (parts) => {
      const origin = parseOrigin(parts.join(''))
      if (origin === undefined) return
      expect(new URL(origin).origin).toBe(origin)
      expect(origin).toMatch(/^https?:\/\/[a-z0-9.-]+(:\d+)?$/)
    }),
    { numRuns: 2000 },
  )
})
