import { type RawBuilder, sql } from 'kysely'
import type { Job } from '#foundation/jobs/job.ts'
import { lowestIdAt } from '#foundation/shared/ids.ts'
import { eachBusiness, type Forgotten, forgetInBatches } from '#resources/business/businesses/each-business.ts'

const batch = 1_000

/** Deletes one batch of a business's mails that were made before `before` and wait for nothing; the primary key leads to them. */
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

/** Deletes mails that are older than they are kept, in batches that hold up no one. */
export const forgetMails: Job = {
  name: 'forget_mails',
  schedule: '47 2 * * *',
  async run(_payload, { database, now, log, mailDays }) {
    const before = new Date(now().getTime() - mailDays * 86_400_000)
    let forgotten = 0
    await eachBusiness(database, async (businessId) => {
      forgotten += await forgetInBatches(batch, async (after) => {
        const { rows } = await deleteOldMails(businessId, after, before).execute(database.slow)
        return rows[0] as Forgotten
      })
    })
    if (forgotten > 0) log.info({ forgotten }, 'deleted old emails')
  },
}
