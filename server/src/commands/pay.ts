import { isUuid } from '../foundation/shared/ids.ts'
import { CommandError, call, type Made, type Server } from './client.ts'
import { UsageError } from './usage-error.ts'

/** How the payer is to pay, as typed. */
export interface PayOptions {
  method?: string | undefined
  outcome?: string | undefined
  card?: string | undefined
  amount?: string | undefined
  delay?: string | undefined
  challenge?: string | undefined
  json?: boolean | undefined
}

/** Whether a text is a payment code, as scanned: an EMVCo payload or a UPI URI. */
const isCode = (text: string) => /^(000201|upi:)/i.test(text)

/** The id in a checkout URL (behaviour §2.3), or the id itself. */
export function paymentRequestIdOf(text: string): string {
  const id = /\/payment-request\/@[^/?#]+\/([^/?#]+)(?:[/?#]|$)/.exec(text)?.[1] ?? text
  if (!isUuid(id)) throw new UsageError('pay takes the url, the id or the QR code of a payment request.')
  return id.toLowerCase()
}

/** Money that came, but not as it was meant to: someone else was faster, or the time was up. */
const unmeant = new Set<unknown>(['duplicate', 'late'])

const reasons: Record<string, string> = {
  duplicate: 'it was paid already; the money is kept apart and can be refunded',
  late: 'it came too late; the money is kept apart and can be refunded',
  short: 'it is too little; the money is kept apart and can be refunded',
  over: 'it is too much; the money is kept apart and can be refunded',
}

function describe(result: Made): string {
  const amount = `${String(result.currency).toUpperCase()} ${result.amount} by ${result.method}`
  const failure = result.failure_code === null ? '' : ` (${result.failure_code})`
  const unapplied =
    result.unapplied_reason === null ? '' : `\nNot applied to the payment request: ${reasons[String(result.unapplied_reason)] ?? result.unapplied_reason}.`
  return `${amount}: ${result.status}${failure}\nCharge ${result.payment_id}, payment request ${result.payment_request_id} is ${result.payment_request_status}.${unapplied}`
}

/**
 * `hawker pay`: plays the payer of a payment request on a running Hawker. The last line is where the payer's browser would
 * be sent, or `-`; with `--json` the server's answer is all there is. Throws when the payment did not become what was asked.
 */
export async function pay(server: Server, target: string, options: PayOptions, print: (line: string) => void): Promise<void> {
  const { json, method, outcome, card, amount, delay, challenge } = options
  const seconds = delay === undefined ? undefined : Number(delay.trim() || Number.NaN)
  if (Number.isNaN(seconds)) throw new UsageError('--delay takes seconds.')
  if (isCode(target) && (method ?? card ?? challenge) !== undefined) throw new UsageError('A QR code says itself how it is paid.')
  const result = isCode(target)
    ? await call(server, 'POST', '/v1/sandbox/pay-code', { qr_code: target, outcome, amount, delay: seconds })
    : await call(server, 'POST', `/v1/sandbox/payment-requests/${paymentRequestIdOf(target)}/pay`, { method, outcome, card, amount, challenge, delay: seconds })
  print(json ? JSON.stringify(result) : `${describe(result)}\n${result.redirect_url ?? '-'}`)
  if (unmeant.has(result.unapplied_reason)) throw new CommandError('The payment was not applied.')
}
