import { sql } from 'kysely'
import { rowsSql } from '#foundation/database/binary-arrays.ts'
import type { Db } from '#foundation/database/database.ts'
import { runPrepared } from '#foundation/database/prepared.ts'
import { businessesOf, sameBusinessSql } from '#foundation/database/same-business.ts'
import type { ChargeRow } from '#resources/payments/charges/queries.ts'

/** What a payer's page needs of a charge. */
export type CheckoutCharge = Pick<
  ChargeRow,
  | 'id'
  | 'method'
  | 'status'
  | 'currency'
  | 'amount_minor'
  | 'refunded_minor'
  | 'unapplied_reason'
  | 'failure_code'
  | 'card'
  | 'created_at'
  | 'updated_at'
  | 'closed_at'
> & { action_url: string | null }

const columns = sql`id, method, status, currency, amount_minor, refunded_minor, unapplied_reason, failure_code, card, rail_data ->> 'action_url' as action_url, created_at, updated_at, closed_at`

/** A payment request, and the charge that its page started, if it did. */
export interface ChargesKey {
  businessId: string
  paymentRequestId: string
  attemptId: string | null
}

/** For each key, the latest charges of its request, and the one that its page started even if it is older; newest first, at most 21. */
export async function findCheckoutCharges(db: Db, keys: ChargesKey[]): Promise<CheckoutCharge[][]> {
  const wanted = keys.map(({ businessId, paymentRequestId, attemptId }, n) => ({
    business_id: businessId,
    payment_request_id: paymentRequestId,
    attempt_id: attemptId,
    n,
  }))
  const isOfRequest = sql`${sameBusinessSql('charges', 'wanted', businessesOf(keys))} and payment_request_id = wanted.payment_request_id`
  const { rows } = await runPrepared(
    db,
    'find_checkout_charges',
    sql<CheckoutCharge & { n: number }>`
    select wanted.n, found.* from ${rowsSql('wanted', { business_id: 'uuid', payment_request_id: 'uuid', attempt_id: 'uuid', n: 'int4' }, wanted)}
    cross join lateral (
      (select ${columns} from charges where ${isOfRequest} order by id desc limit 20)
      union all
      (select ${columns} from charges where ${isOfRequest} and id = wanted.attempt_id)
    ) found
    order by wanted.n, found.id desc`,
  )
  const found: CheckoutCharge[][] = keys.map(() => [])
  for (const { n, ...charge } of rows) {
    const ofKey = found[n]
    // The page's own charge may be among the latest, too.
    if (ofKey && ofKey.at(-1)?.id !== charge.id) ofKey.push(charge)
  }
  return found
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
