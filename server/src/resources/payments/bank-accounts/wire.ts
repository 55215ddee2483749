import { type Static, Type } from 'typebox'
import type { Kind } from '#engine/records/kind.ts'
import { tables } from '#foundation/database/columns.ts'
import { CursorPage, nullable, plainText } from '#foundation/http/schemas.ts'
import type { Business } from '#foundation/shared/business.ts'
import { formatAmount } from '#foundation/shared/money.ts'
import { formatBusinessTime } from '#foundation/shared/time.ts'
import type { BankAccountRow, BankCreditRow } from './queries.ts'

const text = Type.Unsafe<string | null>({ type: ['string', 'null'] })

export const CreateBankAccount = Type.Object({
  adapter: Type.Optional(Type.Enum(['generic'], { description: 'How the bank reports credits; docs/payment-rails.md describes `generic`.' })),
  account_number: plainText(34, { pattern: '^[A-Za-z0-9-]{4,34}$', description: 'The account that payers pay into.' }),
  currency: Type.Optional(plainText(3)),
  name: plainText(25, { minLength: 1, description: 'The payee name in the QR code.' }),
  proxy_type: Type.Optional(Type.Enum(['uen', 'mobile'])),
  proxy_value: Type.Optional(nullable(plainText(16, { description: 'The UEN or mobile number (E.164) that is registered for PayNow with this account.' }))),
})
export type CreateBankAccount = Static<typeof CreateBankAccount>

export const BankAccount = Type.Object(
  {
    id: Type.String(),
    adapter: Type.String(),
    account_number: Type.String(),
    currency: Type.String(),
    name: Type.String(),
    proxy_type: text,
    proxy_value: text,
    active: Type.Boolean(),
    notification_url: Type.String({ description: 'URL to which the bank, or a gateway in between, reports credits.' }),
    secret: Type.Unsafe<string | null>({
      type: ['string', 'null'],
      description: 'Secret that signs credit reports; returned only once, when the account is registered.',
    }),
    created_at: Type.String(),
    updated_at: Type.String(),
  },
  { title: 'BankAccount' },
)

export const BankCredit = Type.Object(
  {
    id: Type.String(),
    bank_account_id: Type.String(),
    bank_reference: Type.String({ description: "The bank's own reference; a credit with the same reference is recorded only once." }),
    amount: Type.String(),
    currency: Type.String(),
    reference: text,
    payer_name: text,
    status: Type.Enum(['unmatched', 'matched', 'allocated']),
    payment_request_id: text,
    charge_id: text,
    booked_at: Type.String(),
    created_at: Type.String(),
    updated_at: Type.String(),
  },
  { title: 'BankCredit' },
)
export const BankCreditPage = CursorPage(BankCredit, 'BankCreditPage')

export const ListBankCredits = Type.Object({
  status: Type.Optional(Type.Enum(['unmatched', 'matched', 'allocated'])),
  per_page: Type.Integer({ minimum: 1, maximum: 100, default: 25 }),
  cursor: Type.Optional(Type.String({ maxLength: 2048 })),
})
export type ListBankCredits = Static<typeof ListBankCredits>

export const AllocateBankCredit = Type.Object({
  payment_request_id: Type.String({ minLength: 1, maxLength: 64, description: 'The payment request that this credit pays.' }),
})

/** `secret` only at the moment of its creation. */
export function presentBankAccount(row: BankAccountRow, business: Business, baseUrl: string, secret: string | null) {
  return {
    id: row.id,
    adapter: row.adapter,
    account_number: row.account_number,
    currency: row.currency,
    name: row.name,
    proxy_type: row.proxy_type,
    proxy_value: row.proxy_value,
    active: row.active,
    notification_url: `${baseUrl}/v1/bank-notifications/${row.adapter}`,
    secret,
    created_at: formatBusinessTime(row.created_at, business.timezone),
    updated_at: formatBusinessTime(row.updated_at, business.timezone),
  }
}

/** Bank accounts; a disabled one keeps its row, with its credits. */
export const bankAccountKind: Kind<BankAccountRow> = {
  name: 'BankAccount',
  table: tables.bank_accounts,
  path: '/v1/bank-accounts',
  present: (row, business, baseUrl) => presentBankAccount(row, business, baseUrl, null),
}

export function presentBankCredit(row: BankCreditRow, business: Business) {
  return {
    id: row.id,
    bank_account_id: row.bank_account_id,
    bank_reference: row.bank_reference,
    amount: formatAmount(row.amount_minor, row.currency),
    currency: row.currency,
    reference: row.reference,
    payer_name: row.payer_name,
    status: row.status,
    payment_request_id: row.payment_request_id,
    charge_id: row.charge_id,
    booked_at: formatBusinessTime(row.booked_at, business.timezone),
    created_at: formatBusinessTime(row.created_at, business.timezone),
    updated_at: formatBusinessTime(row.updated_at, business.timezone),
  }
}
