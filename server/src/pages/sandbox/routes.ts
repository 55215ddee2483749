import { Type } from 'typebox'
import type { SimulatedAnswer } from '#engine/rails/simulator/simulator.ts'
import type { Api } from '#foundation/http/api.ts'
import { isTrue, lenientFlag, longText, plainText } from '#foundation/http/schemas.ts'
import { invalid, notFound } from '#foundation/shared/errors.ts'
import { pageForPeople } from '#pages/checkout/routes.ts'
import { loadWeb, type Policy, pageAnswer, seeOther } from '#pages/page.ts'
import { frameAncestors } from '#resources/business/checkout-settings/framing.ts'
import { findCheckoutSettings } from '#resources/business/checkout-settings/queries.ts'
import type { StartDeps } from '#resources/payments/settlement/start-payment.ts'
import { answerSimulated, findSimulated, type SimulatedPayment } from '#resources/sandbox/answer-simulated.ts'
import { payCode } from '#resources/sandbox/pay-code.ts'
import { scanCode } from '#resources/sandbox/scan-code.ts'
import { type TypedCard, tokenise } from '#resources/sandbox/tokenise.ts'
import { presentPhonePayment, presentScanned, presentSimulated, returnUrlOf } from './present-simulated.ts'

/** The simulator's pages are in one language. */
const language = 'en'
/** The phone has a script; the pages that ask a payer are forms, and have only the style sheet. */
const [phoneEntry, plainEntry] = ['src/sandbox/client.tsx', 'src/sandbox/plain.ts']

const outcomes = new Set<SimulatedAnswer['outcome']>(['approved', 'declined', 'canceled', 'timeout', 'slow'])

/**
 * The simulator for a payer's browser: its wallet and bank pages, its phone, and its tokeniser for test cards.
 * Public, like what they simulate; they know only sandbox businesses.
 */
export function sandboxPages(api: Api, deps: StartDeps): void {
  askingPages(api, deps)
  phone(api, deps)
  tokens(api, deps)
}

/** Who may frame a page that asks: where the checkout was embedded, whoever may embed the checkout. */
async function framing({ database }: StartDeps, { business, charge }: SimulatedPayment): Promise<Policy> {
  const url = returnUrlOf(charge)
  if (url === null || new URL(url).searchParams.get('embed') !== '1') return {}
  const allowed = frameAncestors(business, await findCheckoutSettings(database.db, business.id))
  return { frameAncestors: ["'self'", ...(allowed === "'none'" ? [] : allowed.split(' '))] }
}

/** What an asking page's form says; anything but a known outcome is no answer. */
const AskedForm = Type.Object({ outcome: Type.Optional(Type.Unknown()) })

const isOutcome = (value: unknown): value is SimulatedAnswer['outcome'] => outcomes.has(value as SimulatedAnswer['outcome'])

/** The pages that an attempt's `action_url` opens. They are forms, so that they work without any script. */
function askingPages(api: Api, deps: StartDeps): void {
  for (const page of ['wallet', 'challenge'] as const) {
    const path = `/sandbox/${page}/:business_id/:charge_id` as const

    api.page(path, pageForPeople, async ({ params, origin }) => {
      const payment = await findSimulated(deps, params.business_id, params.charge_id)
      if (!payment) return undefined
      const web = await loadWeb()
      const shown = presentSimulated(payment, origin(payment.business.id).at)
      const policy = await framing(deps, payment)
      const rendered = page === 'wallet' ? web.renderWallet(shown) : web.renderChallenge(shown)
      return pageAnswer(200, { ...rendered, language, entry: plainEntry }, policy)
    })

    api.page(path, { ...pageForPeople, method: 'POST', body: AskedForm }, async ({ params, body: { outcome }, origin }) => {
      const payment = await findSimulated(deps, params.business_id, params.charge_id)
      if (!payment) return undefined
      const again = `/sandbox/${page}/${payment.business.id}/${payment.charge.id}`
      if (!isOutcome(outcome)) return seeOther(again)
      const { changed, charge } = await answerSimulated(deps, payment, { outcome }, origin(payment.business.id))
      // A payer who answers second learns here that there is already an answer, and which.
      return seeOther((changed ? returnUrlOf(charge) : null) ?? again)
    })
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
/** The simulator's names for a phone's decisions. */
const outcomesOfPhone = { approved: 'completed', declined: 'failed', timeout: 'timeout' } as const

/** The phone, and the requests of its banking app. */
function phone(api: Api, deps: StartDeps): void {
  const { database, clock } = deps

  api.page('/sandbox/phone', {}, async () => pageAnswer(200, { ...(await loadWeb()).renderPhone(), language, entry: phoneEntry }))

  api.page('/sandbox/phone/read', { method: 'POST', body: ReadInput, tidies: true }, async ({ body }) => {
    const code = await scanCode(database.db, body.payload)
    return { status: 200, json: presentScanned(code, clock.now(code.request.business_id)) }
  })

  api.page('/sandbox/phone/pay', { method: 'POST', body: PhoneInput, tidies: true }, async ({ body, origin }) => {
    const { payload, outcome = 'approved', amount, delay, late } = body
    const code = await scanCode(database.db, payload)
    const answer = { outcome: outcomesOfPhone[outcome], amount: amount === undefined ? undefined : String(amount), delaySeconds: delay, late: isTrue(late) }
    const { charge, paymentRequest } = await payCode(deps, code, answer, { acceptLate: true }, origin(code.business.id))
    return { status: 200, json: presentPhonePayment(charge, paymentRequest ?? code.request) }
  })

  api.page('/sandbox/phone/payments/:business_id/:charge_id', {}, async ({ params }) => {
    const found = await findSimulated(deps, params.business_id, params.charge_id)
    if (!found) throw notFound('Charge', params.charge_id)
    return { status: 200, json: presentPhonePayment(found.charge, found.request) }
  })
}

const CardInput = Type.Object({
  number: Type.Optional(plainText(64)),
  expiry_month: Type.Optional(Type.Unsafe<string | number>({ type: ['string', 'number'], maxLength: 8 })),
  expiry_year: Type.Optional(Type.Unsafe<string | number>({ type: ['string', 'number'], maxLength: 8 })),
  cvc: Type.Optional(plainText(8)),
})

/** Turns a test card into a token, as a rail's own script does with real cards. Nothing of it is stored or logged. */
function tokens(api: Api, { clock }: StartDeps): void {
  api.page('/sandbox/tokens', { method: 'POST', body: CardInput, tidies: true }, async ({ body, requestId }) => {
    const text = (name: keyof TypedCard) => String(body[name] ?? '')
    const card = { number: text('number'), expiry_month: text('expiry_month'), expiry_year: text('expiry_year'), cvc: text('cvc') }
    const made = tokenise(card, clock.system())
    if ('token' in made) return { status: 200, json: made }
    const { message, errors } = invalid(made.errors)
    return { status: 422, json: { message, errors, codes: made.codes, code: Object.values(made.codes)[0], request_id: requestId } }
  })
}
