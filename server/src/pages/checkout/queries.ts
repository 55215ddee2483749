import { sql } from 'kysely'
import type { Db } from '#foundation/database/database.ts'
import type { ChargeRow } from '#resources/payments/charges/queries.ts'

/** What a payer's page needs of a charge. */
export type CheckoutCharge = Pick<
  ChargeRow,
  'id' | 'method' | 'status' | 'currency' | 'amount_minor' | 'unapplied_reason' | 'failure_code' | 'card' | 'created_at' | 'updated_at' | 'closed_at'
> & { action_url: string | null }

const columns = sql`id, method, status, currency, amount_minor, unapplied_reason, failure_code, card, rail_data ->> 'action_url' as action_url, created_at, updated_at, closed_at`

/** The latest charges of a request, and the one that a page asks for even if it is older; newest first, at most 21. */
export async function findCheckoutCharges(db: Db, businessId: string, paymentRequestId: string, attemptId: string | null): Promise<CheckoutCharge[]> {
  const { rows } = await sql<CheckoutCharge>`
    (select ${columns} from charges
     where business_id = ${businessId} and payment_request_id = ${paymentRequestId} order by id desc limit 20)
    union all
    (select ${columns} from charges
     where business_id = ${businessId} and id = ${attemptId}::uuid and payment_request_id = ${paymentRequestId})
    order by id desc`.execute(db)
  return rows.filter(({ id }, i) => rows[i - 1]?.id !== id)
}

/** A value that differs after every change of a request or of its latest payments. */
export interface RequestMark {
  business_id: string
  id: string
  mark: string
}

/** The marks of requests that payers watch, in one query however many there are. */
export async function findMarks(db: Db, keys: { businessId: string; id: string }[]): Promise<RequestMark[]> {
  const { rows } = await sql<RequestMark>`
    select r.business_id, r.id, concat(r.version, ' ', r.status, ' ', r.deleted_at, ' ', latest.charges) as mark
    from unnest(${keys.map(({ businessId }) => businessId)}::uuid[], ${keys.map(({ id }) => id)}::uuid[]) as wanted (business_id, id)
    join payment_requests r on r.business_id = wanted.business_id and r.id = wanted.id
    cross join lateral (
      select string_agg(c.id || c.status || c.updated_at, ' ') as charges
      from (select id, status, updated_at from charges where business_id = r.business_id and payment_request_id = r.id order by id desc limit 5) c
    ) latest`.execute(db)
  return rows
}
