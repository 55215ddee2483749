import type { Transaction } from 'kysely'
import { ensureSandboxFloat } from '#engine/ledger/sandbox-float.ts'
import type { Rail, RailAccess, RefundAttempt, RefundOutcome } from '#engine/rails/rail.ts'
import type { DB } from '#foundation/database/tables.ts'
import type { Deps } from '#foundation/deps.ts'
import { type Claim, rememberAnswer } from '#foundation/http/idempotency.ts'
import type { Origin } from '#foundation/http/origin.ts'
import { callbackUrlFault } from '#foundation/outgoing/callback-url.ts'
import type { Business } from '#foundation/shared/business.ts'
import { keyIdOf } from '#foundation/shared/caller.ts'
import { invalid, notFound } from '#foundation/shared/errors.ts'
import { isUuid, newId } from '#foundation/shared/ids.ts'
import { formatAmount, requireAmount } from '#foundation/shared/money.ts'
import { laterThan } from '#foundation/shared/time.ts'
import { type ChargeRow, findCharge, lockCharges, paidStatuses, updateCharges } from '#resources/payments/charges/queries.ts'
import { forgetChecks } from '#resources/payments/rails/check-queries.ts'
import type { Rails } from '#resources/payments/rails/registry.ts'
import type { ReceiptLinks } from '#resources/payments/receipts/address.ts'
import { answerOrPending } from '#resources/payments/settlement/start-payment.ts'
import { applyOutcome, type ChargeAndRefund, type Refunded, recordRefundOutcome, refundAnswer } from './finish-refund.ts'
import { insertRefund, type RefundRow } from './queries.ts'
import { takeRefundMoney } from './refund-money.ts'

export interface RefundDeps extends Pick<Deps, 'database' | 'clock' | 'onEvent'>, ReceiptLinks {
  rails: Rails
}

/** What to refund. */
export interface RefundInput {
  chargeId: string
  /** In major units; if omitted, everything that is left. */
  amount?: string | number | undefined
  reason?: string | null | undefined
  webhook?: string | null | undefined
  sendEmail?: boolean | undefined
  email?: string | null | undefined
  refundedBy: string | null
  /** Stores the answer with the refund, before the wallets are locked; the stored answer follows the outcome. */
  claim?: Claim | undefined
  /** The charge is a duplicate and is refunded automatically: only if nothing of it was refunded. */
  isDuplicate?: boolean | undefined
}

/** The rail of a charge, and the access to it. */
export interface RefundRail {
  rail: Rail
  access: RailAccess
}

/** A refund after its first step. */
export interface BegunRefund extends Refunded {
  via: RefundRail
  /** Whether its rail must be called now (`completeRefund`). If nobody does, a job does it later. */
  isOpen: boolean
}

/** Twice the time limit of a rail's answer: should this process die before it calls the rail, a job polls the rail then. */
const firstCheckSeconds = 40

/**
 * What precedes the transaction of a refund: finds the charge's rail, and gives a sandbox business its play money, once.
 * Throws 404 for an unknown charge and 422 if the rail cannot refund.
 */
export async function prepareRefund(
  { database, rails }: Pick<RefundDeps, 'database' | 'rails'>,
  business: Business,
  chargeId: string,
  at: Date,
): Promise<RefundRail> {
  const charge = isUuid(chargeId) ? await findCharge(database.db, business.id, chargeId) : undefined
  if (!charge) throw notFound('Charge', chargeId)
  const found = await rails.byName(business, charge.rail)
  if (!found?.rail.refund) throw invalid({ payment_id: [`Payments by ${charge.method} cannot be refunded.`] }, 'refund_not_supported')
  await ensureSandboxFloat(database.db, business, charge.currency, at)
  return found
}

/**
 * The first step of a refund: checks the amount left of the charge under its lock, writes the refund as pending and takes its
 * money. A local rail is called here, and its answer written too. It books in the ledger, so it is the last thing that a
 * transaction does. Throws 404, and 422 for what cannot be refunded.
 */
export function beginRefund(links: ReceiptLinks) {
  return async (tx: Transaction<DB>, business: Business, { via, ...input }: RefundInput & { via: RefundRail }, origin: Origin): Promise<BegunRefund> => {
    const { charge, refund } = await insertPending(tx, business, input, origin)
    const isOpen = !via.rail.local
    const outcome = isOpen ? ({ status: 'pending', checkAfterSeconds: firstCheckSeconds } as const) : await callRefund(via, refund, charge, origin.at)
    const done = await applyOutcome(tx, links, business, { charge, refund, outcome, isNew: true }, origin)
    const answer = refundAnswer(done, business, origin.requestId)
    if (input.claim) await rememberAnswer(tx, input.claim, answer, refund.created_at, refund.id)
    if (done.refund.status !== 'failed') await takeRefundMoney(tx, charge, refund)
    return { ...done, answer, via, isOpen }
  }
}

