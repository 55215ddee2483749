import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import qs from 'qs'
import Stripe from 'stripe'
import type { RawRequest } from '#engine/rails/rail.ts'
import { randomHex } from '#foundation/shared/ids.ts'

type Fields = Record<string, unknown>
interface Intent extends Fields {
  id: string
  amount: number
  created: number
  status: string
  metadata: Record<string, string>
  amount_refunded: number
  token: string
}
/** What a merchant's page may know. */
const publishableKey = 'pk_test_fake'

interface Refund extends Fields {
  id: string
  amount: number
  status: string
  payment_intent: string
  metadata: Record<string, string>
}

/** What goes wrong with a request: its response is dropped after it took effect, it gets a 500, or it never gets one. */
export type Fault = 'drop' | 'error' | 'hang'

/** A small Stripe: a real server with a memory, as much of it as the rail uses. */
export interface StripeFake {
  /** How the rail reaches it; `host`, `port` and the others exist for tests only. */
  readonly access: { secret_key: string; webhook_secret: string; publishable_key: string; host: string; port: string; protocol: string; timeout_ms: string }
  readonly intents: Map<string, Intent>
  readonly refunds: Map<string, Refund>
  /** How many payments or refunds carry one of our ids. */
  count(id: string): number
  intentOf(id: string): Intent
  refundOf(id: string): Refund
  /** Lets every request go wrong until it is called without a fault. */
  fault(fault?: Fault): void
  /** Acts as the payer for 3-D Secure. */
  challenge(id: string, passed: boolean): void
  /** Ends a pending refund. */
  endRefund(id: string, status: 'succeeded' | 'failed'): void
  /** A signed notification about the current state of an object. */
  message(type: string, object: Fields, options?: { id?: string; secret?: string; at?: Date }): RawRequest & { text: string; signature: string }
  close(): Promise<void>
}

const declines: Record<string, { code: string; decline_code?: string }> = {
  pm_card_chargeDeclined: { code: 'card_declined', decline_code: 'generic_decline' },
  pm_card_chargeDeclinedInsufficientFunds: { code: 'card_declined', decline_code: 'insufficient_funds' },
  pm_card_chargeDeclinedExpiredCard: { code: 'expired_card' },
  pm_card_chargeDeclinedIncorrectCvc: { code: 'incorrect_cvc' },
}
const known = new Set([
  ...Object.keys(declines),
  'pm_card_visa',
  'pm_card_authenticationRequired',
  'pm_card_pendingRefund',
  'pm_card_refundFail',
  'pm_card_slow',
])

/** The tokens of card numbers, as the payer's browser gets them with the publishable key. */
const tokens: Record<string, string> = {
  '4242424242424242': 'pm_card_visa',
  '4000000000000002': 'pm_card_chargeDeclined',
  '4000000000009995': 'pm_card_chargeDeclinedInsufficientFunds',
  '4000002760003184': 'pm_card_authenticationRequired',
}

class Refusal extends Error {
  readonly status: number
  readonly error: Fields
  constructor(status: number, error: Fields) {
    super('refused')
    this.status = status
    this.error = error
  }
}

function decline(intent: Intent, why: { code: string; decline_code?: string }): void {
  Object.assign(intent, { status: 'requires_payment_method', last_payment_error: { type: 'card_error', message: 'Your card was declined.', ...why } })
}

