import type { CheckoutData } from '@hawker/web/checkout-state'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Logger } from 'pino'
import { Type } from 'typebox'
import type { Api } from '#foundation/http/api.ts'
import type { Business } from '#foundation/http/authentication.ts'
import type { Idempotency } from '#foundation/http/idempotency.ts'
import { plainText } from '#foundation/http/schemas.ts'
import { payer } from '#foundation/shared/caller.ts'
import { ApiError } from '#foundation/shared/errors.ts'
import { isUuid } from '#foundation/shared/ids.ts'
import { languageOf } from '#pages/language.ts'
import { loadWeb, type Policy, sendPage } from '#pages/page.ts'
import type { FindBySlug } from '#resources/business/businesses/known-slugs.ts'
import { frameAncestors } from '#resources/business/checkout-settings/framing.ts'
import { type CheckoutSettings, findCheckoutSettings } from '#resources/business/checkout-settings/queries.ts'
import { logoUrl } from '#resources/business/checkout-settings/wire.ts'
import { findPaymentRequest, type PaymentRequestRow } from '#resources/payments/payment-requests/queries.ts'
import { scheduleChecks } from '#resources/payments/rails/check-queries.ts'
import type { StartDeps } from '#resources/payments/settlement/start-payment.ts'
import { AttemptInput, beginAttempt } from './attempts.ts'
import { checkoutState, type Merchant } from './checkout-state.ts'
import { codeOf, pictureOf, presentCode } from './codes.ts'
import type { LiveStatus } from './live-status.ts'
import { streamStates } from './stream.ts'
import { themeSheet } from './theme.ts'

export interface CheckoutDeps extends StartDeps {
  log: Logger
  idempotency: Idempotency
  businessBySlug: FindBySlug
  live: LiveStatus
  /** Where a charge's receipt is. */
  receiptUrl: (business: Business, chargeId: string) => string | null
}

type Query = Record<string, unknown>
type PageRequest = FastifyRequest<{ Params: { slug: string; id: string }; Querystring: Query }>

/** A merchant's page: the business, how it wants to look, and who may frame it. */
export interface Found {
  merchant: Merchant
  settings: CheckoutSettings
}

/** The business of a link; undefined where there is none. */
export async function findMerchant({ database, businessBySlug }: CheckoutDeps, slug: string): Promise<Found | undefined> {
  const business = await businessBySlug(slug)
  if (!business) return undefined
  const settings = await findCheckoutSettings(database.db, business.id)
  const { display_name, support_email, support_url } = settings
  return {
    settings,
    merchant: { business, display_name: display_name ?? business.name, support_email, support_url, logo_url: logoUrl('', business, settings) },
  }
}

/** One text of a query; undefined where it was repeated or is absent. */
export const text = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined)

/** A 404 that a person can read, in their language. */
export async function sendNotFound(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const web = await loadWeb()
  const language = languageOf((request.query as Query).lang, request.headers['accept-language'], Object.keys(web.languages))
  const { title, html } = web.renderNotice('not_found', web.messagesOf[language] ?? {})
  return sendPage(reply, 404, { title, html, language, entry: 'src/ui/plain.ts' })
}

/** Sends the checkout, rendered for this payer. */
export async function sendCheckout(
  request: FastifyRequest,
  reply: FastifyReply,
  { merchant, settings }: Found,
  { status = 200, ...data }: Omit<CheckoutData, 'language' | 'messages' | 'embedded' | 'method' | 'amount'> & Partial<CheckoutData> & { status?: number },
): Promise<FastifyReply> {
  const web = await loadWeb()
  const query = request.query as Query
  const language = languageOf(query.lang, request.headers['accept-language'], Object.keys(web.languages), settings.default_language ?? 'en')
  const embedded = query.embed === '1'
  const all: CheckoutData = {
    language,
    messages: web.messagesOf[language] ?? {},
    embedded,
    method: text(query.method) ?? null,
    amount: text(query.amount) ?? null,
    ...data,
  }
  const { title, html } = web.renderCheckout(all)
  const { slug } = merchant.business
  const connect = data.state.methods.flatMap(({ tokeniser }) => (tokeniser?.type === 'stripe' ? [new URL(tokeniser.url).origin] : []))
  const policy: Policy = { connect, ...(embedded ? { frameAncestors: ["'self'", ...ancestors(merchant.business, settings)] } : {}) }
  const styles = [`/payment-request/@${slug}/theme.css?v=${settings.version}`]
  return sendPage(reply, status, { title, html, language, entry: 'src/checkout/client.tsx', styles, data: all }, policy)
}

/** Origins whose pages may show the embedded checkout, besides our own. */
function ancestors(business: Business, settings: CheckoutSettings): string[] {
  const value = frameAncestors(business, settings)
  return value === "'none'" ? [] : value.split(' ')
}

const hidden = { schema: { hide: true } as never }

