import { deflateSync } from 'node:zlib'
import type { CheckoutCode } from '@hawker/web/checkout-state'
import { encodeQR } from 'qr'
import { findMethod } from '#engine/rails/methods.ts'
import type { Database } from '#foundation/database/database.ts'
import type { Origin } from '#foundation/http/origin.ts'
import type { Business } from '#foundation/shared/business.ts'
import { conflict, invalid } from '#foundation/shared/errors.ts'
import { chunkOf, pngMark } from '#foundation/shared/png.ts'
import { adminFeeOn } from '#resources/payments/fees/fees.ts'
import { issueQr } from '#resources/payments/payment-requests/issue-qr.ts'
import type { PaymentRequestRow } from '#resources/payments/payment-requests/queries.ts'
import { checkoutUrl } from '#resources/payments/payment-requests/wire.ts'
import { typed } from './attempts.ts'
import { statusAt } from './checkout-state.ts'

/** How long a code can be scanned; the page draws a new one before that. */
export const codeLifetimeMs = 15 * 60_000

export interface CodeQuery {
  method: string
  amount?: string | number | undefined
}

/** The code's text and its deadline, for a request that can still be paid. */
export async function issueCheckoutCode(
  database: Database,
  business: Business,
  request: PaymentRequestRow,
  query: CodeQuery,
  { baseUrl, at }: Pick<Origin, 'baseUrl' | 'at'>,
) {
  const status = statusAt(request, at)
  if (status !== 'pending' && !(status === 'completed' && request.allow_repeated_payments)) {
    throw conflict('payment_request_not_payable', `This payment request is ${status}.`)
  }
  const method = findMethod(query.method)
  if (!method || !request.payment_methods.includes(method.code) || method.kind !== 'qr') {
    throw invalid({ method: ['The selected method is invalid.'] }, 'payment_method_not_available')
  }
  const asked = request.amount_minor ?? typed(query.amount, request)
  const feeMinor = await adminFeeOn(database.db, request, method.code, asked)
  const latest = new Date(at.getTime() + codeLifetimeMs)
  const expiresAt = request.expires_at !== null && request.expires_at < latest ? request.expires_at : latest
  const row = { ...request, amount_minor: asked, admin_fee_minor: feeMinor, expires_at: expiresAt }
  const issued = await issueQr(database.db, business, row, method, checkoutUrl(request, business, baseUrl))
  return { payload: issued.qr_code, expiresAt, method, asked }
}

/** Apps that open through a URL of their own: UPI's codes are URLs. */
const appUrl = (payload: string): string | null => (payload.startsWith('upi://') ? payload : null)

/** A code as the page draws it. */
export async function presentCode(
  database: Database,
  business: Business,
  request: PaymentRequestRow,
  query: CodeQuery,
  origin: Pick<Origin, 'baseUrl' | 'at'>,
): Promise<CheckoutCode> {
  const { payload, expiresAt, method } = await issueCheckoutCode(database, business, request, query, origin)
  const rows = modulesOf(payload).map((row) => row.map((isDark) => (isDark ? '1' : '0')).join(''))
  const amount = request.amount_minor === null ? `&amount=${encodeURIComponent(String(query.amount))}` : ''
  return {
    payload,
    rows,
    expires_at: expiresAt.toISOString(),
    app_url: appUrl(payload),
    image_url: `/payment-request/@${business.slug}/${request.id}/code.png?method=${method.code}${amount}`,
  }
}

/** The code's dark and light modules, without the light border, which is added when it is drawn. */
function modulesOf(payload: string): boolean[][] {
  return encodeQR(payload, 'raw', { ecc: 'medium', border: 1 })
    .slice(1, -1)
    .map((row) => row.slice(1, -1))
}

/** Pixels of a module in a picture, and modules of the light border around the code (ISO/IEC 18004 §9.1). */
const scale = 12
const border = 4

/** The code as a picture to save: a PNG with one bit per pixel, since anyone may request it as often as they like. */
export function pictureOf(payload: string): Buffer {
  const modules = modulesOf(payload)
  const side = (modules.length + 2 * border) * scale
  // A row starts with the number of its filter; white is 1.
  const lineOf = (row: boolean[]) => {
    const line = Buffer.alloc(1 + Math.ceil(side / 8), 0xff)
    line[0] = 0
    for (const [i, isDark] of row.entries()) {
      if (!isDark) continue
      for (let x = (i + border) * scale; x < (i + border + 1) * scale; x += 1) line[1 + (x >> 3)] = (line[1 + (x >> 3)] ?? 0) & ~(0x80 >> (x & 7))
    }
    return line
  }
  const margin = Array.from({ length: border * scale }, () => lineOf([]))
  const lines = modules.flatMap((row) => Array.from<Buffer>({ length: scale }).fill(lineOf(row)))
  const head = Buffer.alloc(13)
  head.writeUInt32BE(side, 0)
  head.writeUInt32BE(side, 4)
  head[8] = 1
  const data = deflateSync(Buffer.concat([...margin, ...lines, ...margin]))
  return Buffer.concat([pngMark, chunkOf('IHDR', head), chunkOf('IDAT', data), chunkOf('IEND', Buffer.alloc(0))])
}
