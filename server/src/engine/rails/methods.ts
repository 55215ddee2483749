import { ownValue } from '@hawker/web/own-value'
import { type Currency, parseAmount } from '#foundation/shared/money.ts'

/**
 * How a payer pays: `card` and `wallet` on our page, `qr` by scanning, `redirect` on another page, `bank` by authorizing a
 * debit or transfer, `terminal` and `cash` in person.
 */
export type MethodKind = 'card' | 'wallet' | 'qr' | 'redirect' | 'bank' | 'terminal' | 'cash'

/** One payment method (behaviour §8). Flags are false if the table says no, and if no source says yes. */
export interface PaymentMethod {
  /** The code in `payment_methods` and of a charge. */
  code: string
  /** Other codes that are accepted for it. */
  aliases: readonly string[]
  name: string
  /** Countries of the businesses that can offer it, ISO 3166-1 alpha-2; empty is any. */
  countries: readonly string[]
  /** Currencies in which it can be charged; empty is any. */
  currencies: readonly Currency[]
  kind: MethodKind
  /** Whether a request for it alone can have `generate_qr`. */
  generateQr: boolean
  /** Whether a payment in its currency can be offered by a business of another country. */
  borderless: boolean
  generateDirectLink: boolean
  /** Whether it can be saved and charged again. */
  recurring: boolean
  /** Whether a refund can be requested; true if the table says nothing, because only some are known not to be. */
  refundable: boolean
  partiallyRefundable: boolean
  /** Days after which a refund is no longer accepted; null is never. */
  refundDays: number | null
  /** Decimal text in major units: the minimum of each currency that has its own. */
  minimums: Readonly<Record<Currency, string>>
  /** No longer offered; kept, so that old charges have a name. */
  withdrawn: boolean
}

const nothing: Omit<PaymentMethod, 'code' | 'name' | 'kind' | 'countries' | 'currencies'> = {
  aliases: [],
  generateQr: false,
  borderless: false,
  generateDirectLink: false,
  recurring: false,
  refundable: true,
  partiallyRefundable: true,
  refundDays: null,
  minimums: {},
  withdrawn: false,
}

function method(code: string, name: string, kind: MethodKind, places: string, money: string, more: Partial<PaymentMethod> = {}): PaymentMethod {
  const words = (text: string) => text.split(' ').filter((word) => word !== '')
  return { ...nothing, code, name, kind, countries: words(places), currencies: words(money), ...more }
}

const qr = { generateQr: true }
const borderlessQr = { generateQr: true, borderless: true }

/** Stripe's minimum amounts, in the currencies for which it publishes one; all card payments go through Stripe. */
const cardMinimums = {
  aud: '0.50',
  brl: '0.50',
  cad: '0.50',
  chf: '0.50',
  eur: '0.50',
  gbp: '0.30',
  hkd: '4.00',
  inr: '0.50',
  jpy: '50',
  mxn: '10.00',
  myr: '2.00',
  nzd: '0.50',
  sgd: '0.50',
  thb: '10.00',
  usd: '0.50',
}
const card = { minimums: cardMinimums }