/**
 * The rest of an open refund, once its transaction has committed: calls the rail, outside any transaction, and writes
 * its answer. An unknown outcome stays pending, and a job polls the rail.
 */
export async function completeRefund(deps: RefundDeps, business: Business, { via, refund, charge }: BegunRefund, origin: Origin): Promise<Refunded> {
  const outcome = await callRefund(via, refund, charge, deps.clock.now(business.id))
  const result = { chargeId: charge.id, refundId: refund.id, outcome }
  return recordRefundOutcome(deps, business, result, { ...origin, at: deps.clock.now(business.id) })
}

/**
 * Refunds a charge: begins the refund in one transaction, calls the rail with the refund's id as its idempotency
 * key, and finishes it in another; on failure the money is returned. A local rail needs only one transaction.
 */
export async function refundCharge(deps: RefundDeps, business: Business, input: RefundInput, origin: Origin): Promise<Refunded> {
  const via = await prepareRefund(deps, business, input.chargeId, origin.at)
  const begun = await deps.database.db.transaction().execute((tx) => beginRefund(deps)(tx, business, { ...input, via }, origin))
  deps.onEvent(business.id)
  return begun.isOpen ? completeRefund(deps, business, begun, origin) : begun
}

/** Writes the refund without its money, whose accounts are locked last: whatever can be rejected is rejected here. */
async function insertPending(tx: Transaction<DB>, business: Business, input: RefundInput, { at: began, caller }: Origin): Promise<ChargeAndRefund> {
  const fault = input.webhook ? callbackUrlFault(input.webhook, business, 'webhook') : undefined
  if (fault !== undefined) throw invalid({ webhook: [fault] })
  const before = (await lockCharges(tx, [{ businessId: business.id, id: input.chargeId }])).get(input.chargeId.toLowerCase())
  if (!before) throw notFound('Charge', input.chargeId)
  const amountMinor = refundable(before, input)
  const at = laterThan(before.updated_at, began)
  const refund: RefundRow = {
    business_id: business.id,
    id: newId<'refund'>(at),
    charge_id: before.id,
    payment_request_id: before.payment_request_id,
    amount_minor: amountMinor,
    currency: before.currency,
    status: 'pending',
    reason: input.reason ?? null,
    refunded_by: input.refundedBy,
    webhook: input.webhook ?? null,
    send_email: input.sendEmail ?? false,
    email: input.email ?? before.customer_email,
    api_key_id: keyIdOf(caller),
    idempotency_key: input.claim?.key ?? null,
    rail_reference: null,
    failure_code: null,
    failure_message: null,
    created_at: at,
    updated_at: at,
    refunded_at: null,
  }
  const charge: ChargeRow = { ...before, refunded_minor: before.refunded_minor + amountMinor, updated_at: at }
  await updateCharges(tx, [charge])
  await insertRefund(tx, business.id, refund)
  await forgetChecks(tx, [{ businessId: business.id, id: charge.id }])
  return { charge, refund }
}

/** The amount to refund; a 422 if the charge does not have it. */
function refundable(charge: ChargeRow, { amount, isDuplicate }: RefundInput): bigint {
  if (!paidStatuses.has(charge.status))
    throw invalid({ payment_id: [`A payment that is ${charge.status.replaceAll('_', ' ')} cannot be refunded.`] }, 'charge_not_refundable')
  const left = charge.amount_minor - charge.refunded_minor
  if (left === 0n || (isDuplicate && charge.refunded_minor > 0n))
    throw invalid({ amount: ['The payment has already been refunded.'] }, 'charge_already_refunded')
  const wanted = amount === undefined ? left : requireAmount('amount', amount, charge.currency)
  if (wanted === 0n) throw invalid({ amount: ['The amount must be greater than 0.'] })
  if (wanted > left) {
    const most = `${charge.currency.toUpperCase()} ${formatAmount(left, charge.currency)}`
    throw invalid({ amount: [`The amount may not be greater than ${most}, the amount left to refund.`] }, 'refund_exceeds_payment')
  }
  return wanted
}

/** A refund from its rail's point of view. */
export function refundAttemptOf(refund: RefundRow, charge: ChargeRow, now: Date): RefundAttempt {
  return {
    id: refund.id,
    businessId: refund.business_id,
    amountMinor: refund.amount_minor,
    currency: refund.currency,
    chargeReference: charge.rail_reference ?? '',
    chargeData: charge.rail_data,
    method: charge.method,
    createdAt: refund.created_at,
    now,
  }
}

/** Calls a rail to refund. May be repeated: the refund's id is its idempotency key. Anything but an answer is pending. */
export async function callRefund({ rail, access }: RefundRail, refund: RefundRow, charge: ChargeRow, now: Date): Promise<RefundOutcome> {
  const pending = { status: 'pending', checkAfterSeconds: 15 } as const
  const call = async () => rail.refund?.(refundAttemptOf(refund, charge, now), access) ?? pending
  return answerOrPending<RefundOutcome>(call).catch(() => pending)
}