function createIntent(intents: Map<string, Intent>, fields: Fields): Intent {
  const token = String(fields.payment_method)
  if (!known.has(token)) throw new Refusal(400, { type: 'invalid_request_error', code: 'resource_missing', message: `No such PaymentMethod: '${token}'` })
  const intent: Intent = {
    id: `pi_${randomHex(8)}`,
    object: 'payment_intent',
    amount: Number(fields.amount),
    currency: fields.currency,
    created: Math.floor(Date.now() / 1000),
    status: 'succeeded',
    metadata: fields.metadata as Record<string, string>,
    latest_charge: null,
    last_payment_error: null,
    next_action: null,
    amount_refunded: 0,
    token,
  }
  intents.set(intent.id, intent)
  const why = declines[token]
  if (why) {
    decline(intent, why)
    throw new Refusal(402, { ...(intent.last_payment_error as Fields), payment_intent: intent })
  }
  if (token === 'pm_card_slow') intent.status = 'processing'
  else if (token === 'pm_card_authenticationRequired') {
    Object.assign(intent, {
      status: 'requires_action',
      next_action: { type: 'redirect_to_url', redirect_to_url: { url: `https://hooks.stripe.com/${intent.id}` } },
    })
  } else intent.latest_charge = `ch_${intent.id.slice(3)}`
  return intent
}

function createToken({ key, type, card }: Fields): Fields {
  if (key !== publishableKey) throw new Refusal(401, { type: 'invalid_request_error', message: 'Invalid API Key provided' })
  const { number = '' } = (card ?? {}) as { number?: string }
  const id = type === 'card' ? tokens[number] : undefined
  if (id === undefined) throw new Refusal(402, { type: 'card_error', code: 'incorrect_number', message: 'Your card number is incorrect.', param: 'number' })
  return { id, object: 'payment_method', type: 'card' }
}

function createRefund(intents: Map<string, Intent>, refunds: Map<string, Refund>, fields: Fields): Refund {
  const intent = intents.get(String(fields.payment_intent))
  if (!intent) throw new Refusal(404, { type: 'invalid_request_error', code: 'resource_missing', message: 'No such payment_intent' })
  const amount = Number(fields.amount)
  if (amount > intent.amount - intent.amount_refunded)
    throw new Refusal(400, { type: 'invalid_request_error', code: 'amount_too_large', message: 'Refund amount is greater than unrefunded amount on charge' })
  intent.amount_refunded += amount
  const isLate = intent.token === 'pm_card_pendingRefund' || intent.token === 'pm_card_refundFail'
  const refund: Refund = {
    id: `re_${randomHex(8)}`,
    object: 'refund',
    amount,
    status: isLate ? 'pending' : 'succeeded',
    payment_intent: intent.id,
    metadata: fields.metadata as Record<string, string>,
  }
  refunds.set(refund.id, refund)
  return refund
}

/** Stripe's data, and how it responds. */
function memory() {
  const intents = new Map<string, Intent>()
  const refunds = new Map<string, Refund>()
  const missing = () => new Refusal(404, { type: 'invalid_request_error', code: 'resource_missing', message: 'No such object' })
  const list = (data: Fields[]) => ({ object: 'list', data, has_more: false, url: '/' })
  const expanded = (intent: Intent) =>
    intent.latest_charge
      ? { ...intent, latest_charge: { id: intent.latest_charge, payment_method_details: { card: { brand: 'visa', last4: '4242', country: 'US' } } } }
      : intent

  function act(method: string, path: string, fields: Fields): Fields {
    const [, , collection, id, verb] = path.split('/')
    if (collection === 'payment_intents') {
      if (id === undefined) {
        if (method === 'POST') return expanded(createIntent(intents, fields))
        const { gte, lte } = fields.created as { gte: string; lte: string }
        return list([...intents.values()].filter(({ created }) => created >= Number(gte) && created <= Number(lte)).map(expanded))
      }
      const intent = intents.get(id)
      if (!intent) throw missing()
      if (verb === 'cancel') intent.status = 'canceled'
      return expanded(intent)
    }
    if (collection === 'payment_methods' && method === 'POST') return createToken(fields)
    if (collection !== 'refunds') throw missing()
    if (id === undefined) {
      return method === 'POST'
        ? createRefund(intents, refunds, fields)
        : list([...refunds.values()].filter(({ payment_intent }) => payment_intent === fields.payment_intent))
    }
    const refund = refunds.get(id)
    if (!refund) throw missing()
    return refund
  }

  return { intents, refunds, act }
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of request) text += chunk
  return text
}

