import type { Db } from '#foundation/database/database.ts'
import type { Business } from '#foundation/shared/business.ts'
import { findCheckoutSettingsOf, issuerOf } from './queries.ts'
import { type Language, languages, logoUrl } from './wire.ts'

/** How a business appears in its mails: the settings of its checkout. */
export interface Look {
  /** As it was set; it may have line breaks. */
  name: string
  language: Language
  logo: string | null
  /** Who issues receipts, a line each. */
  issuer: string[]
}

/** The look in the payer's own language, if they paid on a page. */
export function inLanguageOf(look: Look, payerLanguage: string | null): Look {
  const language = languages.find((one) => one === payerLanguage)
  return language === undefined ? look : { ...look, language }
}

/** The looks of businesses by their ids, in one statement. */
export async function looksOf(db: Db, businesses: Business[], baseUrl: string): Promise<Map<string, Look>> {
  if (businesses.length === 0) return new Map()
  const ids = businesses.map(({ id }) => id)
  const settings = await findCheckoutSettingsOf(db, ids)
  return new Map(
    businesses.map((business, i) => {
      const own = settings[i]
      const { display_name = null, default_language = null, logo_sha256 = null } = own ?? {}
      const language = languages.find((one) => one === default_language) ?? 'en'
      return [
        business.id,
        { name: display_name ?? business.name, language, logo: logoUrl(baseUrl, business, { logo_sha256 }), issuer: own ? issuerOf(own) : [] },
      ]
    }),
  )
}
