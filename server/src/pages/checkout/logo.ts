import type { Database } from '#foundation/database/database.ts'
import type { Api } from '#foundation/http/api.ts'
import { isKnown } from '#foundation/http/etag.ts'
import { ApiError } from '#foundation/shared/errors.ts'
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
export function logoRoute({ fastify }: Pick<Api, 'fastify'>, { database, businessBySlug }: LogoDeps): void {
  fastify.get<{ Params: { slug: string }; Querystring: { v?: unknown } }>(
    '/payment-request/@:slug/logo',
    { schema: { hide: true } as never },
    async ({ params, query, headers }, reply) => {
      const business = await businessBySlug(params.slug)
      const logo = business && (await findCheckoutLogo(database.db, business.id))
      if (!logo) throw new ApiError(404, 'not_found', 'Not Found')
      const etag = `"${logo.sha256}"`
      reply.headers({
        etag,
        'cache-control': query.v === logo.sha256 ? 'public, max-age=31536000, immutable' : 'no-cache',
        'content-security-policy': "default-src 'none'; sandbox; frame-ancestors 'none'",
        'cross-origin-resource-policy': 'cross-origin',
        'x-content-type-options': 'nosniff',
      })
      if (isKnown(headers['if-none-match'], etag)) return reply.code(304).send()
      return reply.type(logo.content_type).send(logo.data)
    },
  )
}
