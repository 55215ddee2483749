import type { Database } from '#foundation/database/database.ts'
import type { Api } from '#foundation/http/api.ts'
import { isKnown } from '#foundation/http/etag.ts'
import type { FindBySlug } from '#resources/business/businesses/known-slugs.ts'
import { findCheckoutLogo } from '#resources/business/checkout-settings/queries.ts'

export interface LogoDeps {
  database: Database
  businessBySlug: FindBySlug
}

/**
 * A business's logo, which is public: on pages, and in emails, which other sites show. An uploaded file is served only as the
 * kind of picture that it was found to be; opened by itself, it can run nothing.
 */
export function logoRoute(api: Api, { database, businessBySlug }: LogoDeps): void {
  api.page('/payment-request/@:slug/logo', { query: ['v'] }, async ({ params, query, headers: sent }) => {
    const business = await businessBySlug(params.slug)
    const logo = business && (await findCheckoutLogo(database.db, business.id))
    if (!logo) return undefined
    const etag = `"${logo.sha256}"`
    const headers = {
      etag,
      'cache-control': query.v === logo.sha256 ? 'public, max-age=31536000, immutable' : 'no-cache',
      'content-security-policy': "default-src 'none'; sandbox; frame-ancestors 'none'",
      'cross-origin-resource-policy': 'cross-origin',
      'x-content-type-options': 'nosniff',
    }
    if (isKnown(sent['if-none-match'], etag)) return { status: 304, headers }
    return { status: 200, headers: { ...headers, 'content-type': logo.content_type }, body: logo.data }
  })
}
