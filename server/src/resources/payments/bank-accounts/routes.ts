import { Type } from 'typebox'
import { change } from '#engine/records/change.ts'
import type { Fields } from '#engine/records/kind.ts'
import { newRow } from '#engine/records/operations.ts'
import { idIn, records, targetOf } from '#engine/records/records.ts'
import { type Database, violatedConstraint } from '#foundation/database/database.ts'
import { type Api, type Call, findingTakenKeys } from '#foundation/http/api.ts'
import { etagOf } from '#foundation/http/etag.ts'
import { keysetPage, keysetRequest } from '#foundation/http/pagination.ts'
import type { Business } from '#foundation/shared/business.ts'
import { ApiError, invalid, notFound } from '#foundation/shared/errors.ts'
import { isUuid, randomHex } from '#foundation/shared/ids.ts'
import { parseCurrency } from '#foundation/shared/money.ts'
import { decryptSecret, encryptSecret } from '#foundation/shared/secrets.ts'
import { findPaymentRequest } from '#resources/payments/payment-requests/queries.ts'
import { type BankAccountRow, type BankCreditRow, bankCreditPages, findBankCredit, forgetBankAccount, insertBankAccount } from './queries.ts'
import { accountOf, readGenericReport, verifyReport } from './read-report.ts'
import { allocateCredit, bankReports, type CreditDeps } from './receive-credit.ts'
import {
  AllocateBankCredit,
  BankAccount,
  BankCredit,
  BankCreditPage,
  bankAccountKind,
  CreateBankAccount,
  ListBankCredits,
  presentBankAccount,
  presentBankCredit,
} from './wire.ts'

export interface BankAccountsDeps extends CreditDeps {
  secretKey: () => Buffer
}

function newAccount(business: Business, body: CreateBankAccount, secret_encrypted: string): Fields<BankAccountRow> {
  const currency = parseCurrency(body.currency ?? business.currency)
  if (!currency) throw invalid({ currency: ['The selected currency is invalid.'] })
  const { proxy_type = null, proxy_value = null } = body
  if ((proxy_type === null) !== (proxy_value === null)) throw invalid({ proxy_value: ['The proxy type and the proxy value must be given together.'] })
  const proxyShape = proxy_type === 'mobile' ? /^\+65[0-9]{8}$/ : /^([A-Z0-9]{9,10}|[A-Z0-9]{12,13})$/
  if (proxy_value !== null && !proxyShape.test(proxy_value)) throw invalid({ proxy_value: ['The proxy value format is invalid.'] })
  const { adapter = 'generic', account_number, name } = body
  return { adapter, account_number, currency, name, proxy_type, proxy_value, secret_encrypted, active: true }
}

async function creditOf({ db }: Database, business: Business, id: string): Promise<BankCreditRow> {
  const credit = isUuid(id) ? await findBankCredit(db, business.id, id) : undefined
  if (!credit) throw notFound('BankCredit', id)
  return credit
}

/** Accounts that payers pay into, banks' reports on them, and the credits that wait for a person. */
export function bankAccountsRoutes(api: Api, deps: BankAccountsDeps): void {
  accountRoutes(api, deps)
  reportRoute(api, deps)
  creditRoutes(api, deps)
}

