import { createHmac } from 'node:crypto'
import { ownValue } from '@hawker/web/own-value'
import { defaultToleranceSeconds, type HeaderValues, sameText, v1SignedText, verifyStandard } from './signature.ts'
import { type ChangeCode, describeChange, likelyBodies } from './signed-forms.ts'

export type SignatureScheme = 'v1' | 'v2' | 'standard'

export type FindingCode =
  | ChangeCode
  | 'no_signature'
  | 'missing_header'
  | 'empty_signature'
  | 'upper_case_hex'
  | 'prefix'
  | 'base64_instead_of_hex'
  | 'hex_instead_of_base64'
  | 'missing_version'
  | 'space_in_signature'
  | 'wrong_salt'
  | 'salt_with_space'
  | 'salt_decoded'
  | 'json_instead_of_form'
  | 'extra_field'
  | 'missing_field'
  | 'changed_field'
  | 'bad_timestamp'
  | 'too_old'
  | 'too_new'
  | 'unexplained'

export interface Finding {
  code: FindingCode
  /** A sentence for the developer who looks for the fault. Contains no secret. */
  message: string
  /** The first byte of the signed body that differs, if a body is the cause. */
  at?: number
}

export interface SignatureCheck {
  scheme: SignatureScheme
  verifies: boolean
  /** Empty if it verifies. */
  findings: Finding[]
}

export interface Diagnosis {
  /** Whether there is a signature and every signature verifies. */
  verifies: boolean
  checks: SignatureCheck[]
  /** All findings in one list, for the reader. */
  findings: Finding[]
}

export interface Delivery {
  /** The raw body as received. */
  body: string | Uint8Array
  /** Names in any case; `HTTP_HITPAY_SIGNATURE` is accepted too. */
  headers: HeaderValues
  salt: string
  /** Other salts of the business, to recognize a signature by the wrong one; `name` is used in the finding. */
  otherSalts?: readonly { name: string; salt: string }[]
  /** The body as we sent it, if the delivery is on record: then every change can be located. */
  sent?: string | Uint8Array
  now: Date
  toleranceSeconds?: number
}

/** A key under which the signature may have been made, and the finding if it was. */
interface Key {
  bytes: Buffer
  finding?: Finding
}

interface Guess {
  findings: Finding[]
  mac: (key: Buffer) => string
}

const finding = (code: FindingCode, message: string): Finding => ({ code, message })
const hmac = (key: Buffer, data: string | Uint8Array, encoding: 'hex' | 'base64') => createHmac('sha256', key).update(data).digest(encoding)

function lowerNames(headers: HeaderValues): Map<string, string> {
  const found = new Map<string, string>()
  for (const [name, value] of Object.entries(headers)) {
    const text = typeof value === 'string' ? value : value?.join(', ')
    const plain = name
      .toLowerCase()
      .replace(/^http_/, '')
      .replaceAll('_', '-')
    if (text !== undefined && !found.has(plain)) found.set(plain, text)
  }
  return found
}

/**
 * Verifies a delivery, and explains a failure: signature diagnosis. It looks for a v1 form's `hmac`, `Hitpay-Signature`
 * and the Standard Webhooks headers, and tries common mistakes with salt, body and signature (behaviour §3–§4)
 * until one explains it. Never throws; a failure without explanation is `unexplained`. A few hundred hashes at most.
 */
export function diagnoseSignature(delivery: Delivery): Diagnosis {
  const body = Buffer.from(delivery.body)
  const headers = lowerNames(delivery.headers)
  const checks: SignatureCheck[] = []
  const fields = readFields(body)
  const isStandard = ['webhook-id', 'webhook-timestamp', 'webhook-signature'].some((name) => headers.has(name))
  if (headers.has('hitpay-signature')) checks.push(checkV2(delivery, body, headers.get('hitpay-signature') ?? ''))
  if (isStandard) checks.push(checkStandard(delivery, body, headers))
  if (fields?.values.hmac !== undefined && !headers.has('hitpay-signature')) checks.push(checkV1(delivery, fields))
  const findings = checks.flatMap((check) => check.findings)
  if (checks.length === 0) findings.push(explainNone(headers, fields !== undefined))
  return { verifies: checks.length > 0 && checks.every((check) => check.verifies), checks, findings }
}

