import type { FastifyReply, FastifyRequest } from 'fastify'
import { type Static, Type } from 'typebox'
import type { SimulatedAnswer } from '#engine/rails/simulator/simulator.ts'
import type { Api } from '#foundation/http/api.ts'
import { tidyInput } from '#foundation/http/request-body.ts'
import { isTrue, lenientFlag, longText, plainText } from '#foundation/http/schemas.ts'
import { payer } from '#foundation/shared/caller.ts'
import { invalid, notFound } from '#foundation/shared/errors.ts'
import { sendNotFound } from '#pages/checkout/routes.ts'
import { loadWeb, type Policy, sendPage } from '#pages/page.ts'
import { frameAncestors } from '#resources/business/checkout-settings/framing.ts'
import { findCheckoutSettings } from '#resources/business/checkout-settings/queries.ts'
import type { StartDeps } from '#resources/payments/settlement/start-payment.ts'
import { answerSimulated, findSimulated, type SimulatedPayment } from '#resources/sandbox/answer-simulated.ts'
import { payCode } from '#resources/sandbox/pay-code.ts'
import { scanCode } from '#resources/sandbox/scan-code.ts'
import { type TypedCard, tokenise } from '#resources/sandbox/tokenise.ts'
import { presentPhonePayment, presentScanned, presentSimulated, returnUrlOf } from './present-simulated.ts'

const hidden = { schema: { hide: true } as never }
/** The simulator's pages are in one language. */
const language = 'en'
/** The phone has a script; the pages that ask a payer are forms, and have the style sheet alone. */
const [phoneEntry, plainEntry] = ['src/sandbox/client.tsx', 'src/sandbox/plain.ts']

const outcomes = new Set<SimulatedAnswer['outcome']>(['approved', 'declined', 'canceled', 'timeout', 'slow'])

/**
 * The simulator as a payer's browser meets it: its wallet and bank pages, its phone, and what turns test cards into tokens.
 * Public, as what they stand for is; they know sandbox businesses alone.
 */
export function sandboxPages(api: Pick<Api, 'fastify'>, deps: StartDeps): void {
  askingPages(api, deps)
  phone(api, deps)
  tokens(api, deps)
}

/** Who may show a page that asks: where the checkout was embedded, whoever may embed the checkout. */
async function framing({ database }: StartDeps, { business, charge }: SimulatedPayment): Promise<Policy> {
  const url = returnUrlOf(charge)
  if (url === null || new URL(url).searchParams.get('embed') !== '1') return {}
  const allowed = frameAncestors(business, await findCheckoutSettings(database.db, business.id))
  return { frameAncestors: ["'self'", ...(allowed === "'none'" ? [] : allowed.split(' '))] }
}

const payerOrigin = ({ clock, baseUrl }: StartDeps, businessId: string, requestId: string) => ({
  requestId,
  caller: payer,
  at: clock.now(businessId),
  baseUrl: baseUrl(),
})

type Asked = FastifyRequest<{ Params: { business_id: string; charge_id: string } }>

/** The pages that an attempt's `action_url` leads to. They are forms, so that they work without any script. */
function askingPages({ fastify }: Pick<Api, 'fastify'>, deps: StartDeps): void {
  for (const page of ['wallet', 'challenge'] as const) {
    const path = `/sandbox/${page}/:business_id/:charge_id`
    const find = ({ params }: Asked) => findSimulated(deps, params.business_id, params.charge_id)

    fastify.get(path, hidden, (async (request: Asked, reply: FastifyReply) => {
      const payment = await find(request)
      if (!payment) return sendNotFound(request, reply)
      const web = await loadWeb()
      const shown = presentSimulated(payment, deps.now())
      const policy = await framing(deps, payment)
      const rendered = page === 'wallet' ? web.renderWallet(shown) : web.renderChallenge(shown)
      return sendPage(reply, 200, { ...rendered, language, entry: plainEntry }, policy)
    }) as never)

    fastify.post(path, hidden, (async (request: Asked, reply: FastifyReply) => {
      const payment = await find(request)
      if (!payment) return sendNotFound(request, reply)
      const outcome = (request.body as { outcome?: SimulatedAnswer['outcome'] } | undefined)?.outcome
      const again = `/sandbox/${page}/${payment.business.id}/${payment.charge.id}`
      if (outcome === undefined || !outcomes.has(outcome)) return reply.redirect(again, 303)
      const { changed, charge } = await answerSimulated(deps, payment, { outcome }, payerOrigin(deps, payment.business.id, request.id))
      // Who answered second learns here that there is an answer, and what it was.
      return reply.redirect((changed ? returnUrlOf(charge) : null) ?? again, 303)
    }) as never)
  }
}

