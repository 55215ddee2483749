import { ownValue } from '@hawker/web/own-value'
import { paymentMethods } from '#engine/rails/methods.ts'
import type { Glyph } from './glyphs.ts'

/**
 * Color pairs: a ground, and a tint of it for the sign. All grounds have the same lightness, so that white letters are readable on
 * them (4.5:1), and they are visible on white and on nearly black pages (3:1) alike; a test checks this.
 */
export const colours = {
  red: { ground: '#cb252d', tint: '#ffd6d2' },
  orange: { ground: '#ad4d04', tint: '#ffd7c4' },
  amber: { ground: '#8f6003', tint: '#f6dcb8' },
  olive: { ground: '#666f03', tint: '#dde3bd' },
  green: { ground: '#027a2f', tint: '#c2e9c6' },
  teal: { ground: '#037768', tint: '#bde8df' },
  cyan: { ground: '#037487', tint: '#bce7f1' },
  azure: { ground: '#026eae', tint: '#c5e3fe' },
  blue: { ground: '#2361dd', tint: '#cfe0ff' },
  indigo: { ground: '#6254dd', tint: '#dbddff' },
  violet: { ground: '#8c45cb', tint: '#e9d9ff' },
  magenta: { ground: '#af379b', tint: '#ffd2f4' },
  rose: { ground: '#c32b62', tint: '#ffd5dd' },
  slate: { ground: '#5c6b7e', tint: '#d9e0e9' },
} satisfies Record<string, { ground: string; tint: string }>

/** What is drawn for a payment method: one or two short lines, a color, and a sign unless the letters are enough. */
export interface Mark {
  readonly lines: readonly string[]
  readonly colour: keyof typeof colours
  readonly glyph: Glyph | null
}

const mark = (text: string, colour: Mark['colour'], glyph: Glyph | null): Mark => ({ lines: text.split('/'), colour, glyph })

/** Our own badges by method code; they name a scheme, and copy nobody's logo. */
const methods: Record<string, Mark> = {
  card: mark('Card', 'slate', 'card'),
  apple_pay: mark('Apple/Pay', 'slate', 'phone'),
  google_pay: mark('Google/Pay', 'azure', 'phone'),
  paynow_online: mark('Pay/Now', 'violet', 'qr'),
  grabpay_direct: mark('Grab/Pay', 'green', 'wallet'),
  grabpay_paylater: mark('Grab/Later', 'green', 'later'),
  shopee_pay: mark('Shopee/Pay', 'orange', 'wallet'),
  atome: mark('Atome', 'olive', 'later'),
  shopback_qr: mark('Shop/Back', 'rose', 'qr'),
  shopback: mark('Shop/Back', 'rose', 'wallet'),
  shopback_paylater: mark('Shop/Later', 'rose', 'later'),
  favepay: mark('Fave/Pay', 'magenta', 'qr'),
  zip: mark('Zip', 'indigo', 'later'),
  hoolah: mark('hoolah', 'red', 'later'),
  upi_qr: mark('UPI', 'amber', 'qr'),
  wechat: mark('WeChat/Pay', 'green', 'qr'),
  alipay: mark('Alipay+', 'blue', 'qr'),
  giro: mark('GIRO', 'teal', 'bank'),
  paynow_transfer: mark('Pay/Now', 'violet', 'bank'),
  fpx: mark('FPX', 'azure', 'bank'),
  touch_n_go: mark("Touch/'n Go", 'blue', 'wallet'),
  duitnow: mark('Duit/Now', 'magenta', 'qr'),
  boost: mark('Boost', 'red', 'qr'),
  qrph_netbank: mark('QR Ph', 'indigo', 'qr'),
  gcash: mark('GCash', 'blue', 'wallet'),
  gcash_qr: mark('GCash', 'blue', 'qr'),
  billease_ph: mark('Bill/Ease', 'cyan', 'later'),
  upay: mark('UPay', 'amber', 'wallet'),
  opn_prompt_pay: mark('Prompt/Pay', 'azure', 'qr'),
  opn_true_money_qr: mark('True/Money', 'orange', 'qr'),
  line_pay: mark('LINE/Pay', 'olive', 'wallet'),
  vietqr_zalopay: mark('Viet/QR', 'red', 'qr'),
  zalopay: mark('Zalo/Pay', 'teal', 'wallet'),
  doku_qris: mark('QRIS', 'red', 'qr'),
  ifpay_qris: mark('QRIS', 'red', 'qr'),
  payto: mark('PayTo', 'teal', 'bank'),
  nhn_kcp: mark('NHN/KCP', 'cyan', 'wallet'),
  pix: mark('Pix', 'teal', 'qr'),
  wifi_card_reader: mark('Card/reader', 'slate', 'terminal'),
  card_present: mark('In/person', 'slate', 'card'),
  cash: mark('Cash', 'olive', 'cash'),
}

/** Card brands, as plain letters; below, other names that providers use. */
const brands: Record<string, Mark> = {
  visa: mark('Visa', 'blue', null),
  mastercard: mark('Master/card', 'amber', null),
  amex: mark('Amex', 'cyan', null),
  discover: mark('Discover', 'orange', null),
  diners: mark('Diners/Club', 'indigo', null),
  jcb: mark('JCB', 'green', null),
  unionpay: mark('Union/Pay', 'red', null),
}
const otherBrands: Record<string, string> = { american_express: 'amex', diners_club: 'diners', union_pay: 'unionpay' }

/** Brands without a badge of their own, as a provider names them, use the one for cards. */
const plainCards = ['unknown', 'cartes_bancaires', 'eftpos_au', 'interac', 'link']

/** Every name under which a mark is served: current and older method codes, and card brands. */
export const marks: ReadonlyMap<string, Mark> = new Map<string, Mark>(
  [
    ...plainCards.map((name) => [name, methods.card] as const),
    ...Object.entries(otherBrands).map(([name, brand]) => [name, ownValue(brands, brand)] as const),
    ...paymentMethods.flatMap(({ code, aliases }) => aliases.map((alias) => [alias, ownValue(methods, code)] as const)),
    ...Object.entries(methods),
    ...Object.entries(brands),
  ].filter((entry): entry is [string, Mark] => entry[1] !== undefined),
)
