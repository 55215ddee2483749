import type { MessageKey } from '../messages/en.ts'
import { ownValue } from '../shared/own-value.ts'
import type { CheckoutMethod, CheckoutState } from './state.ts'

/** The one view that the page shows. */
export type View = 'amount' | 'pay' | 'action' | 'processing' | 'unsure' | 'paid' | 'expired' | 'canceled' | 'failed' | 'inactive'

/** What the page knows in addition to the state: none of it can make a payment look done. */
export interface Local {
  /** The attempt that the payer has left, to choose another method. */
  leftAttempt: string | null
  /** Whether a payment was sent whose response never came. */
  unanswered: boolean
}

/** The view of a state. Only the state can say that a payment is made. */
export function viewOf(state: CheckoutState, { leftAttempt, unanswered }: Local): View {
  const { request, paid, unapplied } = state
  if (!request) return 'amount'
  const attempt = state.attempt?.id === leftAttempt ? null : state.attempt
  // A payment that is not applied is no payment of this request.
  const counts = attempt?.status === 'succeeded' && !unapplied.some(({ charge_id }) => charge_id === attempt.id)
  const isOpen = request.status === 'pending' || (request.status === 'completed' && request.repeated)
  if (paid || counts || (request.status === 'completed' && !isOpen)) return 'paid'
  // Its money may still arrive, whatever has happened to the request in the meantime.
  if (attempt?.status === 'processing') return 'processing'
  if (!isOpen) return request.status as View
  if (attempt?.status === 'requires_action') return 'action'
  return unanswered ? 'unsure' : 'pay'
}

/** The newer of two states: by version, and by the server's clock where the version is the same. */
export function newer(shown: CheckoutState, said: CheckoutState): CheckoutState {
  if (said.version !== shown.version) return said.version > shown.version ? said : shown
  return Date.parse(said.now) >= Date.parse(shown.now) ? said : shown
}

/** The method to start with: the requested one, else that of the last attempt, else the only one. */
export function firstMethod(methods: readonly CheckoutMethod[], ...wanted: (string | null | undefined)[]): string | null {
  const known = (code: string | null | undefined) => methods.some((method) => method.code === code)
  return wanted.find(known) ?? (methods.length === 1 ? (methods[0]?.code ?? null) : null)
}

const failureTexts: Record<string, string> = {
  insufficient_funds: 'failure.insufficient_funds',
  expired_card: 'failure.expired_card',
  incorrect_cvc: 'failure.incorrect_cvc',
  invalid_cvc: 'failure.incorrect_cvc',
  incorrect_number: 'failure.incorrect_number',
  invalid_number: 'failure.incorrect_number',
  invalid_expiry: 'failure.invalid_expiry',
  invalid_expiry_month: 'failure.invalid_expiry',
  invalid_expiry_year: 'failure.invalid_expiry',
  processing_error: 'failure.processing_error',
  try_again_later: 'failure.processing_error',
  reenter_transaction: 'failure.processing_error',
  config_error: 'failure.processing_error',
  not_started: 'failure.processing_error',
  token_required: 'failure.processing_error',
  authentication_required: 'failure.authentication',
  authentication_failed: 'failure.authentication',
  authentication_not_handled: 'failure.authentication',
  payment_intent_authentication_failure: 'failure.authentication',
  canceled: 'failure.canceled',
  cancelled: 'failure.canceled',
  abandoned: 'failure.canceled',
  timeout: 'failure.timeout',
  expired: 'failure.timeout',
  card_velocity_exceeded: 'failure.too_often',
  withdrawal_count_limit_exceeded: 'failure.limit',
  amount_too_large: 'failure.limit',
  card_not_supported: 'failure.not_supported',
  currency_not_supported: 'failure.not_supported',
  test_mode_live_card: 'failure.test_card',
  payment_request_not_payable: 'refused.not_payable',
  payment_in_progress: 'refused.in_progress',
  too_many_attempts: 'refused.too_many',
  too_many_requests: 'refused.too_many',
  payment_method_not_available: 'refused.method',
}

/** What is said of a card and its bank, in the words for a payment without a card. */
const withoutCard: Record<string, string> = {
  'failure.declined': 'failure.declined_by',
  'failure.authentication': 'failure.declined_by',
  'failure.insufficient_funds': 'failure.insufficient_other',
  'failure.limit': 'failure.limit_other',
  'failure.too_often': 'refused.too_many',
  'failure.not_supported': 'refused.method',
}

/** The text of a rail's reason. A lost or stolen card is declined like any other: the reason is not for the person holding it. */
export function failureText(code: string | null, kind: CheckoutMethod['kind'] = 'card'): string {
  const text = (code && ownValue(failureTexts, code)) || 'failure.declined'
  if (kind === 'card') return text
  // A code is refused in an app that only the payer knows.
  return kind === 'qr' && text === 'failure.declined' ? 'failure.declined_app' : (ownValue(withoutCard, text) ?? text)
}

/** Why a payment was not started: its reason as a code, a text of ours, and the server's own words on a field if it has some. */
export interface Refusal {
  code?: string | null
  text: MessageKey
  detail: string | null
}

/** What the payer must learn of the payment that failed last, or was not started. */
export interface Failing {
  /** Differs for every failure, so that each is shown once. */
  id: unknown
  method: string | null
  code: string | null
  title: MessageKey
  text: MessageKey
  detail: string | null
  /** The payment was tried, and nothing was charged. */
  tried: boolean
  /** The card that was declined. */
  card: { brand: string; last4: string } | null
}

/** The failure that the page shows: the refusal of what was just tried, else that of the attempt in the state. */
export function failingOf({ attempt }: CheckoutState, refusal: Refusal | null, chosen: string | null): Failing | null {
  if (refusal) {
    const { code = null, text, detail } = refusal
    return { id: refusal, method: chosen, code, title: text.startsWith('failure.') ? 'failure.title' : 'refused.title', text, detail, tried: false, card: null }
  }
  if (attempt?.status !== 'failed' && attempt?.status !== 'canceled') return null
  const code = attempt.failure_code ?? (attempt.status === 'canceled' ? 'canceled' : null)
  const { id, method, kind, card = null } = attempt
  return { id, method, code, title: 'failure.title', text: failureText(code, kind) as MessageKey, detail: null, tried: true, card }
}

/** The text of the server's refusal to start a payment. */
export function refusalText(code: string | null): string {
  return (code && ownValue(failureTexts, code)) || 'refused.general'
}

/** `4:59`, `1:04:59`: the time that is left. */
export function countdown(milliseconds: number): string {
  const seconds = Math.max(0, Math.ceil(milliseconds / 1000))
  const [hours, minutes, rest] = [Math.floor(seconds / 3600), Math.floor((seconds % 3600) / 60), seconds % 60]
  const two = (value: number) => String(value).padStart(2, '0')
  return hours > 0 ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`
}

/** A URL that a browser may be redirected to; null for anything that is not http or https. */
export function safeUrl(url: string | null | undefined, base?: string): string | null {
  if (!url) return null
  try {
    const parsed = new URL(url, base ?? 'https://here.invalid')
    return parsed.protocol === 'https:' || parsed.protocol === 'http:' ? url : null
  } catch {
    return null
  }
}
