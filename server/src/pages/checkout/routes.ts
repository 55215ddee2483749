import type { CheckoutData } from '@hawker/web/checkout-state'
import { ownValue } from '@hawker/web/own-value'
import type { FastifyReply } from 'fastify'
import type { Logger } from 'pino'
import { Type } from 'typebox'
import type { Api, PageAnswer, PageCall } from '#foundation/http/api.ts'
import type { Idempotency } from '#foundation/http/idempotency.ts'
import { plainText } from '#foundation/http/schemas.ts'
import type { Business } from '#foundation/shared/business.ts'
import { isUuid } from '#foundation/shared/ids.ts'
import { languageOf } from '#pages/language.ts'
import { type LinkedBusiness, type NoticeCall, notFoundAnswer, noticeAnswer } from '#pages/not-found.ts'
import { loadWeb, type Policy, pageAnswer, seeOther } from '#pages/page.ts'
import type { FindBySlug } from '#resources/business/businesses/known-slugs.ts'
import { frameAncestors } from '#resources/business/checkout-settings/framing.ts'
import type { CheckoutSettings } from '#resources/business/checkout-settings/queries.ts'
import { logoUrl } from '#resources/business/checkout-settings/wire.ts'
import { defaultLinkId, defaultLinkUrl } from '#resources/payments/payment-requests/default-link.ts'
import type { PaymentRequestRow } from '#resources/payments/payment-requests/queries.ts'
import { scheduleChecks } from '#resources/payments/rails/check-queries.ts'
import type { StartDeps } from '#resources/payments/settlement/start-payment.ts'
import { AttemptInput, beginAttempt } from './attempts.ts'
import { checkoutState, type Merchant } from './checkout-state.ts'
import { issueCheckoutCode, pictureOf, presentCode } from './codes.ts'
import type { LiveStatus } from './live-status.ts'
import type { CheckoutReads } from './reads.ts'
import { admitStream, streamStates } from './stream.ts'
import { themeSheet } from './theme.ts'

export interface CheckoutDeps extends StartDeps {
  log: Logger
  idempotency: Idempotency
  businessBySlug: FindBySlug
  live: LiveStatus
  reads: CheckoutReads
  /** The URL of a charge's receipt. */
  receiptUrl: (business: Business, chargeId: string) => string | null
}

/** A merchant's page: the business, its look, and who may frame it. */
export interface Found {
  merchant: Merchant
  settings: CheckoutSettings
}

/** The business of a link; undefined if there is none. */
export async function findMerchant({ reads, businessBySlug }: CheckoutDeps, slug: string): Promise<Found | undefined> {
  const business = await businessBySlug(slug)
  if (!business) return undefined
  const settings = await reads.settings(business.id)
  const { display_name, support_email, support_url } = settings
  return {
    settings,
    merchant: { business, display_name: display_name ?? business.name, support_email, support_url, logo_url: logoUrl('', business, settings) },
  }
}

/** What the pages read of a query. */
const pageQuery = ['lang', 'embed', 'method', 'amount', 'attempt'] as const
export type CheckoutCall = Pick<PageCall<object, (typeof pageQuery)[number]>, 'query' | 'headers'>

/** How pages for people are registered: the query that they read, and their 404. */
export const pageForPeople = { query: pageQuery, notFound: notFoundAnswer }

/** The language in which a payer sees a business's pages. */
export async function payerLanguage({ query, headers }: CheckoutCall, { settings }: Found): Promise<string> {
  const { languages } = await loadWeb()
  return languageOf(query.lang, headers['accept-language'], Object.keys(languages), settings.default_language ?? 'en')
}

/** A way to ask a business; undefined if its settings name none. */
function waysToAsk({ merchant: { display_name: name, support_url, support_email } }: Found): LinkedBusiness | undefined {
  const url = support_url ?? (support_email && `mailto:${support_email}`)
  return url ? { name, url } : undefined
}

