import { type Static, Type } from 'typebox'
import { nullable, plainText } from '#foundation/http/schemas.ts'
import type { Business } from '#foundation/shared/business.ts'
import type { CheckoutSettings as SettingsRow } from './queries.ts'

/** The languages of the payer's pages. */
export const languages = ['en', 'zh-Hans', 'ms', 'id', 'th', 'vi', 'ta'] as const
export type Language = (typeof languages)[number]

const language = (description: string) => Type.Unsafe<Language | null>({ type: ['string', 'null'], enum: [...languages, null], description })

/** How many origins of a merchant may frame its checkout. */
export const mostOrigins = 20

/** The body of `PATCH`; absent fields stay, and null resets to the default. */
export const UpdateCheckoutSettings = Type.Partial(
  Type.Object({
    display_name: nullable(plainText(100, { description: "Name shown to payers; defaults to the business's name." })),
    primary_color: nullable(plainText(32, { description: 'Color of buttons and links, `#rrggbb`. Must have a contrast of at least 3:1 with the background.' })),
    background_color: nullable(plainText(32, { description: 'Color of the page, `#rrggbb`. In dark mode, a light color is darkened.' })),
    allowed_origins: nullable(
      Type.Array(plainText(300), {
        maxItems: mostOrigins,
        description:
          'Origins that may embed the checkout: https, or http for localhost and 127.0.0.1, such as `https://shop.example.com`. Without any, every page may embed it in the sandbox and none in live. A comma-separated text is also accepted.',
      }),
    ),
    default_language: language("Language of the pages; `null` selects the payer's own."),
    support_email: nullable(Type.String({ format: 'email', maxLength: 255, description: 'Email address for payers who need help.' })),
    support_url: nullable(plainText(2048, { description: 'Help page for payers; http or https.' })),
    legal_name: nullable(plainText(255, { description: 'The legal name of the business, shown on receipts.' })),
    registration_number: nullable(plainText(64, { description: 'The registration or tax number, shown on receipts as it is, such as `UEN 201912345A`.' })),
    address: nullable(plainText(500, { description: 'The address of the business, shown on receipts.' })),
  }),
  { examples: [{ display_name: 'Kopi stall', primary_color: '#0f766e', allowed_origins: ['https://shop.example.com'] }] },
)
export type UpdateCheckoutSettings = Static<typeof UpdateCheckoutSettings>

/** The body of `PUT …/logo`, as JSON or from a file in a multipart body. */
export const PutCheckoutLogo = Type.Object({
  content_type: Type.Optional(nullable(plainText(100, { description: 'image/png, image/jpeg or image/webp; must match the data.' }))),
  data: Type.String({ minLength: 1, maxLength: 500_000, description: 'The picture in base64: at most 256 kB, and at most 2048 pixels on each side.' }),
})
export type PutCheckoutLogo = Static<typeof PutCheckoutLogo>

const text = (description?: string) => Type.Unsafe<string | null>({ type: ['string', 'null'], ...(description ? { description } : {}) })

export const CheckoutSettings = Type.Object(
  {
    display_name: Type.String(),
    primary_color: Type.String(),
    background_color: Type.String(),
    logo_url: text('Public URL of the logo, which changes with every new picture; null without a logo.'),
    allowed_origins: Type.Array(Type.String()),
    default_language: language("`null` selects the payer's own language."),
    support_email: text(),
    support_url: text(),
    legal_name: text(),
    registration_number: text(),
    address: text(),
  },
  { title: 'CheckoutSettings' },
)
export type CheckoutSettings = Static<typeof CheckoutSettings>

/** The URL of a business's logo; it identifies the picture, so that it can be cached forever. */
export function logoUrl(baseUrl: string, business: Business, { logo_sha256 }: Pick<SettingsRow, 'logo_sha256'>): string | null {
  return logo_sha256 === null ? null : `${baseUrl}/payment-request/@${business.slug}/logo?v=${logo_sha256}`
}

/** The settings as the API returns them: the effective values, set or not. */
export function presentCheckoutSettings(row: SettingsRow, business: Business, baseUrl: string): CheckoutSettings {
  return {
    display_name: row.display_name ?? business.name,
    primary_color: row.primary_color,
    background_color: row.background_color,
    logo_url: logoUrl(baseUrl, business, row),
    allowed_origins: row.allowed_origins,
    default_language: row.default_language as Language | null,
    support_email: row.support_email,
    support_url: row.support_url,
    legal_name: row.legal_name,
    registration_number: row.registration_number,
    address: row.address,
  }
}
