import { type RawBuilder, sql } from 'kysely'
import { keysSql, rowsSql } from '#foundation/database/binary-arrays.ts'
import type { Db } from '#foundation/database/database.ts'
import { isDueSql } from '#foundation/database/due.ts'
import { runPrepared } from '#foundation/database/prepared.ts'
import type { RowOf } from '#foundation/database/rows.ts'
import { businessesOf, sameBusinessSql } from '#foundation/database/same-business.ts'
import type { Due } from '#foundation/shared/clock.ts'

/** What a scheduled check does: it polls a rail about a charge or a refund, or refunds a duplicate charge. */
export type CheckKind = 'charge' | 'refund' | 'duplicate'

/** A scheduled check that is due. */
export type DueCheck = Omit<RowOf<'rail_checks', { kind: CheckKind }>, 'due_at'>

/** When to poll a rail about a charge or a refund, or to refund a duplicate. */
export interface ScheduledCheck {
  businessId: string
  id: string
  kind: CheckKind
  dueAt: Date
}

/** The statement that schedules checks; an earlier schedule of the same charge or refund gets the new time. */
export function scheduleChecksSql(checks: ScheduledCheck[]): RawBuilder<unknown> {
  const rows = checks.map(({ businessId, id, kind, dueAt }) => ({ business_id: businessId, id, kind, due_at: dueAt }))
  return sql`
    insert into rail_checks (business_id, id, kind, due_at, attempts)
    select business_id, id, kind, due_at, 0 from ${rowsSql('wanted', { business_id: 'uuid', id: 'uuid', kind: 'text', due_at: 'timestamptz' }, rows)}
    on conflict (business_id, id) do update set due_at = excluded.due_at`
}

/** Schedules checks of charges or refunds with their rails; replaces an earlier time. */
export async function scheduleChecks(tx: Db, checks: ScheduledCheck[]): Promise<void> {
  if (checks.length > 0) await runPrepared(tx, 'schedule_checks', scheduleChecksSql(checks))
}

/** The statement that deletes the scheduled checks of charges or refunds. */
export function deleteChecksSql(keys: { businessId: string; id: string }[], businessIds = businessesOf(keys)): RawBuilder<unknown> {
  return sql`
    delete from rail_checks c using ${keysSql('done', keys)}
    where ${sameBusinessSql('c', 'done', businessIds)} and c.id = done.id`
}

/** Deletes the scheduled checks of charges or refunds. */
export async function forgetChecks(tx: Db, keys: { businessId: string; id: string }[]): Promise<void> {
  if (keys.length > 0) await runPrepared(tx, 'forget_checks', deleteChecksSql(keys))
}

/** Leases due checks to this process. */
export async function claimChecks(db: Db, due: Due, leaseMs: number, limit: number): Promise<DueCheck[]> {
  const leasedUntil = new Date(due.until.getTime() + leaseMs)
  const ofBusiness = due.businessId === undefined ? sql`` : sql`and c.business_id = ${due.businessId}`
  const { rows } = await sql<DueCheck>`
    update rail_checks c set due_at = ${leasedUntil}, attempts = c.attempts + 1
    from (select business_id, id from rail_checks where ${isDueSql(due)} order by due_at limit ${limit} for update skip locked) due
    where c.business_id = due.business_id and c.id = due.id ${ofBusiness}
    returning c.business_id, c.id, c.kind, c.attempts`.execute(db)
  return rows
}
