import { ask, json } from '../shared/request.ts'
import { type CardFields, digitsOf, parseExpiry } from './card.ts'
import type { Try } from './memory.ts'
import type { CheckoutCode, CheckoutMethod, CheckoutState } from './state.ts'

/** Where a payment request is spoken of. */
export function baseOf({ business, request }: CheckoutState): string {
  return `/payment-request/@${encodeURIComponent(business.slug)}/${encodeURIComponent(request?.id ?? '')}`
}

const withAttempt = (url: string, attempt: string | null) => (attempt ? `${url}?attempt=${encodeURIComponent(attempt)}` : url)

/** The present state. */
export async function fetchState(base: string, attempt: string | null): Promise<CheckoutState> {
  return (await ask(withAttempt(`${base}/state`, attempt), { cache: 'no-store', headers: { accept: 'application/json' } })) as CheckoutState
}

/** Where states are told as they come. */
export function eventsUrl(base: string, attempt: string | null): string {
  return withAttempt(`${base}/events`, attempt)
}

/** Begins a payment, or asks again for the answer to one that was begun with the same key. */
export async function sendTry(base: string, { key, body }: Try): Promise<CheckoutState> {
  const answer = (await ask(`${base}/attempts`, json(body, { 'idempotency-key': key }))) as { state: CheckoutState }
  return answer.state
}

/** A code to scan. */
export async function fetchCode(base: string, method: string, amount: string | undefined): Promise<CheckoutCode> {
  return (await ask(`${base}/codes`, json({ method, ...(amount === undefined ? {} : { amount }) }))) as CheckoutCode
}

type Tokeniser = NonNullable<CheckoutMethod['tokeniser']>

/** Makes a token of a card, at the rail's own address. The number goes nowhere else. */
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