/** The hosted checkout of a payment request: its page, what the page asks for, and what it is told as it happens. */
export function checkoutRoutes({ fastify }: Pick<Api, 'fastify'>, deps: CheckoutDeps): void {
  const { database } = deps
  const path = '/payment-request/@:slug/:id'

  async function find(request: PageRequest): Promise<(Found & { request: PaymentRequestRow }) | undefined> {
    const { slug, id } = request.params
    const found = isUuid(id) ? await findMerchant(deps, slug) : undefined
    const row = found && (await findPaymentRequest(database.db, found.merchant.business.id, id))
    return found && row ? { ...found, request: row } : undefined
  }

  async function require(request: PageRequest) {
    const found = await find(request)
    if (!found) throw new ApiError(404, 'not_found', 'Not Found')
    return found
  }

  const stateOf = ({ merchant, request }: Found & { request: PaymentRequestRow }, query: Query) =>
    checkoutState(deps, merchant, request, { attemptId: isUuid(text(query.attempt) ?? '') ? String(query.attempt) : null })

  const page = async (request: PageRequest, reply: FastifyReply) => {
    const found = await find(request)
    if (!found) return sendNotFound(request, reply)
    return sendCheckout(request, reply, found, { state: await stateOf(found, request.query) })
  }
  // Without its last word the address is what the drop-in takes, and what is left when a link is cut short. The last two are addresses of HitPay's (behaviour §2.3): what they say is decided by the state, as everywhere.
  for (const last of ['', '/checkout', '/completed', '/expired']) fastify.get(`${path}${last}`, hidden, page as never)

  fastify.get(`${path}/state`, hidden, (async (request: PageRequest) => {
    const found = await require(request)
    const state = await stateOf(found, request.query)
    const { attempt } = state
    // A payer who comes back from their bank asks for this; the rail is asked now, not when its turn comes.
    if (attempt?.status === 'requires_action' && found.merchant.business.mode === 'live') {
      await scheduleChecks(database.db, [{ businessId: found.merchant.business.id, id: attempt.id, kind: 'charge', dueAt: deps.now() }])
    }
    return state
  }) as never)

  // A HEAD would hold a stream that nobody reads.
  fastify.get(`${path}/events`, { ...hidden, exposeHeadRoute: false }, (async (request: PageRequest, reply: FastifyReply) => {
    const found = await require(request)
    const { business } = found.merchant
    const read = async () => {
      const row = await findPaymentRequest(database.db, business.id, found.request.id)
      return row && (await stateOf({ ...found, request: row }, request.query))
    }
    return streamStates(reply, {
      read,
      watch: (onChange) => deps.live.watch(business.id, found.request.id, onChange),
      onError: (error) => deps.log.error({ error }, 'telling a page its state failed'),
    })
  }) as never)

  fastify.post(`${path}/attempts`, { schema: { hide: true, body: AttemptInput } as never }, (async (request: PageRequest) => {
    const found = await require(request)
    const key = request.headers['idempotency-key']
    const { business } = found.merchant
    const origin = { requestId: request.id, caller: payer, at: deps.clock.now(business.id), baseUrl: deps.baseUrl() }
    const begun = await beginAttempt(deps, business, found.request, {
      body: request.body as AttemptInput,
      key: typeof key === 'string' ? key : undefined,
      origin,
    })
    const row = begun.request ?? (await findPaymentRequest(database.db, business.id, found.request.id)) ?? found.request
    return { state: await stateOf({ ...found, request: row }, { attempt: begun.chargeId }) }
  }) as never)

  codeRoutes(fastify, path, deps, require)
}

const CodeInput = Type.Object({ method: plainText(64), amount: Type.Optional(Type.Unsafe<string | number>({ type: ['string', 'number'] })) })

/** Codes to scan, for the page and as pictures. */
function codeRoutes(
  fastify: Api['fastify'],
  path: string,
  { database, baseUrl, now }: CheckoutDeps,
  require: (request: PageRequest) => Promise<Found & { request: PaymentRequestRow }>,
): void {
  fastify.post(`${path}/codes`, { schema: { hide: true, body: CodeInput } as never }, (async (request: PageRequest) => {
    const found = await require(request)
    return presentCode(database, found.merchant.business, found.request, request.body as never, baseUrl(), now())
  }) as never)

  fastify.get(`${path}/code.png`, hidden, (async (request: PageRequest, reply: FastifyReply) => {
    const found = await require(request)
    const { method, amount } = request.query
    const { payload } = await codeOf(database, found.merchant.business, found.request, { method: text(method) ?? '', amount: text(amount) }, baseUrl(), now())
    return reply.header('content-disposition', 'attachment; filename="payment-code.png"').type('image/png').send(pictureOf(payload))
  }) as never)
}

/** A merchant's colours, as the style sheet that its pages name. */
export function themeRoute({ fastify }: Pick<Api, 'fastify'>, deps: CheckoutDeps): void {
  fastify.get('/payment-request/@:slug/theme.css', hidden, (async (request: PageRequest, reply: FastifyReply) => {
    const found = await findMerchant(deps, request.params.slug)
    if (!found) throw new ApiError(404, 'not_found', 'Not Found')
    const { settings } = found
    const isCurrent = request.query.v === String(settings.version)
    return reply
      .header('cache-control', isCurrent ? 'public, max-age=31536000, immutable' : 'no-cache')
      .type('text/css; charset=utf-8')
      .send(themeSheet(settings))
  }) as never)
}