const Payload = longText(4096)
const ReadInput = Type.Object({ payload: Payload })
const PhoneInput = Type.Object({
  payload: Payload,
  outcome: Type.Optional(Type.Enum(['approved', 'declined', 'timeout'])),
  amount: Type.Optional(Type.Unsafe<string | number>({ type: ['string', 'number'], maxLength: 32 })),
  delay: Type.Optional(Type.Number({ minimum: 0, maximum: 86_400 })),
  late: Type.Optional(lenientFlag()),
})
/** What a phone's decisions are to the simulator. */
const outcomesOfPhone = { approved: 'completed', declined: 'failed', timeout: 'timeout' } as const
type PhoneInput = Static<typeof PhoneInput>

/** Texts as every route takes them: trimmed, and a field that is empty or null was left out. */
function tidyBody(request: FastifyRequest, _reply: FastifyReply, done: () => void): void {
  const body = Object.entries((tidyInput(request.body) ?? {}) as Record<string, unknown>)
  request.body = Object.fromEntries(body.filter(([, value]) => value !== null))
  done()
}

/** The phone, and what its bank app asks for. */
function phone({ fastify }: Pick<Api, 'fastify'>, deps: StartDeps): void {
  const { database, now } = deps
  const takes = (body: object) => ({ schema: { hide: true, body } as never, preValidation: tidyBody })

  fastify.get('/sandbox/phone', hidden, async (_request, reply) => sendPage(reply, 200, { ...(await loadWeb()).renderPhone(), language, entry: phoneEntry }))

  fastify.post('/sandbox/phone/read', takes(ReadInput), async ({ body }) =>
    presentScanned(await scanCode(database.db, (body as Static<typeof ReadInput>).payload), now()),
  )

  fastify.post('/sandbox/phone/pay', takes(PhoneInput), async (request) => {
    const { payload, outcome = 'approved', amount, delay, late } = request.body as PhoneInput
    const code = await scanCode(database.db, payload)
    const answer = { outcome: outcomesOfPhone[outcome], amount: amount === undefined ? undefined : String(amount), delaySeconds: delay, late: isTrue(late) }
    const { charge, paymentRequest } = await payCode(deps, code, answer, { acceptLate: true }, payerOrigin(deps, code.business.id, request.id))
    return presentPhonePayment(charge, paymentRequest ?? code.request)
  })

  fastify.get('/sandbox/phone/payments/:business_id/:charge_id', hidden, (async ({ params }: Asked) => {
    const found = await findSimulated(deps, params.business_id, params.charge_id)
    if (!found) throw notFound('Charge', params.charge_id)
    return presentPhonePayment(found.charge, found.request)
  }) as never)
}

const CardInput = Type.Object({
  number: Type.Optional(plainText(64)),
  expiry_month: Type.Optional(Type.Unsafe<string | number>({ type: ['string', 'number'], maxLength: 8 })),
  expiry_year: Type.Optional(Type.Unsafe<string | number>({ type: ['string', 'number'], maxLength: 8 })),
  cvc: Type.Optional(plainText(8)),
})

/** Turns a test card into a token, as a rail's own script does with real cards. Nothing of it is kept or logged. */
function tokens({ fastify }: Pick<Api, 'fastify'>, { now }: StartDeps): void {
  fastify.post('/sandbox/tokens', { schema: { hide: true, body: CardInput } as never, preValidation: tidyBody }, async ({ body, id }, reply) => {
    const typed = body as Record<keyof TypedCard, string | number | undefined>
    const text = (name: keyof TypedCard) => String(typed[name] ?? '')
    const made = tokenise({ number: text('number'), expiry_month: text('expiry_month'), expiry_year: text('expiry_year'), cvc: text('cvc') }, now())
    if ('token' in made) return made
    const { message, errors } = invalid(made.errors)
    return reply.code(422).send({ message, errors, codes: made.codes, code: Object.values(made.codes)[0], request_id: id })
  })
}
