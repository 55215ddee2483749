import { findMethod, type PaymentMethod } from '#engine/rails/methods.ts'
import { latinName } from '#engine/rails/qr/latin-name.ts'
import { buildPayNow, type PayNowProxyType } from '#engine/rails/qr/paynow.ts'
import { sandboxCode } from '#engine/rails/sandbox-code.ts'
import type { Db } from '#foundation/database/database.ts'
import type { Business } from '#foundation/shared/business.ts'
import { invalid } from '#foundation/shared/errors.ts'
import { formatLocalTime } from '#foundation/shared/time.ts'
import { adminFeeOn } from '#resources/payments/fees/fees.ts'
import { findPayNowAccount } from '#resources/payments/rails/queries.ts'
import type { PaymentRequestRow } from './queries.ts'
import { checkoutUrl, type PaymentRequest } from './wire.ts'

/** A payment code as HitPay returns it (behaviour §2.6). */
export interface IssuedQr {
  qr_code: string
  qr_code_expiry: string | null
  qr_image_mime: string | null
}

/**
 * Creates the payment code of a request with an amount: in the sandbox for every method that has one, in live for the
 * business's own PayNow account. Throws a 422 if the method is not set up.
 */
export async function issueQr(db: Db, business: Business, request: PaymentRequestRow, method: PaymentMethod, checkout: string): Promise<IssuedQr> {
  const { payment_reference: reference, amount_minor, currency, expires_at: expiresAt } = request
  if (amount_minor === null) throw invalid({ amount: ['The amount field is required when generate qr is true.'] })
  const amountMinor = amount_minor + (request.admin_fee_minor ?? 0n)
  const shared = { qr_code_expiry: expiresAt?.toISOString() ?? null, qr_image_mime: null }
  if (business.mode === 'sandbox') {
    const payment = { businessId: business.id, payeeName: await latinName(business.name), amountMinor, currency, reference, expiresAt, checkoutUrl: checkout }
    return { qr_code: sandboxCode(method, payment), ...shared }
  }
  const account = method.code === 'paynow_online' ? await findPayNowAccount(db, business.id) : undefined
  if (!account) {
    throw invalid({ payment_methods: [`The method ${method.code} is not set up for QR codes.`] }, 'payment_method_not_available')
  }
  const proxy = { proxyType: account.proxy_type as PayNowProxyType, proxy: account.proxy_value, name: await latinName(account.name) }
  return { qr_code: buildPayNow({ ...proxy, amountMinor, reference, ...(expiresAt ? { expiresAt, expiryPrecision: 'second' } : {}) }), ...shared }
}

/** The fee in a request's code; null if there is none. A code whose price did not change keeps its fee. */
export async function feeInCode(db: Db, row: PaymentRequestRow, before?: PaymentRequestRow): Promise<bigint | null> {
  const { generate_qr, add_admin_fee, amount_minor, currency, payment_methods } = row
  const [method] = payment_methods
  if (!generate_qr || !add_admin_fee || amount_minor === null || method === undefined) return null
  const isSame = before?.amount_minor === amount_minor && before.currency === currency && before.payment_methods[0] === method
  if (isSame && before.admin_fee_minor !== null) return before.admin_fee_minor
  return adminFeeOn(db, { ...row, admin_fee_minor: null }, method, amount_minor)
}

/** What a payable request has in addition to its fields: its code or its direct link, if it requested one. */
export async function entryOf(
  db: Db,
  business: Business,
  row: PaymentRequestRow,
  baseUrl: string,
): Promise<Pick<PaymentRequest, 'qr_code_data' | 'direct_link'>> {
  const method = findMethod(row.payment_methods[0] ?? '')
  if (row.status !== 'pending' || !method) return {}
  const checkout = checkoutUrl(row, business, baseUrl)
  if (row.generate_qr) return { qr_code_data: await issueQr(db, business, row, method, checkout) }
  if (!row.generate_direct_link) return {}
  const expiry_time = row.expires_at && formatLocalTime(row.expires_at, business.timezone)
  return { direct_link: { direct_link_url: `${checkout}?method=${method.code}`, direct_link_app_url: null, expiry_time } }
}