/** Responds to a request like Stripe: the response for an idempotency key is repeated, and nothing is done twice. */
function answering(act: (method: string, path: string, fields: Fields) => Fields, faultNow: () => Fault | undefined) {
  const answers = new Map<string, { status: number; text: string }>()
  const decide = (method: string, path: string, fields: Fields) => {
    try {
      return { status: 200, text: JSON.stringify(act(method, path, fields)) }
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      return { status: error.status, text: JSON.stringify({ error: error.error }) }
    }
  }
  return async (request: IncomingMessage, response: ServerResponse) => {
    const [path = '', query = ''] = (request.url ?? '').split('?')
    const fields = qs.parse(request.method === 'GET' ? query : await bodyOf(request)) as Fields
    const fault = faultNow()
    if (fault === 'hang') return
    if (fault === 'error') {
      response.writeHead(500, { 'content-type': 'application/json' }).end('{"error":{"type":"api_error","message":"Sorry"}}')
      return
    }
    const key = request.headers['idempotency-key']
    const name = request.method === 'POST' && typeof key === 'string' ? key : undefined
    const answer = (name && answers.get(name)) || decide(request.method ?? '', path, fields)
    if (name) answers.set(name, answer)
    // Browsers of merchants' payers send requests from another origin.
    const headers = { 'content-type': 'application/json', 'access-control-allow-origin': '*' }
    if (fault === 'drop') request.socket.destroy()
    else response.writeHead(answer.status, { ...headers, 'request-id': `req_${randomHex(6)}` }).end(answer.text)
  }
}

/** Starts it on a port of its own. */
export async function startStripeFake(): Promise<StripeFake> {
  const { intents, refunds, act } = memory()
  let fault: Fault | undefined
  const answer = answering(act, () => fault)
  const server = createServer((request, response) => void answer(request, response))
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const webhook_secret = `whsec_${randomHex(12)}`
  const { port } = server.address() as AddressInfo
  const access = {
    secret_key: 'sk_test_fake',
    webhook_secret,
    publishable_key: publishableKey,
    host: '127.0.0.1',
    port: String(port),
    protocol: 'http',
    timeout_ms: '300',
  }
  const signer = new Stripe('sk_test_fake')
  const carrying = <One extends { metadata: Record<string, string> }>(all: Map<string, One>, id: string) =>
    [...all.values()].filter(({ metadata }) => metadata.hawker_id === id)
  const only = <One>([one]: One[]): One => {
    if (one === undefined) throw new Error('the fake has no such object')
    return one
  }
  const intentOf = (id: string) => only(carrying(intents, id))
  const refundOf = (id: string) => only(carrying(refunds, id))
  return {
    access,
    intents,
    refunds,
    count: (id) => carrying(intents, id).length + carrying(refunds, id).length,
    intentOf,
    refundOf,
    fault(next) {
      fault = next
    },
    challenge(id, passed) {
      const intent = intentOf(id)
      intent.next_action = null
      if (passed) Object.assign(intent, { status: 'succeeded', latest_charge: `ch_${intent.id.slice(3)}` })
      else decline(intent, { code: 'payment_intent_authentication_failure' })
    },
    endRefund(id, status) {
      Object.assign(refundOf(id), { status, ...(status === 'failed' ? { failure_reason: 'expired_or_canceled_card' } : {}) })
    },
    message(type, object, { id = `evt_${randomHex(8)}`, secret = webhook_secret, at = new Date() } = {}) {
      const text = JSON.stringify({ id, object: 'event', type, data: { object } })
      const signature = signer.webhooks.generateTestHeaderString({ payload: text, secret, timestamp: Math.floor(at.getTime() / 1000) })
      return { text, signature, body: Buffer.from(text), headers: { 'stripe-signature': signature } }
    },
    close: () =>
      new Promise((done) => {
        server.close(() => done())
        server.closeAllConnections()
      }),
  }
}
