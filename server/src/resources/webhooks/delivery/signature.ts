import { createHmac, timingSafeEqual } from 'node:crypto'
import { ownValue } from '@hawker/web/own-value'

/** A delivery's fields or headers; arrays are headers that occur more than once. */
export type HeaderValues = Readonly<Record<string, string | readonly string[] | undefined>>

/** Seconds by which a delivery's timestamp may differ from the receiver's clock (the Standard Webhooks libraries' own limit). */
export const defaultToleranceSeconds = 300

function hexHmac(salt: string, data: string | Uint8Array): string {
  return createHmac('sha256', salt).update(data).digest('hex')
}

/** Whether two texts are equal, in a time that does not reveal where they differ. */
export function sameText(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a, 'utf8'), Buffer.from(b, 'utf8')]
  return left.length === right.length && timingSafeEqual(left, right)
}

/**
 * The text over which a v1 callback's `hmac` is computed: every field but `hmac`, sorted by the bytes of its name, name and value
 * joined without separators; null is an empty value (behaviour §3.2).
 */
export function v1SignedText(fields: Readonly<Record<string, string | null>>): string {
  return Object.keys(fields)
    .filter((name) => name !== 'hmac')
    .sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    .map((name) => `${name}${ownValue(fields, name) ?? ''}`)
    .join('')
}

/** The `hmac` field of a v1 callback, 64 lower-case hexadecimal digits, under the API key's salt as text (behaviour §3.2). */
export function signV1(fields: Readonly<Record<string, string | null>>, salt: string): string {
  return hexHmac(salt, v1SignedText(fields))
}

/** The body of a v1 callback, form-encoded, with its `hmac` as the last field. Null is sent as an empty value. */
export function v1Body(fields: Readonly<Record<string, string | null>>, salt: string): string {
  const body = new URLSearchParams()
  for (const [name, value] of Object.entries(fields)) if (name !== 'hmac') body.append(name, value ?? '')
  body.append('hmac', signV1(fields, salt))
  return body.toString()
}

/** Whether the `hmac` among a v1 callback's fields is right; false if there is none. Exact case, constant time. */
export function verifyV1(fields: Readonly<Record<string, string>>, salt: string): boolean {
  return sameText(fields.hmac ?? '', signV1(fields, salt))
}

/** `Hitpay-Signature` of a v2 event: HMAC-SHA256 of the exact bytes sent, under the endpoint's salt as text (behaviour §4.1). */
export function signV2(body: string | Uint8Array, salt: string): string {
  return hexHmac(salt, body)
}

/** Whether a `Hitpay-Signature` is right for a raw body. Exact case, constant time. */
export function verifyV2(body: string | Uint8Array, signature: string, salt: string): boolean {
  return sameText(signature, signV2(body, salt))
}

/**
 * An endpoint's salt in the format of Standard Webhooks libraries: `whsec_` and the base64 of the salt's bytes as text. So one
 * secret serves both signatures: our salts have 64 characters, which is the most that the specification allows (24 to 64
 * bytes). A v2 signature can never be passed off as the other: what it signs starts with `{`, not with an id.
 */
export function standardSecret(salt: string): string {
  return `whsec_${Buffer.from(salt, 'utf8').toString('base64')}`
}

/** The headers of Standard Webhooks 1.0.0, sent in addition to HitPay's. */
export interface StandardHeaders {
  'webhook-id': string
  'webhook-timestamp': string
  'webhook-signature': string
}

function standardMac(id: string, seconds: string, body: string | Uint8Array, salt: string): string {
  return createHmac('sha256', salt).update(`${id}.${seconds}.`).update(body).digest('base64')
}

/**
 * The Standard Webhooks headers of one attempt: the event's id (the same on every attempt), the time of this attempt in whole
 * seconds, and `v1,<base64>` of HMAC-SHA256 over `id.timestamp.body`. While a salt is rotated, pass both, the newest first:
 * the header contains both signatures. The id must not contain a point.
 */
export function standardHeaders(id: string, at: Date, body: string | Uint8Array, salts: readonly [string, ...string[]]): StandardHeaders {
  if (id.includes('.')) throw new Error('the id of a delivery has no point')
  const seconds = String(Math.floor(at.getTime() / 1000))
  const signature = salts.map((salt) => `v1,${standardMac(id, seconds, body, salt)}`).join(' ')
  return { 'webhook-id': id, 'webhook-timestamp': seconds, 'webhook-signature': signature }
}

/** The result of `verifyStandard`: `verified`, or the first thing that is wrong. */
export type StandardVerdict = 'verified' | 'missing_header' | 'bad_timestamp' | 'too_old' | 'too_new' | 'wrong_signature'

/**
 * Checks the Standard Webhooks headers of a raw body; header names in lower case. The signature is compared in constant
 * time and before the clock is checked, so that an old delivery is distinguished from a forged one.
 */
export function verifyStandard(
  body: string | Uint8Array,
  headers: Readonly<Record<string, string | undefined>>,
  salt: string,
  { now, toleranceSeconds = defaultToleranceSeconds }: { now: Date; toleranceSeconds?: number },
): StandardVerdict {
  const { 'webhook-id': id, 'webhook-timestamp': seconds, 'webhook-signature': signatures } = headers
  if (!id || !seconds || !signatures) return 'missing_header'
  if (!/^[0-9]{1,12}$/.test(seconds)) return 'bad_timestamp'
  const right = `v1,${standardMac(id, seconds, body, salt)}`
  if (!signatures.split(' ').some((signature) => sameText(signature, right))) return 'wrong_signature'
  const age = Math.floor(now.getTime() / 1000) - Number(seconds)
  if (age > toleranceSeconds) return 'too_old'
  return age < -toleranceSeconds ? 'too_new' : 'verified'
}
