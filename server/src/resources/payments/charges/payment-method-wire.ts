import { ownValue } from '@hawker/web/own-value'
import { type Static, Type } from 'typebox'
import { brandNames } from '#engine/rails/card.ts'
import { countryName } from '#foundation/shared/countries.ts'
import type { ChargeRow } from './queries.ts'

const logoFields = {
  sm: Type.String(),
  md: Type.String(),
  lg: Type.String(),
  svg: Type.String(),
  svg_square: Type.String(),
  png_square: Type.String(),
  method: Type.String(),
  iconName: Type.String(),
  displayName: Type.String(),
}
const Logo = Type.Object(logoFields, { title: 'MethodLogo', description: 'Image URLs of a payment method or card brand.' })
export type Logo = Static<typeof Logo>

const CardData = Type.Unsafe<{ brand: string; last4: string; country_code: string; country: string } | null>({
  type: ['object', 'null'],
  properties: { brand: { type: 'string' }, last4: { type: 'string' }, country_code: { type: 'string' }, country: { type: 'string' } },
  required: ['brand', 'last4', 'country_code', 'country'],
  description: 'Card details; null for other methods.',
})

export const ListedMethod = Type.Object({ name: Type.String(), display_logo: Logo, method_logo: Logo, data: CardData }, { title: 'ChargePaymentMethod' })

export const DetailedMethod = Type.Object(
  {
    code: Type.String({ description: 'The rail.' }),
    provider_reference: Type.Unsafe<string | null>({ type: ['string', 'null'] }),
    type: Type.String(),
    ...ListedMethod.properties,
  },
  { title: 'ChargePaymentMethodDetail' },
)

const names: Record<string, string> = {
  card: 'Cards',
  apple_pay: 'Apple Pay',
  google_pay: 'Google Pay',
  paynow_online: 'PayNow',
  grabpay_direct: 'GrabPay',
  grabpay_paylater: 'PayLater by Grab',
  shopee_pay: 'ShopeePay',
  shopback_qr: 'ShopBack',
  shopback_paylater: 'ShopBack PayLater',
  wechat: 'WeChat Pay',
  wechat_pay: 'WeChat Pay',
  alipay: 'Alipay+',
  upi_qr: 'UPI',
  giro: 'GIRO',
  fpx: 'FPX',
  touch_n_go: "Touch 'n Go",
  duitnow: 'DuitNow QR',
  qrph_netbank: 'QR Ph',
  gcash: 'GCash',
  gcash_qr: 'GCash QR',
  opn_prompt_pay: 'PromptPay',
  opn_true_money_qr: 'TrueMoney',
  vietqr_zalopay: 'VietQR',
  zalopay: 'ZaloPay',
  doku_qris: 'QRIS',
  ifpay_qris: 'QRIS',
  wifi_card_reader: 'Terminal',
  ...brandNames,
}

/** The display name of a method or card brand; an unknown one is its code, in words. */
export function displayName(code: string): string {
  return ownValue(names, code) ?? code.replaceAll('_', ' ').replace(/\b[a-z]/g, (letter) => letter.toUpperCase())
}

function logo(code: string, baseUrl: string): Logo {
  const at = (folder: string, ending: string) => `${baseUrl}/icons/methods/${folder}/${encodeURIComponent(code)}.${ending}`
  return {
    sm: at('sm', 'png'),
    md: at('md', 'png'),
    lg: at('lg', 'png'),
    svg: at('svg', 'svg'),
    svg_square: at('svg_square', 'svg'),
    png_square: at('png_square', 'png'),
    method: code,
    iconName: code,
    displayName: displayName(code),
  }
}

/** How a charge was paid, as the list returns it. */
export function presentListedMethod({ method, card }: ChargeRow, baseUrl: string): Static<typeof ListedMethod> {
  const brand = card?.brand.toLowerCase().replaceAll(' ', '_')
  return {
    name: method,
    display_logo: logo(brand ?? method, baseUrl),
    method_logo: logo(method, baseUrl),
    data: card && { brand: displayName(brand ?? card.brand), last4: card.last4, country_code: card.country, country: countryName(card.country) },
  }
}

/** How a charge was paid, as the charge itself returns it. */
export function presentDetailedMethod(row: ChargeRow, baseUrl: string): Static<typeof DetailedMethod> {
  return { code: row.rail, provider_reference: row.rail_reference, type: 'charge', ...presentListedMethod(row, baseUrl) }
}
