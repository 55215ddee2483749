import { type RawBuilder, sql } from 'kysely'
import { type DueWork, deletionTurn, type JobDeps, keptSince, scheduledJob } from '#foundation/jobs/job.ts'
import { lowestIdAt } from '#foundation/shared/ids.ts'
import { eachBusiness, type Forgotten, forgetInBatches } from '#resources/business/businesses/each-business.ts'
import { findOldestMail } from './queries.ts'

const batch = 1_000

/** Deletes one batch of a business's emails that were created before `before` and are not to be sent; found by primary key. */
export function deleteOldMails(businessId: string, after: string, before: Date, limit = batch): RawBuilder<Forgotten> {
  return sql<Forgotten>`
    with old as (
      select m.id from mails m where m.business_id = ${businessId} and m.id > ${after} and m.id < ${lowestIdAt(before)} order by m.id limit ${limit}
    ), gone as (
      delete from mails m using old where m.business_id = ${businessId} and m.id = old.id and m.status <> 'pending' returning m.id
    )
    select (select count(*)::int from old) as looked, (select count(*)::int from gone) as forgotten,
      (select id from old order by id desc limit 1) as last`
}

const everyMs = 86_400_000

/** Deletes emails older than the retention, in batches that block no one. */
export function mailsDeletion({ database, log, mailDays }: Pick<JobDeps, 'database' | 'log' | 'mailDays'>): DueWork {
  return {
    name: 'deleting emails',
    everyMs,
    async next(businessId, until) {
      const oldest = await findOldestMail(database.slow, businessId, keptSince(until, mailDays))
      const turn = oldest && deletionTurn(oldest, mailDays, everyMs)
      return turn && turn <= until ? turn : undefined
    },
    async run(due) {
      const before = keptSince(due.until, mailDays)
      let deleted = 0
      await eachBusiness(database, due, async (businessId) => {
        deleted += await forgetInBatches(batch, async (after) => {
          const { rows } = await deleteOldMails(businessId, after, before).execute(database.slow)
          return rows[0] as Forgotten
        })
      })
      if (deleted > 0) log.info({ deleted }, 'deleted old emails')
      return deleted
    },
  }
}

export const forgetMails = scheduledJob('forget_mails', '47 2 * * *', mailsDeletion)