/** The same for pages of a business: a wrong link still says whom to ask. */
export const pageOfBusiness = (deps: CheckoutDeps) => ({
  query: pageQuery,
  async notFound(call: PageCall<object, string, unknown>): Promise<PageAnswer> {
    const { slug } = call.params as { slug?: string }
    const found = slug === undefined ? undefined : await findMerchant(deps, slug)
    return notFoundAnswer(call, found && waysToAsk(found))
  },
})

/** Says that nothing can be paid at a business, and whom to ask; in the drop-in's frame too. */
export const notSetUpAnswer = (call: NoticeCall, found: Found, status: number): Promise<PageAnswer> =>
  noticeAnswer(call, 'not_set_up', status, { known: waysToAsk(found), policy: framing(call, found) })

/** The checkout, rendered for this payer. */
export async function checkoutAnswer(
  call: CheckoutCall,
  found: Found,
  { status = 200, ...data }: Omit<CheckoutData, 'language' | 'messages' | 'embedded' | 'method' | 'amount'> & Partial<CheckoutData> & { status?: number },
): Promise<PageAnswer> {
  const web = await loadWeb()
  const language = await payerLanguage(call, found)
  const { query } = call
  const { merchant, settings } = found
  const embedded = query.embed === '1'
  const all: CheckoutData = {
    language,
    messages: ownValue(web.messagesOf, language) ?? {},
    embedded,
    method: query.method ?? null,
    amount: query.amount ?? null,
    ...data,
  }
  const { title, html } = web.renderCheckout(all)
  const { slug } = merchant.business
  const connect = data.state.methods.flatMap(({ tokeniser }) => (tokeniser?.type === 'stripe' ? [new URL(tokeniser.url).origin] : []))
  const policy: Policy = { connect, ...framing(call, found) }
  const styles = [`/payment-request/@${slug}/theme.css?v=${settings.version}`]
  return pageAnswer(status, { title, html, language, entry: 'src/checkout/client.tsx', styles, data: all }, policy)
}

/** Who may show an embedded page, in addition to our own pages. */
function framing({ query }: Pick<CheckoutCall, 'query'>, { merchant: { business }, settings }: Found): Policy {
  if (query.embed !== '1') return {}
  const value = frameAncestors(business, settings)
  return { frameAncestors: ["'self'", ...(value === "'none'" ? [] : value.split(' '))] }
}

interface FoundRequest extends Found {
  request: PaymentRequestRow
}

/** The request that a page's address names; undefined where there is none. */
async function findRequest(deps: CheckoutDeps, { slug, id }: { slug: string; id: string }): Promise<FoundRequest | undefined> {
  const found = isUuid(id) ? await findMerchant(deps, slug) : undefined
  const request = found && (await deps.reads.request({ businessId: found.merchant.business.id, id }))
  return found && request ? { ...found, request } : undefined
}

const path = '/payment-request/@:slug/:id'

