import { ownValue } from '@hawker/web/own-value'
import { styled } from '#commands/terminal.ts'
import { UsageError } from '#commands/usage-error.ts'
import { isUuid } from '#foundation/shared/ids.ts'
import { CommandError, call, type Made, type Server } from './client.ts'

/** The options of the payment, as typed. */
export interface PayOptions {
  method?: string | undefined
  outcome?: string | undefined
  card?: string | undefined
  amount?: string | undefined
  delay?: string | undefined
  challenge?: string | undefined
  late?: boolean | undefined
  twice?: boolean | undefined
  json?: boolean | undefined
}

/** Whether a text is a payment code, as scanned: an EMVCo payload or a UPI URI. */
const isCode = (text: string) => /^(000201|upi:)/i.test(text)

/** The id in a checkout URL (behaviour §2.3), or the id itself. */
export function paymentRequestIdOf(text: string): string {
  const id = /\/payment-request\/@[^/?#]+\/([^/?#]+)(?:[/?#]|$)/.exec(text)?.[1] ?? text
  if (!isUuid(id)) throw new UsageError('pay expects the URL, the id or the QR code of a payment request.')
  return id.toLowerCase()
}

/** The payment that waits for its payer on a page of the simulator; undefined for any other URL. */
const waitingPayment = (text: string) => /\/sandbox\/(?:wallet|challenge)\/[^/?#]+\/([^/?#]+)/.exec(text)?.[1]

/** Whether a text is the content of a code: an EMVCo payload, a UPI URI, or a checkout URL with a wallet's method. */
const isPayload = (text: string) => /^(000201|upi:)/i.test(text) || /^https?:.*\/checkout\/?\?(.*&)?method=/.test(text)

const reasons: Record<string, string> = {
  duplicate: 'it was already paid',
  late: 'it came after the deadline',
  short: 'the amount is too low',
  over: 'the amount is too high',
}

const verbs: Record<string, string> = { succeeded: 'Paid', failed: 'Declined', canceled: 'Canceled', pending: 'Not paid yet' }

/** What happened, in one line for people: the payment, what it did to the request, and where the payer's browser goes. */
export function describePayment(result: Made): string {
  const status = String(result.status)
  const verb = styled(status === 'succeeded' ? 'green' : status === 'pending' ? 'yellow' : 'red', ownValue(verbs, status) ?? status)
  const failure = result.failure_code === null || result.failure_code === status ? '' : ` (${result.failure_code})`
  const unapplied =
    result.unapplied_reason === null
      ? ''
      : `, but the payment is not applied, because ${ownValue(reasons, String(result.unapplied_reason)) ?? result.unapplied_reason}; it can be refunded`
  const next = result.redirect_url ?? result.action_url
  const where = typeof next === 'string' ? ` The payer goes to ${next}` : ''
  return `${verb}${failure}: ${String(result.currency).toUpperCase()} ${result.amount} by ${result.method}, charge ${result.payment_id}. Payment request ${result.payment_request_id} is ${result.payment_request_status}${unapplied}.${where}`
}

/** The simulator pages' names for the outcomes of `--outcome` and of `--challenge`. */
const answers: Record<string, string> = { completed: 'approved', passed: 'approved', failed: 'declined', abandoned: 'canceled' }

/** Answers a page of the simulator for the payer. */
function answerPage(server: Server, chargeId: string, { outcome, challenge, method, card, amount, late, twice }: PayOptions, delay: number | undefined) {
  if ((method ?? card ?? amount ?? late ?? twice) !== undefined) throw new UsageError('A simulator page accepts only --outcome, --challenge and --delay.')
  const said = outcome ?? challenge ?? 'approved'
  return call(server, 'POST', `/v1/sandbox/payments/${chargeId}/answer`, { outcome: ownValue(answers, said) ?? said, delay })
}

interface Target {
  id: string
  method?: string
  amount?: string
}

/** What is paid: the request itself, or what its code specifies. */
async function targetOf(server: Server, target: string): Promise<Target> {
  if (!isPayload(target)) return { id: paymentRequestIdOf(target) }
  const { payment_request_id, method, amount, is_open } = await call(server, 'POST', '/sandbox/phone/read', { payload: target })
  return { id: String(payment_request_id), method: String(method), ...(is_open && amount !== null ? { amount: String(amount) } : {}) }
}

/**
 * `hawker pay`: acts as the payer of a payment request on a running Hawker, given by its URL, its id, the content of its code, or
 * the simulator page that asks. Prints one line for each payment; with `--json`, the server's response. Throws if the payment did
 * not have the requested outcome.
 */
export async function pay(server: Server, target: string, options: PayOptions, print: (line: string) => void): Promise<void> {
  const { json, delay, late, twice, method, outcome, card, amount, challenge } = options
  const seconds = delay === undefined ? undefined : Number(delay.trim() || Number.NaN)
  if (Number.isNaN(seconds)) throw new UsageError(`--delay expects a number of seconds, not ${JSON.stringify(delay)}.`)
  const tell = (result: Made) => print(json ? JSON.stringify(result) : describePayment(result))
  const waiting = waitingPayment(target)
  if (waiting !== undefined) return tell(await answerPage(server, waiting, options, seconds))
  if (isCode(target) && (method ?? card ?? challenge) !== undefined)
    throw new UsageError('A QR code determines how it is paid; leave out --method, --card and --challenge.')
  // A code that is paid unchanged need not be read first.
  const direct = isCode(target) && !late && !twice
  const found: Target = direct ? { id: '' } : await targetOf(server, target.trim())
  const path = `/v1/sandbox/payment-requests/${found.id}/pay`
  const payment = {
    method: method ?? found.method,
    outcome,
    card,
    amount: amount ?? found.amount,
    challenge,
    delay: seconds,
    late,
    ...(twice ? { anyway: true } : {}),
  }
  const once = () =>
    direct ? call(server, 'POST', '/v1/sandbox/pay-code', { qr_code: target, outcome, amount, delay: seconds }) : call(server, 'POST', path, payment)
  const results = [await once(), ...(twice ? [await once()] : [])]
  for (const result of results) tell(result)
  // The payment was made but not applied as intended: someone else was faster, or the deadline passed.
  const unmeant = results.some(({ unapplied_reason: reason }) => (reason === 'duplicate' && !twice) || (reason === 'late' && !late))
  if (unmeant) throw new CommandError('The payment was not applied.')
}
