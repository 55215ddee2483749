import { ownValue } from './own-value.ts'
/** The card brands that we know, as their owners write them. */
export const brandNames = {
  visa: 'Visa',
  mastercard: 'Mastercard',
  amex: 'American Express',
  diners: 'Diners Club',
  jcb: 'JCB',
  discover: 'Discover',
  unionpay: 'UnionPay',
} as const
export type Brand = keyof typeof brandNames

/** A brand's name; an unknown one is shown as the rail writes it. */
export function brandName(brand: string): string {
  return ownValue(brandNames, brand) ?? brand
}