function explainNone(headers: Map<string, string>, isForm: boolean): Finding {
  const isEvent = headers.has('hitpay-event-type') || headers.has('hitpay-event-object')
  if (isEvent) return finding('missing_header', 'The Hitpay-Signature header is missing; a proxy may have removed it.')
  if (isForm) return finding('no_signature', 'The form has no hmac field, and there is no Hitpay-Signature or webhook-signature header.')
  return finding('no_signature', 'There is no Hitpay-Signature or webhook-signature header, and the body is not a form with an hmac field.')
}

function keysOf({ salt, otherSalts = [] }: Delivery): Key[] {
  const keys: Key[] = [{ bytes: Buffer.from(salt) }]
  const add = (bytes: Buffer, code: FindingCode, message: string) => keys.push({ bytes, finding: finding(code, message) })
  for (const other of otherSalts) add(Buffer.from(other.salt), 'wrong_salt', `It was signed with another salt: ${other.name}.`)
  if (salt.trim() !== salt) add(Buffer.from(salt.trim()), 'salt_with_space', 'The salt has white space around it.')
  if (/^([0-9a-f]{2})+$/i.test(salt)) add(Buffer.from(salt, 'hex'), 'salt_decoded', 'It was signed with the salt decoded from hexadecimal, not with its text.')
  if (salt.startsWith('whsec_')) {
    add(
      Buffer.from(salt.slice(6), 'base64'),
      'salt_decoded',
      'The salt is in Standard Webhooks format; this signature uses it exactly as shown with the endpoint.',
    )
  }
  return keys
}

/** The findings that explain why none of `given` is the expected signature; undefined without an explanation, empty if it is right. */
function explain(given: readonly string[], keys: readonly Key[], guesses: readonly Guess[]): Finding[] | undefined {
  for (const guess of guesses) {
    for (const key of keys) {
      const mac = guess.mac(key.bytes)
      if (given.some((signature) => sameText(signature, mac))) return [...(key.finding ? [key.finding] : []), ...guess.findings]
    }
  }
  return undefined
}

const unexplained = finding(
  'unexplained',
  'The signature was not made with this salt over this body, and no common mistake explains it: the body was changed, or the salt belongs to another endpoint, key or account.',
)

function checked(scheme: SignatureScheme, findings: Finding[]): SignatureCheck {
  return { scheme, verifies: findings.length === 0, findings }
}

/** A hexadecimal signature in its correct format, with what had to be corrected. */
function normaliseHex(text: string): { signature: string; findings: Finding[] } {
  const findings: Finding[] = []
  let signature = text
  if (signature.trim() !== signature) {
    signature = signature.trim()
    findings.push(finding('space_in_signature', 'There is white space around the signature.'))
  }
  if (/^(sha256|v1)[=,:]/i.test(signature)) {
    findings.push(finding('prefix', `The signature has the prefix ${signature.slice(0, signature.search(/[=,:]/) + 1)}; it should have none.`))
    signature = signature.replace(/^(sha256|v1)[=,:]/i, '')
  }
  if (/^[A-Za-z0-9+/]{43}=$/.test(signature)) {
    signature = Buffer.from(signature, 'base64').toString('hex')
    findings.push(finding('base64_instead_of_hex', 'The signature is in base64; it should be in hexadecimal.'))
  } else if (/^[0-9a-f]{64}$/i.test(signature) && /[A-F]/.test(signature)) {
    signature = signature.toLowerCase()
    findings.push(finding('upper_case_hex', 'The signature is in upper case; it should be in lower case.'))
  }
  return { signature, findings }
}

function bodyGuesses(delivery: Delivery, body: Buffer, mac: (key: Buffer, form: Buffer) => string): Guess[] {
  const sent = delivery.sent === undefined ? undefined : Buffer.from(delivery.sent)
  return likelyBodies(body, sent).map((form) => {
    const change = describeChange(form, body)
    return { findings: change ? [change] : [], mac: (key) => mac(key, form) }
  })
}

function checkV2(delivery: Delivery, body: Buffer, header: string): SignatureCheck {
  if (header.trim() === '') return checked('v2', [finding('empty_signature', 'The header Hitpay-Signature is empty.')])
  const { signature, findings } = normaliseHex(header)
  const guesses = bodyGuesses(delivery, body, (key, form) => hmac(key, form, 'hex'))
  return checked('v2', [...findings, ...(explain([signature], keysOf(delivery), guesses) ?? [unexplained])])
}

