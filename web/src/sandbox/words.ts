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

export const schemeName = (scheme: string): string => schemes[scheme] ?? scheme

/** What Hawker made of money that does not count. */
const keptApart: Record<string, string> = {
  duplicate: 'The request was paid already, so Hawker keeps this payment apart as a duplicate and refunds it.',
  late: 'It came after the deadline, so Hawker keeps it apart as late. The request is not paid by it.',
  short: 'It is less than was asked for, so Hawker keeps it apart as short. The request is still to be paid.',
  over: 'It is more than was asked for, so Hawker keeps it apart as over. The request is still to be paid.',
}

type Outcome = Pick<PhonePayment, 'status' | 'unapplied_reason' | 'failure_code'> & { payment_request_status: string }

export interface Words {
  tone: 'good' | 'bad' | 'apart' | 'open'
  title: string
  text: string
}

/** A payment's outcome in words. */
export function outcomeInWords({ status, unapplied_reason, failure_code, payment_request_status }: Outcome): Words {
  if (status === 'pending') return { tone: 'open', title: 'No answer yet', text: 'The bank is slow. Hawker keeps the payment as pending and goes on asking.' }
  if (status === 'requires_customer_action') return { tone: 'open', title: 'Waiting for the payer', text: 'Hawker waits for an answer.' }
  if (status === 'canceled') return { tone: 'bad', title: 'Canceled', text: 'The payer gave up. Nothing was paid, and the request can be paid otherwise.' }
  if (status === 'failed') {
    const reason = failure_code === null ? '' : ` (${failure_code})`
    return { tone: 'bad', title: 'Declined', text: `Nothing was paid${reason}. The request can be paid otherwise.` }
  }
  if (unapplied_reason !== null) {
    const text = keptApart[unapplied_reason] ?? 'Hawker keeps it apart.'
    if (status === 'refunded')
      return { tone: 'apart', title: 'Paid and refunded', text: `${text.replace(' and refunds it.', '.')} The money has been given back.` }
    return { tone: 'apart', title: 'Paid, but kept apart', text }
  }
  if (status === 'refunded' || status === 'partially_refunded') return { tone: 'apart', title: 'Paid and refunded', text: 'The money has been given back.' }
  const text = payment_request_status === 'completed' ? 'The payment request is completed.' : 'Hawker has booked the payment.'
  return { tone: 'good', title: 'Paid', text }
}

/** A time as the phone's owner reads it. */
export function timeInWords(iso: string): string {
  const at = new Date(iso)
  return `${at.toISOString().slice(0, 10)} ${at.toISOString().slice(11, 16)} UTC`
}