function accountRoutes(api: Api, deps: BankAccountsDeps): void {
  const bankAccounts = api.group('Bank accounts')
  const { operations, get, listAll } = records(deps, bankAccountKind)
  const { path } = bankAccountKind
  const onePath = `${path}/:bank_account_id`

  bankAccounts.write(
    'POST',
    path,
    { operationId: 'createBankAccount', summary: 'Register a bank account', body: CreateBankAccount, answers: { 201: BankAccount } },
    async (call: Call<unknown, CreateBankAccount>) => {
      const { business, body, baseUrl, at } = call
      const secret = `bnk_${randomHex(32)}`
      const account = newRow<BankAccountRow>(business, newAccount(business, body, encryptSecret(secret, deps.secretKey())), at)
      const taken = () => invalid({ account_number: ['The account number has already been taken.'] })
      return change(deps, call, async (tx) => {
        const row = await insertBankAccount(tx, account)
        if (!row) throw taken()
        const headers = { etag: etagOf(row), location: `${path}/${row.id}` }
        return { status: 201, body: JSON.stringify(presentBankAccount(row, business, baseUrl, secret)), headers }
      }).catch((error: unknown) => {
        throw violatedConstraint(error) ? taken() : error
      })
    },
  )

  bankAccounts.read(path, { operationId: 'listBankAccounts', summary: 'List bank accounts', answers: { 200: Type.Array(BankAccount) } }, (call) =>
    listAll(call, { active: true }),
  )

  bankAccounts.read(onePath, { operationId: 'getBankAccount', summary: 'Get a bank account', answers: { 200: BankAccount, 304: null } }, get)

  bankAccounts.write(
    'DELETE',
    onePath,
    { operationId: 'retireBankAccount', summary: 'Disable a bank account', ifMatch: true, answers: { 204: null } },
    (call) =>
      change(deps, call, async (tx) => {
        const row = await operations.hold(tx, call.business, targetOf(call))
        if (!row.active) throw notFound(bankAccountKind.name, idIn(call))
        await operations.replace(tx, call.business, row, { ...row, active: false }, call)
        await forgetBankAccount(tx, row)
        return { status: 204 }
      }),
  )
}

/** Reports of a bank, or of a gateway between it and Hawker; signed with the account's secret. */
function reportRoute(api: Api, deps: BankAccountsDeps): void {
  const { clock } = deps
  const reports = bankReports(deps)

  api.raw('/v1/bank-notifications/:adapter', async ({ params, body, headers, origin: originOf }) => {
    const { accountNumber, fields } = accountOf(body)
    const accounts = params.adapter === 'generic' ? await reports.findAccounts(params.adapter, accountNumber) : []
    // Anyone can claim a number; only an account's secret proves the right to report on it, and for no other business with that number.
    const reported = accounts.find(({ account }) =>
      verifyReport(body, headers['hawker-signature'], decryptSecret(account.secret_encrypted, deps.secretKey()), clock.system()),
    )
    // An unknown account gets the same answer as a wrong signature, so nobody learns which accounts exist.
    if (!reported) throw new ApiError(401, 'bad_signature', 'The signature does not match.')
    const { business } = reported
    const origin = originOf(business.id)
    const credit = await reports.receive(reported, readGenericReport(fields, origin.at, business.timezone), origin)
    return { status: 200, body: JSON.stringify({ id: credit.id, status: credit.status }) }
  })
}

function creditRoutes(api: Api, deps: BankAccountsDeps): void {
  const bankAccounts = api.group('Bank accounts')
  const { database } = deps
  const page = bankCreditPages(database, deps.groupAcrossBusinesses)

  bankAccounts.read(
    '/v1/bank-credits',
    { operationId: 'listBankCredits', summary: 'List bank credits', query: ListBankCredits, answers: { 200: BankCreditPage } },
    async (call) => {
      const { business, query } = call
      const asked = keysetRequest(call, '/v1/bank-credits', 'bank_credits')
      const rows = await page(business.id, { ...asked, status: query.status })
      return { status: 200, body: keysetPage(rows, asked, (row) => JSON.stringify(presentBankCredit(row, business))) }
    },
  )

  bankAccounts.read(
    '/v1/bank-credits/:bank_credit_id',
    { operationId: 'getBankCredit', summary: 'Get a bank credit', answers: { 200: BankCredit } },
    async ({ business, params }) => {
      const row = await creditOf(database, business, params.bank_credit_id ?? '')
      return { status: 200, body: JSON.stringify(presentBankCredit(row, business)) }
    },
  )

  bankAccounts.write(
    'POST',
    '/v1/bank-credits/:bank_credit_id/allocate',
    {
      operationId: 'allocateBankCredit',
      summary: 'Allocate a bank credit to a payment request',
      body: AllocateBankCredit,
      answers: { 200: BankCredit },
    },
    findingTakenKeys(async (call) => {
      const { business, params, body } = call
      const credit = await creditOf(database, business, params.bank_credit_id ?? '')
      const request = isUuid(body.payment_request_id) ? await findPaymentRequest(database.db, business.id, body.payment_request_id) : undefined
      if (!request) throw invalid({ payment_request_id: ['The selected payment request id is invalid.'] })
      return allocateCredit(deps, business, credit, request, call)
    }),
  )
}
