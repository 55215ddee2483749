import { findMethod, type PaymentMethod } from '#engine/rails/methods.ts'
import { type DecodedQr, decodeQr } from '#engine/rails/qr/decode.ts'
import type { QrScheme } from '#engine/rails/qr/emv.ts'
import { QrFault } from '#engine/rails/qr/tlv.ts'
import type { Db } from '#foundation/database/database.ts'
import type { Business } from '#foundation/shared/business.ts'
import { type ApiError, invalid } from '#foundation/shared/errors.ts'
import { isUuid } from '#foundation/shared/ids.ts'
import { findBusiness, findBusinessBySlug } from '#resources/business/businesses/queries.ts'
import { adminFeeOn } from '#resources/payments/fees/fees.ts'
import { findPaymentRequest, type PaymentRequestRow } from '#resources/payments/payment-requests/queries.ts'
import { findPaymentReference } from './queries.ts'

/** The content of a payment code, as the payer's app would show it, and the sandbox request that it pays. */
export interface Scan {
  business: Business
  request: PaymentRequestRow
  method: PaymentMethod
  /** The scheme's name, or `wallet` for codes that are a link. */
  scheme: QrScheme | 'wallet'
  payee: string
  /** Null if the payer enters it. */
  amountMinor: bigint | null
  reference: string
  editable: boolean
  expiresAt: Date | null
}

/** Our methods by the scheme of their codes. */
const methodsOfScheme: Partial<Record<QrScheme, string[]>> = {
  paynow: ['paynow_online'],
  promptpay: ['opn_prompt_pay'],
  promptpay_bill: ['opn_prompt_pay'],
  qris: ['doku_qris', 'ifpay_qris'],
  qrph: ['qrph_netbank'],
  duitnow: ['duitnow'],
  vietqr: ['vietqr_zalopay'],
  upi: ['upi_qr'],
}

/** Schemes put references into different objects; ours cannot be mistaken for something else. */
const referencePattern = /HWK[0-9A-HJKMNP-TV-Z]{17}/g
const pagePath = /^\/payment-request\/@([\w.-]+)\/(?:([^/]+)\/checkout\/?)?$/

/** As many references are looked up as a code can need; anyone may send codes that are full of them. */
const mostReferences = 4

/** The source of a code. */
export interface ScanOptions {
  /** The field of the body that contained it, for errors. */
  field?: string
  /** The business whose codes alone are known; if omitted, all of the sandbox are, as for a phone. */
  of?: Business
}

type Refuse = (code: string, text: string) => ApiError

function decode(payload: string, refuse: Refuse): DecodedQr {
  try {
    return decodeQr(payload)
  } catch (error) {
    if (!(error instanceof QrFault)) throw error
    if (error.code === 'not_a_payment_code') throw refuse('not_a_payment_code', 'This is not a payment code.')
    if (error.code === 'bad_crc') throw refuse('bad_crc', 'This code is damaged: its checksum does not match. Scan it again.')
    throw refuse('unreadable_code', `This code cannot be read: ${error.message}.`)
  }
}

/**
 * Reads a code like the payer's app, and finds the sandbox payment request that it pays. Throws a 422 that explains
 * why a code cannot be paid: not a payment code, damaged, without a request in this sandbox, of another scheme.
 */
export async function scanCode(db: Db, payload: string, { field = 'payload', of }: ScanOptions = {}): Promise<Scan> {
  const text = payload.trim()
  const refuse: Refuse = (code, words) => invalid({ [field]: [words] }, code)
  const isOurs = (business: Business | undefined) => business?.mode === 'sandbox' && (of === undefined || business.id === of.id)
  return /^https?:\/\//i.test(text) ? readLink(db, text, isOurs, refuse) : readPayload(db, text, isOurs, refuse)
}

/** The amount to pay if the code itself contains none: the request's, including a fee that the payer bears; null if they enter it. */
async function amountOf(db: Db, request: PaymentRequestRow, method: PaymentMethod): Promise<bigint | null> {
  const { amount_minor } = request
  return amount_minor === null ? null : amount_minor + (await adminFeeOn(db, request, method.code, amount_minor))
}

type IsOurs = (business: Business | undefined) => boolean

async function readPayload(db: Db, text: string, isOurs: IsOurs, refuse: Refuse): Promise<Scan> {
  const decoded = decode(text, refuse)
  const references = [...new Set(text.match(referencePattern))].slice(0, mostReferences)
  const entry = await findPaymentReference(db, references)
  const business = entry && (await findBusiness(db, entry.business_id))
  const request = entry && isOurs(business) ? await findPaymentRequest(db, entry.business_id, entry.target_id) : undefined
  const payee = decoded.payeeName ?? decoded.proxy
  if (!business || !request) {
    const of = decoded.scheme === 'emv' ? 'a payment code' : `a ${decoded.scheme} code`
    throw refuse('unknown_reference', `This is ${of}${payee ? ` of ${payee}` : ''}, but it does not belong to a payment request in this sandbox.`)
  }
  const candidates = methodsOfScheme[decoded.scheme] ?? []
  const code = candidates.find((one) => request.payment_methods.includes(one)) ?? (request.payment_methods.length === 0 ? candidates[0] : undefined)
  const method = code === undefined ? undefined : findMethod(code)
  if (!method) throw refuse('another_scheme', `This is a ${decoded.scheme} code, and the payment request does not accept that scheme.`)
  // If the code contains no amount in the request's currency, the payer's app gets it from the payee's bank.
  const inCode = decoded.currency === request.currency ? decoded.amountMinor : null
  return {
    business,
    request,
    method,
    scheme: decoded.scheme,
    payee: payee ?? business.name,
    amountMinor: inCode ?? (await amountOf(db, request, method)),
    reference: decoded.reference ?? request.payment_reference,
    editable: decoded.editable ?? inCode === null,
    expiresAt: decoded.expiresAt ?? request.expires_at,
  }
}

/** Codes of wallets whose schemes are not public are the URL of the hosted page, with the wallet's method. */
async function readLink(db: Db, text: string, isOurs: IsOurs, refuse: Refuse): Promise<Scan> {
  const url = URL.canParse(text) ? new URL(text) : undefined
  const [, slug, id] = pagePath.exec(url?.pathname ?? '') ?? []
  if (!url || slug === undefined) throw refuse('not_a_payment_code', 'This is a web address, not a payment code.')
  const method = findMethod(url.searchParams.get('method') ?? '')
  if (id === undefined || !method) throw refuse('checkout_page', 'This is the address of a checkout page; open it in a browser to pay.')
  const business = await findBusinessBySlug(db, slug)
  const request = business && isOurs(business) && isUuid(id) ? await findPaymentRequest(db, business.id, id) : undefined
  if (!business || !request) throw refuse('unknown_reference', 'This code does not belong to a payment request in this sandbox.')
  if (request.payment_methods.length > 0 && !request.payment_methods.includes(method.code))
    throw refuse('another_scheme', `The payment request does not accept ${method.name}.`)
  return {
    business,
    request,
    method,
    scheme: 'wallet',
    payee: business.name,
    amountMinor: await amountOf(db, request, method),
    reference: request.payment_reference,
    editable: request.amount_minor === null,
    expiresAt: request.expires_at,
  }
}
