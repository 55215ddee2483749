import { type RawBuilder, sql } from 'kysely'
import type { Job } from '#foundation/jobs/job.ts'
import { lowestIdAt } from '#foundation/shared/ids.ts'
import { eachBusiness, type Forgotten, forgetInBatches } from '#resources/business/businesses/each-business.ts'

const batch = 1_000
const day = 86_400_000

/** Until when deliveries are old: those that arrived or were canceled, and those that failed. */
export interface OldBefore {
  done: Date
  failed: Date
}

/**
 * Deletes one batch of a business's old deliveries with their tries, and says how far it came. Ids hold the time, so the
 * primary key leads to the old ones, and the table needs no other index. What waits to be sent is never old, and neither is
 * what was sent again since.
 */
export function deleteOldDeliveries(businessId: string, after: string, { done, failed }: OldBefore, limit = batch): RawBuilder<Forgotten> {
  return sql<Forgotten>`
    with old as (
      select d.id from webhook_deliveries d
      where d.business_id = ${businessId} and d.id > ${after} and d.id < ${lowestIdAt(done > failed ? done : failed)} order by d.id limit ${limit}
    ), gone as (
      delete from webhook_deliveries d using old
      where d.business_id = ${businessId} and d.id = old.id
        and (d.status in ('succeeded', 'canceled') and d.updated_at < ${done} or d.status = 'failed' and d.updated_at < ${failed})
      returning d.id
    ), tries as (
      delete from webhook_attempts a using gone where a.business_id = ${businessId} and a.delivery_id = gone.id
    )
    select (select count(*)::int from old) as looked, (select count(*)::int from gone) as forgotten,
      (select id from old order by id desc limit 1) as last`
}

/** Deletes deliveries that are older than they are kept, with their tries, in batches that hold up no one. */
export const forgetDeliveries: Job = {
  name: 'forget_deliveries',
  schedule: '37 2 * * *',
  async run(_payload, { database, now, log, deliveryDays, failedDeliveryDays }) {
    const at = now().getTime()
    const before = { done: new Date(at - deliveryDays * day), failed: new Date(at - failedDeliveryDays * day) }
    let forgotten = 0
    await eachBusiness(database, async (businessId) => {
      forgotten += await forgetInBatches(batch, async (after) => {
        const { rows } = await deleteOldDeliveries(businessId, after, before).execute(database.slow)
        return rows[0] as Forgotten
      })
    })
    if (forgotten > 0) log.info({ forgotten }, 'deleted old webhook deliveries')
  },
}
