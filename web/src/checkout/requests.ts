import { ask, json } from '../shared/request.ts'
import { type CardFields, digitsOf, parseExpiry } from './card.ts'
import type { Try } from './memory.ts'
import type { CheckoutCode, CheckoutMethod, CheckoutState } from './state.ts'

/** The URL of a payment request's routes. */
export function baseOf({ business, request }: CheckoutState): string {
  return `/payment-request/@${encodeURIComponent(business.slug)}/${encodeURIComponent(request?.id ?? '')}`
}

const withAttempt = (url: string, attempt: string | null) => (attempt ? `${url}?attempt=${encodeURIComponent(attempt)}` : url)

/** The current state. */
export async function fetchState(base: string, attempt: string | null): Promise<CheckoutState> {
  return (await ask(withAttempt(`${base}/state`, attempt), { cache: 'no-store', headers: { accept: 'application/json' } })) as CheckoutState
}

/** The URL of the event stream. */
export function eventsUrl(base: string, attempt: string | null): string {
  return withAttempt(`${base}/events`, attempt)
}

/** Starts a payment, or requests the result of one that was started with the same key. */
export async function sendTry(base: string, { key, body }: Try): Promise<CheckoutState> {
  const answer = (await ask(`${base}/attempts`, json({ ...body, language: document.documentElement.lang }, { 'idempotency-key': key }))) as {
    state: CheckoutState
  }
  return answer.state
}

/** A code to scan. */
export async function fetchCode(base: string, method: string, amount: string | undefined): Promise<CheckoutCode> {
  return (await ask(`${base}/codes`, json({ method, ...(amount === undefined ? {} : { amount }) }))) as CheckoutCode
}

type Tokeniser = NonNullable<CheckoutMethod['tokeniser']>

/** Turns a card into a token, at the rail's own URL. The number goes nowhere else. */
export async function tokenise(tokeniser: Tokeniser, fields: CardFields, name: string): Promise<string> {
  const expiry = parseExpiry(fields.expiry) ?? { month: 0, year: 0 }
  const card = { number: digitsOf(fields.number), cvc: digitsOf(fields.cvc, 4) }
  if (tokeniser.type === 'simulator') {
    const body = { ...card, expiry_month: expiry.month, expiry_year: expiry.year }
    const { token } = (await ask(tokeniser.url, json(body))) as { token: string }
    return token
  }
  const form = new URLSearchParams({
    type: 'card',
    'card[number]': card.number,
    'card[exp_month]': String(expiry.month),
    'card[exp_year]': String(expiry.year),
    'card[cvc]': card.cvc,
    ...(name ? { 'billing_details[name]': name } : {}),
    key: tokeniser.publishable_key,
  })
  const { id } = (await ask(tokeniser.url, { method: 'POST', body: form, credentials: 'omit', referrerPolicy: 'no-referrer' })) as { id: string }
  return id
}