/** The catalog, in the order in which methods are offered: cards, then by country (behaviour §8). */
export const paymentMethods: readonly PaymentMethod[] = [
  method('card', 'Cards', 'card', '', '', { ...card, recurring: true }),
  method('apple_pay', 'Apple Pay', 'wallet', '', '', card),
  method('google_pay', 'Google Pay', 'wallet', '', '', card),
  method('paynow_online', 'PayNow', 'qr', 'SG', 'sgd', { ...borderlessQr, refundDays: 30 }),
  method('grabpay_direct', 'GrabPay', 'redirect', 'SG MY', 'sgd myr', { aliases: ['grabpay'], ...qr, generateDirectLink: true, recurring: true }),
  method('grabpay_paylater', 'PayLater by Grab', 'redirect', 'SG', 'sgd', { ...qr, generateDirectLink: true }),
  method('shopee_pay', 'ShopeePay', 'redirect', 'SG MY PH', 'sgd myr php', { ...borderlessQr, recurring: true }),
  method('atome', 'Atome', 'redirect', 'SG', 'sgd', qr),
  method('shopback_qr', 'ShopBack QR', 'qr', 'SG', 'sgd', qr),
  method('shopback', 'ShopBack', 'redirect', 'SG', 'sgd'),
  method('shopback_paylater', 'ShopBack PayLater', 'redirect', 'SG', 'sgd'),
  method('favepay', 'FavePay', 'qr', 'SG', 'sgd', { aliases: ['fave_duit'] }),
  method('zip', 'Zip', 'redirect', 'SG AU', 'sgd aud'),
  method('hoolah', 'Hoolah', 'redirect', 'SG', 'sgd', { refundable: false, partiallyRefundable: false, withdrawn: true }),
  method('upi_qr', 'UPI', 'qr', 'SG', 'sgd', { aliases: ['upi'], ...qr }),
  method('wechat', 'WeChat Pay', 'qr', 'SG PH', 'sgd php', { aliases: ['wechat_pay'], ...qr }),
  method('alipay', 'Alipay+', 'qr', 'SG', 'sgd'),
  method('giro', 'GIRO', 'bank', 'SG', 'sgd', { recurring: true, refundable: false, partiallyRefundable: false }),
  method('paynow_transfer', 'PayNow transfer', 'bank', 'SG', 'sgd'),
  method('fpx', 'FPX', 'bank', 'MY', 'myr'),
  method('touch_n_go', "Touch 'n Go", 'redirect', 'MY', 'myr', { ...borderlessQr, generateDirectLink: true, recurring: true }),
  method('duitnow', 'DuitNow QR', 'qr', 'MY', 'myr', qr),
  method('boost', 'Boost', 'qr', 'MY', 'myr'),
  method('qrph_netbank', 'QR Ph', 'qr', 'PH', 'php', { aliases: ['qrph'], ...borderlessQr }),
  method('gcash', 'GCash', 'redirect', 'PH', 'php', { ...qr, generateDirectLink: true }),
  method('gcash_qr', 'GCash QR', 'qr', 'PH', 'php', { aliases: ['gcash_offline'], ...borderlessQr }),
  method('billease_ph', 'BillEase', 'redirect', 'PH', 'php'),
  method('upay', 'UPay', 'redirect', 'PH', 'php', { refundable: false, partiallyRefundable: false }),
  method('opn_prompt_pay', 'PromptPay', 'qr', 'TH', 'thb', { aliases: ['promptpay'], ...borderlessQr }),
  method('opn_true_money_qr', 'TrueMoney', 'qr', 'TH', 'thb', { aliases: ['truemoney'], ...borderlessQr }),
  method('line_pay', 'LINE Pay', 'redirect', 'TH', 'thb', { borderless: true, recurring: true }),
  method('vietqr_zalopay', 'VietQR', 'qr', 'VN', 'vnd', { aliases: ['vietqr_payme', 'vietqr'], ...qr }),
  method('zalopay', 'ZaloPay', 'redirect', 'VN', 'vnd', { ...qr, generateDirectLink: true, recurring: true }),
  method('doku_qris', 'QRIS', 'qr', 'ID', 'idr', { aliases: ['qris'], ...borderlessQr }),
  method('ifpay_qris', 'QRIS', 'qr', 'SG MY PH TH VN AU', 'idr', borderlessQr),
  method('payto', 'PayTo', 'bank', 'AU', 'aud', { aliases: ['payid'] }),
  method('nhn_kcp', 'NHN KCP', 'redirect', 'KR', 'krw'),
  method('pix', 'Pix', 'qr', 'BR', 'brl', borderlessQr),
  method('wifi_card_reader', 'Card reader', 'terminal', '', ''),
  method('card_present', 'Card, in person', 'terminal', '', ''),
  method('cash', 'Cash', 'cash', '', ''),
]

const byCode = new Map(paymentMethods.flatMap((entry) => [entry.code, ...entry.aliases].map((code) => [code, entry] as const)))

/** The method with a code, current or older, in exact case; undefined if there is none. */
export function findMethod(code: string): PaymentMethod | undefined {
  return byCode.get(code)
}

/**
 * What a business of a country (ISO 3166-1 alpha-2, upper case) can offer online for a currency, in the catalog's order.
 * Without in-person and withdrawn methods, and without borderless ones of other countries, whose currency differs.
 */
export function methodsFor(country: string, currency: Currency): PaymentMethod[] {
  return paymentMethods.filter(
    ({ countries, currencies, kind, withdrawn }) =>
      !withdrawn &&
      kind !== 'terminal' &&
      kind !== 'cash' &&
      (countries.length === 0 || countries.includes(country)) &&
      (currencies.length === 0 || currencies.includes(currency)),
  )
}

/** The minimum amount of a method in a currency, in minor units; undefined if no source says. */
export function minimumAmount({ minimums }: PaymentMethod, currency: Currency): bigint | undefined {
  const text = ownValue(minimums, currency)
  return text === undefined ? undefined : parseAmount(text, currency)
}
