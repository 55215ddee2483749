import { createHmac, timingSafeEqual } from 'node:crypto'
import { ownValue } from '@hawker/web/own-value'
import { decoderOf } from '#foundation/http/body-encoding.ts'
import { ApiError, type FieldErrors, invalid } from '#foundation/shared/errors.ts'
import { parseAmount, parseCurrency } from '#foundation/shared/money.ts'
import { parseMoment } from '#foundation/shared/time.ts'

/** A bank's report of incoming money, independent of the bank's own format. */
export interface CreditReport {
  accountNumber: string
  bankReference: string
  amountMinor: bigint
  currency: string
  reference: string | null
  payerName: string | null
  bookedAt: Date
}

/** Seconds by which a report's clock may differ from ours. */
const tolerance = 300

/** `t=<unix seconds>,v1=<hex>` over `<t>.<body>`, like Stripe's: old reports cannot be sent again, and nothing in them changed. */
export function signReport(body: Buffer | string, secret: string, at: Date): string {
  const seconds = Math.floor(at.getTime() / 1000)
  return `t=${seconds},v1=${createHmac('sha256', secret).update(`${seconds}.`).update(body).digest('hex')}`
}

/** Whether a report's signature matches its bytes and is recent. */
export function verifyReport(body: Buffer, header: string | undefined, secret: string, now: Date): boolean {
  const match = /^t=(\d{1,12}),v1=([0-9a-f]{64})$/.exec(header ?? '')
  if (!match) return false
  const [, seconds = '', signature = ''] = match
  const expected = createHmac('sha256', secret).update(`${seconds}.`).update(body).digest()
  const isOurs = timingSafeEqual(expected, Buffer.from(signature, 'hex'))
  return isOurs && Math.abs(now.getTime() / 1000 - Number(seconds)) <= tolerance
}

/** The account that a report is about, before its signature is checked; 400 for anything that is not a report. */
export function accountOf(body: Buffer): { accountNumber: string; fields: Record<string, unknown> } {
  const text = decoderOf().decode(body)
  let fields: Record<string, unknown>
  try {
    fields = JSON.parse(text)
  } catch {
    throw new ApiError(400, 'malformed_body', 'The report is not valid JSON.')
  }
  if (typeof fields !== 'object' || fields === null || typeof fields.account_number !== 'string') {
    throw new ApiError(400, 'malformed_body', 'The report has no account_number.')
  }
  return { accountNumber: fields.account_number, fields }
}

function textOf(fields: Record<string, unknown>, name: string, maxLength: number): string | null {
  const value = ownValue(fields, name)
  return typeof value === 'string' && value.trim() !== ''
    ? value
        .trim()
        .replace(/[\u0000-\u001f\u007f]/g, ' ')
        .slice(0, maxLength)
    : null
}

/** The generic adapter's fields: account_number, bank_reference, amount, currency, reference?, payer_name?, booked_at?. One 422 names all invalid ones. */
export function readGenericReport(fields: Record<string, unknown>, now: Date, timezone: string): CreditReport {
  const errors: FieldErrors = {}
  const bankReference = textOf(fields, 'bank_reference', 140)
  if (!bankReference) errors.bank_reference = ['The bank reference field is required.']
  const currency = typeof fields.currency === 'string' ? parseCurrency(fields.currency) : undefined
  if (!currency) errors.currency = ['The selected currency is invalid.']
  const amount = fields.amount
  const amountMinor = currency && (typeof amount === 'string' || typeof amount === 'number') ? parseAmount(amount, currency) : undefined
  if (amountMinor === undefined || amountMinor <= 0n) errors.amount = ['The amount must be a number above 0 with no more decimals than its currency has.']
  const bookedAt = typeof fields.booked_at === 'string' ? parseMoment(fields.booked_at, timezone) : now
  if (!bookedAt) errors.booked_at = ['The booked at is not a valid date.']
  if (!bankReference || !currency || amountMinor === undefined || !bookedAt || Object.keys(errors).length > 0) throw invalid(errors)
  const accountNumber = String(fields.account_number)
  return {
    accountNumber,
    bankReference,
    amountMinor,
    currency,
    reference: textOf(fields, 'reference', 140),
    payerName: textOf(fields, 'payer_name', 140),
    bookedAt,
  }
}
