import { amountObjects, currencyObject, type EmvCode, findTemplate, type QrAccount, requireText, template, writeEmv } from './emv.ts'
import { QrFault, type QrObject } from './tlv.ts'

const transferIdentifiers = ['A000000677010111', 'A000000677010114']
const billIdentifiers = ['A000000677010112', 'A000000677012006']

/** Sub-ids of the transfer template (tag 29) by kind of address. */
const proxyIds = { mobile: '01', national_id: '02', tax_id: '02', ewallet: '03', bank_account: '04' } as const
export type PromptPayProxyType = keyof typeof proxyIds

const proxyShapes: Record<PromptPayProxyType, RegExp> = {
  mobile: /^(0[0-9]{9}|\+66[0-9]{9})$/,
  national_id: /^[0-9]{13}$/,
  tax_id: /^[0-9]{13}$/,
  ewallet: /^[0-9]{15}$/,
  bank_account: /^[0-9]{4,43}$/,
}

export interface PromptPayCode {
  proxyType: PromptPayProxyType
  /** A Thai mobile (`0801234567` or `+66801234567`), 13 digits of an id, 15 of a wallet, or bank code and account. */
  proxy: string
  /** In satang; if omitted, the payer enters it. */
  amountMinor?: bigint | undefined
  /** Whether the code is for many payments. True unless there is an amount, like the codes of banks' own apps. */
  reusable?: boolean | undefined
}

/**
 * A PromptPay transfer payload (tag 29; rails standards §1.3), ฿ only. It contains no reference and no name: the payer's
 * bank looks the name up. Throws a `QrFault` that names the invalid input.
 */
export function buildPromptPay(code: PromptPayCode): string {
  const proxy = requireText('proxy', code.proxy, 43, proxyShapes[code.proxyType])
  const value = code.proxyType === 'mobile' ? `0066${proxy.slice(-9)}` : proxy
  return writeEmv([
    ...opening(code.reusable ?? code.amountMinor === undefined),
    ...template('29', [
      ['00', 'A000000677010111'],
      [proxyIds[code.proxyType], value],
    ]),
    { id: '58', value: 'TH' },
    currencyObject('thb'),
    ...amountObjects(code.amountMinor, 'thb'),
  ])
}

export interface PromptPayBill {
  /** Tax id of 13 digits and a suffix of two, as the bank gave it. */
  billerId: string
  /** Up to 20 capitals and digits each; the first is returned in the bank's notification. */
  reference1: string
  reference2?: string | undefined
  /** Object 62.07, a terminal or third reference. */
  reference3?: string | undefined
  amountMinor?: bigint | undefined
  reusable?: boolean | undefined
}

/**
 * A PromptPay bill payment payload (tag 30; rails standards §1.3). The biller id comes from a bank.
 * Throws a `QrFault` that names the invalid input.
 */
export function buildPromptPayBill(bill: PromptPayBill): string {
  const reference = (input: string, text: string | undefined, most: number) => (text === undefined ? undefined : requireText(input, text, most, /^[A-Z0-9]+$/))
  return writeEmv([
    ...opening(bill.reusable ?? bill.amountMinor === undefined),
    ...template('30', [
      ['00', 'A000000677010112'],
      ['01', requireText('billerId', bill.billerId, 15, /^[0-9]{13,15}$/)],
      ['02', reference('reference1', bill.reference1, 20)],
      ['03', reference('reference2', bill.reference2, 20)],
    ]),
    currencyObject('thb'),
    { id: '58', value: 'TH' },
    ...amountObjects(bill.amountMinor, 'thb'),
    ...template('62', [['07', reference('reference3', bill.reference3, 25)]]),
  ])
}

function opening(reusable: boolean): QrObject[] {
  return [
    { id: '00', value: '01' },
    { id: '01', value: reusable ? '11' : '12' },
  ]
}

/** The PromptPay account of a payload, a mobile number in E.164; undefined if there is none. */
export function readPromptPay(code: EmvCode): QrAccount | undefined {
  const found = findTemplate(code, transferIdentifiers)
  if (!found) return undefined
  for (const [proxyType, proxy] of [
    ['mobile', found.values.get('01')],
    ['national_or_tax_id', found.values.get('02')],
    ['ewallet', found.values.get('03')],
    ['bank_account', found.values.get('04')],
  ] as const) {
    if (proxy === undefined) continue
    const international = proxyType === 'mobile' && /^00[0-9]+$/.test(proxy)
    return account('promptpay', found.id, proxyType, international ? `+${proxy.slice(2)}` : proxy, null)
  }
  throw new QrFault('missing', `${found.id}.01`, 'a PromptPay code must name its payee')
}

/** The biller of a PromptPay bill payment and its first reference; undefined if there is none. */
export function readPromptPayBill(code: EmvCode): QrAccount | undefined {
  const found = findTemplate(code, billIdentifiers)
  if (!found) return undefined
  const biller = found.values.get('01')
  if (biller === undefined) throw new QrFault('missing', `${found.id}.01`, 'a bill payment must name its biller')
  return account('promptpay_bill', found.id, 'biller', biller, found.values.get('02') ?? null)
}

function account(scheme: QrAccount['scheme'], id: string, proxyType: string, proxy: string, reference: string | null): QrAccount {
  return { scheme, template: id, proxyType, proxy, institution: null, editable: null, expiresAt: null, reference }
}
