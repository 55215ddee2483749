import type { PaymentInput } from '#engine/rails/rail.ts'
import type { Origin } from '#foundation/http/origin.ts'
import { requireAmount } from '#foundation/shared/money.ts'
import { checkoutUrl } from '#resources/payments/payment-requests/wire.ts'
import type { Settled } from '#resources/payments/settlement/settle-charges.ts'
import { type NewPayment, type StartDeps, startPayment } from '#resources/payments/settlement/start-payment.ts'
import { lateDate } from './lateness.ts'
import type { Scan } from './scan-code.ts'

/** What the owner of a phone decides about a code that was read. */
export interface CodeAnswer {
  outcome: PaymentInput['outcome']
  /** As typed; if omitted, the amount of the code. */
  amount?: string | undefined
  delaySeconds?: number | undefined
  late?: boolean | undefined
}

/** Pays what a code says. With `acceptLate` as a bank does: money that comes twice or late is recorded but not applied. */
export async function payCode(
  deps: StartDeps,
  code: Scan,
  decision: CodeAnswer,
  more: Pick<NewPayment, 'acceptLate' | 'payer' | 'answer'>,
  origin: Origin,
): Promise<Settled> {
  const { business, request, method } = code
  const typed = decision.amount === undefined ? undefined : requireAmount('amount', decision.amount, request.currency)
  const paid = typed ?? code.amountMinor
  const input = { outcome: decision.outcome, ...(decision.delaySeconds === undefined ? {} : { delaySeconds: decision.delaySeconds }) }
  const payment: NewPayment = {
    request,
    method: method.code,
    ...(paid === null ? {} : { totalMinor: paid }),
    input,
    ...(decision.late ? { beganAt: lateDate(request, origin.at) } : {}),
    ...more,
    returnUrl: checkoutUrl(request, business, origin.baseUrl),
  }
  return startPayment(deps, business, payment, origin)
}
