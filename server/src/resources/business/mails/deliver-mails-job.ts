import type { Transaction } from 'kysely'
import type { Logger } from 'pino'
import type { Database } from '#foundation/database/database.ts'
import type { DB } from '#foundation/database/tables.ts'
import type { DueWork } from '#foundation/jobs/job.ts'
import type { SendMail } from '#foundation/mail/send-mail.ts'
import type { Clock, Due } from '#foundation/shared/clock.ts'
import { claimMails, type EndedMailStatus, endMail, findNextMail, keepMails, type MailRow, postponeMail } from './queries.ts'

/** What follows from the final status of an email, in the transaction that writes it. */
export type OnMailEnded = (tx: Transaction<DB>, mail: MailRow, status: EndedMailStatus, at: Date) => Promise<void>

export interface MailDeps {
  database: Database
  clock: Clock
  log: Logger
  /** Absent if no server is set: then emails are only stored. */
  send: SendMail | undefined
  onEnded: OnMailEnded
}

const batch = 20
const leaseMs = 120_000
/** Attempts over about eight hours: after 1, 2, 4 … minutes. */
const maxAttempts = 9

/** Sends emails that are due, each at least once. An email that no server accepts fails after some hours. Returns how many were processed. */
export async function deliverMails({ database, clock, log, send, onEnded }: MailDeps, due: Due): Promise<number> {
  if (!send) return keepMails(database.db, due, 500)
  const end = (mail: MailRow, status: EndedMailStatus, endedAt: Date) =>
    database.db.transaction().execute(async (tx) => {
      await endMail(tx, mail, status, endedAt)
      await onEnded(tx, mail, status, endedAt)
    })
  const mails = await claimMails(database.db, due, leaseMs, batch)
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
        await end(mail, 'sent', clock.now(mail.business_id))
      } catch (error) {
        const givenUp = mail.attempts >= maxAttempts
        const now = clock.now(mail.business_id)
        // Never the error itself: servers quote the recipient's address in it.
        log.warn(
          { mail_id: mail.id, attempts: mail.attempts, code: (error as { code?: unknown }).code },
          givenUp ? 'an email failed for good' : 'an email was not sent',
        )
        if (givenUp) await end(mail, 'failed', now)
        else await postponeMail(database.db, mail.business_id, mail.id, new Date(now.getTime() + 60_000 * 2 ** (mail.attempts - 1)))
      }
    }),
  )
  return mails.length
}

/** Sending mails, and retrying those that the mail server did not accept. */
export function mailSending(deps: MailDeps): DueWork {
  return {
    name: 'sending emails',
    everyMs: 1_000,
    next: (businessId, until) => findNextMail(deps.database.db, businessId, until),
    run: (due) => deliverMails(deps, due),
  }
}
