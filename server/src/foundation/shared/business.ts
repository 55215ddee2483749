/** The business that a request acts for; what presenters and handlers need of it. */
export interface Business {
  readonly id: string
  readonly name: string
  readonly slug: string
  /** ISO 3166-1 alpha-2. */
  readonly country: string
  /** ISO 4217 in lower case. */
  readonly currency: string
  /** IANA name. */
  readonly timezone: string
  readonly mode: 'sandbox' | 'live'
  /** Codes of the methods that it accepts; without a list, every fitting method of the catalog. */
  readonly payment_methods?: string[] | null
}

/** An API key as it is stored: never the key itself. */
export interface KnownKey {
  readonly keyId: string
  /** SHA-256 of the key, in hexadecimal. */
  readonly keyHash: string
  readonly business: Business
}
