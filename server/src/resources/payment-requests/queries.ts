import { sql } from 'kysely'
import type { Db } from '../../foundation/database/database.ts'

export type PaymentRequestStatus = 'pending' | 'completed' | 'failed' | 'expired' | 'canceled' | 'inactive'

export interface PayerAddress {
  line1: string
  line2: string | null
  city: string
  state: string
  country: string
  postal_code: string
}

export interface LineItem {
  id: string | null
  name: string | null
  price: number | null
  quantity: number | null
  description: string | null
  sku: string | null
  category: string | null
  url: string | null
}

export interface PaymentRequestRow {
  business_id: string
  id: string
  status: PaymentRequestStatus
  amount_minor: bigint | null
  currency: string
  name: string | null
  email: string | null
  phone: string | null
  purpose: string | null
  reference_number: string | null
  payment_methods: string[]
  redirect_url: string | null
  webhook: string | null
  failed_webhook: string | null
  send_sms: boolean
  send_email: boolean
  sms_status: string
  email_status: string
  allow_repeated_payments: boolean
  add_admin_fee: boolean
  is_currency_editable: boolean
  is_default: boolean
  generate_qr: boolean
  generate_direct_link: boolean
  expires_at: Date | null
  address: PayerAddress | null
  line_items: LineItem[] | null
  metadata: Record<string, string>
  channel: string
  wifi_terminal_id: string | null
  staff_id: string | null
  location_id: string | null
  customer_id: string | null
  api_key_id: string
  payment_reference: string
  search: string
  version: number
  created_at: Date
  updated_at: Date
  completed_at: Date | null
  deleted_at: Date | null
}

/** Finds payment requests and holds their rows until the transaction ends; always in one order, whatever the order asked for. */
export async function lockPaymentRequests(tx: Db, keys: { businessId: string; id: string }[]): Promise<Map<string, PaymentRequestRow>> {
  if (keys.length === 0) return new Map()
  const { rows } = await sql<PaymentRequestRow>`
    select r.* from payment_requests r
    join unnest(${keys.map((key) => key.businessId)}::uuid[], ${keys.map((key) => key.id)}::uuid[]) as wanted (business_id, id)
      on r.business_id = wanted.business_id and r.id = wanted.id
    order by r.business_id, r.id for update of r`.execute(tx)
  return new Map(rows.map((row) => [row.id, row]))
}

/** Writes the status, version and times of requests whose rows this transaction holds. */
export async function writeStatuses(tx: Db, rows: PaymentRequestRow[]): Promise<void> {
  if (rows.length === 0) return
  await sql`
    update payment_requests r set status = changed.status, version = changed.version, updated_at = changed.updated_at, completed_at = changed.completed_at
    from unnest(${rows.map((row) => row.business_id)}::uuid[], ${rows.map((row) => row.id)}::uuid[], ${rows.map((row) => row.status)}::text[],
      ${rows.map((row) => row.version)}::int[], ${rows.map((row) => row.updated_at)}::timestamptz[], ${rows.map((row) => row.completed_at)}::timestamptz[])
      as changed (business_id, id, status, version, updated_at, completed_at)
    where r.business_id = changed.business_id and r.id = changed.id`.execute(tx)
}

/** Takes requests out of the list of those that will expire. */
export async function forgetExpiries(tx: Db, keys: { businessId: string; id: string }[]): Promise<void> {
  if (keys.length === 0) return
  await sql`
    delete from payment_request_expiries e using unnest(${keys.map((key) => key.businessId)}::uuid[], ${keys.map((key) => key.id)}::uuid[]) as done (business_id, id)
    where e.business_id = done.business_id and e.id = done.id`.execute(tx)
}

/** One payment request, deleted ones too: money can still arrive for them. */
export async function findPaymentRequest(db: Db, businessId: string, id: string): Promise<PaymentRequestRow | undefined> {
  const { rows } = await sql<PaymentRequestRow>`select * from payment_requests where business_id = ${businessId} and id = ${id}`.execute(db)
  return rows[0]
}
