import { findMethod, type PaymentMethod } from '#engine/rails/methods.ts'
import { type DecodedQr, decodeQr } from '#engine/rails/qr/decode.ts'
import type { QrScheme } from '#engine/rails/qr/emv.ts'
import { QrFault } from '#engine/rails/qr/tlv.ts'
import type { Db } from '#foundation/database/database.ts'
import type { Business } from '#foundation/http/authentication.ts'
import { type ApiError, invalid } from '#foundation/shared/errors.ts'
import { isUuid } from '#foundation/shared/ids.ts'
import { findBusiness, findBusinessBySlug } from '#resources/business/businesses/queries.ts'
import { adminFeeOn } from '#resources/payments/fees/fees.ts'
import { findPaymentRequest, type PaymentRequestRow } from '#resources/payments/payment-requests/queries.ts'
import { findPaymentReference } from './queries.ts'

/** What a payment code says, as the payer's app would show it, and the request of the sandbox that it pays. */
export interface Scan {
  business: Business
  request: PaymentRequestRow
  method: PaymentMethod
  /** The scheme's word, or `wallet` for codes that are a link. */
  scheme: QrScheme | 'wallet'
  payee: string
  /** Null where the payer types it. */
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

/** References are in different objects of different schemes; ours cannot be mistaken for something else. */
const referencePattern = /HWK[0-9A-HJKMNP-TV-Z]{17}/g
const pagePath = /^\/payment-request\/@([\w.-]+)\/(?:([^/]+)\/checkout\/?)?$/

/** As many references are looked for as a code can need; anyone may send codes that are full of them. */
const mostReferences = 4

/** Where a code came from. */
export interface ScanOptions {
  /** The field of the body that it stood in, for faults. */
  field?: string
  /** The business whose codes alone are known; without it all of the sandbox are, as to a phone. */
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
 * Reads a code as the payer's app does, and finds the payment request of the sandbox that it pays. Throws a 422 that says
 * in words why a code cannot be paid: no payment code, damaged, of no request of this sandbox, of another scheme.
 */
export async function scanCode(db: Db, payload: string, { field = 'payload', of }: ScanOptions = {}): Promise<Scan> {
  const text = payload.trim()
  const refuse: Refuse = (code, words) => invalid({ [field]: [words] }, code)
  const isOurs = (business: Business | undefined) => business?.mode === 'sandbox' && (of === undefined || business.id === of.id)
  return /^https?:\/\//i.test(text) ? readLink(db, text, isOurs, refuse) : readPayload(db, text, isOurs, refuse)
}

/** What the payer is asked for where the code itself names no amount: the request's, with the fee that they bear; null where they type it. */
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
  // Where the code names no amount in the request's currency, the payer's app asks the payee's bank for it.
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

/** Codes of wallets whose schemes are not public are the address of the hosted page, with the wallet's method. */
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
