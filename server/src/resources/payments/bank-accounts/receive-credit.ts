import { insertEventsSql } from '#engine/events/emit-event.ts'
import { payNowRail } from '#engine/rails/paynow/paynow.ts'
import { type Db, violatedConstraint } from '#foundation/database/database.ts'
import { runTogether } from '#foundation/database/prepared.ts'
import { readTogether } from '#foundation/database/read-together.ts'
import type { Deps } from '#foundation/deps.ts'
import type { Answer } from '#foundation/http/idempotency.ts'
import type { Origin } from '#foundation/http/origin.ts'
import type { Business } from '#foundation/shared/business.ts'
import { conflict } from '#foundation/shared/errors.ts'
import { newId } from '#foundation/shared/ids.ts'
import { laterThan } from '#foundation/shared/time.ts'
import { findBusinesses } from '#resources/business/businesses/queries.ts'
import { adminFeeOn } from '#resources/payments/fees/fees.ts'
import { findRequestsByReference, type PaymentRequestRow, type RequestReferences } from '#resources/payments/payment-requests/queries.ts'
import type { Settle, Settlement } from '#resources/payments/settlement/settle-charges.ts'
import { newCharge } from '#resources/payments/settlement/start-payment.ts'
import { type CreditReference, findKnownCredits, findReportedAccounts, insertBankCreditsSql, type ReportedNumber } from './credit-queries.ts'
import type { BankAccountRow, BankCreditRow } from './queries.ts'
import type { CreditReport } from './read-report.ts'
import { presentBankCredit } from './wire.ts'

export interface CreditDeps extends Deps {
  readonly settle: Settle
}

/** Our reference in the text that the bank passes on: banks add words, change case and drop signs. Tried at every position, since a word before it may end like one. */
const referencePattern = /(?=(HWK[0-9A-HJKMNP-TV-Z]{17}))/g

function referencesIn(report: CreditReport): string[] {
  const text = report.reference?.toUpperCase().replace(/[^A-Z0-9]/g, '') ?? ''
  return [...text.matchAll(referencePattern)].map(([, reference = '']) => reference)
}

/** An account that a report can mean, and the business that has it. */
export interface ReportedAccount {
  account: BankAccountRow
  business: Business
}

/** The receiver of banks' reports. */
export interface BankReports {
  /** The accounts that a report can mean: one for each business that has the number. */
  findAccounts(adapter: string, accountNumber: string): Promise<ReportedAccount[]>
  /**
   * Records a credit, once for each bank reference on an account. One that contains a request's reference is settled against
   * that request, in the transaction that writes the credit: exact, short, over and late are recorded as what they are. One
   * without one waits to be allocated. A repeated report changes nothing and gets the same answer.
   */
  receive(account: ReportedAccount, report: CreditReport, origin: Origin): Promise<BankCreditRow>
}

/** Receives reports; reports that arrive at the same time share their queries. */
export function bankReports(deps: CreditDeps): BankReports {
  const { write: db } = deps.database
  const groupOf = deps.groupAcrossBusinesses ? undefined : ({ business_id }: { business_id: string }) => business_id
  const findAccounts = readTogether((numbers: ReportedNumber[]) => findReportedAccounts(db, numbers))
  const findBusiness = readTogether(async (ids: string[]) => {
    const found = await findBusinesses(db, ids)
    return ids.map((id) => found.get(id))
  })
  const findKnown = readTogether((references: CreditReference[]) => findKnownCredits(db, references), { groupOf })
  const findRequest = readTogether((references: RequestReferences[]) => findRequestsByReference(db, references), { groupOf })

  async function receive({ business, account }: ReportedAccount, report: CreditReport, origin: Origin): Promise<BankCreditRow> {
    const reference = { business_id: business.id, bank_account_id: account.id, bank_reference: report.bankReference }
    const references = referencesIn(report)
    const [known, request] = await Promise.all([
      findKnown(reference),
      references.length === 0 ? undefined : findRequest({ business_id: business.id, references }),
    ])
    if (known) return known
    const credit = newCredit(business, account, report, origin.at)
    try {
      return await (request && request.currency === report.currency
        ? match(deps, business, request, credit, origin)
        : keepUnmatched(deps, business, credit, origin))
    } catch (error) {
      // Another report of the same credit was faster. Its charge has the credit's reference too, and may be the first to be found written.
      const other = violatedConstraint(error) && (await findKnown(reference))
      if (other) return other
      throw error
    }
  }

  return {
    receive,
    async findAccounts(adapter, accountNumber) {
      const accounts = await findAccounts({ adapter, accountNumber })
      const found = await Promise.all(accounts.map(async (account) => ({ account, business: await findBusiness(account.business_id) })))
      return found.flatMap(({ account, business }) => (business ? [{ account, business }] : []))
    },
  }
}

