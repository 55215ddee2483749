import type Stripe from 'stripe'
import type { Card } from '#engine/rails/card.ts'
import {
  type Attempt,
  BadNotification,
  type Outcome,
  type PaymentInput,
  type Rail,
  type RailAccess,
  type RailNotification,
  type RawRequest,
  type RefundAttempt,
  type RefundOutcome,
} from '#engine/rails/rail.ts'

/** Seconds until a payment that Stripe is processing is polled again. */
const soonSeconds = 30
/** Around the start of the attempt, when its PaymentIntent is searched for because its id never arrived. */
const searchWindowSeconds = 900
/** How long a request may be in flight to Stripe; what does not exist after that was never requested. */
const arrivalSeconds = 120

/** Errors that prove that nothing was charged: the request itself was rejected. */
const refusals = new Set(['StripeInvalidRequestError', 'StripeAuthenticationError', 'StripePermissionError'])

/** Clients by the access that they use, since making one costs more than a message does. */
const clients = new Map<string, Stripe>()
const mostClients = 100

/** The official client, for Stripe's hosts or, in tests, for another. It retries a request once, with the same key. */
async function client(access: RailAccess): Promise<Stripe> {
  const key = JSON.stringify(access)
  const known = clients.get(key)
  if (known) return known
  if (clients.size >= mostClients) clients.clear()
  const made = await makeClient(access)
  clients.set(key, made)
  return made
}

async function makeClient({ secret_key = '', host, port, protocol, timeout_ms }: RailAccess): Promise<Stripe> {
  const { default: Client } = await import('stripe')
  return new Client(secret_key, {
    maxNetworkRetries: 1,
    timeout: timeout_ms ? Number(timeout_ms) : 8_000,
    telemetry: false,
    ...(host ? { host } : {}),
    ...(port ? { port: Number(port) } : {}),
    ...(protocol === 'http' || protocol === 'https' ? { protocol } : {}),
  })
}

function cardOf(intent: Stripe.PaymentIntent): Card | undefined {
  const charge = intent.latest_charge
  const details = charge && typeof charge !== 'string' ? charge.payment_method_details?.card : undefined
  if (!details) return undefined
  return { brand: details.brand ?? 'unknown', last4: details.last4 ?? '', country: details.country ?? '' }
}

/** What the state of a PaymentIntent means here. Anything that is not understood is pending. */
export function outcomeOf(intent: Stripe.PaymentIntent): Outcome {
  const { id: reference, status, last_payment_error: error, next_action: next } = intent
  const card = cardOf(intent)
  const shared = { reference, ...(card ? { card } : {}) }
  if (status === 'succeeded') return { ...shared, status: 'succeeded' }
  if (status === 'canceled') return { ...shared, status: 'failed', code: 'canceled', message: 'The payment was canceled.', canceled: true }
  if (status === 'requires_payment_method' && error) {
    return { ...shared, status: 'failed', code: error.decline_code || error.code || 'card_declined', message: error.message ?? 'The card was declined.' }
  }
  const url = next?.redirect_to_url?.url
  // Stored with the charge as well, so that a payer who comes back to the page can continue.
  if (status === 'requires_action' && url) {
    return { ...shared, status: 'requires_action', action: { type: 'challenge', url }, checkAfterSeconds: soonSeconds, data: { action_url: url } }
  }
  return { reference, status: 'pending', checkAfterSeconds: soonSeconds }
}

function refundOutcomeOf(refund: Stripe.Refund): RefundOutcome {
  if (refund.status === 'succeeded') return { status: 'succeeded', reference: refund.id }
  if (refund.status === 'failed' || refund.status === 'canceled') {
    return { status: 'failed', code: refund.failure_reason ?? refund.status, message: 'Stripe could not refund the payment.' }
  }
  return { status: 'pending', reference: refund.id, checkAfterSeconds: soonSeconds }
}

interface StripeFault {
  type?: string
  code?: string
  decline_code?: string
  payment_intent?: Stripe.PaymentIntent
}

/** An error that proves that nothing was charged, as an outcome; any other is rethrown, and the attempt stays pending. */
function declined(error: unknown): Outcome {
  const { type = '', code, decline_code, payment_intent } = (error ?? {}) as StripeFault
  if (type === 'StripeCardError') {
    const reference = payment_intent?.id
    const message = 'The card was declined.'
    return { status: 'failed', code: decline_code || code || 'card_declined', message, ...(reference ? { reference } : {}) }
  }
  if (refusals.has(type)) return { status: 'failed', code: code || 'config_error', message: 'Stripe refused the request.' }
  throw error
}

async function findIntent(stripe: Stripe, attempt: Attempt): Promise<Stripe.PaymentIntent | undefined> {
  const began = Math.floor(attempt.createdAt.getTime() / 1000)
  const around = { gte: began - searchWindowSeconds, lte: began + searchWindowSeconds }
  for await (const intent of stripe.paymentIntents.list({ created: around, limit: 100, expand: ['data.latest_charge'] })) {
    if (intent.metadata.hawker_id === attempt.id) return intent
  }
  return undefined
}

