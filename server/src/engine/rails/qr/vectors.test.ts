import { checksum, parse } from 'promptparse'
import { describe, expect, test } from 'vitest'
import { decodeQr } from './decode.ts'
import { buildDuitNow } from './duitnow.ts'
import { buildPayNow } from './paynow.ts'
import { buildPromptPay, buildPromptPayBill } from './promptpay.ts'
import { buildQrPhPerson } from './qrph.ts'
import { crc16, QrFault, readObjects, writeObjects } from './tlv.ts'
import { readUpi, writeUpi } from './upi.ts'
import vectors from './vectors.json' with { type: 'json' }
import { buildVietQr } from './vietqr.ts'

const wrong = 'paynow-spec-v1.3-sample-BAD-CRC'
const emv = vectors.filter(({ scheme, id }) => scheme !== 'upi' && id !== wrong)
const payloads = new Map(vectors.map(({ id, payload }) => [id, payload]))

const isAscii = (text: string) => /^[\x20-\x7e]*$/.test(text)
const endOfDay = (day: string) => new Date(`${day}T23:59:59+08:00`)
const goPayNow = { amountMinor: 1234n, editable: true, expiresAt: endOfDay('9999-12-31'), reference: 'INV1234' }
const samplePerson = { bankBic: 'PAPHPHM1XXX', account: '639000000001', mobile: '+63-900-0000001', name: 'Sample Test Person', city: 'Valenzuela' }
const duitNow = { acquirerId: '501664', qrId: '123456789', categoryCode: '9999', name: 'QRCSDNBHD', city: 'BANGI', reusable: true }

const builds: Record<string, () => string> = {
  'paynow-uen-editable0-amount': () =>
    buildPayNow({ proxyType: 'uen', proxy: '201101550Z', amountMinor: 5000n, expiresAt: endOfDay('2020-11-27'), name: 'Qryptal', reference: 'AJ' }),
  'paynow-odoo-uen-suffix': () =>
    buildPayNow({
      proxyType: 'uen',
      proxy: '200002150HWCF',
      amountMinor: 10_000n,
      amountDecimals: 0,
      name: 'company_1_data',
      reference: 'INV/TEST/0001',
    }),
  'paynow-go-uen-13': () => buildPayNow({ proxyType: 'uen', proxy: 'S99345678ABCD', name: 'ACME Pte Ltd', ...goPayNow }),
  'paynow-go-mobile': () => buildPayNow({ proxyType: 'mobile', proxy: '+6590991234', ...goPayNow }),
  'paynow-static-mobile-noamount': () => buildPayNow({ proxyType: 'mobile', proxy: '+6591234567', reusable: true }),
  'paynow-static-mobile-uppercity-masked': () => buildPayNow({ proxyType: 'mobile', proxy: '+6580000001', city: 'SINGAPORE', reusable: true }),
  'paynow-vpa-wise': () =>
    buildPayNow({ proxyType: 'vpa', proxy: 'UEN201422384R#WISE', amountMinor: 100n, amountDecimals: 1, city: 'SINGAPORE', reference: 'P47556862QR' }),
  'promptpay-mobile': () => buildPromptPay({ proxyType: 'mobile', proxy: '0801234567' }),
  'promptpay-mobile-2': () => buildPromptPay({ proxyType: 'mobile', proxy: '+66891234567' }),
  'promptpay-nationalid': () => buildPromptPay({ proxyType: 'national_id', proxy: '1111111111111' }),
  'promptpay-taxid': () => buildPromptPay({ proxyType: 'tax_id', proxy: '0123456789012' }),
  'promptpay-ewallet': () => buildPromptPay({ proxyType: 'ewallet', proxy: '012345678901234' }),
  'promptpay-amount': () => buildPromptPay({ proxyType: 'mobile', proxy: '0000000000', amountMinor: 422n }),
  'promptpay-billpay-refs': () => buildPromptPayBill({ billerId: '099400016550100', reference1: '123456789012', reference2: '670429', amountMinor: 364_922n }),
  'promptpay-billpay-static-ref3': () => buildPromptPayBill({ billerId: '0112233445566', reference1: 'CUSTOMER001', reference2: 'INV001', reference3: 'SCB' }),
  'qrph-p2p-instapay-static-masked': () => buildQrPhPerson(samplePerson),
  'qrph-p2p-instapay-amount-masked': () => buildQrPhPerson({ ...samplePerson, amountMinor: 10_081n }),
  'duitnow-static-noamount': () => buildDuitNow(duitNow),
  'duitnow-static-amount': () => buildDuitNow({ ...duitNow, amountMinor: 1000n }),
  'vietqr-static': () => buildVietQr({ bankBin: '970416', account: '257678859' }),
  'vietqr-dynamic': () => buildVietQr({ bankBin: '970416', account: '257678859', amountMinor: 10_000n, purpose: 'Chuyen tien' }),
  'vietqr-napas-dynamic': () =>
    buildVietQr({ bankBin: '970403', account: '0011012345678', amountMinor: 180_000n, reference: 'NPS6869', purpose: 'thanh toan don hang' }),
  'vietqr-napas-card': () => buildVietQr({ bankBin: '970403', account: '9704031101234567', service: 'card' }),
}

const schemes: Record<string, string> = { 'promptpay-billpay': 'promptpay_bill', 'fps-hk': 'fps', emvco: 'emv' }

