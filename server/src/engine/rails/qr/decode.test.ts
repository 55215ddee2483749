import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decodeQr } from './decode.ts'
import { buildDuitNow } from './duitnow.ts'
import { fitText, writeEmv } from './emv.ts'
import { buildPayNow } from './paynow.ts'
import { buildPromptPay } from './promptpay.ts'
import { buildQris, withQrisAmount } from './qris.ts'
import { buildQrPhMerchant } from './qrph.ts'
import { crc16, QrFault, type QrObject, readObjects, writeObjects } from './tlv.ts'
import { buildUpi } from './upi.ts'
import vectors from './vectors.json' with { type: 'json' }
import { buildVietQr } from './vietqr.ts'

const closed = (open: string) => `${open}6304${crc16(`${open}6304`)}`
const payNow = (extra: string) => closed(`000201010212${extra}`)

function faultOf(run: () => unknown): QrFault {
  try {
    run()
  } catch (error) {
    if (error instanceof QrFault) return error
    throw error
  }
  throw new Error('nothing was thrown')
}

describe('a broken code is rejected with its position', () => {
  test.each([
    ['no payment code', 'https://example.com', { code: 'not_a_payment_code', position: 0 }],
    ['nothing', '', { code: 'not_a_payment_code', position: 0 }],
    ['a value that swallows the CRC', payNow('5910NA'), { code: 'missing', path: '63' }],
    ['a length of 00', payNow('5900'), { code: 'bad_length', path: '59', position: 14 }],
    ['a length that is no number', payNow('59x2NA'), { code: 'bad_length', path: '59', position: 14 }],
    ['an id that is no number', payNow('5x02NA'), { code: 'bad_id', position: 12 }],
    ['full-width digits', payNow('5902NA６００２XX'), { code: 'bad_id', position: 18 }],
    ['an object that comes twice', payNow('5902NA5902NA'), { code: 'repeated_id', path: '59', position: 18 }],
    ['an inner object that comes twice', payNow('62100101A0101B'), { code: 'repeated_id', path: '62.01', position: 21 }],
    ['an inner value that ends early', payNow('62060105AB'), { code: 'short_value', path: '62.01', position: 20 }],
    ['an inner object beyond its template', payNow('62050105A5802SG'), { code: 'short_value', path: '62.01', position: 20 }],
    ['a script outside ASCII in the country', payNow('5802新加'), { code: 'bad_character', path: '58', position: 16 }],
    ['a control character', payNow('5903N\nA'), { code: 'bad_character', position: 17 }],
    ['half of a surrogate pair', payNow('5901\ud83d'), { code: 'bad_character' }],
    ['a PayNow code without payee', payNow('26130009SG.PAYNOW5303702'), { code: 'missing', path: '26.01' }],
    ['an amount of zero', payNow('530370254040.00'), { code: 'bad_value', path: '54' }],
    ['a negative amount', payNow('53037025405-1.00'), { code: 'bad_value', path: '54' }],
    ['more decimals than the currency has', payNow('530370254051.005'), { code: 'bad_value', path: '54' }],
    ['another payload format', closed('000203010212'), { code: 'bad_value', path: '00' }],
    ['nothing after the CRC mark', '0002010102126304', { code: 'bad_crc', path: '63' }],
    ['something after the CRC', `${payNow('5902NA')}6101A`, { code: 'bad_crc', path: '63' }],
    ['over 512 characters', payNow('8'.repeat(600)), { code: 'too_long' }],
  ])('a broken code is rejected with its position: %s', (_, payload, expected) => {
    expect(faultOf(() => decodeQr(payload))).toMatchObject(expected)
  })

  test.each([
    ['another address', 'upi://collect?pa=a@b', { code: 'not_a_payment_code' }],
    ['no payee', 'upi://pay?pn=Example', { code: 'missing', path: 'pa' }],
    ['a payee without a handle', 'upi://pay?pa=example', { code: 'bad_value', path: 'pa' }],
    ['a parameter twice', 'upi://pay?pa=ab@bank&pa=cd@bank', { code: 'repeated_id', path: 'pa', position: 21 }],
    ['a broken percent code', 'upi://pay?pa=ab@bank&pn=%E0%A4', { code: 'bad_character', path: 'pn', position: 24 }],
    ['a space', 'upi://pay?pa=ab@bank&pn=a b', { code: 'bad_character', position: 25 }],
    ['another currency', 'upi://pay?pa=ab@bank&cu=SGD', { code: 'bad_value', path: 'cu' }],
    ['an amount of zero', 'upi://pay?pa=ab@bank&am=0', { code: 'bad_value', path: 'am' }],
  ])('a broken UPI URI is rejected with its position: %s', (_, uri, expected) => {
    expect(faultOf(() => decodeQr(uri))).toMatchObject(expected)
  })

  test('a CRC in lower case is accepted', () => {
    const payload = buildPayNow({ proxyType: 'uen', proxy: '201101550Z' })
    expect(decodeQr(payload.slice(0, -4) + payload.slice(-4).toLowerCase()).proxy).toBe('201101550Z')
  })
})

