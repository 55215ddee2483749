import { expect, test } from 'vitest'
import { isReceiptToken, receiptToken, receiptUrl } from './address.ts'

const key = Buffer.alloc(32, 1)
const [business, charge] = ['0192f7a0-0000-7000-8000-000000000001', '0192f7a0-0000-7000-8000-000000000002']

test('a receipt’s token is 128 bits, always the same, and different for every business, charge and installation', () => {
  const token = receiptToken(key, business, charge)
  expect(token).toMatch(/^[\w-]{22}$/)
  expect(receiptToken(key, business, charge)).toBe(token)
  const others = [receiptToken(key, charge, business), receiptToken(key, business, business), receiptToken(Buffer.alloc(32, 2), business, charge)]
  expect(new Set([token, ...others]).size).toBe(4)
})

test('only the exact token is accepted', () => {
  const token = receiptToken(key, business, charge)
  expect(isReceiptToken(token, key, business, charge)).toBe(true)
  const wrong = [
    `${token.slice(0, -1)}${token.endsWith('A') ? 'B' : 'A'}`,
    token.slice(1),
    `${token}A`,
    '',
    token.toLowerCase(),
    receiptToken(key, charge, business),
  ]
  expect(wrong.map((one) => isReceiptToken(one, key, business, charge))).toEqual(wrong.map(() => false))
})

test('the URL contains the business, the charge and the token', () => {
  expect(receiptUrl('https://pay.example.com', key, { id: business, slug: 'kopi' }, charge)).toBe(
    `https://pay.example.com/receipt/@kopi/${charge}/${receiptToken(key, business, charge)}`,
  )
})
