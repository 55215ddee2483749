import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Database } from '#foundation/database/database.ts'
import type { Api } from '#foundation/http/api.ts'
import { isKnown } from '#foundation/http/etag.ts'
import { ApiError } from '#foundation/shared/errors.ts'
import { escapeHtml } from '#foundation/shared/html.ts'
import { isUuid } from '#foundation/shared/ids.ts'
import { formatAmount } from '#foundation/shared/money.ts'
import type { Now } from '#foundation/shared/time.ts'
import { statusAt } from '#pages/checkout/checkout-state.ts'
import { assetsOf, clientDirectory } from '#pages/page.ts'
import type { FindBySlug } from '#resources/business/businesses/known-slugs.ts'
import { findPaymentRequest } from '#resources/payments/payment-requests/queries.ts'
import { checkoutUrl } from '#resources/payments/payment-requests/wire.ts'

export interface DropInDeps {
  database: Database
  now: Now
  baseUrl: () => string
  businessBySlug: FindBySlug
}

interface File {
  content: string | Buffer
  etag: string
}

const fileOf = (content: string | Buffer): File => ({ content, etag: `"${createHash('sha256').update(content).digest('base64url').slice(0, 22)}"` })

/** The encodings of the script that the build produced, best first, with the suffix of their files. */
const codings = [
  ['br', '.br'],
  ['gzip', '.gz'],
  ['identity', ''],
] as const
type Coding = (typeof codings)[number][0]

/** The best of our encodings that a browser accepts; it does not accept one with weight 0. */
function codingFor(acceptEncoding = ''): Coding {
  const taken = acceptEncoding
    .toLowerCase()
    .split(',')
    .map((part) => part.trim())
    .filter((part) => !/;\s*q=0(\.0*)?$/.test(part))
    .map((part) => part.split(';')[0]?.trim())
  return codings.find(([name]) => taken.includes(name))?.[0] ?? 'identity'
}

/**
 * Anyone may frame the frame's own page: it is the same for everyone, and shows only a way to close. Who may show a
 * business's checkout is decided by the page inside it, which the browser checks against every page around it.
 */
const framePolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "frame-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  'frame-ancestors *',
].join('; ')

function framePage(): string {
  const { script, imports, styles } = assetsOf('src/drop-in/hitpay-iframe.ts')
  const links = [
    ...styles.map((href) => `<link rel="stylesheet" href="${escapeHtml(href)}">`),
    ...imports.map((href) => `<link rel="modulepreload" href="${escapeHtml(href)}">`),
  ]
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>Payment</title>
${links.join('\n')}
<script type="module" src="${escapeHtml(script)}"></script>
</head>
<body>
<main>
<header><p role="status"></p><button type="button">Close</button></header>
</main>
</body>
</html>
`
}

/** The drop-in: the script that merchants' pages load, the frame that it opens, and HitPay's look-up for it. */
export function dropInRoutes({ fastify }: Pick<Api, 'fastify'>, deps: DropInDeps): void {
  const hidden = { schema: { hide: true } as never }
  const files = new Map<string, File>()
  const remembered = (name: string, make: () => string | Buffer): File => {
    const file = files.get(name) ?? fileOf(make())
    files.set(name, file)
    return file
  }
  const sendFile = ({ content, etag }: File, type: string, request: FastifyRequest, reply: FastifyReply) => {
    reply.header('etag', etag)
    if (isKnown(request.headers['if-none-match'], etag)) return reply.code(304).send()
    return reply.type(type).send(content)
  }

  fastify.get('/hitpay.js', hidden, (request, reply) => {
    const coding = codingFor(request.headers['accept-encoding'])
    const ending = codings.find(([name]) => name === coding)?.[1] ?? ''
    const script = remembered(coding, () => readFileSync(join(clientDirectory(), `hitpay.js${ending}`)))
    reply.headers({
      'cache-control': 'public, max-age=300',
      'cross-origin-resource-policy': 'cross-origin',
      'access-control-allow-origin': '*',
      vary: 'Accept-Encoding',
      ...(coding === 'identity' ? {} : { 'content-encoding': coding }),
    })
    return sendFile(script, 'text/javascript; charset=utf-8', request, reply)
  })

  fastify.get('/hitpay-iframe.html', hidden, (request, reply) => {
    reply.headers({
      'cache-control': 'no-cache',
      'content-security-policy': framePolicy,
      'cross-origin-resource-policy': 'cross-origin',
      'x-robots-tag': 'noindex',
    })
    // It cannot say "anyone".
    reply.removeHeader('x-frame-options')
    return sendFile(remembered('frame', framePage), 'text/html; charset=utf-8', request, reply)
  })

  // HitPay's frame sends only the id. Ids are looked up within a business, so the business's slug is sent with it; our
  // frame does not need this. The response contains nothing personal, and nothing that the request's own page does not show.
  fastify.get<{ Params: { id: string }; Querystring: { slug?: unknown } }>('/v1/business/:id/checkout-dropin-pr', hidden, async ({ params, query }, reply) => {
    reply.header('access-control-allow-origin', '*')
    const business = typeof query.slug === 'string' && isUuid(params.id) ? await deps.businessBySlug(query.slug.replace(/^@/, '')) : undefined
    const request = business && (await findPaymentRequest(deps.database.db, business.id, params.id))
    if (!business || !request || request.deleted_at !== null) throw new ApiError(404, 'not_found', 'Not Found')
    return {
      id: request.id,
      status: statusAt(request, deps.now()),
      amount: request.amount_minor === null ? null : formatAmount(request.amount_minor, request.currency),
      currency: request.currency,
      payment_methods: request.payment_methods,
      url: checkoutUrl(request, business, deps.baseUrl()),
    }
  })
}
