import { type Static, Type } from 'typebox'
import { CursorPage, plainText } from '#foundation/http/schemas.ts'
import type { Business } from '#foundation/shared/business.ts'
import { formatBusinessTime } from '#foundation/shared/time.ts'
import { presentDelivery } from '#resources/webhooks/delivery/delivery-wire.ts'
import type { AttemptRow, WholeDelivery } from './queries.ts'

const text = Type.Unsafe<string | null>({ type: ['string', 'null'] })
const whole = Type.Unsafe<number | null>({ type: ['integer', 'null'] })
const headers = Type.Record(Type.String(), Type.String())

const shown = {
  id: Type.String({ format: 'uuid' }),
  event_id: Type.String({ format: 'uuid', description: 'Also sent as `webhook-id`; the same on every attempt.' }),
  event_type: Type.String(),
  sequence: Type.Integer({ description: "The event's sequence number within your business." }),
  object_id: Type.String({ format: 'uuid' }),
  endpoint_id: Type.Unsafe<string | null>({ type: ['string', 'null'], description: 'The webhook event; null for callbacks and for replays to a URL.' }),
  version: Type.Integer({ description: "1 for a payment request's own callback (a form), 2 for events (JSON)." }),
  url: Type.String(),
  status: Type.String({ description: '`pending`, `succeeded`, `failed` (no more retries) or `canceled` (its endpoint was deleted or disabled).' }),
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
    description: 'The response, with its body truncated to 64 KiB; null if there was none.',
  }),
  error: Type.Unsafe<string | null>({ type: ['string', 'null'], description: 'Why there was no response: a code and a sentence.' }),
})

export const WebhookDeliveryDetail = Type.Object(
  {
    ...shown,
    body: Type.String({ description: 'The exact body, the same on every attempt.' }),
    tries: Type.Array(Try, { description: 'All attempts, oldest first; if there are very many, the first hundred and the last one.' }),
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
  object_id: Type.Optional(Type.String({ format: 'uuid', description: 'For example the id of a charge or a payment request.' })),
  endpoint_id: Type.Optional(Type.String({ format: 'uuid' })),
  event_type: Type.Optional(plainText(64, { description: 'Only this type, or `customer.*` for all customer events.' })),
})
export type ListWebhookDeliveries = Static<typeof ListWebhookDeliveries>

/** Which events to replay, and their destination. */
/** A delivery as a merchant received it. */
export const VerifySignature = Type.Object({
  body: Type.String({ maxLength: 262_144, description: 'The raw body as received.' }),
  headers: Type.Optional(Type.Record(Type.String(), Type.String({ maxLength: 16_384 }), { default: {} })),
  salt: Type.String({ minLength: 1, maxLength: 255 }),
  version: Type.Optional(Type.Union([Type.Integer(), Type.String({ maxLength: 16 })], { description: 'Check only this signature: `1`, `2` or `standard`.' })),
  delivery_id: Type.Optional(
    Type.String({ format: 'uuid', description: 'The delivery that the body belongs to; with it, every change to the body is reported.' }),
  ),
})
export type VerifySignature = Static<typeof VerifySignature>

const Findings = Type.Array(
  Type.Object({ code: Type.String(), message: Type.String(), at: Type.Optional(Type.Integer({ description: 'Position of the first byte that differs.' })) }),
)

export const SignatureVerdict = Type.Object(
  {
    verifies: Type.Boolean({ description: 'Whether there is a signature and every signature is valid.' }),
    checks: Type.Array(Type.Object({ scheme: Type.String(), verifies: Type.Boolean(), findings: Findings })),
    findings: Findings,
  },
  { title: 'SignatureVerdict' },
)

/** A delivery with its exact body and every attempt. */
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
