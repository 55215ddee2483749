import { amountObjects, currencyObject, type EmvCode, findTemplate, type QrAccount, requireText, template, writeEmv } from './emv.ts'
import { QrFault, readObjects, writeObjects } from './tlv.ts'

const identifier = 'A000000727'
const services = { account: 'QRIBFTTA', card: 'QRIBFTTC' } as const

export interface VietQrCode {
  /** Six digits of the payee's bank at NAPAS. */
  bankBin: string
  /** An account, or a card if `service` says so; up to 19 letters and digits. */
  account: string
  service?: keyof typeof services | undefined
  /** In dong, which has no smaller unit; if omitted, the payer enters it. */
  amountMinor?: bigint | undefined
  /** Object 62.01, up to 25 characters. */
  reference?: string | undefined
  /** Object 62.08, the transfer's text, up to 25 characters without accents. See `fitText`. */
  purpose?: string | undefined
  reusable?: boolean | undefined
}

/** A VietQR payload of NAPAS (rails standards §1.7), for any account. Throws a `QrFault` that names the invalid input. */
export function buildVietQr(code: VietQrCode): string {
  const beneficiary = writeObjects([
    { id: '00', value: requireText('bankBin', code.bankBin, 6, /^[0-9]{6}$/) },
    { id: '01', value: requireText('account', code.account, 19, /^[A-Za-z0-9]+$/) },
  ])
  return writeEmv([
    { id: '00', value: '01' },
    { id: '01', value: (code.reusable ?? code.amountMinor === undefined) ? '11' : '12' },
    ...template('38', [
      ['00', identifier],
      ['01', beneficiary],
      ['02', services[code.service ?? 'account']],
    ]),
    currencyObject('vnd'),
    ...amountObjects(code.amountMinor, 'vnd'),
    { id: '58', value: 'VN' },
    ...template('62', [
      ['01', code.reference === undefined ? undefined : requireText('reference', code.reference, 25)],
      ['08', code.purpose === undefined ? undefined : requireText('purpose', code.purpose, 25)],
    ]),
  ])
}

/** The account or card of a VietQR payload and its bank's BIN; undefined if there is none. */
export function readVietQr(code: EmvCode): QrAccount | undefined {
  const found = findTemplate(code, [identifier])
  if (!found) return undefined
  const { id, values } = found
  const path = `${id}.01`
  const inner = new Map(readObjects(values.get('01') ?? '', path).map((object) => [object.id, object.value]))
  const account = inner.get('01')
  const bank = inner.get('00')
  if (account === undefined || bank === undefined) throw new QrFault('missing', path, 'a VietQR code must name a bank and an account')
  return {
    scheme: 'vietqr',
    template: id,
    proxyType: values.get('02') === services.card ? 'card' : 'bank_account',
    proxy: account,
    institution: bank,
    editable: null,
    expiresAt: null,
    reference: null,
  }
}