describe('a code that cannot be valid is not built', () => {
  test.each([
    ['a UEN that is too short', () => buildPayNow({ proxyType: 'uen', proxy: '2011' }), 'proxy'],
    ['a mobile without its country', () => buildPayNow({ proxyType: 'mobile', proxy: '91234567' }), 'proxy'],
    ['a reference over 25 characters', () => buildPayNow({ proxyType: 'uen', proxy: '201101550Z', reference: 'A'.repeat(26) }), 'reference'],
    ['an empty reference', () => buildPayNow({ proxyType: 'uen', proxy: '201101550Z', reference: '' }), 'reference'],
    ['a name with accents', () => buildPayNow({ proxyType: 'uen', proxy: '201101550Z', name: 'Café' }), 'name'],
    ['an amount of zero', () => buildPayNow({ proxyType: 'uen', proxy: '201101550Z', amountMinor: 0n }), 'amountMinor'],
    ['an amount that loses cents', () => buildPayNow({ proxyType: 'uen', proxy: '201101550Z', amountMinor: 105n, amountDecimals: 1 }), 'amountMinor'],
    ['an amount of 14 characters', () => buildPayNow({ proxyType: 'uen', proxy: '201101550Z', amountMinor: 1_234_567_890_123n }), 'amountMinor'],
    ['a Thai id of 12 digits', () => buildPromptPay({ proxyType: 'national_id', proxy: '123456789012' }), 'proxy'],
    ['a bank number with letters', () => buildVietQr({ bankBin: '97041A', account: '1' }), 'bankBin'],
    ['a UPI address without a handle', () => buildUpi({ address: 'example', name: 'Example' }), 'address'],
  ])('an invalid code is not built: %s', (_, build, path) => {
    expect(faultOf(build)).toMatchObject({ code: 'bad_input', path })
  })

  test('a PayNow code without an amount is editable, because the payer must enter it', () => {
    expect(decodeQr(buildPayNow({ proxyType: 'uen', proxy: '201101550Z', editable: false })).editable).toBe(true)
  })

  test('a name is shortened without breaking a character', () => {
    expect(fitText('Nguyễn Đức Cà Phê & Bánh Mì Sài Gòn', 25)).toBe('Nguyen Duc Ca Phe & Banh')
    expect(fitText('新加坡', 25)).toBe('NA')
  })
})

