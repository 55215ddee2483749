import { sql } from 'kysely'
import type { Db } from '#foundation/database/database.ts'
import { isDueSql } from '#foundation/database/due.ts'
import { runPrepared } from '#foundation/database/prepared.ts'
import type { RowOf } from '#foundation/database/rows.ts'
import type { Due } from '#foundation/shared/clock.ts'

/** What a scheduled check does: it polls a rail about a charge or a refund, or refunds a duplicate charge. */
export type CheckKind = 'charge' | 'refund' | 'duplicate'

/** A scheduled check whose time has come. */
export type DueCheck = Omit<RowOf<'rail_checks', { kind: CheckKind }>, 'due_at'>

/** Schedules checks of charges or refunds; each replaces an earlier one. */
export async function scheduleChecks(tx: Db, checks: { businessId: string; id: string; kind: CheckKind; dueAt: Date }[]): Promise<void> {
  if (checks.length === 0) return
  await runPrepared(
    tx,
    'schedule_checks',
    sql`
    insert into rail_checks (business_id, id, kind, due_at, attempts)
    select business_id, id, kind, due_at, 0 from unnest(${checks.map((check) => check.businessId)}::uuid[], ${checks.map((check) => check.id)}::uuid[],
      ${checks.map((check) => check.kind)}::text[], ${checks.map((check) => check.dueAt)}::timestamptz[]) as wanted (business_id, id, kind, due_at)
    on conflict (business_id, id) do update set due_at = excluded.due_at`,
  )
}

/** Deletes the scheduled checks of charges or refunds. */
export async function forgetChecks(tx: Db, keys: { businessId: string; id: string }[]): Promise<void> {
  if (keys.length === 0) return
  await runPrepared(
    tx,
    'forget_checks',
    sql`
    delete from rail_checks c using unnest(${keys.map((key) => key.businessId)}::uuid[], ${keys.map((key) => key.id)}::uuid[]) as done (business_id, id)
    where c.business_id = done.business_id and c.id = done.id`,
  )
}

/** Claims what is due for this process, for the time of a lease. */
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
