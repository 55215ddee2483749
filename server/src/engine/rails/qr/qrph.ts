import { amountObjects, currencyObject, type EmvCode, findTemplate, type QrAccount, requireText, template, writeEmv } from './emv.ts'
import { QrFault } from './tlv.ts'

const personIdentifier = 'com.p2pqrpay'
const merchantIdentifiers = ['PH.PPMI.P2M', 'PH.PPMI.P2MICRO']
/** Identifies a transfer over InstaPay in all observed codes (rails standards §1.5). */
const instaPay = '99964403'
const bic = /^[A-Z0-9]{8}([A-Z0-9]{3})?$/

export interface QrPhPersonCode {
  /** BIC of the payee's bank or wallet, 8 or 11 characters. */
  bankBic: string
  account: string
  /** `+63-9XX-XXXXXXX`. */
  mobile?: string | undefined
  name: string
  city: string
  /** In centavos; if omitted, the payer enters it. */
  amountMinor?: bigint | undefined
  reusable?: boolean | undefined
}

/**
 * A QR Ph transfer to a person's or business's own account (tag 27; rails standards §1.5, from live codes only: no
 * official specification was read). Throws a `QrFault` that names the invalid input.
 */
export function buildQrPhPerson(code: QrPhPersonCode): string {
  return writeEmv([
    { id: '00', value: '01' },
    { id: '01', value: (code.reusable ?? code.amountMinor === undefined) ? '11' : '12' },
    ...template('27', [
      ['00', personIdentifier],
      ['01', requireText('bankBic', code.bankBic, 11, bic)],
      ['02', instaPay],
      ['04', requireText('account', code.account, 34, /^[A-Za-z0-9-]+$/)],
      ['05', code.mobile === undefined ? undefined : requireText('mobile', code.mobile, 20, /^\+63-[0-9-]+$/)],
    ]),
    { id: '52', value: '6016' },
    currencyObject('php'),
    ...amountObjects(code.amountMinor, 'php'),
    { id: '58', value: 'PH' },
    { id: '59', value: requireText('name', code.name, 25) },
    { id: '60', value: requireText('city', code.city, 15) },
  ])
}

export interface QrPhMerchantCode {
  /** BIC of the acquirer, which also issues the merchant id. */
  acquirerBic: string
  merchantId: string
  categoryCode: string
  name: string
  city: string
  reference?: string | undefined
  amountMinor?: bigint | undefined
  reusable?: boolean | undefined
}

/**
 * A QR Ph payment to a merchant (tag 28, `ph.ppmi.p2m`), with the reference in 88 (rails standards §1.5). For acquirers
 * and the sandbox: sub-id 05 is omitted, because its meaning is not published. Throws a `QrFault` that names the input.
 */
export function buildQrPhMerchant(code: QrPhMerchantCode): string {
  return writeEmv([
    { id: '00', value: '01' },
    { id: '01', value: (code.reusable ?? code.amountMinor === undefined) ? '11' : '12' },
    ...template('28', [
      ['00', 'ph.ppmi.p2m'],
      ['01', requireText('acquirerBic', code.acquirerBic, 11, bic)],
      ['03', requireText('merchantId', code.merchantId, 25)],
    ]),
    { id: '52', value: requireText('categoryCode', code.categoryCode, 4, /^[0-9]{4}$/) },
    currencyObject('php'),
    ...amountObjects(code.amountMinor, 'php'),
    { id: '58', value: 'PH' },
    { id: '59', value: requireText('name', code.name, 25) },
    { id: '60', value: requireText('city', code.city, 15) },
    ...(code.reference === undefined
      ? []
      : template('88', [
          ['00', 'ph.ppmi.qrph'],
          ['01', requireText('reference', code.reference, 25)],
        ])),
  ])
}

/** The QR Ph account of a payload, a person's or a merchant's; undefined if there is none. */
export function readQrPh(code: EmvCode): QrAccount | undefined {
  const person = findTemplate(code, [personIdentifier.toUpperCase()])
  const found = person ?? findTemplate(code, merchantIdentifiers)
  if (!found) return undefined
  const { id, values } = found
  const proxy = person ? values.get('04') : (values.get('03') ?? values.get('04'))
  if (proxy === undefined) throw new QrFault('missing', `${id}.${person ? '04' : '03'}`, 'a QR Ph code must name its payee')
  return {
    scheme: 'qrph',
    template: id,
    proxyType: person ? 'bank_account' : 'merchant_id',
    proxy,
    institution: values.get('01') ?? null,
    editable: null,
    expiresAt: null,
    reference: code.value('88.00') === 'ph.ppmi.qrph' ? (code.value('88.01') ?? null) : null,
  }
}
