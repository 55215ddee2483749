import type { CheckoutCode } from '@hawker/web/checkout-state'
import { encodeQR } from 'qr'
import { findMethod } from '../../engine/rails/methods.ts'
import type { Database } from '../../foundation/database/database.ts'
import type { Business } from '../../foundation/http/authentication.ts'
import { conflict, invalid } from '../../foundation/shared/errors.ts'
import { adminFeeOn } from '../../resources/charges/fees.ts'
import { issueQr } from '../../resources/payment-requests/issue-qr.ts'
import type { PaymentRequestRow } from '../../resources/payment-requests/queries.ts'
import { checkoutUrl } from '../../resources/payment-requests/wire.ts'
import { toPng } from '../method-marks/rasterise.ts'
import { typed } from './attempts.ts'
import { statusAt } from './checkout-state.ts'

/** How long a code can be scanned; the page draws a new one in time. */
export const codeLifetimeMs = 15 * 60_000

export interface CodeQuery {
  method: string
  amount?: string | number | undefined
}

/** The code's text and its deadline, for a request that can still be paid. */
export async function codeOf(database: Database, business: Business, request: PaymentRequestRow, query: CodeQuery, baseUrl: string, at: Date) {
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

/** Apps that open by an address of their own: UPI's codes are addresses. */
const appUrl = (payload: string): string | null => (payload.startsWith('upi://') ? payload : null)

/** A code as the page draws it. */
export async function presentCode(
  database: Database,
  business: Business,
  request: PaymentRequestRow,
  query: CodeQuery,
  baseUrl: string,
  at: Date,
): Promise<CheckoutCode> {
  const { payload, expiresAt, method } = await codeOf(database, business, request, query, baseUrl, at)
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

/** The code's dark and light modules, without the light border that whoever draws it adds. */
function modulesOf(payload: string): boolean[][] {
  return encodeQR(payload, 'raw', { ecc: 'medium', border: 1 })
    .slice(1, -1)
    .map((row) => row.slice(1, -1))
}

/** Pixels of a module in a picture, and modules of the light border around the code (ISO/IEC 18004 §9.1). */
const scale = 12
const border = 4

/** The code as a picture to keep: PNG. */
export function pictureOf(payload: string): Buffer {
  const modules = modulesOf(payload)
  const size = modules.length + 2 * border
  const squares = modules.flatMap((row, y) =>
    row.flatMap((isDark, x) => (isDark ? [`M${x + border} ${y + border}H${x + border + 1}V${y + border + 1}H${x + border}Z`] : [])),
  )
  const shapes = [
    { path: `M0 0H${size}V${size}H0Z`, fill: '#ffffff' },
    { path: squares.join(''), fill: '#000000' },
  ]
  return toPng({ width: size, height: size, shapes }, size * scale)
}
