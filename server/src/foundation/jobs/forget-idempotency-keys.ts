import { sql } from 'kysely'
import { dueBusinessSql } from '#foundation/database/due.ts'
import { type DueWork, deletionTurn, type JobDeps, keptSince, scheduledJob } from './job.ts'

const batch = 5_000
const everyMs = 3_600_000

/** Deletes stored answers that are older than the retention, in batches that hold no lock for long. */
export function idempotencyKeysDeletion({ database, log, idempotencyDays }: Pick<JobDeps, 'database' | 'log' | 'idempotencyDays'>): DueWork {
  const { slow } = database
  return {
    name: 'deleting idempotency keys',
    everyMs,
    async next(businessId, until) {
      const { rows } = await sql<{ created_at: Date }>`
        select created_at from idempotency_keys where business_id = ${businessId} and created_at < ${keptSince(until, idempotencyDays)}
        order by created_at limit 1`.execute(slow)
      const turn = rows[0] && deletionTurn(rows[0].created_at, idempotencyDays, everyMs)
      return turn && turn <= until ? turn : undefined
    },
    async run(due) {
      const before = keptSince(due.until, idempotencyDays)
      let deleted = 0
      for (;;) {
        const { rows } = await sql<{ business_id: string; key: string }>`
          select business_id, key from idempotency_keys where ${dueBusinessSql(due)} and created_at < ${before} limit ${batch}`.execute(slow)
        if (rows.length === 0) break
        await sql`
          delete from idempotency_keys using unnest(${rows.map((row) => row.business_id)}::uuid[], ${rows.map((row) => row.key)}::text[]) as old (business_id, key)
          where idempotency_keys.business_id = old.business_id and idempotency_keys.key = old.key and idempotency_keys.created_at < ${before}`.execute(slow)
        deleted += rows.length
      }
      if (deleted > 0) log.info({ deleted }, 'deleted old idempotency keys')
      return deleted
    },
  }
}

export const forgetIdempotencyKeys = scheduledJob('forget_idempotency_keys', '17 * * * *', idempotencyKeysDeletion)