/** Signatures that are compared; senders have one for each of their keys. */
const mostSignatures = 50

/** The signatures of a header, which are separated by spaces or commas; one may itself begin like a version: `v1,v1Kx…`. */
function signaturesIn(header: string): string[] {
  return header
    .split(/[ ,](?=v\d\w{0,3},)/, mostSignatures)
    .map((text) => {
      let end = text.length
      while (end > 0 && (text[end - 1] === ' ' || text[end - 1] === ',')) end -= 1
      return text.slice(0, end)
    })
    .filter((text, i) => text !== '' || i === 0)
}

function checkStandard(delivery: Delivery, body: Buffer, headers: Map<string, string>): SignatureCheck {
  const [id, seconds, signatures] = ['webhook-id', 'webhook-timestamp', 'webhook-signature'].map((name) => headers.get(name))
  const missing = ['webhook-id', 'webhook-timestamp', 'webhook-signature'].filter((name) => !headers.get(name))
  if (!id || !seconds || !signatures)
    return checked('standard', [finding('missing_header', `The header ${missing.join(' and the header ')} is missing or empty.`)])
  const { now, toleranceSeconds = defaultToleranceSeconds } = delivery
  const findings: Finding[] = []
  const given = signaturesIn(signatures).flatMap((text) => {
    if (/^v1,/.test(text)) return [text.slice(3)]
    if (/^v\d\w*,/.test(text)) return []
    findings.push(finding('missing_version', 'A signature does not start with v1 and a comma.'))
    return [text]
  })
  const base64 = given.map((text) => (/^[0-9a-f]{64}$/i.test(text) ? Buffer.from(text, 'hex').toString('base64') : text))
  if (base64.some((text, at) => text !== given[at])) findings.push(finding('hex_instead_of_base64', 'The signature is in hexadecimal; it should be in base64.'))
  const guesses = bodyGuesses(delivery, body, (key, form) => hmac(key, Buffer.concat([Buffer.from(`${id}.${seconds}.`), form]), 'base64'))
  findings.push(...(explain(base64, keysOf(delivery), guesses) ?? [unexplained]))
  if (findings.length === 0) {
    const verdict = verifyStandard(body, Object.fromEntries(headers), delivery.salt, { now, toleranceSeconds })
    if (verdict === 'bad_timestamp') findings.push(finding('bad_timestamp', 'webhook-timestamp is not a whole number of seconds.'))
    if (verdict === 'too_old' || verdict === 'too_new') findings.push(explainTime(Number(seconds), now, toleranceSeconds, verdict))
  }
  return checked('standard', findings)
}

function explainTime(seconds: number, now: Date, toleranceSeconds: number, code: 'too_old' | 'too_new'): Finding {
  if (code === 'too_new' && seconds > 100_000_000_000) return finding('bad_timestamp', 'webhook-timestamp is in milliseconds; it should be in seconds.')
  const apart = Math.abs(Math.floor(now.getTime() / 1000) - seconds)
  const side = code === 'too_old' ? 'old: it was replayed, or a clock is wrong' : 'ahead of this clock'
  return finding(code, `The signature is correct, but its timestamp is ${apart} seconds ${side}; ${toleranceSeconds} seconds are tolerated.`)
}

interface Fields {
  values: Record<string, string>
  isJson: boolean
}

/** The fields of a v1 callback: of a form, or of a JSON object made from a form. */
function readFields(body: Buffer): Fields | undefined {
  const text = body.toString('utf8').trim()
  if (text.startsWith('{')) {
    try {
      const parsed = Object.entries(JSON.parse(text) as Record<string, unknown>)
      return { values: Object.fromEntries(parsed.map(([name, value]) => [name, value === null ? '' : String(value)])), isJson: true }
    } catch {
      return undefined
    }
  }
  if (!/^[^\s=]+=/.test(text)) return undefined
  return { values: Object.fromEntries(new URLSearchParams(text)), isJson: false }
}

/** Every field that a v1 callback is documented to have (behaviour §3.1, §3.4). */
const documented = [
  'payment_id',
  'payment_request_id',
  'recurring_billing_id',
  'phone',
  'amount',
  'currency',
  'status',
  'reference_number',
  'reference',
  'error_message',
]

