/** A card as it may be stored: never its number. */
export interface Card {
  brand: string
  last4: string
  /** ISO 3166-1 alpha-2; empty if it is not known. */
  country: string
  /** The rail's name for the card, usable with that rail only. */
  token?: string
}

/** Card brands as they write themselves, by their stored code. */
export const brandNames: Readonly<Record<string, string>> = {
  visa: 'Visa',
  mastercard: 'Mastercard',
  amex: 'American Express',
  unionpay: 'UnionPay',
  jcb: 'JCB',
  diners: 'Diners Club',
  discover: 'Discover',
}
