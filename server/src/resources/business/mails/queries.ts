import { type RawBuilder, sql } from 'kysely'
import { rowsSql } from '#foundation/database/binary-arrays.ts'
import type { Db } from '#foundation/database/database.ts'
import type { Cursor } from '#foundation/shared/cursor.ts'

export interface MailRow {
  business_id: string
  id: string
  recipient: string
  subject: string
  body_text: string
  body_html: string
  /** What the mail is about; with `source_id` it is written once only. */
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

/** Takes mails that are due for this process, of all businesses, for the time of a lease. */
export async function claimMails(db: Db, at: Date, until: Date, limit: number): Promise<MailRow[]> {
  const { rows } = await sql<MailRow>`
    update mails m set due_at = ${until}, attempts = m.attempts + 1
    from (select business_id, id from mails where status = 'pending' and due_at <= ${at} order by due_at limit ${limit} for update skip locked) due
    where m.business_id = due.business_id and m.id = due.id returning m.*`.execute(db)
  return rows
}

/** Marks all mails that wait as kept, where there is no server to send them. */
export async function keepMails(db: Db, limit: number): Promise<number> {
  const { numAffectedRows } = await sql`
    update mails m set status = 'kept' from (select business_id, id from mails where status = 'pending' limit ${limit} for update skip locked) due
    where m.business_id = due.business_id and m.id = due.id`.execute(db)
  return Number(numAffectedRows ?? 0n)
}

/** Says when a mail that was not taken is tried again. */
export async function postponeMail(db: Db, businessId: string, id: string, dueAt: Date): Promise<void> {
  await db.updateTable('mails').set({ due_at: dueAt }).where('business_id', '=', businessId).where('id', '=', id).execute()
}

/** Writes how a mail ended, and says so in the payment request whose receipt it is. */
export async function endMail(db: Db, { business_id, id }: Pick<MailRow, 'business_id' | 'id'>, status: 'sent' | 'failed', at: Date): Promise<void> {
  await sql`
    with ended as (
      update mails set status = ${status}, sent_at = ${status === 'sent' ? at : null}::timestamptz where business_id = ${business_id} and id = ${id}
      returning source, source_id
    )
    update payment_requests r set email_status = ${status}, version = r.version + 1, updated_at = greatest(r.updated_at, ${at})
    from ended join charges c on c.business_id = ${business_id} and c.id = ended.source_id
    where ended.source = 'charge' and r.business_id = ${business_id} and r.id = c.payment_request_id and r.email_status <> ${status}`.execute(db)
}

/** One page of a business's mails, newest first (reversed when the cursor points back). */
export async function listMails(db: Db, businessId: string, { cursor, limit }: { cursor: Cursor | undefined; limit: number }): Promise<MailRow[]> {
  const back = cursor?.direction === 'previous'
  let query = db.selectFrom('mails').selectAll().where('business_id', '=', businessId)
  if (cursor) query = query.where('id', back ? '>' : '<', cursor.id)
  return (await query
    .orderBy('id', back ? 'asc' : 'desc')
    .limit(limit)
    .execute()) as MailRow[]
}
