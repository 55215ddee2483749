import { sql } from 'kysely'
import { keysSql, rowsSql } from '#foundation/database/binary-arrays.ts'
import type { Db } from '#foundation/database/database.ts'
import { runPrepared } from '#foundation/database/prepared.ts'
import { businessesOf, sameBusinessSql } from '#foundation/database/same-business.ts'

type Key = { businessId: string; id: string }

/**
 * Takes exclusive locks on payment requests and returns their versions by id, for a caller who has read the rows: while the
 * version is the same, nothing has changed. Requests that another transaction has locked are skipped.
 */
export async function lockVersions(tx: Db, keys: Key[]): Promise<Map<string, number>> {
  if (keys.length === 0) return new Map()
  const { rows } = await runPrepared(
    tx,
    'lock_versions',
    sql<{ id: string; version: number }>`
    select r.id, r.version from ${keysSql('wanted', keys)} join payment_requests r
      on ${sameBusinessSql('r', 'wanted', businessesOf(keys))} and r.id = wanted.id
    order by r.business_id, r.id for update of r skip locked`,
  )
  return new Map(rows.map(({ id, version }) => [id, version]))
}

/** What a request's latest attempts mean for another one. */
export interface RecentAttempts {
  /** Unsuccessful attempts since a moment, counted up to a limit. */
  unpaid: number
  /** Whether a rail is processing one that started after a later moment. */
  isProcessing: boolean
}

/** Reads the recent attempts of some requests; by request id. */
export async function findRecentAttempts(
  tx: Db,
  requests: (Key & { since: Date; processingSince: Date })[],
  most: number,
): Promise<Map<string, RecentAttempts>> {
  if (requests.length === 0) return new Map()
  const { rows } = await runPrepared(
    tx,
    'find_recent_attempts',
    sql<RecentAttempts & { id: string }>`
    select wanted.id,
      (select count(*)::int from (
        select 1 from charges c where c.business_id = wanted.business_id and c.payment_request_id = wanted.id and c.created_at >= wanted.since
          and c.status in ('pending', 'requires_customer_action', 'failed', 'canceled') limit ${most}
      ) recent) as unpaid,
      exists (
        select 1 from charges c where c.business_id = wanted.business_id and c.payment_request_id = wanted.id and c.status = 'pending'
          and c.created_at > wanted.processing_since
      ) as "isProcessing"
    from ${rowsSql(
      'wanted',
      { business_id: 'uuid', id: 'uuid', since: 'timestamptz', processing_since: 'timestamptz' },
      requests.map(({ businessId, id, since, processingSince }) => ({ business_id: businessId, id, since, processing_since: processingSince })),
    )}`,
  )
  return new Map(rows.map(({ id, ...recent }) => [id, recent]))
}
