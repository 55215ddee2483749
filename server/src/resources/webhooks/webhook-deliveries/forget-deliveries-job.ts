import { type RawBuilder, sql } from 'kysely'
import type { Db } from '#foundation/database/database.ts'
import { type DueWork, deletionTurn, type JobDeps, keptSince, scheduledJob } from '#foundation/jobs/job.ts'
import { lowestIdAt } from '#foundation/shared/ids.ts'
import { eachBusiness, type Forgotten, forgetInBatches } from '#resources/business/businesses/each-business.ts'

const batch = 1_000

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

/** When the first of a business's deliveries is old enough to be deleted, among those made before `before`. */
async function findOldestDelivery(db: Db, businessId: string, before: Date, days: { done: number; failed: number }): Promise<Date | undefined> {
  const { rows } = await sql<{ at: Date | null }>`
    select min(updated_at + make_interval(hours => 24 * case status when 'failed' then ${days.failed}::int else ${days.done}::int end)) as at
    from webhook_deliveries where business_id = ${businessId} and id < ${lowestIdAt(before)} and status <> 'pending'`.execute(db)
  return rows[0]?.at ?? undefined
}

const everyMs = 86_400_000
type DeletionDeps = Pick<JobDeps, 'database' | 'log' | 'deliveryDays' | 'failedDeliveryDays'>

/** Deletes deliveries that are older than they are kept, with their attempts, in batches that hold up no one. */
export function deliveriesDeletion({ database, log, deliveryDays, failedDeliveryDays }: DeletionDeps): DueWork {
  return {
    name: 'deleting webhook deliveries',
    everyMs,
    async next(businessId, until) {
      const before = keptSince(until, Math.min(deliveryDays, failedDeliveryDays))
      const over = await findOldestDelivery(database.slow, businessId, before, { done: deliveryDays, failed: failedDeliveryDays })
      const turn = over && deletionTurn(over, 0, everyMs)
      return turn && turn <= until ? turn : undefined
    },
    async run(due) {
      const before = { done: keptSince(due.until, deliveryDays), failed: keptSince(due.until, failedDeliveryDays) }
      let deleted = 0
      await eachBusiness(database, due, async (businessId) => {
        deleted += await forgetInBatches(batch, async (after) => {
          const { rows } = await deleteOldDeliveries(businessId, after, before).execute(database.slow)
          return rows[0] as Forgotten
        })
      })
      if (deleted > 0) log.info({ deleted }, 'deleted old webhook deliveries')
      return deleted
    },
  }
}

export const forgetDeliveries = scheduledJob('forget_deliveries', '37 2 * * *', deliveriesDeletion)