/** More than any callback has: every explanation that is tried costs a hash of all fields, for every salt. */
const mostFields = 100
const mostFormBytes = 16_384

function checkV1(delivery: Delivery, { values, isJson }: Fields): SignatureCheck {
  const first: Finding[] = []
  const count = Object.keys(values).length
  if (Buffer.byteLength(delivery.body) > mostFormBytes)
    return checked('v1', [finding('unexplained', `The form has more than ${mostFormBytes} bytes; no callback is that long.`)])
  if (count > mostFields) return checked('v1', [finding('unexplained', `The form has ${count} fields; a callback has at most ${mostFields}.`)])
  if (isJson) first.push(finding('json_instead_of_form', 'The body is JSON; a v1 callback is a form.'))
  if (values.hmac?.trim() === '') return checked('v1', [...first, finding('empty_signature', 'The field hmac is empty.')])
  const { signature, findings } = normaliseHex(values.hmac ?? '')
  const guesses = fieldGuesses(values).map(({ fields, findings: why }): Guess => ({ findings: why, mac: (key) => hmac(key, v1SignedText(fields), 'hex') }))
  return checked('v1', [...first, ...findings, ...(explain([signature], keysOf(delivery), guesses) ?? [unexplained])])
}

/** The first names of a list, shortened: an answer does not repeat what was sent at length. */
const briefly = (names: string[]) =>
  `${names
    .slice(0, 5)
    .map((name) => name.slice(0, 60))
    .join(', ')}${names.length > 5 ? ` and ${names.length - 5} more` : ''}`

/** Fields that may have been signed when `values` was received; the first are `values` themselves. */
function fieldGuesses(values: Record<string, string>): { fields: Record<string, string>; findings: Finding[] }[] {
  const entries = Object.entries(values)
  const extra = entries.map(([name]) => name).filter((name) => name !== 'hmac' && !documented.includes(name))
  const known = Object.fromEntries(entries.filter(([name]) => !extra.includes(name)))
  const bases = [{ fields: values, findings: [] as Finding[] }]
  if (extra.length > 0) {
    bases.push({
      fields: known,
      findings: [finding('extra_field', `A field that was not signed was added: ${briefly(extra)}. The URL's own query is not part of the form.`)],
    })
  }
  return bases.flatMap((base) => [base, ...missingGuesses(base), ...changedGuesses(base)])
}

type FieldGuess = ReturnType<typeof fieldGuesses>[number]

/** Frameworks drop empty fields, although they are signed. */
function missingGuesses({ fields, findings }: FieldGuess): FieldGuess[] {
  const sets = [
    ['phone'],
    ['reference_number'],
    ['payment_id'],
    ['phone', 'reference_number'],
    ['phone', 'payment_id'],
    ['phone', 'reference_number', 'payment_id'],
  ]
  return sets
    .filter((set) => set.every((name) => !Object.hasOwn(fields, name)))
    .map((set) => ({
      fields: { ...fields, ...Object.fromEntries(set.map((name) => [name, ''])) },
      findings: [...findings, finding('missing_field', `An empty field that was signed is missing: ${set.join(', ')}.`)],
    }))
}

function changedGuesses({ fields, findings }: FieldGuess): FieldGuess[] {
  const amount = fields.amount ?? ''
  const change = (name: string, value: string, message: string): FieldGuess[] =>
    [undefined, value].includes(ownValue(fields, name))
      ? []
      : [{ fields: { ...fields, [name]: value }, findings: [...findings, finding('changed_field', message)] }]
  const decimal = /^\d+(\.\d+)?$/.test(amount) ? amount : '0'
  const [whole = '', fraction = ''] = decimal.split('.')
  return [
    ...change('amount', `${whole}.${fraction.padEnd(2, '0')}`, 'The amount lost its trailing zeros: treat it as text, not as a number.'),
    ...change('currency', (fields.currency ?? '').toUpperCase(), 'The currency was changed to lower case.'),
    ...change('currency', (fields.currency ?? '').toLowerCase(), 'The currency was changed to upper case.'),
    ...change('phone', `+${(fields.phone ?? '').trim()}`, 'The plus sign of the phone number was lost: the form was decoded twice.'),
  ]
}
