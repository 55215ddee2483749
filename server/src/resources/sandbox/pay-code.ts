import type { PaymentInput } from '#engine/rails/rail.ts'
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

/** Pays a code. With `unasked`, like a bank: a late or duplicate payment is recorded but not applied when it is settled. */
export async function payCode(
  deps: StartDeps,
  code: Scan,
  answer: CodeAnswer,
  more: Pick<NewPayment, 'requestId' | 'unasked' | 'payer' | 'answered'>,
): Promise<Settled> {
  const { business, request, method } = code
  const typed = answer.amount === undefined ? undefined : requireAmount('amount', answer.amount, request.currency)
  const paid = typed ?? code.amountMinor
  return startPayment(deps, business, {
    request,
    method: method.code,
    ...(paid === null ? {} : { totalMinor: paid }),
    input: { outcome: answer.outcome, ...(answer.delaySeconds === undefined ? {} : { delaySeconds: answer.delaySeconds }) },
    ...(answer.late ? { at: lateDate(request, deps.now()) } : {}),
    ...more,
    returnUrl: checkoutUrl(request, business, deps.baseUrl()),
  })
}
