import { type RawBuilder, sql } from 'kysely'
import { rowsSql } from '#foundation/database/binary-arrays.ts'
import { tables } from '#foundation/database/columns.ts'
import type { Database, Db } from '#foundation/database/database.ts'
import { isDueSql } from '#foundation/database/due.ts'
import { columnList } from '#foundation/database/rows.ts'
import { keysetPages } from '#foundation/database/shared-pages.ts'
import type { Due } from '#foundation/shared/clock.ts'
import { lowestIdAt } from '#foundation/shared/ids.ts'

/** The final statuses of an email that was to be sent. */
export type EndedMailStatus = 'sent' | 'failed'

export interface MailRow {
  business_id: string
  id: string
  recipient: string
  subject: string
  body_text: string
  body_html: string
  /** What the email is about; with `source_id`, it is written only once. */
  source: 'charge' | 'refund'
  source_id: string
  status: 'pending' | 'kept' | 'sent' | 'failed'
  attempts: number
  due_at: Date
  created_at: Date
  sent_at: Date | null
}

const written = {
  business_id: 'uuid',
  id: 'uuid',
  recipient: 'text',
  subject: 'text',
  body_text: 'text',
  body_html: 'text',
  source: 'text',
  source_id: 'uuid',
  due_at: 'timestamptz',
} as const

/** The statement that writes mails to be sent; a second mail about the same thing is left out. */
export function insertMailsSql(rows: MailRow[]): RawBuilder<unknown> {
  return sql`
    insert into mails (business_id, id, recipient, subject, body_text, body_html, source, source_id, status, attempts, due_at, created_at)
    select business_id, id, recipient, subject, body_text, body_html, source, source_id, 'pending', 0, due_at, due_at from ${rowsSql('written', written, rows)}
    on conflict (business_id, source_id, source) do nothing`
}

/** Writes mails to be sent, in the transaction of what they are about. */
export async function insertMails(tx: Db, rows: MailRow[]): Promise<void> {
  if (rows.length > 0) await insertMailsSql(rows).execute(tx)
}

/** Takes mails that are due for this process, for the time of a lease. */
export async function claimMails(db: Db, due: Due, leaseMs: number, limit: number): Promise<MailRow[]> {
  const leaseUntil = new Date(due.until.getTime() + leaseMs)
  const { rows } = await sql<MailRow>`
    update mails m set due_at = ${leaseUntil}, attempts = m.attempts + 1
    from (select business_id, id from mails where status = 'pending' and ${isDueSql(due)} order by due_at limit ${limit} for update skip locked) due
    where m.business_id = due.business_id and m.id = due.id returning m.*`.execute(db)
  return rows
}

/** Marks mails that are due as kept, where there is no server to send them. */
export async function keepMails(db: Db, due: Due, limit: number): Promise<number> {
  const { numAffectedRows } = await sql`
    update mails m set status = 'kept'
    from (select business_id, id from mails where status = 'pending' and ${isDueSql(due)} limit ${limit} for update skip locked) due
    where m.business_id = due.business_id and m.id = due.id`.execute(db)
  return Number(numAffectedRows ?? 0n)
}

/** When a business's next mail is to be sent, up to `until`. */
export async function findNextMail(db: Db, businessId: string, until: Date): Promise<Date | undefined> {
  const { rows } = await sql<{ due_at: Date }>`
    select due_at from mails where status = 'pending' and ${isDueSql({ until, businessId })} order by due_at limit 1`.execute(db)
  return rows[0]?.due_at
}

/** When the oldest mail of a business was made that waits for nothing, if that was before `before`. */
export async function findOldestMail(db: Db, businessId: string, before: Date): Promise<Date | undefined> {
  const { rows } = await sql<{ created_at: Date }>`
    select created_at from mails where business_id = ${businessId} and id < ${lowestIdAt(before)} and status <> 'pending' order by id limit 1`.execute(db)
  return rows[0]?.created_at
}

/** Schedules the next attempt of an email that was not accepted. */
export async function postponeMail(db: Db, businessId: string, id: string, dueAt: Date): Promise<void> {
  await db.updateTable('mails').set({ due_at: dueAt }).where('business_id', '=', businessId).where('id', '=', id).execute()
}

/** Writes the final status of an email. */
export async function endMail(tx: Db, { business_id, id }: Pick<MailRow, 'business_id' | 'id'>, status: EndedMailStatus, at: Date): Promise<void> {
  await tx
    .updateTable('mails')
    .set({ status, sent_at: status === 'sent' ? at : null })
    .where('business_id', '=', business_id)
    .where('id', '=', id)
    .execute()
}

/** Pages of a business's emails, newest first (reversed if the cursor points back). */
export const mailPages = (database: Database, acrossBusinesses: boolean) =>
  keysetPages<MailRow>(
    database,
    { name: 'list_mails', from: 'mails m', alias: 'm', columns: columnList(tables.mails, 'm'), key: 'id', type: 'uuid' },
    acrossBusinesses,
  )
