import { type Static, Type } from 'typebox'
import { CursorPage } from '#foundation/http/schemas.ts'
import type { Business } from '#foundation/shared/business.ts'
import { formatBusinessTime } from '#foundation/shared/time.ts'
import type { MailRow } from './queries.ts'

/** An email as the sandbox returns it. */
export const Mail = Type.Object(
  {
    id: Type.String({ format: 'uuid' }),
    to: Type.String(),
    subject: Type.String(),
    text: Type.String(),
    html: Type.String(),
    source: Type.String({ description: '`charge` for receipts, `refund` for refunds.' }),
    source_id: Type.String({ format: 'uuid' }),
    status: Type.Enum(['pending', 'kept', 'sent', 'failed']),
    created_at: Type.String(),
    sent_at: Type.Unsafe<string | null>({ type: ['string', 'null'] }),
  },
  { title: 'Mail' },
)
export type Mail = Static<typeof Mail>

export const MailPage = CursorPage(Mail, 'MailPage')

export const ListMails = Type.Object({
  cursor: Type.Optional(Type.String({ maxLength: 500 })),
  per_page: Type.Integer({ minimum: 1, maximum: 100, default: 25 }),
})
export type ListMails = Static<typeof ListMails>

export function presentMail(row: MailRow, business: Business): Mail {
  return {
    id: row.id,
    to: row.recipient,
    subject: row.subject,
    text: row.body_text,
    html: row.body_html,
    source: row.source,
    source_id: row.source_id,
    status: row.status,
    created_at: formatBusinessTime(row.created_at, business.timezone),
    sent_at: row.sent_at && formatBusinessTime(row.sent_at, business.timezone),
  }
}
