import { emitEvent } from '#engine/events/emit-event.ts'
import { payNowRail } from '#engine/rails/paynow/paynow.ts'
import { type Db, violatedConstraint } from '#foundation/database/database.ts'
import type { Business } from '#foundation/http/authentication.ts'
import type { Answer, Claim } from '#foundation/http/idempotency.ts'
import { conflict } from '#foundation/shared/errors.ts'
import { newId } from '#foundation/shared/ids.ts'
import { adminFeeOn } from '#resources/payments/fees/fees.ts'
import { findPaymentRequest, type PaymentRequestRow } from '#resources/payments/payment-requests/queries.ts'
import type { SettleDeps, Settled, Settlement } from '#resources/payments/settlement/settle-charges.ts'
import { newCharge } from '#resources/payments/settlement/start-payment.ts'
import { type BankAccountRow, type BankCreditRow, findBankCreditByReference, findRequestByReference, insertBankCredit, spendBankCredit } from './queries.ts'
import type { CreditReport } from './read-report.ts'
import { presentBankCredit } from './wire.ts'

export interface CreditDeps extends SettleDeps {
  settle: (settlement: Settlement) => Promise<Settled>
}

/** Our reference inside what the bank passes on: banks add words, change case and drop signs. Begins at every place, since a word before it may end like one. */
const referencePattern = /(?=(HWK[0-9A-HJKMNP-TV-Z]{17}))/g

function referencesIn(report: CreditReport): string[] {
  const text = report.reference?.toUpperCase().replace(/[^A-Z0-9]/g, '') ?? ''
  return [...text.matchAll(referencePattern)].map(([, reference = '']) => reference)
}

/**
 * Takes a bank's report of a credit, once for each bank reference on an account. One that carries a request's reference is
 * settled against that request, in the transaction that writes the credit: exact, short, over and late are recorded as what
 * they are. One that carries none waits to be allocated. A report that comes again changes nothing and answers the same.
 */
export async function receiveCredit(
  deps: CreditDeps,
  business: Business,
  account: BankAccountRow,
  report: CreditReport,
  requestId: string,
): Promise<BankCreditRow> {
  const known = await findBankCreditByReference(deps.database.db, business.id, account.id, report.bankReference)
  if (known) return known
  const at = deps.now()
  const credit: BankCreditRow = {
    business_id: business.id,
    id: newId<'bank_credit'>(at),
    bank_account_id: account.id,
    bank_reference: report.bankReference,
    amount_minor: report.amountMinor,
    currency: report.currency,
    reference: report.reference,
    payer_name: report.payerName,
    status: 'unmatched',
    payment_request_id: null,
    charge_id: null,
    booked_at: report.bookedAt,
    created_at: at,
    updated_at: at,
  }
  const found = await findRequestByReference(deps.database.db, business.id, referencesIn(report))
  const request = found === undefined ? undefined : await findPaymentRequest(deps.database.db, business.id, found)
  try {
    if (request && request.currency === report.currency) {
      const settlement = await settlementOf(deps, business, request, credit, requestId)
      const matched: BankCreditRow = { ...credit, status: 'matched', payment_request_id: request.id, charge_id: settlement.charge.row.id }
      await deps.settle({
        ...settlement,
        also: async (tx) => {
          if (!(await insertBankCredit(tx, matched))) throw new CreditKnown()
        },
      })
      return matched
    }
    await deps.database.db.transaction().execute(async (tx) => {
      if (!(await insertBankCredit(tx, credit))) throw new CreditKnown()
      await emitEvent(tx, business.id, {
        type: 'bank_credit.unmatched',
        objectId: credit.id,
        data: JSON.stringify(presentBankCredit(credit, business)),
        requestId,
        at,
      })
    })
    deps.onEvent(business.id)
    return credit
  } catch (error) {
    // Its charge has the credit's reference too, and may be the first to be found written.
    if (!(error instanceof CreditKnown) && !violatedConstraint(error)) throw error
    const other = await findBankCreditByReference(deps.database.db, business.id, account.id, report.bankReference)
    if (other) return other
    throw error
  }
}

/** Another report of the same credit was faster; it undoes what this one was about to write. */
class CreditKnown extends Error {}

/** The fee that the payer was asked for beside the request's amount: by its code where it has one, otherwise by the page. */
async function feeAsked(db: Db, request: PaymentRequestRow): Promise<bigint> {
  if (request.amount_minor === null) return 0n
  if (request.generate_qr) return request.admin_fee_minor ?? 0n
  return adminFeeOn(db, request, 'paynow_online', request.amount_minor)
}

type NewSettlement = Settlement & { charge: { isNew: true } }

async function settlementOf(
  { database }: CreditDeps,
  business: Business,
  request: PaymentRequestRow,
  credit: BankCreditRow,
  requestId: string,
): Promise<NewSettlement> {
  // A payer pays when the bank books it: a credit that was booked in time is, though it is reported later.
  const payment = { request, method: 'paynow_online', payer: { name: credit.payer_name } }
  const row = newCharge(business, payNowRail.name, payment, credit.amount_minor, await feeAsked(database.db, request), credit.created_at)
  const began = credit.booked_at < credit.created_at ? credit.booked_at : credit.created_at
  return {
    business,
    charge: { isNew: true, row: { ...row, created_at: began } },
    // The bank's reference is unique on its account; with the account it is unique among the rail's.
    outcome: { status: 'succeeded', reference: `${credit.bank_account_id}:${credit.bank_reference}` },
    requestId,
  }
}

/** Pays a request with a credit that waited for it, on someone's word; refused when the credit has paid something already. */
export async function allocateCredit(
  deps: CreditDeps,
  business: Business,
  credit: BankCreditRow,
  request: PaymentRequestRow,
  { claim, requestId }: { claim: Claim | undefined; requestId: string },
): Promise<Answer> {
  if (request.currency !== credit.currency) throw conflict('currency_mismatch', 'The credit and the payment request are in different currencies.')
  const settlement = await settlementOf(deps, business, request, credit, requestId)
  const at = deps.now()
  const allocated: BankCreditRow = { ...credit, status: 'allocated', payment_request_id: request.id, charge_id: settlement.charge.row.id, updated_at: at }
  const shown = JSON.stringify(presentBankCredit(allocated, business))
  const spent = () => conflict('bank_credit_spent', 'This credit has already paid a payment request.')
  if (credit.status !== 'unmatched') throw spent()
  const settling = deps.settle({
    ...settlement,
    also: async (tx) => {
      if (!(await spendBankCredit(tx, business.id, credit.id, allocated, at))) throw spent()
      await emitEvent(tx, business.id, { type: 'bank_credit.allocated', objectId: credit.id, data: shown, requestId, at })
    },
    answered: { claim, answer: () => ({ status: 200, body: shown }) },
  })
  const settled = await settling.catch((error: unknown) => {
    // The charge of another allocation has the credit's reference.
    throw violatedConstraint(error) === 'charges_rail_reference' ? spent() : error
  })
  return settled.answer ?? { status: 200, body: shown }
}
