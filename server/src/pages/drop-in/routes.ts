import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Database } from '#foundation/database/database.ts'
import type { Api, PageAnswer, PageCall } from '#foundation/http/api.ts'
import { isKnown } from '#foundation/http/etag.ts'
import { codingFor } from '#foundation/http/packed-file.ts'
import { ApiError } from '#foundation/shared/errors.ts'
import { escapeHtml } from '#foundation/shared/html.ts'
import { isUuid } from '#foundation/shared/ids.ts'
import { formatAmount } from '#foundation/shared/money.ts'
import { statusAt } from '#pages/checkout/checkout-state.ts'
import { assetsOf, clientDirectory } from '#pages/page.ts'
import type { FindBySlug } from '#resources/business/businesses/known-slugs.ts'
import { findPaymentRequest } from '#resources/payments/payment-requests/queries.ts'
import { checkoutUrl } from '#resources/payments/payment-requests/wire.ts'

export interface DropInDeps {
  database: Database
  businessBySlug: FindBySlug
}

interface File {
  content: string | Buffer
  etag: string
}

const fileOf = (content: string | Buffer): File => ({ content, etag: `"${createHash('sha256').update(content).digest('base64url').slice(0, 22)}"` })

/** The files of the script that the build produced, by their encoding. */
const endings = { br: '.br', gzip: '.gz', identity: '' } as const

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

/** A file, or that the browser has it already. */
function fileAnswer({ content, etag }: File, sent: PageCall['headers'], headers: Record<string, string | null>): PageAnswer {
  if (isKnown(sent['if-none-match'], etag)) {
    const { 'content-type': _type, ...others } = headers
    return { status: 304, headers: { ...others, etag } }
  }
  return { status: 200, headers: { ...headers, etag }, body: content }
}

/** The drop-in: the script that merchants' pages load, the frame that it opens, and HitPay's look-up for it. */
export function dropInRoutes(api: Api, deps: DropInDeps): void {
  const files = new Map<string, File>()
  const remembered = (name: string, make: () => string | Buffer): File => {
    const file = files.get(name) ?? fileOf(make())
    files.set(name, file)
    return file
  }

  api.page('/hitpay.js', {}, async ({ headers }) => {
    const coding = codingFor(headers['accept-encoding'])
    const script = remembered(coding, () => readFileSync(join(clientDirectory(), `hitpay.js${endings[coding]}`)))
    return fileAnswer(script, headers, {
      'content-type': 'text/javascript; charset=utf-8',
      'cache-control': 'public, max-age=300',
      'cross-origin-resource-policy': 'cross-origin',
      'access-control-allow-origin': '*',
      vary: 'Accept-Encoding',
      ...(coding === 'identity' ? {} : { 'content-encoding': coding }),
    })
  })

  api.page('/hitpay-iframe.html', {}, async ({ headers }) =>
    fileAnswer(remembered('frame', framePage), headers, {
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-cache',
      'content-security-policy': framePolicy,
      'cross-origin-resource-policy': 'cross-origin',
      'x-robots-tag': 'noindex',
      // It cannot say "anyone".
      'x-frame-options': null,
    }),
  )

  // HitPay's frame sends only the id. Ids are looked up within a business, so the business's slug is sent with it; our
  // frame does not need this. The response contains nothing personal, and nothing that the request's own page does not show.
  const headers = { 'access-control-allow-origin': '*' }
  const notFound = async (): Promise<PageAnswer> => {
    throw new ApiError(404, 'not_found', 'Not Found', { headers })
  }
  api.page('/v1/business/:id/checkout-dropin-pr', { query: ['slug'], notFound }, async ({ params, query, origin, address }) => {
    const business = query.slug !== undefined && isUuid(params.id) ? await deps.businessBySlug(query.slug.replace(/^@/, '')) : undefined
    const request = business && (await findPaymentRequest(deps.database.db, business.id, params.id))
    if (!business || !request || request.deleted_at !== null) return undefined
    const shown = {
      id: request.id,
      status: statusAt(request, origin(business.id).at),
      amount: request.amount_minor === null ? null : formatAmount(request.amount_minor, request.currency),
      currency: request.currency,
      payment_methods: request.payment_methods,
      url: checkoutUrl(request, business, address),
    }
    return { status: 200, headers, json: shown }
  })
}
