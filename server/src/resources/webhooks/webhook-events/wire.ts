import { type Static, Type } from 'typebox'
import { eventTypes } from '#engine/events/emit-event.ts'
import type { Kind } from '#engine/records/kind.ts'
import { tables } from '#foundation/database/columns.ts'
import { nullable, plainText } from '#foundation/http/schemas.ts'
import type { Business } from '#foundation/shared/business.ts'
import { decryptSecret } from '#foundation/shared/secrets.ts'
import { formatBusinessTime } from '#foundation/shared/time.ts'
import type { EndpointRow } from './queries.ts'

/** Types that HitPay knows and that clients register, whether Hawker emits them yet or not (behaviour §4.2). */
const hitpayTypes = [
  'payout.created',
  'order.created',
  'order.updated',
  'invoice.created',
  'invoice.updated',
  'transfer.created',
  'transfer.updated',
  'transfer.processing',
  'transfer.scheduled',
  'transfer.paid',
  'transfer.failed',
  'transfer.canceled',
  'recurring_billing.method_attached',
  'recurring_billing.method_detached',
  'recurring_billing.subscription_updated',
]

/** Every type that an endpoint may subscribe to. */
export const knownEventTypes: readonly string[] = [...new Set<string>([...eventTypes, ...hitpayTypes])]

const fields = {
  name: plainText(255, { minLength: 1, description: 'Display name of the endpoint.' }),
  url: plainText(1028, { minLength: 1, description: 'URL that receives the events: https, in the sandbox also http.' }),
  event_types: Type.Array(plainText(64), {
    minItems: 1,
    maxItems: 200,
    description: 'Event types to subscribe to; `customer.*` matches all customer events. Omit or send `*` for every type, including future ones.',
  }),
}

/** The body of `PUT` and `PATCH`; absent fields stay unchanged. */
export const UpdateWebhookEvent = Type.Object({
  ...Type.Partial(Type.Object(fields)).properties,
  event_types: Type.Optional(nullable(fields.event_types)),
  enabled: Type.Optional(Type.Boolean({ description: '`false` disables the endpoint; `true` re-enables it, even after a 410 disabled it.' })),
})
export type UpdateWebhookEvent = Static<typeof UpdateWebhookEvent>

/** The body of `POST` (behaviour §4.3). */
export const CreateWebhookEvent = Type.Object({ ...UpdateWebhookEvent.properties, name: fields.name, url: fields.url })
export type CreateWebhookEvent = Static<typeof CreateWebhookEvent>

export const WebhookEvent = Type.Object(
  {
    id: Type.String({ format: 'uuid' }),
    business_id: Type.String({ format: 'uuid' }),
    name: Type.String(),
    url: Type.String(),
    event_types: Type.Array(Type.String()),
    salt: Type.String({ description: 'Key of `Hitpay-Signature`, which signs the raw body of everything sent to this endpoint.' }),
    enabled: Type.Boolean(),
    disabled_reason: Type.Unsafe<string | null>({
      type: ['string', 'null'],
      description: '`gone` after the endpoint answered 410, `switched_off` after a request disabled it.',
    }),
    created_at: Type.String(),
    updated_at: Type.String(),
  },
  { title: 'WebhookEvent' },
)
export type WebhookEvent = Static<typeof WebhookEvent>

export const WebhookEventList = Type.Array(WebhookEvent)

/** An endpoint as the API returns it, with its salt decrypted. */
function presentWebhookEvent(row: EndpointRow, salt: string, business: Business): WebhookEvent {
  return {
    id: row.id,
    business_id: row.business_id,
    name: row.name,
    url: row.url,
    event_types: row.event_types ?? [...knownEventTypes],
    salt,
    enabled: row.disabled_at === null,
    disabled_reason: row.disabled_reason,
    created_at: formatBusinessTime(row.created_at, business.timezone),
    updated_at: formatBusinessTime(row.updated_at, business.timezone),
  }
}

/** Webhook events; `secretKey` opens their salts. */
export const webhookEventKind = (secretKey: () => Buffer): Kind<EndpointRow> => ({
  name: 'Webhook',
  table: tables.webhook_endpoints,
  path: '/v1/webhook-events',
  present: (row, business) => presentWebhookEvent(row, decryptSecret(row.salt_encrypted, secretKey()), business),
})
