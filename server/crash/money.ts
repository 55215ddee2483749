import type { Choices } from './load.ts'
import type { Answer, Sent } from './server.ts'

/** A payment request that only one payer acts on. */
export interface Bill {
  id: string
  amount: number
  repeated: boolean
  /** Payments that were answered as succeeded. */
  paid: string[]
}

/** One request about money and its result; what it creates has its label, by which it is found. */
export interface MoneyOperation {
  kind: 'create' | 'pay' | 'refund' | 'cancel'
  label: string
  sent: Sent
  bill: Bill | undefined
  answer: Answer | undefined
}

/** Someone who creates payment requests, pays, refunds and cancels them. */
export interface Payer {
  name: string
  bills: Bill[]
  operations: MoneyOperation[]
}

type Send = (sent: Sent) => Promise<Answer | undefined>

const codeOf = ({ text }: Answer): unknown => {
  try {
    return JSON.parse(text).code
  } catch {
    return undefined
  }
}

/** Whether a response is conclusive about a request: it took effect, or it was rejected. */
export function isClear(answer: Answer | undefined): boolean {
  if (!answer) return false
  const { status } = answer
  return (status >= 200 && status < 300) || status === 404 || status === 422 || (status === 409 && codeOf(answer) !== 'idempotency_key_in_flight')
}

export const tookEffect = (answer: Answer | undefined): answer is Answer => answer !== undefined && answer.status >= 200 && answer.status < 300

/** Updates the expected state with a response. */
export function applyAnswer(payer: Payer, { kind, bill, answer, sent }: MoneyOperation): void {
  if (!tookEffect(answer)) return
  if (kind === 'create') {
    const { id } = JSON.parse(answer.text)
    payer.bills.push({ id, amount: Number(sent.body?.amount), repeated: sent.body?.allow_repeated_payments === true, paid: [] })
  } else if (kind === 'pay' && bill) {
    const { payment_id: id, status } = JSON.parse(answer.text)
    if (status === 'succeeded') bill.paid.push(id)
  } else if (kind === 'cancel' && bill) payer.bills.splice(payer.bills.indexOf(bill), 1)
}

const methods = ['card', 'paynow_online', 'grabpay_direct']

function create(label: string, webhook: string, { below, chance }: Choices): Sent {
  const body = {
    amount: 1 + below(200),
    currency: 'sgd',
    payment_methods: methods,
    reference_number: label,
    webhook,
    allow_repeated_payments: chance(0.2),
    ...(chance(0.2) ? { expiry_date: new Date(Date.now() + 1_000 + below(2_000)).toISOString() } : {}),
  }
  return { method: 'POST', path: '/v1/payment-requests', key: `money-${label}`, body }
}

function pay(label: string, bill: Bill, { below, chance }: Choices): Sent {
  const outcome = chance(0.8) ? 'completed' : chance(0.5) ? 'failed' : 'canceled'
  const body = { method: methods[below(3)], outcome, name: label, amount: bill.amount + (chance(0.1) ? 1 : 0) }
  return { method: 'POST', path: `/v1/sandbox/payment-requests/${bill.id}/pay`, key: `money-${label}`, body }
}

/** The next action of a payer; sometimes two at the same time about one payment request. */
function nextOperations(payer: Payer, label: string, webhook: string, pick: Choices): MoneyOperation[] {
  const bill = payer.bills.slice(-6)[pick.below(Math.min(6, payer.bills.length))]
  const dice = pick.next()
  const make = (kind: MoneyOperation['kind'], sent: Sent, part = ''): MoneyOperation => ({ kind, label: label + part, sent, bill, answer: undefined })
  if (!bill || dice < 0.25) return [make('create', create(label, webhook, pick))]
  if (dice < 0.6) return [make('pay', pay(label, bill, pick))]
  if (dice < 0.7) return ['-a', '-b'].map((part) => make('pay', pay(label + part, bill, pick), part))
  const charge = bill.paid.at(-1)
  if (dice < 0.93 && charge) {
    const give = (part: string) => {
      const body = { payment_id: charge, amount: Math.max(1, Math.round(bill.amount * (pick.chance(0.5) ? 0.4 : 1))), reason: label + part }
      return make('refund', { method: 'POST', path: '/v1/refund', key: `money-${label}${part}`, body }, part)
    }
    return pick.chance(0.3) ? ['-a', '-b', '-c'].map(give) : [give('')]
  }
  return [make('cancel', { method: 'DELETE', path: `/v1/payment-requests/${bill.id}`, key: `money-${label}` })]
}

/** Pays and refunds until a request stays without a clear response, which the kill causes. */
export async function payAndRefund(payer: Payer, round: number, webhook: string, pick: Choices, send: Send): Promise<void> {
  for (let number = 0; ; number++) {
    const operations = nextOperations(payer, `r${round}-${payer.name}-${number}`, webhook, pick)
    payer.operations.push(...operations)
    await Promise.all(
      operations.map(async (operation) => {
        operation.answer = await send(operation.sent)
        const { answer, kind, label } = operation
        if (answer && !isClear(answer) && ![409, 429, 503].includes(answer.status))
          throw new Error(`${kind} ${label} was answered ${answer.status} ${answer.text}`)
        applyAnswer(payer, operation)
      }),
    )
    if (!operations.every(({ answer }) => isClear(answer))) return
  }
}
