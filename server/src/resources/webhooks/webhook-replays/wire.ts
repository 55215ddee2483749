import { type Static, Type } from 'typebox'
import { CursorPage, plainText } from '#foundation/http/schemas.ts'
import { formatBusinessTime } from '#foundation/shared/time.ts'
import type { ReplayRow } from './queries.ts'

export const ReplayEvents = Type.Object({
  from_sequence: Type.Optional(Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER })),
  to_sequence: Type.Optional(Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER })),
  from: Type.Optional(plainText(40, { description: 'Only events at or after this date or timestamp.' })),
  to: Type.Optional(plainText(40, { description: 'Only events at or before this date or timestamp.' })),
  event_type: Type.Optional(plainText(64, { description: 'Only this type, or `charge.*` for all charge events.' })),
  endpoint_id: Type.Optional(Type.String({ format: 'uuid', description: 'Send only to this webhook event, whatever types it subscribes to.' })),
  url: Type.Optional(
    plainText(1028, {
      description: "Send to this URL instead, as events of version 2, signed with the salt of `endpoint_id` if given, otherwise with your API key's salt.",
    }),
  ),
})
export type ReplayEvents = Static<typeof ReplayEvents>

const text = Type.Unsafe<string | null>({ type: ['string', 'null'] })

export const WebhookReplay = Type.Object(
  {
    id: Type.String({ format: 'uuid' }),
    status: Type.String({ description: '`pending`, `succeeded`, `failed` (its webhook event was deleted or disabled) or `canceled`.' }),
    events: Type.Integer({ description: 'Matching events so far.' }),
    queued: Type.Integer({ description: 'Deliveries that were queued so far.' }),
    progress: Type.Number({ minimum: 0, maximum: 1, description: 'The share of the selected sequence numbers that has been looked at.' }),
    from_sequence: Type.Integer(),
    to_sequence: Type.Integer(),
    event_type: text,
    endpoint_id: text,
    url: text,
    error: Type.Unsafe<string | null>({ type: ['string', 'null'], description: 'Why it failed.' }),
    created_at: Type.String(),
    updated_at: Type.String(),
    finished_at: text,
  },
  { title: 'WebhookReplay' },
)

export const WebhookReplayPage = CursorPage(WebhookReplay, 'WebhookReplayPage')

export const ListWebhookReplays = Type.Object({
  cursor: Type.Optional(Type.String({ maxLength: 512 })),
  per_page: Type.Integer({ minimum: 1, maximum: 100, default: 25 }),
})
export type ListWebhookReplays = Static<typeof ListWebhookReplays>

/** The share of a replay that is done, rounded down to hundredths, so that 1 means that it is over. */
function progressOf({ status, from_sequence: from, to_sequence: to, next_sequence: next }: ReplayRow): number {
  if (status === 'succeeded' || to < from) return 1
  return Number(((next - from) * 100n) / (to - from + 1n)) / 100
}

export function presentReplay(row: ReplayRow, timezone: string): Static<typeof WebhookReplay> {
  return {
    id: row.id,
    status: row.status,
    events: Number(row.events),
    queued: Number(row.queued),
    progress: progressOf(row),
    from_sequence: Number(row.from_sequence),
    to_sequence: Number(row.to_sequence),
    event_type: row.event_type,
    endpoint_id: row.endpoint_id,
    url: row.url,
    error: row.error,
    created_at: formatBusinessTime(row.created_at, timezone),
    updated_at: formatBusinessTime(row.updated_at, timezone),
    finished_at: row.finished_at && formatBusinessTime(row.finished_at, timezone),
  }
}
