import type { Attempt, Outcome, PaymentInput } from '#engine/rails/rail.ts'
import type { Deps } from '#foundation/deps.ts'
import type { Answer } from '#foundation/http/idempotency.ts'
import type { Origin } from '#foundation/http/origin.ts'
import type { Business } from '#foundation/shared/business.ts'
import { ApiError, conflict, invalid } from '#foundation/shared/errors.ts'
import { newId } from '#foundation/shared/ids.ts'
import { searchTextOf } from '#foundation/shared/search-text.ts'
import type { ChargeRow } from '#resources/payments/charges/queries.ts'
import { adminFeeOn } from '#resources/payments/fees/fees.ts'
import { isPastDeadline } from '#resources/payments/payment-requests/expiry.ts'
import type { PaymentRequestRow } from '#resources/payments/payment-requests/queries.ts'
import type { Rails } from '#resources/payments/rails/registry.ts'
import type { Settle, Settled } from './settle-charges.ts'

export interface StartDeps extends Deps {
  readonly rails: Rails
  readonly settle: Settle
}

export interface NewPayment {
  /** The payment request, as just read. */
  request: PaymentRequestRow
  method: string
  /** For requests without an amount, and for short and over payments of the sandbox; else the request's own. */
  amountMinor?: bigint
  /** The total amount, if the payer's code specifies it: it includes a fee that the payer bears. */
  totalMinor?: bigint
  input: PaymentInput
  payer?: {
    name?: string | null
    email?: string | null
    phone?: string | null
    /** The language of the page on which they pay, for the mails about the payment. */
    language?: string
  }
  /** When the payer started, if not now: in the sandbox, a payment can be dated after its deadline. */
  beganAt?: Date
  /** Money that arrives whether or not it is still expected, like a transfer; whether it is applied is decided when it is settled. */
  acceptLate?: boolean
  returnUrl: string
  /**
   * The answer to the origin's request; stored under its Idempotency-Key with the attempt. For a remote rail, that is
   * before the rail is called, so a retry that reaches another process in the meantime calls no rail again.
   */
  answer?: (settled: Settled) => Answer
  /** Started by a payer on a page: rejected after too many attempts, and while another one is in progress. */
  limitAttempts?: boolean
}

/** The time limit for a rail's answer, after which the outcome is unknown. */
const patienceMs = 20_000

/** A request as an attempt for its rail: from the charge's row and the request that it pays. */
export function attemptOf(
  charge: ChargeRow,
  request: Pick<PaymentRequestRow, 'payment_reference' | 'purpose'> | undefined,
  business: Business,
  returnUrl: string,
  now: Date,
): Attempt {
  return {
    id: charge.id,
    businessId: business.id,
    country: business.country,
    method: charge.method,
    amountMinor: charge.amount_minor,
    currency: charge.currency,
    reference: request?.payment_reference ?? '',
    description: request?.purpose ?? '',
    payer: { name: charge.customer_name, email: charge.customer_email, phone: charge.customer_phone },
    returnUrl,
    data: charge.rail_data,
    railReference: charge.rail_reference,
    createdAt: charge.created_at,
    now,
  }
}

/** A new charge in its first state. */
export function newCharge(
  business: Business,
  rail: string,
  payment: Pick<NewPayment, 'request' | 'method' | 'payer'>,
  amountMinor: bigint,
  adminFeeMinor: bigint,
  at: Date,
): ChargeRow {
  const { request, method, payer } = payment
  const name = payer?.name ?? request.name
  const email = payer?.email ?? request.email
  const phone = payer?.phone ?? request.phone
  const id = newId<'charge'>(at)
  return {
    business_id: business.id,
    id,
    payment_request_id: request.id,
    customer_id: request.customer_id,
    customer_name: name,
    customer_email: email,
    customer_phone: phone,
    payer_language: payer?.language ?? null,
    location_id: request.location_id,
    channel: request.channel,
    method,
    rail,
    status: 'pending',
    currency: request.currency,
    amount_minor: amountMinor,
    refunded_minor: 0n,
    fixed_fee_minor: 0n,
    discount_fee_minor: 0n,
    discount_fee_rate: 0,
    admin_fee_minor: adminFeeMinor,
    unapplied_reason: null,
    failure_code: null,
    failure_message: null,
    rail_reference: null,
    card: null,
    rail_data: {},
    remark: request.purpose,
    reference_number: request.reference_number,
    metadata: request.metadata,
    search: searchTextOf([name, email, phone, request.reference_number, request.purpose, id]),
    closed_at: null,
    refunded_at: null,
    created_at: at,
    updated_at: at,
  }
}