describe('cases that no published code covers', () => {
  const merchant = {
    issuer: 'COM.EXAMPLE.WWW',
    merchantPan: '936000000000000001',
    merchantId: '000000000000001',
    size: 'UMI' as const,
    nationalMerchantId: 'ID0000000000001',
    categoryCode: '5812',
    name: 'Example',
    city: 'JAKARTA',
    postalCode: '10110',
  }

  test('a static QRIS code becomes a code for one payment and keeps everything else', () => {
    const code = buildQris({ ...merchant, terminal: 'A01' })
    const dynamic = withQrisAmount(code, 1_500_000n)
    expect(dynamic).toBe(buildQris({ ...merchant, terminal: 'A01', amountMinor: 1_500_000n }))
    expect(decodeQr(dynamic)).toMatchObject({
      scheme: 'qris',
      proxyType: 'national_merchant_id',
      proxy: 'ID0000000000001',
      institution: 'COM.EXAMPLE.WWW',
      amountMinor: 1_500_000n,
      currency: 'idr',
      isDynamic: true,
    })
    expect(dynamic).toContain('540515000')
    expect(faultOf(() => withQrisAmount(dynamic, 1n)).path).toBe('54')
  })

  test('a QR Ph merchant code carries its reference in 88', () => {
    const code = buildQrPhMerchant({ acquirerBic: 'EXAMPHM1XXX', merchantId: 'M1', categoryCode: '5812', name: 'Example', city: 'Manila', reference: 'R1' })
    expect(decodeQr(code)).toMatchObject({ scheme: 'qrph', proxyType: 'merchant_id', proxy: 'M1', institution: 'EXAMPHM1XXX', reference: 'R1' })
  })

  test('a joint code lists every account, the first as its scheme', () => {
    const code = writeEmv([
      { id: '00', value: '01' },
      { id: '01', value: '11' },
      {
        id: '26',
        value: writeObjects([
          { id: '00', value: 'hk.com.hkicl' },
          { id: '02', value: '1234567' },
        ]),
      },
      {
        id: '27',
        value: writeObjects([
          { id: '00', value: 'SG.PAYNOW' },
          { id: '01', value: '2' },
          { id: '02', value: '201101550Z' },
          { id: '03', value: '1' },
        ]),
      },
      { id: '53', value: '702' },
    ])
    expect(decodeQr(code)).toMatchObject({ scheme: 'paynow', accounts: [{ template: '27' }, { scheme: 'fps', template: '26' }] })
  })

  test('a joint code with a template without an identifier is still read', () => {
    expect(decodeQr(payNow('26050101A5303702')).scheme).toBe('emv')
  })

  test('a PayNow expiry of fourteen digits is exact to the second, and one of eight digits lasts the day in Singapore', () => {
    const expiresAt = new Date('2026-03-01T16:30:15Z')
    const code = (expiryPrecision: 'day' | 'second') => decodeQr(buildPayNow({ proxyType: 'uen', proxy: '201101550Z', expiresAt, expiryPrecision })).expiresAt
    expect(code('second')).toEqual(expiresAt)
    expect(code('day')).toEqual(new Date('2026-03-02T15:59:59Z'))
  })

  test('an invalid calendar date is a warning', () => {
    const { expiresAt, warnings } = decodeQr(payNow('26490009SG.PAYNOW010120210201101550Z030110408202602305303702'))
    expect(expiresAt).toBeNull()
    expect(warnings).toEqual(['26.04 is 20260230, which is not a date'])
  })
})

const digits = (length: number) => fc.stringMatching(new RegExp(`^[0-9]{${length}}$`))
const ascii = (most: number) => fc.stringMatching(new RegExp(`^[!-~]([ -~]{0,${most - 2}}[!-~])?$`))
const capitals = (most: number) => fc.stringMatching(new RegExp(`^[A-Z0-9]{1,${most}}$`))
const optional = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined })
const amount = optional(fc.bigInt(1n, 999_999_999_999n))
const id = fc.integer({ min: 0, max: 99 }).map((number) => String(number).padStart(2, '0'))
const value = fc.string({ minLength: 1, maxLength: 99, unit: 'grapheme' }).filter((text) => [...text].length >= 1 && [...text].length <= 99)

