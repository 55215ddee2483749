import { answerAttempt, type SimulatedAnswer, simulatorRail, waitingPage } from '#engine/rails/simulator/simulator.ts'
import type { Answer } from '#foundation/http/idempotency.ts'
import type { Origin } from '#foundation/http/origin.ts'
import type { Business } from '#foundation/shared/business.ts'
import { isUuid } from '#foundation/shared/ids.ts'
import { findBusiness } from '#resources/business/businesses/queries.ts'
import { type ChargeRow, findCharge } from '#resources/payments/charges/queries.ts'
import { findPaymentRequest, type PaymentRequestRow } from '#resources/payments/payment-requests/queries.ts'
import type { Settled } from '#resources/payments/settlement/settle-charges.ts'
import type { StartDeps } from '#resources/payments/settlement/start-payment.ts'

/** A payment of the simulator, with the request that it pays. */
export interface SimulatedPayment {
  business: Business
  charge: ChargeRow
  request: PaymentRequestRow
}

/** A payment of the simulator; undefined for unknown ids, live businesses and payments of other rails alike. */
export async function findSimulated(
  { database: { db } }: Pick<StartDeps, 'database'>,
  businessId: string,
  chargeId: string,
): Promise<SimulatedPayment | undefined> {
  if (!isUuid(businessId) || !isUuid(chargeId)) return undefined
  const [business, charge] = await Promise.all([findBusiness(db, businessId), findCharge(db, businessId, chargeId)])
  if (business?.mode !== 'sandbox' || charge?.rail !== simulatorRail.name || charge.payment_request_id === null) return undefined
  const request = await findPaymentRequest(db, businessId, charge.payment_request_id)
  return request && { business, charge, request }
}

/**
 * Gives a payer's answer to a payment that waits for it on one of the simulator's pages, once: a second answer changes
 * nothing and gets the payment as it is. `changed` says which of the two it was. `answer` makes the answer to the origin's request.
 */
export async function answerSimulated(
  deps: StartDeps,
  { business, charge, request }: SimulatedPayment,
  decision: SimulatedAnswer,
  origin: Origin,
  answer?: (settled: Settled) => Answer,
): Promise<Settled> {
  const outcome = answerAttempt(charge.id, charge.rail_data, decision, origin.at)
  return deps.settle({
    business,
    charge: { isNew: false, id: charge.id, paymentRequestId: request.id },
    outcome: outcome ?? { status: 'pending', checkAfterSeconds: 0 },
    origin,
    // Whether it still waits is for the locked row to say: two answers may arrive together.
    onlyIf: (current) => outcome !== undefined && current.closed_at === null && waitingPage(current.rail_data) !== undefined,
    ...(answer ? { answer } : {}),
  })
}
