import { type Static, Type } from 'typebox'
import type { Business } from '#foundation/http/authentication.ts'
import { CursorPage, plainText } from '#foundation/http/schemas.ts'
import { formatBusinessTime } from '#foundation/shared/time.ts'
import { presentDelivery } from '#resources/webhooks/delivery/delivery-wire.ts'
import type { AttemptRow, WholeDelivery } from './queries.ts'

const text = Type.Unsafe<string | null>({ type: ['string', 'null'] })
const whole = Type.Unsafe<number | null>({ type: ['integer', 'null'] })
const headers = Type.Record(Type.String(), Type.String())

const shown = {
  id: Type.String({ format: 'uuid' }),
  event_id: Type.String({ format: 'uuid', description: 'Also `webhook-id` in the request, the same on every try.' }),
  event_type: Type.String(),
  sequence: Type.Integer({ description: "The event's place in your business's order." }),
  object_id: Type.String({ format: 'uuid' }),
  endpoint_id: Type.Unsafe<string | null>({ type: ['string', 'null'], description: 'The webhook event; null for callbacks and for replays to a URL.' }),
  version: Type.Integer({ description: "1 for a request's own callback (a form), 2 for events (JSON)." }),
  url: Type.String(),
  status: Type.String({ description: '`pending`, `succeeded`, `failed` (given up) or `canceled` (its endpoint was deleted or switched off).' }),
  attempts: Type.Integer(),
  response_status: whole,
  next_attempt_at: text,
  is_replay: Type.Boolean(),
  created_at: Type.String(),
  updated_at: Type.String(),
}

export const WebhookDelivery = Type.Object(shown, { title: 'WebhookDelivery' })

const Try = Type.Object({
  number: Type.Integer(),
  sent_at: Type.String(),
  duration_ms: Type.Integer(),
  request: Type.Object({ headers }),
  response: Type.Unsafe<{ status: number; headers: Record<string, string>; body: string } | null>({
    type: ['object', 'null'],
    properties: { status: { type: 'integer' }, headers: { type: 'object', additionalProperties: { type: 'string' } }, body: { type: 'string' } },
    description: 'What came back, its body cut at 64 KiB; null when nothing did.',
  }),
  error: Type.Unsafe<string | null>({ type: ['string', 'null'], description: 'Why no answer came: a word and a sentence.' }),
})

export const WebhookDeliveryDetail = Type.Object(
  {
    ...shown,
    body: Type.String({ description: 'The exact body, the same on every try.' }),
    tries: Type.Array(Try, { description: 'Every try, oldest first; of very many the first hundred and the last.' }),
  },
  { title: 'WebhookDeliveryDetail' },
)
export type WebhookDeliveryDetail = Static<typeof WebhookDeliveryDetail>

export const WebhookDeliveryPage = CursorPage(WebhookDelivery, 'WebhookDeliveryPage')

export const ListWebhookDeliveries = Type.Object({
  cursor: Type.Optional(Type.String({ maxLength: 512 })),
  per_page: Type.Integer({ minimum: 1, maximum: 100, default: 25 }),
  status: Type.Optional(Type.Enum(['pending', 'succeeded', 'failed', 'canceled'])),
  event_id: Type.Optional(Type.String({ format: 'uuid' })),
  object_id: Type.Optional(Type.String({ format: 'uuid', description: 'For example a charge, or a payment request.' })),
  endpoint_id: Type.Optional(Type.String({ format: 'uuid' })),
  event_type: Type.Optional(plainText(64, { description: 'One type, or `customer.*` for all of an object.' })),
})
export type ListWebhookDeliveries = Static<typeof ListWebhookDeliveries>

/** Which events to send once more, and where to. */
export const ReplayEvents = Type.Object({
  from_sequence: Type.Optional(Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER })),
  to_sequence: Type.Optional(Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER })),
  from: Type.Optional(plainText(40, { description: 'Only events of this day or moment, or after it.' })),
  to: Type.Optional(plainText(40, { description: 'Only events of this day or moment, or before it.' })),
  event_type: Type.Optional(plainText(64, { description: 'Only this type, or `charge.*` for all of an object.' })),
  endpoint_id: Type.Optional(Type.String({ format: 'uuid', description: 'Only to this webhook event, whatever types it listens to.' })),
  url: Type.Optional(
    plainText(1028, {
      description: "To this URL instead, as events of version 2, signed with the salt of `endpoint_id` where given, else with your API key's.",
    }),
  ),
})
export type ReplayEvents = Static<typeof ReplayEvents>

export const Replayed = Type.Object(
  {
    events: Type.Integer({ description: 'Events that were found.' }),
    queued: Type.Integer({ description: 'Deliveries that were put into the queue.' }),
    has_more: Type.Boolean({ description: 'There were more than 10,000 events; go on from `next_sequence`.' }),
    next_sequence: whole,
  },
  { title: 'Replayed' },
)

/** A delivery as it came to a merchant. */
export const VerifySignature = Type.Object({
  body: Type.String({ maxLength: 262_144, description: 'The body as it arrived, raw.' }),
  headers: Type.Optional(Type.Record(Type.String(), Type.String(), { default: {} })),
  salt: Type.String({ minLength: 1, maxLength: 255 }),
  version: Type.Optional(Type.Union([Type.Integer(), Type.String()], { description: 'Only this signature: `1`, `2` or `standard`.' })),
  delivery_id: Type.Optional(Type.String({ format: 'uuid', description: 'The delivery it should be; then every change of the body is named.' })),
})
export type VerifySignature = Static<typeof VerifySignature>

const Findings = Type.Array(
  Type.Object({ code: Type.String(), message: Type.String(), at: Type.Optional(Type.Integer({ description: 'The first byte that differs.' })) }),
)

export const SignatureVerdict = Type.Object(
  {
    verifies: Type.Boolean({ description: 'There is a signature, and every one that is there is right.' }),
    checks: Type.Array(Type.Object({ scheme: Type.String(), verifies: Type.Boolean(), findings: Findings })),
    findings: Findings,
  },
  { title: 'SignatureVerdict' },
)

/** A delivery with its exact body and every try. */
export function presentDetail(row: WholeDelivery, attempts: AttemptRow[], business: Business): WebhookDeliveryDetail {
  return {
    ...presentDelivery(row, business.timezone, row.due_at),
    body: row.body,
    tries: attempts.map((attempt) => ({
      number: attempt.number,
      sent_at: formatBusinessTime(attempt.sent_at, business.timezone),
      duration_ms: attempt.duration_ms,
      request: { headers: attempt.request_headers },
      response:
        attempt.response_status === null
          ? null
          : { status: attempt.response_status, headers: attempt.response_headers ?? {}, body: attempt.response_body ?? '' },
      error: attempt.error,
    })),
  }
}
