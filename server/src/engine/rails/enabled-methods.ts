import { ownValue } from '@hawker/web/own-value'
import type { Business } from '#foundation/shared/business.ts'
import type { Currency } from '#foundation/shared/money.ts'
import { type PaymentMethod, paymentMethods } from './methods.ts'

/** Methods of other resources: recurring billing and invoices. */
const elsewhere = new Set(['giro', 'paynow_transfer'])
/** Included in card, so the list of a request that names no methods does not repeat them. */
const underCard = new Set(['apple_pay', 'google_pay'])

/**
 * Whether a business accepts a method for payment requests in a currency. In the sandbox the country does not matter, so
 * that every scheme can be tried from any account.
 */
export function isEnabled({ country, mode, payment_methods }: Business, method: PaymentMethod, currency: Currency): boolean {
  if (payment_methods && !payment_methods.includes(method.code)) return false
  if (method.withdrawn || elsewhere.has(method.code)) return false
  if (method.currencies.length > 0 && !method.currencies.includes(currency)) return false
  return mode === 'sandbox' || method.countries.length === 0 || method.countries.includes(country)
}

/** The methods of a request that names none, in the catalog's order: those that are paid online. */
export function enabledMethods(business: Business, currency: Currency): string[] {
  return paymentMethods
    .filter(({ code, kind }) => kind !== 'terminal' && kind !== 'cash' && !underCard.has(code))
    .filter((method) => isEnabled(business, method, currency))
    .map(({ code }) => code)
}

/** The provider of a method, as `GET /v1/account-status` names it if that is not the method's own code (behaviour §8). */
const providers: Record<string, string> = {
  card: 'stripe',
  apple_pay: 'stripe',
  google_pay: 'stripe',
  wifi_card_reader: 'stripe',
  card_present: 'stripe',
  fpx: 'stripe',
  paynow_online: 'dbs_sg',
  grabpay_direct: 'grabpay',
  grabpay_paylater: 'grabpay',
  atome: 'atome_sg',
  shopback: 'shopback_sg',
  shopback_qr: 'shopback_sg',
  shopback_paylater: 'shopback_sg',
  favepay: 'fave_sg',
  upi_qr: 'upi',
  alipay: 'qfpay',
  duitnow: 'ifpay',
  boost: 'ifpay',
  doku_qris: 'ifpay',
  ifpay_qris: 'ifpay',
  gcash_qr: 'gcash',
  opn_prompt_pay: 'opn',
  opn_true_money_qr: 'opn',
  vietqr_zalopay: 'zalopay',
  payto: 'monoova',
}

/** The provider of a method; undefined for cash, which has none. */
export function providerOf({ code, kind }: PaymentMethod): string | undefined {
  return kind === 'cash' ? undefined : (ownValue(providers, code) ?? code)
}
