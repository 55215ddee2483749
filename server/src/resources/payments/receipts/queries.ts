import { sql } from 'kysely'
import type { Db } from '#foundation/database/database.ts'
import type { ChargeRow } from '#resources/payments/charges/queries.ts'
import type { LineItem } from '#resources/payments/payment-requests/queries.ts'

/** An item as it was sent with its payment request. */
export type ReceiptItem = Pick<LineItem, 'name' | 'price' | 'quantity' | 'description'>

/** A refund that has reached the payer or is in flight. */
export interface ReceiptRefund {
  id: string
  amount_minor: bigint
  status: 'pending' | 'succeeded'
  at: Date
}

/** What a receipt says about a paid charge. */
export interface ReceiptRow
  extends Pick<
    ChargeRow,
    'id' | 'currency' | 'amount_minor' | 'admin_fee_minor' | 'method' | 'card' | 'customer_name' | 'customer_email' | 'reference_number' | 'unapplied_reason'
  > {
  purpose: string | null
  line_items: ReceiptItem[] | null
  paid_at: Date
  refunds: ReceiptRefund[]
  /** The language of the page on which the payer paid; absent or null if it was none. */
  payer_language?: string | null
}

type StoredRefund = { id: string; amount_minor: string; status: ReceiptRefund['status']; at_ms: number }

/**
 * A paid charge, with its request's texts and its refunds, oldest first: one statement, so that a refund that
 * arrives in between cannot make the figures disagree. Undefined for a charge that was not paid.
 */
export async function findReceipt(db: Db, businessId: string, chargeId: string): Promise<ReceiptRow | undefined> {
  const { rows } = await sql<Omit<ReceiptRow, 'refunds'> & { refunds: StoredRefund[] }>`
    select c.id, c.currency, c.amount_minor, c.admin_fee_minor, c.method, c.card, c.customer_name, c.customer_email, c.payer_language,
      coalesce(c.remark, p.purpose) as purpose, coalesce(c.reference_number, p.reference_number) as reference_number,
      c.unapplied_reason, p.line_items, coalesce(c.closed_at, c.created_at) as paid_at,
      coalesce((
        select json_agg(json_build_object('id', r.id, 'amount_minor', r.amount_minor::text, 'status', r.status,
          'at_ms', floor(extract(epoch from coalesce(r.refunded_at, r.created_at)) * 1000)) order by r.id)
        from refunds r where r.business_id = ${businessId} and r.charge_id = ${chargeId} and r.status <> 'failed'
      ), '[]'::json) as refunds
    from charges c left join payment_requests p on p.business_id = c.business_id and p.id = c.payment_request_id
    where c.business_id = ${businessId} and c.id = ${chargeId} and c.status in ('succeeded', 'refunded', 'partially_refunded')`.execute(db)
  const [row] = rows
  return (
    row && {
      ...row,
      refunds: row.refunds.map(({ id, amount_minor, status, at_ms }) => ({ id, amount_minor: BigInt(amount_minor), status, at: new Date(at_ms) })),
    }
  )
}
