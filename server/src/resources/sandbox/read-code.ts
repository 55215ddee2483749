import { type DecodedQr, decodeQr } from '../../engine/rails/qr/decode.ts'
import type { QrScheme } from '../../engine/rails/qr/emv.ts'
import { QrFault } from '../../engine/rails/qr/tlv.ts'
import type { Business } from '../../foundation/http/authentication.ts'
import { invalid } from '../../foundation/shared/errors.ts'
import { isUuid } from '../../foundation/shared/ids.ts'
import { findRequestByReference } from '../bank-accounts/queries.ts'
import type { StartDeps } from '../charges/start-payment.ts'
import { findPaymentRequest, type PaymentRequestRow } from '../payment-requests/queries.ts'

/** The methods whose payers scan a scheme's codes. */
const methodsOf: Partial<Record<QrScheme, readonly string[]>> = {
  paynow: ['paynow_online'],
  promptpay_bill: ['opn_prompt_pay'],
  qris: ['doku_qris', 'ifpay_qris'],
  qrph: ['qrph_netbank'],
  duitnow: ['duitnow'],
  vietqr: ['vietqr_zalopay'],
  upi: ['upi_qr'],
}

/** What a payer's app makes of a code. */
export interface ReadCode {
  request: PaymentRequestRow
  method: string
  /** What the code asks for in all; undefined where it leaves that to others, as UPI does outside India. */
  totalMinor: bigint | undefined
}

function decoded(code: string): DecodedQr {
  try {
    return decodeQr(code)
  } catch (error) {
    if (error instanceof QrFault) throw invalid({ qr_code: [`The qr code cannot be read: ${error.message}.`] })
    throw error
  }
}

/** Reads a code of the sandbox: a payload of a scheme, or the page that stands for a wallet's own code. Throws a 422 for any other. */
export async function readCode({ database }: StartDeps, business: Business, code: string): Promise<ReadCode> {
  const unknown = () => invalid({ qr_code: ['No payment request of this business has this code.'] })
  if (/^https?:/i.test(code)) {
    const [, id = '', method] = /\/payment-request\/@[^/?#]+\/([^/?#]+)\/checkout(?:\?method=(\w+))?$/.exec(code) ?? []
    const request = isUuid(id) ? await findPaymentRequest(database.db, business.id, id.toLowerCase()) : undefined
    if (!request) throw unknown()
    return { request, method: method ?? request.payment_methods[0] ?? '', totalMinor: undefined }
  }
  const { reference, scheme, amountMinor, currency } = decoded(code)
  const id = await findRequestByReference(database.db, business.id, reference === null ? [] : [reference])
  const request = id === undefined ? undefined : await findPaymentRequest(database.db, business.id, id)
  const method = methodsOf[scheme]?.find((one) => request?.payment_methods.includes(one))
  if (!request || method === undefined) throw unknown()
  return { request, method, totalMinor: currency === request.currency ? (amountMinor ?? undefined) : undefined }
}
