/** How a business looks on its pages; what is not set has Hawker's own look. */
export interface Branding {
  /** The logo's address for pages, on this origin, and its bytes (PNG or JPEG) for PDFs. */
  readonly logo?: { readonly url: string; readonly image: Buffer } | undefined
}