/** Rejects what can no longer be paid, before any rail is called; a race is decided when the money has arrived. */
function requirePayable(request: PaymentRequestRow, at: Date): void {
  const state = request.deleted_at ? 'deleted' : isPastDeadline(request, at) && request.status === 'pending' ? 'expired' : request.status
  if (state === 'pending' || (state === 'completed' && request.allow_repeated_payments)) return
  throw conflict('payment_request_not_payable', `This payment request is ${state}.`)
}

/**
 * Starts a payment in three steps: the attempt is written as pending, the rail is called with the attempt's id as its
 * idempotency key, and its answer is settled. A crash in between leaves a pending attempt about which a job polls the rail.
 * A local rail needs no first step, since nothing has left the process: attempt and outcome are written together.
 */
export async function startPayment(deps: StartDeps, business: Business, payment: NewPayment, origin: Origin): Promise<Settled> {
  const { request, method, answer, limitAttempts } = payment
  if (!payment.acceptLate) requirePayable(request, origin.at)
  if (request.payment_methods.length > 0 && !request.payment_methods.includes(method))
    throw invalid({ method: ['The selected method is invalid.'] }, 'payment_method_not_available')
  const found = await deps.rails.find(business, method)
  if (!found) throw invalid({ method: [`The method ${method} is not set up for this business.`] }, 'payment_method_not_available')
  const { rail, access } = found
  const asked = payment.amountMinor ?? request.amount_minor ?? payment.totalMinor
  if (asked === null || asked === undefined) throw invalid({ amount: ['The amount field is required.'] })
  const adminFee = await adminFeeOn(deps.database.db, request, method, asked)
  const row = newCharge(business, rail.name, payment, payment.totalMinor ?? asked + adminFee, adminFee, origin.at)
  if (payment.beganAt) row.created_at = payment.beganAt
  const attempt = attemptOf(row, request, business, payment.returnUrl, origin.at)
  const begin = (outcome: Outcome) =>
    deps.settle({
      business,
      charge: { isNew: true, row },
      outcome,
      origin,
      requestAsRead: request,
      ...(answer ? { answer } : {}),
      ...(limitAttempts ? { limitAttempts } : {}),
    })
  if (rail.local) return begin(await rail.start(attempt, payment.input, access))

  // Should this process die before the outcome is settled, the job polls the rail.
  const begun = await begin({ status: 'pending', checkAfterSeconds: (patienceMs / 1000) * 2 })
  const outcome = await answerOrPending(() => rail.start(attempt, payment.input, access))
  const settled = await deps.settle({
    business,
    charge: { isNew: false, id: row.id, paymentRequestId: request.id },
    outcome,
    origin: { ...origin, at: deps.clock.now(business.id) },
  })
  return { ...settled, answer: begun.answer }
}

/** The outcome of a call that was not answered. */
interface Unknown {
  status: 'pending'
  checkAfterSeconds: number
}

/** A rail's answer; anything but an answer in time is an unknown outcome, and stays pending. */
export async function answerOrPending<Answered = Outcome>(call: () => Promise<Answered>): Promise<Answered | Unknown> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<Unknown>((done) => {
    timer = setTimeout(() => done({ status: 'pending', checkAfterSeconds: 15 }), patienceMs)
  })
  try {
    return await Promise.race([call(), late])
  } catch (error) {
    if (error instanceof ApiError) throw error
    return { status: 'pending', checkAfterSeconds: 15 }
  } finally {
    clearTimeout(timer)
  }
}
