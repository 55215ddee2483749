import type { Logger } from 'pino'
import type { Database } from '#foundation/database/database.ts'
import type { SendMail } from '#foundation/mail/send-mail.ts'
import type { Now } from '#foundation/shared/time.ts'
import { claimMails, endMail, keepMails, postponeMail } from './queries.ts'

export interface MailDeps {
  database: Database
  now: Now
  log: Logger
  /** Absent where no server is set: then mails are kept to be read. */
  send: SendMail | undefined
}

const batch = 20
const leaseMs = 120_000
/** Tries over about eight hours: after 1, 2, 4 … minutes. */
const maxAttempts = 9

/** Sends mails that are due; each at least once. A mail that no server takes is given up after some hours. Returns how many were looked at. */
export async function deliverMails({ database, now, log, send }: MailDeps): Promise<number> {
  if (!send) return keepMails(database.db, 500)
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
        await endMail(database.db, mail, 'sent', now())
      } catch (error) {
        const givenUp = mail.attempts >= maxAttempts
        // Never the error itself: servers quote the recipient's address in it.
        log.warn(
          { mail_id: mail.id, attempts: mail.attempts, code: (error as { code?: unknown }).code },
          givenUp ? 'an email failed for good' : 'an email was not sent',
        )
        if (givenUp) await endMail(database.db, mail, 'failed', now())
        else await postponeMail(database.db, mail.business_id, mail.id, new Date(now().getTime() + 60_000 * 2 ** (mail.attempts - 1)))
      }
    }),
  )
  return mails.length
}
