import { amountObjects, currencyObject, type EmvCode, findTemplate, type QrAccount, requireText, template, writeEmv } from './emv.ts'
import { QrFault } from './tlv.ts'

const identifier = 'SG.PAYNOW'
const singapore = 8 * 3_600_000

/** Sub-id 01 (PayNow 1.3; type 3 is seen in codes of wallets). */
const proxyTypes = { mobile: '0', uen: '2', vpa: '3' } as const
export type PayNowProxyType = keyof typeof proxyTypes

const proxyShapes: Record<PayNowProxyType, RegExp> = {
  mobile: /^\+[0-9]{8,15}$/,
  // A UEN of 9 or 10 characters, with a suffix of three if the business has several accounts.
  uen: /^([A-Z0-9]{9,10}|[A-Z0-9]{12,13})$/,
  vpa: /^[A-Za-z0-9.#@_-]{3,34}$/,
}

export interface PayNowCode {
  proxyType: PayNowProxyType
  /** A UEN (`201101550Z`, with a three-character suffix if there is one), a mobile number in E.164, or a wallet's address. */
  proxy: string
  /** In cents. If omitted, the payer enters it, and the code is editable whatever `editable` says. */
  amountMinor?: bigint | undefined
  /** Number of decimals; 2 by default. */
  amountDecimals?: number | undefined
  /** Whether the payer may change the amount; false by default. */
  editable?: boolean | undefined
  expiresAt?: Date | undefined
  /** `day` writes eight digits, like the standard; `second` writes fourteen, like live codes. `day` by default. */
  expiryPrecision?: 'day' | 'second' | undefined
  /** Returned in the bank's notification (62.01). Up to 25 characters; `A`–`Z` and digits survive every bank. */
  reference?: string | undefined
  /** Up to 25 characters; `NA` by default. See `fitText`. */
  name?: string | undefined
  city?: string | undefined
  /** Whether the code is for many payments (01 = 11) or for one (12). One by default. */
  reusable?: boolean | undefined
}

/**
 * A PayNow payload (PayNow QR specification 1.3; rails standards §1.2): template 26, S$ only, our reference in 62.01.
 * Throws a `QrFault` that names the invalid input.
 */
export function buildPayNow(code: PayNowCode): string {
  const proxy = requireText('proxy', code.proxy, 34, proxyShapes[code.proxyType])
  const editable = code.amountMinor === undefined || code.editable === true
  const reference = code.reference === undefined ? undefined : requireText('reference', code.reference, 25)
  return writeEmv([
    { id: '00', value: '01' },
    { id: '01', value: code.reusable ? '11' : '12' },
    ...template('26', [
      ['00', identifier],
      ['01', proxyTypes[code.proxyType]],
      ['02', proxy],
      ['03', editable ? '1' : '0'],
      ['04', code.expiresAt && formatExpiry(code.expiresAt, code.expiryPrecision ?? 'day')],
    ]),
    { id: '52', value: '0000' },
    currencyObject('sgd'),
    ...amountObjects(code.amountMinor, 'sgd', code.amountDecimals),
    { id: '58', value: 'SG' },
    { id: '59', value: requireText('name', code.name ?? 'NA', 25) },
    { id: '60', value: requireText('city', code.city ?? 'Singapore', 15) },
    ...template('62', [['01', reference]]),
  ])
}

function formatExpiry(at: Date, precision: 'day' | 'second'): string {
  const digits = new Date(at.getTime() + singapore).toISOString().replace(/\D/g, '')
  // Years beyond 9999 have six digits and a sign in ISO 8601; no code can contain them.
  if (at.getTime() + singapore > Date.UTC(9999, 11, 31, 23, 59, 59, 999)) throw new QrFault('bad_input', 'expiresAt', 'the year has more than four digits')
  return digits.slice(0, precision === 'day' ? 8 : 14)
}

/**
 * The moment after which a code is rejected, of 8, 12 or 14 digits in Singapore time. A day ends with its last second.
 * Undefined for anything else.
 */
function readExpiry(text: string): Date | undefined {
  if (!/^(\d{8}|\d{12}|\d{14})$/.test(text)) return undefined
  const filled = text.length === 8 ? `${text}235959` : text.padEnd(14, '0')
  const iso = `${filled.slice(0, 4)}-${filled.slice(4, 6)}-${filled.slice(6, 8)}T${filled.slice(8, 10)}:${filled.slice(10, 12)}:${filled.slice(12)}`
  const at = new Date(`${iso}+08:00`)
  const back = Number.isNaN(at.getTime()) ? '' : new Date(at.getTime() + singapore).toISOString().slice(0, 19)
  return back === iso ? at : undefined
}

/** The PayNow account of a payload, anywhere in 26–51; undefined if there is none. */
export function readPayNow(code: EmvCode): QrAccount | undefined {
  const found = findTemplate(code, [identifier])
  if (!found) return undefined
  const { id, values } = found
  const proxy = values.get('02')
  const type = values.get('01')
  if (proxy === undefined || type === undefined) throw new QrFault('missing', `${id}.${type === undefined ? '01' : '02'}`, 'a PayNow code must name its payee')
  const proxyType = Object.entries(proxyTypes).find(([, digit]) => digit === type)?.[0]
  if (!proxyType) code.warnings.push(`${id}.01 is ${type}, an unknown proxy type`)
  const expiry = values.get('04')
  const expiresAt = expiry === undefined ? undefined : readExpiry(expiry)
  if (expiry !== undefined && !expiresAt) code.warnings.push(`${id}.04 is ${expiry}, which is not a date`)
  const editable = values.get('03')
  return {
    scheme: 'paynow',
    template: id,
    proxyType: proxyType ?? 'unknown',
    proxy,
    institution: null,
    editable: editable === undefined ? null : editable === '1',
    expiresAt: expiresAt ?? null,
    reference: values.get('05') ?? null,
  }
}
