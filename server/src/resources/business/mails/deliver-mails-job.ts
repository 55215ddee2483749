import type { Transaction } from 'kysely'
import type { Logger } from 'pino'
import type { Database } from '#foundation/database/database.ts'
import type { DB } from '#foundation/database/tables.ts'
import type { SendMail } from '#foundation/mail/send-mail.ts'
import type { Now } from '#foundation/shared/time.ts'
import { claimMails, type EndedMailStatus, endMail, keepMails, type MailRow, postponeMail } from './queries.ts'

/** What follows from the end of a mail, in the transaction that writes it. */
export type OnMailEnded = (tx: Transaction<DB>, mail: MailRow, status: EndedMailStatus, at: Date) => Promise<void>

export interface MailDeps {
  database: Database
  now: Now
  log: Logger
  /** Absent where no server is set: then mails are kept to be read. */
  send: SendMail | undefined
  onEnded: OnMailEnded
}

const batch = 20
const leaseMs = 120_000
/** Tries over about eight hours: after 1, 2, 4 … minutes. */
const maxAttempts = 9

/** Sends mails that are due; each at least once. A mail that no server takes is given up after some hours. Returns how many were looked at. */
export async function deliverMails({ database, now, log, send, onEnded }: MailDeps): Promise<number> {
  if (!send) return keepMails(database.db, 500)
  const end = (mail: MailRow, status: EndedMailStatus, endedAt: Date) =>
    database.db.transaction().execute(async (tx) => {
      await endMail(tx, mail, status, endedAt)
      await onEnded(tx, mail, status, endedAt)
    })
  const at = now()
  const mails = await claimMails(database.db, at, new Date(at.getTime() + leaseMs), batch)
  await Promise.all(
    mails.map(async (mail) => {
      try {
        await send({
          to: mail.recipient,
          subject: mail.subject,
          text: mail.body_text,
          html: mail.body_html,
          messageId: `<${mail.id}@hawker>`,
        })
        await end(mail, 'sent', now())
      } catch (error) {
        const givenUp = mail.attempts >= maxAttempts
        // Never the error itself: servers quote the recipient's address in it.
        log.warn(
          { mail_id: mail.id, attempts: mail.attempts, code: (error as { code?: unknown }).code },
          givenUp ? 'an email failed for good' : 'an email was not sent',
        )
        if (givenUp) await end(mail, 'failed', now())
        else await postponeMail(database.db, mail.business_id, mail.id, new Date(now().getTime() + 60_000 * 2 ** (mail.attempts - 1)))
      }
    }),
  )
  return mails.length
}
