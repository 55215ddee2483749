import type { NotSent, SafeSender, Sent } from '#foundation/outgoing/send-safely.ts'
import type { Clock } from '#foundation/shared/clock.ts'
import { decryptSecret } from '#foundation/shared/secrets.ts'
import type { Attempt, ClaimedDelivery } from './delivery-queries.ts'
import { nextTry, readRetryAfter } from './retry-schedule.ts'
import { signV2, standardHeaders } from './signature.ts'

export interface SendDeps {
  /** Decrypts stored salts. */
  secretKey: () => Buffer
  clock: Clock
  /** From 0 to 1, for the jitter of retries. */
  random: () => number
  /** One for each mode: live may not reach what the sandbox may. */
  senders: { sandbox: SafeSender; live: SafeSender }
  timeoutMs: number
}

/** Statuses with which a receiver, or a proxy in front of it, reports that it is overloaded. */
const overloaded = new Set([429, 502, 503, 504])

/** The headers of one attempt: those of behaviour §4.1, and those of Standard Webhooks with this attempt's time. */
export function deliveryHeaders(delivery: Pick<ClaimedDelivery, 'version' | 'event_id' | 'event_type' | 'event_sequence' | 'body'>, salt: string, at: Date) {
  if (delivery.version === 1) return { 'Content-Type': 'application/x-www-form-urlencoded', 'User-Agent': 'HitPay v1.0' }
  const point = delivery.event_type.indexOf('.')
  return {
    'Content-Type': 'application/json',
    'User-Agent': 'HitPay v2.0',
    'Hitpay-Event-Object': delivery.event_type.slice(0, point),
    'Hitpay-Event-Type': delivery.event_type.slice(point + 1),
    'Hitpay-Signature': signV2(delivery.body, salt),
    ...standardHeaders(delivery.event_id, at, delivery.body, [salt]),
    'webhook-sequence': String(delivery.event_sequence),
  }
}

/** The salt that signs a delivery; undefined if there is none, or if another secret key encrypted it. */
function saltOf({ endpoint_salt, key_salt }: ClaimedDelivery, secretKey: () => Buffer): string | undefined {
  const encrypted = endpoint_salt ?? key_salt
  try {
    return encrypted === null ? undefined : decryptSecret(encrypted, secretKey())
  } catch {
    return undefined
  }
}

/** Makes one attempt and returns what follows from it. Does not throw. */
export async function sendDelivery(delivery: ClaimedDelivery, deps: SendDeps): Promise<Attempt> {
  const sentAt = deps.clock.now(delivery.business_id)
  // A form contains its signature in the body.
  const salt = delivery.version === 1 ? '' : saltOf(delivery, deps.secretKey)
  if (salt === undefined) return judge(delivery, deps, sentAt, {}, { error: 'invalid_request', message: 'There is no salt to sign with.', durationMs: 0 })
  const headers: Record<string, string> = deliveryHeaders(delivery, salt, sentAt)
  const answer = await deps.senders[delivery.mode].post({ url: delivery.url, headers, body: delivery.body, timeoutMs: deps.timeoutMs })
  return judge(delivery, deps, sentAt, headers, answer)
}

function judge(delivery: ClaimedDelivery, { clock, random }: SendDeps, sentAt: Date, requestHeaders: Record<string, string>, answer: Sent | NotSent): Attempt {
  const at = clock.now(delivery.business_id)
  const shared = { delivery, sentAt, durationMs: answer.durationMs, requestHeaders, at, isGone: false, dueAt: null, step: delivery.step }
  const response =
    'status' in answer
      ? { responseStatus: answer.status, responseHeaders: answer.headers, responseBody: answer.body, error: null }
      : { responseStatus: null, responseHeaders: null, responseBody: null, error: `${answer.error}: ${answer.message}` }
  const { responseStatus: status } = response
  if (status !== null && status >= 200 && status < 300) return { ...shared, ...response, status: 'succeeded' }
  if (status === 410) return { ...shared, ...response, status: 'failed', isGone: true }
  // What cannot be decrypted today cannot be decrypted tomorrow.
  if ('error' in answer && answer.error === 'invalid_url') return { ...shared, ...response, status: 'failed' }
  const next = nextTry({ step: delivery.step, queuedAt: delivery.queued_at, now: at, retryAfterMs: retryAfterOf(answer, at), random: random() })
  if (!next) return { ...shared, ...response, status: 'failed' }
  return { ...shared, ...response, status: 'pending', dueAt: next.at, step: next.step }
}

function retryAfterOf(answer: Sent | NotSent, now: Date): number | undefined {
  return 'status' in answer ? readRetryAfter(answer.headers['retry-after'], now) : undefined
}

/** What an attempt means for its lane: success, failure, or a pause of `waitMs` at the receiver's request. */
export function lessonOf({ responseStatus, responseHeaders, at, status }: Attempt): 'well' | 'badly' | { waitMs: number | undefined } {
  if (status === 'succeeded') return 'well'
  if (responseStatus !== null && overloaded.has(responseStatus)) return { waitMs: readRetryAfter(responseHeaders?.['retry-after'], at) }
  return 'badly'
}