/** Pays the request whose reference a credit contains. */
async function match(deps: CreditDeps, business: Business, request: PaymentRequestRow, credit: BankCreditRow, origin: Origin): Promise<BankCreditRow> {
  const { row, settlement } = await settlementOf(deps, business, request, credit, origin)
  const matched: BankCreditRow = { ...credit, status: 'matched', payment_request_id: request.id, charge_id: row.id }
  await deps.settle({ ...settlement, bankCredit: { row: matched, isNew: true } })
  return matched
}

/** Records a credit that waits to be allocated. */
async function keepUnmatched(deps: CreditDeps, business: Business, credit: BankCreditRow, { requestId, caller, at }: Origin): Promise<BankCreditRow> {
  const data = JSON.stringify(presentBankCredit(credit, business))
  await runTogether(deps.database.db, 'unmatched_credit', [
    insertBankCreditsSql([credit]),
    insertEventsSql([{ businessId: business.id, type: 'bank_credit.unmatched', objectId: credit.id, data, requestId, caller, at }]),
  ])
  deps.onEvent(business.id)
  return credit
}

function newCredit(business: Business, account: BankAccountRow, report: CreditReport, at: Date): BankCreditRow {
  return {
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
}

/** The fee that the payer was charged on top of the request's amount: by its code if it has one, otherwise by the page. */
async function feeAsked(db: Db, request: PaymentRequestRow): Promise<bigint> {
  if (request.amount_minor === null) return 0n
  if (request.generate_qr) return request.admin_fee_minor ?? 0n
  return adminFeeOn(db, request, 'paynow_online', request.amount_minor)
}

/** The settlement of a payment request with a credit, and the charge that it creates. */
async function settlementOf({ database }: CreditDeps, business: Business, request: PaymentRequestRow, credit: BankCreditRow, origin: Origin) {
  const payment = { request, method: 'paynow_online', payer: { name: credit.payer_name } }
  const row = newCharge(business, payNowRail.name, payment, credit.amount_minor, await feeAsked(database.db, request), origin.at)
  // A payer pays when the bank books it: a credit that was booked in time is in time, even if it is reported later.
  row.created_at = credit.booked_at < credit.created_at ? credit.booked_at : credit.created_at
  const settlement: Settlement = {
    business,
    charge: { isNew: true, row },
    // The bank's reference is unique on its account; with the account it is unique among the rail's.
    outcome: { status: 'succeeded', reference: `${credit.bank_account_id}:${credit.bank_reference}` },
    origin,
    requestAsRead: request,
  }
  return { row, settlement }
}

/** Pays a request with an unmatched credit, on a person's decision; rejected if the credit has already paid something. */
export async function allocateCredit(deps: CreditDeps, business: Business, credit: BankCreditRow, request: PaymentRequestRow, origin: Origin): Promise<Answer> {
  if (request.currency !== credit.currency) throw conflict('currency_mismatch', 'The credit and the payment request are in different currencies.')
  const spent = () => conflict('bank_credit_spent', 'This credit has already paid a payment request.')
  if (credit.status !== 'unmatched') throw spent()
  const { row, settlement } = await settlementOf(deps, business, request, credit, origin)
  const updatedAt = laterThan(credit.updated_at, origin.at)
  const allocated: BankCreditRow = { ...credit, status: 'allocated', payment_request_id: request.id, charge_id: row.id, updated_at: updatedAt }
  const answer: Answer = { status: 200, body: JSON.stringify(presentBankCredit(allocated, business)) }
  try {
    await deps.settle({ ...settlement, bankCredit: { row: allocated, isNew: false }, answer: () => answer })
  } catch (error) {
    // The charge of another allocation has the credit's reference.
    throw violatedConstraint(error) === 'charges_rail_reference' ? spent() : error
  }
  return answer
}