describe('properties of every code', () => {
  test('objects are read as they were written', () => {
    const objects: fc.Arbitrary<QrObject[]> = fc.uniqueArray(fc.record({ id, value }), { selector: (object) => object.id, maxLength: 20 })
    fc.assert(
      fc.property(objects, (list) => {
        expect(readObjects(writeObjects(list)).map(({ id, value }) => ({ id, value }))).toEqual(list)
      }),
    )
  })

  test('a PayNow code decodes to what it was built from', () => {
    const code = fc.record({
      proxyType: fc.constant('uen' as const),
      proxy: fc.stringMatching(/^[A-Z0-9]{9,10}$/),
      amountMinor: amount,
      editable: fc.boolean(),
      expiresAt: optional(fc.date({ min: new Date('2000-01-01'), max: new Date('9999-12-31T15:59:59Z'), noInvalidDate: true })),
      expiryPrecision: fc.constant('second' as const),
      reference: optional(capitals(25)),
      name: ascii(25),
    })
    fc.assert(
      fc.property(code, (input) => {
        const { expiresAt } = input
        expect(decodeQr(buildPayNow(input))).toMatchObject({
          proxy: input.proxy,
          amountMinor: input.amountMinor ?? null,
          editable: input.amountMinor === undefined || input.editable,
          expiresAt: expiresAt ? new Date(Math.floor(expiresAt.getTime() / 1000) * 1000) : null,
          reference: input.reference ?? null,
          payeeName: input.name,
          warnings: [],
        })
      }),
    )
  })

  test('PromptPay, DuitNow, VietQR and UPI codes decode to what they were built from', () => {
    fc.assert(
      fc.property(
        digits(13),
        amount,
        capitals(19),
        ascii(25).filter((text) => text !== '***'),
        (number, amountMinor, account, text) => {
          const shared = { amountMinor: amountMinor ?? null }
          expect(decodeQr(buildPromptPay({ proxyType: 'tax_id', proxy: number, amountMinor }))).toMatchObject({ proxy: number, ...shared })
          const duitNow = { acquirerId: '501664', qrId: account, categoryCode: '5812', name: text, city: 'Example', amountMinor, reference: account }
          expect(decodeQr(buildDuitNow(duitNow))).toMatchObject({ proxy: account, payeeName: text, reference: account, ...shared })
          const vietQr = { bankBin: number.slice(0, 6), account, amountMinor, purpose: text, reference: account }
          expect(decodeQr(buildVietQr(vietQr))).toMatchObject({ proxy: account, purpose: text, reference: account, ...shared })
          expect(decodeQr(buildUpi({ address: `${account}ab@bank`, name: text, note: text, amountMinor }))).toMatchObject({
            payeeName: text,
            purpose: text,
            ...shared,
          })
        },
      ),
    )
  })

  test('a single changed character is a fault or decodes to something else', () => {
    const sound = vectors.map(({ payload }) => payload).filter((payload) => !payload.endsWith('0870'))
    const character = fc.oneof(fc.string({ minLength: 1, maxLength: 1, unit: 'binary' }), fc.constantFrom(...'0123456789ABCDEFabcdef.+'))
    fc.assert(
      fc.property(fc.constantFrom(...sound), fc.nat(), character, (payload, position, replacement) => {
        const characters = [...payload]
        const at = position % characters.length
        const before = characters[at] ?? ''
        const isHexCase = at >= characters.length - 4 && before.toLowerCase() === replacement.toLowerCase()
        fc.pre(before !== replacement && !isHexCase && !payload.startsWith('upi:'))
        const changed = [...characters.slice(0, at), replacement, ...characters.slice(at + 1)].join('')
        try {
          expect(decodeQr(changed)).not.toEqual(decodeQr(payload))
        } catch (error) {
          expect(error).toBeInstanceOf(QrFault)
        }
      }),
      { numRuns: 1000 },
    )
  })

  test('any single ASCII character changed to another is caught by the CRC or earlier', () => {
    const payload = buildPayNow({ proxyType: 'uen', proxy: '201101550Z', amountMinor: 1050n, reference: 'R1' })
    for (let at = 0; at < payload.length - 4; at++) {
      for (let code = 32; code < 127; code++) {
        const changed = payload.slice(0, at) + String.fromCharCode(code) + payload.slice(at + 1)
        if (changed !== payload) expect(() => decodeQr(changed)).toThrow(QrFault)
      }
    }
  })

  test('any text is decoded or rejected with a QrFault', () => {
    const noise = fc.string({ maxLength: 200, unit: 'binary' })
    const objects = fc.array(fc.record({ id, value: fc.string({ minLength: 1, maxLength: 30 }) }), { maxLength: 12 })
    const structured = objects.map((list) =>
      closed(`000201${list.map((object) => object.id + String(object.value.length).padStart(2, '0') + object.value).join('')}`),
    )
    const prefixed = fc.tuple(fc.constantFrom('upi://pay?', 'upi://pay?pa=ab@bank&', '000201', ''), noise).map(([prefix, text]) => prefix + text)
    const nested = fc
      .tuple(
        fc.constantFrom('SG.PAYNOW', 'A000000677010111', 'A000000727', 'ID.CO.QRIS.WWW', 'A0000006150001', 'com.p2pqrpay', 'ph.ppmi.p2m', 'hk.com.hkicl'),
        fc.array(fc.record({ id, value: fc.string({ minLength: 1, maxLength: 12, unit: 'grapheme-ascii' }) }), { maxLength: 4 }),
      )
      .map(([name, list]) => {
        const inner = [{ id: '00', value: name }, ...list].map((object) => object.id + String(object.value.length).padStart(2, '0') + object.value).join('')
        return closed(`00020126${String(inner.length).padStart(2, '0')}${inner}53037025802SG`)
      })
    fc.assert(
      fc.property(fc.oneof(noise, structured, prefixed, nested), (text) => {
        try {
          decodeQr(text)
        } catch (error) {
          expect(error).toBeInstanceOf(QrFault)
        }
      }),
      { numRuns: 3000 },
    )
  })
})
