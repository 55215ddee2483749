import { ownValue } from '../shared/own-value.ts'
import type { PhonePayment } from './data.ts'

/** An amount with its currency, as the simulator writes it: SGD 1,234.50. */
export function money(amount: string, currency: string): string {
  const [whole = '', fraction] = amount.split('.')
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, ',')
  return `${currency.toUpperCase()} ${grouped}${fraction === undefined ? '' : `.${fraction}`}`
}

const schemes: Record<string, string> = {
  paynow: 'PayNow',
  promptpay: 'PromptPay',
  promptpay_bill: 'PromptPay',
  qris: 'QRIS',
  qrph: 'QR Ph',
  duitnow: 'DuitNow QR',
  vietqr: 'VietQR',
  upi: 'UPI',
  wallet: 'Wallet link',
}

export const schemeName = (scheme: string): string => ownValue(schemes, scheme) ?? scheme

/** What Hawker does with a payment that it does not apply. */
const keptApart: Record<string, string> = {
  duplicate: 'The request was already paid, so Hawker records this payment as a duplicate and refunds it.',
  late: 'It came after the deadline, so Hawker records it as late. It does not pay the request.',
  short: 'It is less than was asked for, so Hawker records it as short. The request still has to be paid.',
  over: 'It is more than was asked for, so Hawker records it as over. The request still has to be paid.',
}

type Outcome = Pick<PhonePayment, 'status' | 'unapplied_reason' | 'failure_code'> & { payment_request_status: string }

export interface Words {
  tone: 'good' | 'bad' | 'apart' | 'open'
  title: string
  text: string
}

/** A payment's outcome in words. */
export function outcomeInWords({ status, unapplied_reason, failure_code, payment_request_status }: Outcome): Words {
  if (status === 'pending')
    return { tone: 'open', title: 'No answer yet', text: 'The bank is slow. Hawker keeps the payment pending and continues to poll the bank.' }
  if (status === 'requires_customer_action') return { tone: 'open', title: 'Waiting for the payer', text: 'Hawker is waiting for an answer.' }
  if (status === 'canceled') return { tone: 'bad', title: 'Canceled', text: 'The payer gave up. Nothing was paid, and the request can be paid in another way.' }
  if (status === 'failed') {
    const reason = failure_code === null ? '' : ` (${failure_code})`
    return { tone: 'bad', title: 'Declined', text: `Nothing was paid${reason}. The request can be paid in another way.` }
  }
  if (unapplied_reason !== null) {
    const text = ownValue(keptApart, unapplied_reason) ?? 'Hawker did not apply it to the request.'
    if (status === 'refunded')
      return { tone: 'apart', title: 'Paid and refunded', text: `${text.replace(' and refunds it.', '.')} The money has been refunded.` }
    return { tone: 'apart', title: 'Paid, but not applied', text }
  }
  if (status === 'refunded' || status === 'partially_refunded') return { tone: 'apart', title: 'Paid and refunded', text: 'The money has been refunded.' }
  const text = payment_request_status === 'completed' ? 'The payment request is completed.' : 'Hawker has booked the payment.'
  return { tone: 'good', title: 'Paid', text }
}

/** A time in the format for the phone's owner. */
export function timeInWords(iso: string): string {
  const at = new Date(iso)
  return `${at.toISOString().slice(0, 10)} ${at.toISOString().slice(11, 16)} UTC`
}
