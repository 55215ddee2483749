import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { paymentMethods } from '#engine/rails/methods.ts'
import { payNowPayload } from '#engine/rails/paynow/paynow.ts'
import { sandboxCode } from '#engine/rails/sandbox-code.ts'
import type { Currency } from '#foundation/shared/money.ts'
import { latinName } from './latin-name.ts'

describe('latinName', () => {
  test.each([
    ['Søren Łódź Æble Straße', 'Soren Lodz Aeble Strasse'],
    ['Nguyễn Đức Cà Phê & Bánh Mì', 'Nguyen Duc Ca Phe & Banh'],
    ['陈大文', 'ChenDaWen'],
    ['新加坡 Pte Ltd', 'XinJiaPo Pte Ltd'],
    ['தமிழ் கடை', 'tmil ktai'],
    ['한국', 'HanGug'],
    ['Ｋｏｐｉ’s ☕', "Kopi's"],
    ['☕', 'NA'],
    ['', 'NA'],
  ])('the name %s is %s in a payment code', async (name, expected) => {
    expect(await latinName(name)).toBe(expected)
  })

  test('a name of any script is 1 to 25 printable ASCII characters, and one with letters is not NA', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'grapheme' }), async (text) => {
        expect(await latinName(text)).toMatch(/^[\x20-\x7e]{1,25}$/)
      }),
    )
    for (const name of ['ร้านกาแฟ', 'हिन्दी', 'தமிழ்', '食堂', 'Ωμέγα', 'Ђорђе']) expect(await latinName(name)).not.toBe('NA')
  })

  test('every method’s code has a business’s name in Latin letters', async () => {
    const payment = {
      businessId: '0192f7a0-0000-7000-8000-000000000001',
      payeeName: await latinName('陈大文 Straße'),
      amountMinor: 100_000n,
      reference: 'ABCDEFGHIJ0123456789',
      expiresAt: null,
      checkoutUrl: 'https://pay.example.com/x',
    }
    const currencies = new Map<string, Currency>([
      ['paynow_online', 'sgd'],
      ['qrph_netbank', 'php'],
      ['doku_qris', 'idr'],
      ['duitnow', 'myr'],
      ['upi_qr', 'inr'],
    ])
    const named = paymentMethods.flatMap((method) => {
      const currency = currencies.get(method.code)
      return currency ? [sandboxCode(method, { ...payment, currency })] : []
    })
    expect(named).toHaveLength(currencies.size)
    for (const code of named) expect(decodeURIComponent(code)).toContain('ChenDaWen Strasse')
  })

  test('the PayNow rail makes a code for a business whose name has no Latin letter', async () => {
    const payload = await payNowPayload({ proxy_type: 'uen', proxy_value: '201101550Z', name: '陈大文' }, { amountMinor: 100n, reference: 'A1' })
    expect(payload).toContain('5909ChenDaWen')
  })
})
