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

/** A brand's name; one that we do not know is shown as the rail spells it. */
export function brandName(brand: string): string {
  return Object.hasOwn(brandNames, brand) ? brandNames[brand as Brand] : brand
}
