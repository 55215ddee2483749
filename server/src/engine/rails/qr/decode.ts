import { type Currency, parseAmount, parseCurrency } from '#foundation/shared/money.ts'
import { readDuitNow } from './duitnow.ts'
import { currencyOfNumber, type EmvCode, findTemplate, type QrAccount, type QrScheme, readAmount, readEmv } from './emv.ts'
import { readPayNow } from './paynow.ts'
import { readPromptPay, readPromptPayBill } from './promptpay.ts'
import { readQris } from './qris.ts'
import { readQrPh } from './qrph.ts'
import { QrFault, type QrObject } from './tlv.ts'
import { readUpi } from './upi.ts'
import { readVietQr } from './vietqr.ts'

/** The content of a payment code. Null means that the code does not say. */
export interface DecodedQr {
  scheme: QrScheme
  proxyType: string | null
  proxy: string | null
  institution: string | null
  payeeName: string | null
  payeeCity: string | null
  /** ISO 3166-1 alpha-2, upper case. */
  country: string | null
  /** In minor units of `currency`; null if the payer enters it, or if the currency is not known. */
  amountMinor: bigint | null
  currency: Currency | null
  /** What is returned to the payee: the bill number, otherwise the scheme's own reference. */
  reference: string | null
  purpose: string | null
  expiresAt: Date | null
  /** Whether the payer may change the amount; null if the scheme does not say. */
  editable: boolean | null
  /** Made for one payment (01 = 12), rather than printed once for many payments. */
  isDynamic: boolean
  /** Every recognized account; a joint code (SGQR) has several, and `scheme` is that of the first. */
  accounts: QrAccount[]
  /** Objects as read: top-level ones of an EMVCo payload, parameters of a URI. */
  objects: QrObject[]
  /** Violations of a standard that leave the code readable. */
  warnings: string[]
}

const readers: ((code: EmvCode) => QrAccount | undefined)[] = [
  readPayNow,
  readPromptPay,
  readPromptPayBill,
  readQris,
  readQrPh,
  readDuitNow,
  readVietQr,
  readFps,
  readPix,
]

/**
 * Recognizes and reads a payment code: an EMVCo payload or a UPI URI, as scanned, without white space around it.
 * Throws only a `QrFault`, which says what is wrong and where: a wrong CRC, a wrong length, a repeated object,
 * a character that is not allowed (EMVCo MPM 1.1; rails standards §1.10). Over-long texts are read with a
 * warning, because live codes have them.
 */
export function decodeQr(payload: string): DecodedQr {
  return /^upi:/i.test(payload) ? decodeUpi(payload) : decodeEmv(payload)
}

function decodeEmv(payload: string): DecodedQr {
  const code = readEmv(payload)
  const accounts = readers.flatMap((read) => read(code) ?? [])
  const [account] = accounts
  const number = code.value('53')
  const currency = number === undefined ? undefined : currencyOfNumber(number)
  const initiation = code.value('01')
  if (initiation !== undefined && initiation !== '11' && initiation !== '12') code.warnings.push(`01 is ${initiation}; only 11 and 12 are known`)
  if (number !== undefined && currency === undefined) code.warnings.push(`53 is ${number}, an unknown currency`)
  return {
    scheme: account?.scheme ?? 'emv',
    proxyType: account?.proxyType ?? null,
    proxy: account?.proxy ?? null,
    institution: account?.institution ?? null,
    payeeName: code.value('59') ?? null,
    payeeCity: code.value('60') ?? null,
    country: code.value('58') ?? null,
    amountMinor: readAmount(code, currency) ?? null,
    currency: currency ?? null,
    reference: given(code.value('62.01')) ?? account?.reference ?? given(code.value('62.05')) ?? null,
    purpose: given(code.value('62.08')) ?? null,
    expiresAt: account?.expiresAt ?? null,
    editable: account?.editable ?? null,
    isDynamic: initiation === '12',
    accounts,
    objects: [...code.objects],
    warnings: code.warnings,
  }
}

/** `***` asks the payer for the value (EMVCo MPM 4.8), so it counts as none. */
function given(value: string | undefined): string | undefined {
  return value === '***' ? undefined : value
}

/** Hong Kong's FPS (rails standards §1.9). */
function readFps(code: EmvCode): QrAccount | undefined {
  const found = findTemplate(code, ['HK.COM.HKICL'])
  if (!found) return undefined
  for (const [proxyType, proxy] of [
    ['fps_id', found.values.get('02')],
    ['mobile', found.values.get('03')],
    ['email', found.values.get('04')],
  ] as const) {
    if (proxy !== undefined) return simple('fps', found.id, proxyType, proxy)
  }
  throw new QrFault('missing', `${found.id}.02`, 'an FPS code must name its payee')
}

/** Brazil's Pix (rails standards §1.9). */
function readPix(code: EmvCode): QrAccount | undefined {
  const found = findTemplate(code, ['BR.GOV.BCB.PIX'])
  if (!found) return undefined
  const key = found.values.get('01')
  const url = found.values.get('25')
  if (key === undefined && url === undefined) throw new QrFault('missing', `${found.id}.01`, 'a Pix code must name its payee')
  return simple('pix', found.id, key === undefined ? 'url' : 'key', key ?? url ?? '')
}

function simple(scheme: QrScheme, template: string, proxyType: string, proxy: string): QrAccount {
  return { scheme, template, proxyType, proxy, institution: null, editable: null, expiresAt: null, reference: null }
}

function decodeUpi(uri: string): DecodedQr {
  const parameters = readUpi(uri)
  const values = new Map(parameters)
  const warnings: string[] = []
  const currency = parseCurrency(values.get('cu') ?? 'INR')
  if (currency !== 'inr') throw new QrFault('bad_value', 'cu', `${values.get('cu')} is not INR`)
  const text = values.get('am')
  const amount = text === undefined || text === '' ? undefined : parseAmount(text, currency)
  if (text && (amount === undefined || amount === 0n)) throw new QrFault('bad_value', 'am', `${text} is not an amount in rupees`)
  if (!values.has('pn')) warnings.push('pn, the name, is missing')
  const proxy = values.get('pa') ?? ''
  return {
    scheme: 'upi',
    proxyType: 'vpa',
    proxy,
    institution: proxy.slice(proxy.indexOf('@') + 1),
    payeeName: values.get('pn') ?? null,
    payeeCity: null,
    country: 'IN',
    amountMinor: amount ?? null,
    currency,
    reference: values.get('tr') ?? null,
    purpose: values.get('tn') ?? null,
    expiresAt: null,
    editable: amount === undefined,
    // 15 and 22 are seen in dynamic codes; 01, 02 and nothing in static ones (rails standards §1.8).
    isDynamic: values.get('mode') === '15' || values.get('mode') === '22',
    accounts: [],
    objects: parameters.map(([id, value]) => ({ id, value })),
    warnings,
  }
}