/** The hosted checkout of a payment request: its page, what the page requests, and its events. */
export function checkoutRoutes(api: Api, deps: CheckoutDeps): void {
  const { database } = deps
  const stateOf = ({ merchant, request }: FoundRequest, attempt: string | undefined) =>
    checkoutState(deps, merchant, request, { attemptId: isUuid(attempt ?? '') ? (attempt ?? null) : null })

  // Without its last word, the URL is what the drop-in uses, and what is left of a shortened link. The last two are HitPay's URLs (behaviour §2.3): as everywhere, the state decides what they show.
  for (const last of ['', '/checkout', '/completed', '/expired'] as const) {
    api.page(`${path}${last}`, pageOfBusiness(deps), async (call) => {
      const business = await deps.businessBySlug(call.params.slug)
      if (business && call.params.id === defaultLinkId(business.id))
        return seeOther(`${defaultLinkUrl(business, '')}${call.rawQuery ? `?${call.rawQuery}` : ''}`)
      const found = await findRequest(deps, call.params)
      return found && checkoutAnswer(call, found, { state: await stateOf(found, call.query.attempt) })
    })
  }

  api.page(`${path}/state`, { query: ['attempt'] }, async ({ params, query, origin }) => {
    const found = await findRequest(deps, params)
    if (!found) return undefined
    const state = await stateOf(found, query.attempt)
    const { attempt } = state
    const { business } = found.merchant
    // A payer who comes back from their bank requests this; the rail is polled now, not when its turn comes.
    if (attempt?.status === 'requires_action' && business.mode === 'live') {
      await scheduleChecks(database.db, [{ businessId: business.id, id: attempt.id, kind: 'charge', dueAt: origin(business.id).at }])
    }
    return { status: 200, json: state }
  })

  // A HEAD request would hold a stream that nobody reads.
  api.page(`${path}/events`, { query: ['attempt'], isStream: true }, async ({ params, query }) => {
    admitStream()
    const found = await findRequest(deps, params)
    if (!found) return undefined
    const { business } = found.merchant
    const read = async () => {
      const request = await deps.reads.request({ businessId: business.id, id: found.request.id })
      return request && (await stateOf({ ...found, request }, query.attempt))
    }
    const stream = (reply: FastifyReply) =>
      streamStates(reply, {
        read,
        watch: (onChange) => deps.live.watch(business.id, found.request.id, onChange),
        onError: (error) => deps.log.error({ error }, 'sending a page its state failed'),
      })
    return { status: 200, stream }
  })

  api.page(`${path}/attempts`, { method: 'POST', body: AttemptInput }, async ({ params, body, headers, origin }) => {
    const found = await findRequest(deps, params)
    if (!found) return undefined
    const { business } = found.merchant
    const begun = await beginAttempt(deps, business, found.request, { body, key: headers['idempotency-key'], origin: origin(business.id) })
    const request = begun.request ?? (await deps.reads.request({ businessId: business.id, id: found.request.id })) ?? found.request
    return { status: 200, json: { state: await stateOf({ ...found, request }, begun.chargeId) } }
  })

  codeRoutes(api, deps)
}

const CodeInput = Type.Object({ method: plainText(64), amount: Type.Optional(Type.Unsafe<string | number>({ type: ['number', 'string'], maxLength: 32 })) })

/** Codes to scan, for the page and as pictures. */
function codeRoutes(api: Api, deps: CheckoutDeps): void {
  const { database } = deps
  api.page(`${path}/codes`, { method: 'POST', body: CodeInput }, async ({ params, body, origin }) => {
    const found = await findRequest(deps, params)
    if (!found) return undefined
    const { business } = found.merchant
    return { status: 200, json: await presentCode(database, business, found.request, body, origin(business.id)) }
  })

  api.page(`${path}/code.png`, { query: ['method', 'amount'] }, async ({ params, query: { method = '', amount }, origin }) => {
    const found = await findRequest(deps, params)
    if (!found) return undefined
    const { business } = found.merchant
    const { payload } = await issueCheckoutCode(database, business, found.request, { method, amount }, origin(business.id))
    const headers = { 'content-disposition': 'attachment; filename="payment-code.png"', 'content-type': 'image/png' }
    return { status: 200, headers, body: pictureOf(payload) }
  })
}

/** A merchant's colors, as the style sheet that its pages load. */
export function themeRoute(api: Api, deps: CheckoutDeps): void {
  api.page('/payment-request/@:slug/theme.css', { query: ['v'] }, async ({ params, query }) => {
    const found = await findMerchant(deps, params.slug)
    if (!found) return undefined
    const { settings } = found
    const isCurrent = query.v === String(settings.version)
    const headers = { 'cache-control': isCurrent ? 'public, max-age=31536000, immutable' : 'no-cache', 'content-type': 'text/css; charset=utf-8' }
    return { status: 200, headers, body: themeSheet(settings) }
  })
}
