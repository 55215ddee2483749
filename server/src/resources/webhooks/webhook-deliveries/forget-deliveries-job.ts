import { type RawBuilder, sql } from 'kysely'
import type { Job } from '#foundation/jobs/job.ts'
import { lowestIdAt } from '#foundation/shared/ids.ts'
import { eachBusiness, type Forgotten, forgetInBatches } from '#resources/business/businesses/each-business.ts'

const batch = 1_000
const day = 86_400_000

/** The dates before which deliveries are old: succeeded and canceled ones, and failed ones. */
export interface OldBefore {
  done: Date
  failed: Date
}

/**
 * Deletes one batch of a business's old deliveries with their attempts, and returns how far it got. Ids contain the time, so the
 * primary key finds the old ones, and the table needs no other index. Deliveries that are to be sent are never old, and neither are
 * those that were sent again since.
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

/** Deletes deliveries older than the retention, with their attempts, in batches that block no one. */
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
