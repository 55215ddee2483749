/** A card as it may be kept: never its number. */
export interface Card {
  brand: string
  last4: string
  /** ISO 3166-1 alpha-2; empty where it is not known. */
  country: string
  /** The rail's name for the card, usable with that rail only. */
  token?: string
}