describe('published codes', () => {
  test.each(Object.entries(builds))('%s is built byte by byte', (id, build) => {
    expect(build()).toBe(payloads.get(id))
  })

  test.each(emv)('$id is recognized and written back unchanged', ({ scheme, payload }) => {
    const decoded = decodeQr(payload)
    expect(decoded.scheme).toBe(schemes[scheme] ?? scheme)
    expect(writeObjects(decoded.objects)).toBe(payload)
  })

  test.each(emv)('$id has the right CRC', ({ payload }) => {
    // The library counts characters where the standard counts bytes, so it can check only ASCII.
    if (isAscii(payload)) expect(checksum(payload.slice(0, -4))).toBe(payload.slice(-4).toUpperCase())
    expect(crc16(payload.slice(0, -4))).toBe(payload.slice(-4).toUpperCase())
  })

  test.each(emv.filter(({ payload }) => isAscii(payload)))('$id is split into the objects that another library finds', ({ payload }) => {
    const others = parse(payload, true)
      ?.getTags()
      .map(({ id, value }) => ({ id, value }))
    expect(readObjects(payload).map(({ id, value }) => ({ id, value }))).toEqual(others)
  })

  test('the sample in the PayNow specification is rejected for its CRC, which leaves out 6304', () => {
    const fault = faultOf(() => decodeQr(payloads.get(wrong) ?? ''))
    expect(fault).toMatchObject({ code: 'bad_crc', path: '63' })
    expect(fault.message).toBe('the CRC is 0870 but should be B90C')
  })

  test('UPI URIs are read and written back unchanged', () => {
    for (const { payload } of vectors.filter(({ scheme }) => scheme === 'upi')) expect(writeUpi(readUpi(payload))).toBe(payload)
  })

  test('the check value of the CRC is 29B1', () => {
    expect(crc16('123456789')).toBe('29B1')
  })
})

describe('contents of published codes', () => {
  const read = (id: string) => decodeQr(payloads.get(id) ?? '')

  test('a PayNow code contains UEN, amount, expiry at the end of the day, and reference', () => {
    expect(read('paynow-uen-editable0-amount')).toMatchObject({
      proxyType: 'uen',
      proxy: '201101550Z',
      payeeName: 'Qryptal',
      payeeCity: 'Singapore',
      country: 'SG',
      amountMinor: 5000n,
      currency: 'sgd',
      reference: 'AJ',
      editable: false,
      isDynamic: true,
      expiresAt: new Date('2020-11-27T15:59:59Z'),
      warnings: [],
    })
  })

  test('a static PayNow code with a mobile number leaves the amount to the payer', () => {
    expect(read('paynow-static-mobile-noamount')).toMatchObject({
      proxyType: 'mobile',
      proxy: '+6591234567',
      amountMinor: null,
      currency: 'sgd',
      reference: null,
      editable: true,
      isDynamic: false,
      expiresAt: null,
    })
  })

  test('a PayNow reference that is too long is read with a warning', () => {
    const decoded = read('paynow-bank-uen-noexpiry-static-amount')
    expect(decoded.reference).toBe('Payment reference XX12345678')
    expect(decoded.warnings).toEqual(['62.01 has 28 characters; the standard allows 25'])
  })

  test('a PromptPay mobile number is shown in E.164 format', () => {
    expect(read('promptpay-amount')).toMatchObject({ proxyType: 'mobile', proxy: '+66000000000', amountMinor: 422n, currency: 'thb', country: 'TH' })
  })

  test('a PromptPay bill payment has a biller and a reference', () => {
    expect(read('promptpay-billpay-refs')).toMatchObject({
      scheme: 'promptpay_bill',
      proxy: '099400016550100',
      reference: '123456789012',
      amountMinor: 364_922n,
    })
  })

  test('QR Ph, DuitNow and VietQR codes contain account and institution', () => {
    expect(read('qrph-p2p-instapay-amount-masked')).toMatchObject({ proxy: '639000000001', institution: 'PAPHPHM1XXX', amountMinor: 10_081n, currency: 'php' })
    expect(read('duitnow-jompay')).toMatchObject({ proxy: '1234', institution: '898989', currency: 'myr', reference: '0124007552406' })
    expect(read('vietqr-napas-card')).toMatchObject({ proxyType: 'card', proxy: '9704031101234567', institution: '970403', currency: 'vnd' })
  })

  test('a VietQR code counts characters in its lengths and bytes in its CRC', () => {
    expect(read('vietqr-utf8-char-length')).toMatchObject({ purpose: 'Thanh toán hóa đơn', amountMinor: 10_000n })
  })

  test('the EMVCo sample is read with its objects in any order', () => {
    expect(read('emvco-spec-4.12')).toMatchObject({ scheme: 'emv', payeeName: 'BEST TRANSPORT', amountMinor: 2372n, currency: 'cny', isDynamic: true })
  })

  test('a UPI URI contains address, name, amount and reference', () => {
    expect(read('upi-razorpay-dynamic')).toMatchObject({
      scheme: 'upi',
      proxy: 'rzr.qrtestaccoun27230053@icici',
      payeeName: 'TestAccount',
      amountMinor: 12_345n,
      currency: 'inr',
      reference: 'RZPIXnO3BgccsO35Qqrv2',
      isDynamic: true,
    })
  })
})

function faultOf(run: () => unknown): QrFault {
  try {
    run()
  } catch (error) {
    if (error instanceof QrFault) return error
    throw error
  }
  throw new Error('nothing was thrown')
}
