import { requireAmount } from '../../foundation/shared/money.ts'
import { feeOn, feeSchedules } from '../charges/fees.ts'
import type { Settled } from '../charges/settle-charges.ts'
import { type StartDeps, startPayment } from '../charges/start-payment.ts'
import { checkoutUrl } from '../payment-requests/wire.ts'
import { lateDate } from './lateness.ts'
import type { ReadCode } from './read-code.ts'

/** What the owner of a phone decides about a code that was read. */
export interface CodeAnswer {
  outcome: 'approved' | 'declined' | 'timeout'
  /** As typed; without it what the code says. */
  amount?: string | undefined
  delaySeconds?: number | undefined
  late?: boolean | undefined
}

const outcomes = { approved: 'completed', declined: 'failed', timeout: 'timeout' } as const

/**
 * Pays what a code says, as a bank does: it does not ask whether the request is still to be paid. Money that comes twice,
 * late, short or over is kept apart when it is settled.
 */
export async function payCode(deps: StartDeps, code: ReadCode, answer: CodeAnswer, requestId: string): Promise<Settled> {
  const { business, request, method } = code
  const typed = answer.amount === undefined ? undefined : requireAmount('amount', answer.amount, request.currency)
  const paid = typed ?? code.amountMinor
  const amountMinor = paid === null || !request.add_admin_fee ? paid : await withoutFee(deps, code, paid)
  return startPayment(deps, business, {
    request,
    method: method.code,
    ...(amountMinor === null || amountMinor === request.amount_minor ? {} : { amountMinor }),
    input: { outcome: outcomes[answer.outcome], ...(answer.delaySeconds === undefined ? {} : { delaySeconds: answer.delaySeconds }) },
    unasked: true,
    ...(answer.late ? { at: lateDate(request, deps.now()) } : {}),
    requestId,
    returnUrl: checkoutUrl(request, business, deps.baseUrl()),
  })
}

/** What is paid for the request where the payer pays the fee on top: the amount whose fee makes it this sum. */
async function withoutFee({ database }: StartDeps, { business, request, method }: ReadCode, sum: bigint): Promise<bigint> {
  const schedule = (await feeSchedules(database.db, [business.id]))(business.id, method.code, request.currency)
  const feeOf = (amount: bigint) => {
    const { fixedMinor, shareMinor } = feeOn(amount, schedule)
    return fixedMinor + shareMinor
  }
  if (request.amount_minor !== null && request.amount_minor + feeOf(request.amount_minor) === sum) return request.amount_minor
  let amount = sum
  // Each round leaves the fee's share of the error before, a few hundredths.
  for (let round = 0; round < 12; round++) amount = sum > feeOf(amount) ? sum - feeOf(amount) : 1n
  return amount
}
