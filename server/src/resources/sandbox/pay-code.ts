import { requireAmount } from '../../foundation/shared/money.ts'
import type { Settled } from '../charges/settle-charges.ts'
import { type StartDeps, startPayment } from '../charges/start-payment.ts'
import { checkoutUrl } from '../payment-requests/wire.ts'
import { lateDate } from './lateness.ts'
import type { Scan } from './scan-code.ts'

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
export async function payCode(deps: StartDeps, code: Scan, answer: CodeAnswer, requestId: string): Promise<Settled> {
  const { business, request, method } = code
  const typed = answer.amount === undefined ? undefined : requireAmount('amount', answer.amount, request.currency)
  const paid = typed ?? code.amountMinor
  return startPayment(deps, business, {
    request,
    method: method.code,
    ...(paid === null ? {} : { totalMinor: paid }),
    input: { outcome: outcomes[answer.outcome], ...(answer.delaySeconds === undefined ? {} : { delaySeconds: answer.delaySeconds }) },
    unasked: true,
    ...(answer.late ? { at: lateDate(request, deps.now()) } : {}),
    requestId,
    returnUrl: checkoutUrl(request, business, deps.baseUrl()),
  })
}
