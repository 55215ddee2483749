import { amountObjects, currencyObject, type EmvCode, findTemplate, type QrAccount, requireText, template, writeEmv } from './emv.ts'
import { QrFault } from './tlv.ts'

const identifier = 'A0000006150001'

export interface DuitNowCode {
  /** Up to six digits; this and the id come from the acquirer. */
  acquirerId: string
  /** The account or QR id, up to 28 characters. */
  qrId: string
  /** `0000` for a person, `6010` for cash out, otherwise the merchant's. */
  categoryCode: string
  name: string
  city: string
  postalCode?: string | undefined
  /** In sen; if omitted, the payer enters it. */
  amountMinor?: bigint | undefined
  /** Object 62.05, up to 25 characters. */
  reference?: string | undefined
  reusable?: boolean | undefined
}

/**
 * A DuitNow QR payload, format 02 (rails standards §1.6). A business cannot issue one by itself: the id comes from an
 * acquirer. Throws a `QrFault` that names the invalid input.
 */
export function buildDuitNow(code: DuitNowCode): string {
  return writeEmv([
    { id: '00', value: '02' },
    { id: '01', value: (code.reusable ?? code.amountMinor === undefined) ? '11' : '12' },
    ...template('26', [
      ['00', identifier],
      ['01', requireText('acquirerId', code.acquirerId, 6, /^[0-9]+$/)],
      ['02', requireText('qrId', code.qrId, 28)],
    ]),
    { id: '52', value: requireText('categoryCode', code.categoryCode, 4, /^[0-9]{4}$/) },
    currencyObject('myr'),
    ...amountObjects(code.amountMinor, 'myr'),
    { id: '58', value: 'MY' },
    { id: '59', value: requireText('name', code.name, 25) },
    { id: '60', value: requireText('city', code.city, 15) },
    ...(code.postalCode === undefined ? [] : [{ id: '61', value: requireText('postalCode', code.postalCode, 5, /^[0-9]{5}$/) }]),
    ...template('62', [['05', code.reference === undefined ? undefined : requireText('reference', code.reference, 25)]]),
  ])
}

/** The DuitNow account of a payload and its acquirer; undefined if there is none. JomPAY's Ref-1 (62.90) is its reference. */
export function readDuitNow(code: EmvCode): QrAccount | undefined {
  const found = findTemplate(code, [identifier])
  if (!found) return undefined
  const { id, values } = found
  const proxy = values.get('02')
  if (proxy === undefined) throw new QrFault('missing', `${id}.02`, 'a DuitNow code must name its payee')
  return {
    scheme: 'duitnow',
    template: id,
    proxyType: 'qr_id',
    proxy,
    institution: values.get('01') ?? null,
    editable: null,
    expiresAt: null,
    reference: code.value('62.90') ?? null,
  }
}