async function start(attempt: Attempt, input: PaymentInput, access: RailAccess): Promise<Outcome> {
  if (!input.token) return { status: 'failed', code: 'token_required', message: 'Card payments require a card that Stripe has tokenised.' }
  const stripe = await client(access)
  try {
    const intent = await stripe.paymentIntents.create(
      {
        amount: Number(attempt.amountMinor), // Stripe's minor unit is ours; at most 12 digits, which a double holds exactly
        currency: attempt.currency,
        payment_method: input.token,
        allowed_payment_method_types: ['card'],
        confirm: true,
        return_url: attempt.returnUrl,
        ...(attempt.description ? { description: attempt.description } : {}),
        metadata: { hawker_id: attempt.id, hawker_kind: 'charge' },
        expand: ['latest_charge'],
      },
      { idempotencyKey: attempt.id },
    )
    return outcomeOf(intent)
  } catch (error) {
    return declined(error)
  }
}

async function check(attempt: Attempt, access: RailAccess): Promise<Outcome> {
  const stripe = await client(access)
  const known = attempt.railReference
  const intent = known ? await stripe.paymentIntents.retrieve(known, { expand: ['latest_charge'] }) : await findIntent(stripe, attempt)
  if (intent) return outcomeOf(intent)
  if (attempt.now.getTime() - attempt.createdAt.getTime() < arrivalSeconds * 1000) return { status: 'pending', checkAfterSeconds: soonSeconds }
  return { status: 'failed', code: 'not_started', message: 'The payment never reached Stripe.' }
}

async function refund(attempt: RefundAttempt, access: RailAccess): Promise<RefundOutcome> {
  const stripe = await client(access)
  try {
    const made = await stripe.refunds.create(
      { payment_intent: attempt.chargeReference, amount: Number(attempt.amountMinor), metadata: { hawker_id: attempt.id, hawker_kind: 'refund' } },
      { idempotencyKey: attempt.id },
    )
    return refundOutcomeOf(made)
  } catch (error) {
    const { type = '', code } = (error ?? {}) as StripeFault
    if (refusals.has(type)) return { status: 'failed', code: code || 'refused', message: 'Stripe refused the refund.' }
    throw error
  }
}

async function checkRefund(attempt: RefundAttempt & { reference: string | null }, access: RailAccess): Promise<RefundOutcome> {
  const stripe = await client(access)
  if (attempt.reference) return refundOutcomeOf(await stripe.refunds.retrieve(attempt.reference))
  for await (const made of stripe.refunds.list({ payment_intent: attempt.chargeReference, limit: 100 })) {
    if (made.metadata?.hawker_id === attempt.id) return refundOutcomeOf(made)
  }
  return refund(attempt, access)
}

/** A notification does not contain the card, so Stripe is queried for it; if it does not answer, the payment has none. */
async function withCard(stripe: Stripe, intent: Stripe.PaymentIntent): Promise<Stripe.PaymentIntent> {
  if (intent.status !== 'succeeded' || typeof intent.latest_charge !== 'string') return intent
  return stripe.paymentIntents.retrieve(intent.id, { expand: ['latest_charge'] }).catch(() => intent)
}

async function readNotification(request: RawRequest, access: RailAccess, now: Date): Promise<RailNotification | undefined> {
  const stripe = await client(access)
  const signature = request.headers['stripe-signature'] ?? ''
  let event: Stripe.Event
  try {
    event = stripe.webhooks.constructEvent(request.body, signature, access.webhook_secret ?? '', 300, undefined, now.getTime())
  } catch {
    throw new BadNotification('The Stripe-Signature does not match.')
  }
  const { type } = event
  if (type.startsWith('payment_intent.')) {
    const intent = event.data.object as Stripe.PaymentIntent
    if (intent.metadata?.hawker_kind !== 'charge') return undefined
    return { eventId: event.id, objectId: intent.metadata.hawker_id ?? null, kind: 'charge', outcome: outcomeOf(await withCard(stripe, intent)) }
  }
  if (type.startsWith('refund.') || type === 'charge.refund.updated') {
    const made = event.data.object as Stripe.Refund
    if (made.metadata?.hawker_kind !== 'refund') return undefined
    return { eventId: event.id, objectId: made.metadata.hawker_id ?? null, kind: 'refund', outcome: refundOutcomeOf(made) }
  }
  return undefined
}

/**
 * Cards through Stripe: PaymentIntents with our charge's id as idempotency key, refunds with the refund's id, signed
 * notifications. Card numbers never arrive here: the payer's page sends them to Stripe, which returns a token.
 */
export const stripeRail: Rail = { name: 'stripe', local: false, methods: ['card'], start, check, refund, checkRefund, readNotification }
