import { amountObjects, amountText, currencyObject, type EmvCode, findTemplate, type QrAccount, readEmv, requireText, template, writeEmv } from './emv.ts'
import { QrFault } from './tlv.ts'

const identifiers = ['ID.CO.QRIS.WWW', 'ID.OR.GPNQR.WWW']

/** Size classes of Indonesian merchants, micro to large. */
export type QrisSize = 'UMI' | 'UKE' | 'UME' | 'UBE' | 'URE'

export interface QrisCode {
  /** Reverse domain of the issuer, in capitals. */
  issuer: string
  /** 18 or 19 digits that start with 9360, from the acquirer. */
  merchantPan: string
  merchantId: string
  size: QrisSize
  /** `ID` and 13 digits or capitals, from the national registry through the acquirer. */
  nationalMerchantId: string
  categoryCode: string
  name: string
  city: string
  postalCode: string
  terminal?: string | undefined
  /** In sen; QRIS writes whole rupiah unless there are sen. */
  amountMinor?: bigint | undefined
  reusable?: boolean | undefined
}

/**
 * A QRIS payload (rails standards §1.4). A business cannot issue one by itself: PAN and national merchant id come from an
 * acquirer. Throws a `QrFault` that names the invalid input.
 */
export function buildQris(code: QrisCode): string {
  return writeEmv([
    { id: '00', value: '01' },
    { id: '01', value: (code.reusable ?? code.amountMinor === undefined) ? '11' : '12' },
    ...template('26', [
      ['00', requireText('issuer', code.issuer, 32, /^[A-Z0-9.-]+$/)],
      ['01', requireText('merchantPan', code.merchantPan, 19, /^9360[0-9]{14,15}$/)],
      ['02', requireText('merchantId', code.merchantId, 15)],
      ['03', code.size],
    ]),
    ...template('51', [
      ['00', 'ID.CO.QRIS.WWW'],
      ['02', requireText('nationalMerchantId', code.nationalMerchantId, 15, /^ID[A-Z0-9]{13}$/)],
      ['03', code.size],
    ]),
    { id: '52', value: requireText('categoryCode', code.categoryCode, 4, /^[0-9]{4}$/) },
    currencyObject('idr'),
    ...amountObjects(code.amountMinor, 'idr', decimalsOf(code.amountMinor)),
    { id: '58', value: 'ID' },
    { id: '59', value: requireText('name', code.name, 25) },
    { id: '60', value: requireText('city', code.city, 15) },
    { id: '61', value: requireText('postalCode', code.postalCode, 5, /^[0-9]{5}$/) },
    ...template('62', [['07', code.terminal === undefined ? undefined : requireText('terminal', code.terminal, 25)]]),
  ])
}

function decimalsOf(amountMinor: bigint | undefined): number {
  return amountMinor !== undefined && amountMinor % 100n !== 0n ? 2 : 0
}

/**
 * A merchant's own static QRIS with an amount: 01 becomes 12, 54 follows the currency, the CRC is new (rails
 * standards §1.4). No notification distinguishes its payments, only the amount and the time do. `amountMinor` is in sen.
 * Throws a `QrFault` if the payload is not a QRIS in rupiah, or already has an amount.
 */
export function withQrisAmount(payload: string, amountMinor: bigint): string {
  const code = readEmv(payload)
  if (!readQris(code)) throw new QrFault('bad_input', 'payload', 'the payload is not a QRIS code')
  if (code.value('53') !== '360') throw new QrFault('bad_value', '53', 'the payload is not in rupiah')
  if (code.value('54') !== undefined) throw new QrFault('bad_value', '54', 'the payload already has an amount')
  const amount = { id: '54', value: amountText(amountMinor, 'idr', decimalsOf(amountMinor)) }
  const [format, ...rest] = code.objects.filter(({ id }) => id !== '01' && id !== '63')
  if (!format) throw new QrFault('missing', '00', 'the payload has no objects')
  return writeEmv([format, { id: '01', value: '12' }, ...rest.flatMap((object) => (object.id === '53' ? [object, amount] : [object]))])
}

/** The national merchant id of a QRIS code, with the issuer of its PAN; undefined if there is none. */
export function readQris(code: EmvCode): QrAccount | undefined {
  const found = findTemplate(code, identifiers)
  const issuer = [...code.templates].find(([id, values]) => Number(id) >= 26 && Number(id) <= 45 && values.get('01')?.startsWith('9360'))
  const national = found?.values.get('02')
  const pan = issuer?.[1].get('01')
  const proxy = national ?? (code.value('53') === '360' ? pan : undefined)
  if (proxy === undefined) return undefined
  return {
    scheme: 'qris',
    template: national === undefined ? (issuer?.[0] ?? '26') : (found?.id ?? '51'),
    proxyType: national === undefined ? 'merchant_pan' : 'national_merchant_id',
    proxy,
    institution: issuer?.[1].get('00') ?? null,
    editable: null,
    expiresAt: null,
    // The terminal label is returned with a payment; a printed code has its till there.
    reference: code.value('62.07') ?? null,
  }
}
