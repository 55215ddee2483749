import { sql } from 'kysely'
import type { Job } from './job.ts'

const batch = 5_000

/** Deletes stored answers that are older than the retention, in batches that hold no lock for long. */
export const forgetIdempotencyKeys: Job = {
  name: 'forget_idempotency_keys',
  schedule: '17 * * * *',
  async run(_payload, { database, now, log, idempotencyDays }) {
    const before = new Date(now().getTime() - idempotencyDays * 86_400_000)
    let forgotten = 0
    for (;;) {
      const { rows } = await sql<{ business_id: string; key: string }>`
        select business_id, key from idempotency_keys where created_at < ${before} limit ${batch}`.execute(database.slow)
      if (rows.length === 0) break
      await sql`
        delete from idempotency_keys using unnest(${rows.map((row) => row.business_id)}::uuid[], ${rows.map((row) => row.key)}::text[]) as old (business_id, key)
        where idempotency_keys.business_id = old.business_id and idempotency_keys.key = old.key and idempotency_keys.created_at < ${before}`.execute(
        database.slow,
      )
      forgotten += rows.length
    }
    if (forgotten > 0) log.info({ forgotten }, 'deleted old idempotency keys')
  },
}
