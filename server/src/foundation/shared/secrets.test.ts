import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decryptSecret, encryptSecret, sha256 } from './secrets.ts'

const key = Buffer.alloc(32, 1)

test('a digest is SHA-256 in hexadecimal', () => {
  expect(sha256('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')
})

test('a secret decrypts to itself, and each encryption of it looks different', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (text) => {
      expect(decryptSecret(encryptSecret(text, key), key)).toBe(text)
      expect(encryptSecret(text, key)).not.toBe(encryptSecret(text, key))
    }),
  )
})

test('another key, a changed text, a shortened tag and an unknown format are rejected', () => {
  const hidden = encryptSecret('salt', key)
  const [version, iv = '', tag = '', text = ''] = hidden.split('.')
  expect(() => decryptSecret(hidden, Buffer.alloc(32, 2))).toThrow()
  const flipped = Buffer.from(text, 'base64url')
  flipped[0] = (flipped[0] ?? 0) ^ 1
  expect(() => decryptSecret([version, iv, tag, flipped.toString('base64url')].join('.'), key)).toThrow()
  const short = Buffer.from(tag, 'base64url').subarray(0, 4).toString('base64url')
  expect(() => decryptSecret([version, iv, short, text].join('.'), key)).toThrow()
  expect(() => decryptSecret(hidden.replace('v1', 'v2'), key)).toThrow('unknown form of an encrypted secret')
  expect(() => decryptSecret('', key)).toThrow()
})
