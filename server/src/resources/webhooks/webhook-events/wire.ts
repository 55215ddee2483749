import { type Static, Type } from 'typebox'
import { eventTypes } from '#engine/events/emit-event.ts'
import type { Business } from '#foundation/http/authentication.ts'
import { nullable, plainText } from '#foundation/http/schemas.ts'
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

/** Every type that an endpoint may be registered for. */
export const knownEventTypes: readonly string[] = [...new Set<string>([...eventTypes, ...hitpayTypes])]

const fields = {
  name: plainText(255, { minLength: 1, description: 'The name of the endpoint, for people.' }),
  url: plainText(1028, { minLength: 1, description: 'Where events are posted to. https; in the sandbox http too.' }),
  event_types: Type.Array(plainText(64), {
    minItems: 1,
    maxItems: 200,
    description: 'The types to be told of; `customer.*` stands for all of an object. Left out or `*`: every type, also those to come.',
  }),
}

/** What `PUT` and `PATCH` take; what is absent stays as it is. */
export const UpdateWebhookEvent = Type.Object({
  ...Type.Partial(Type.Object(fields)).properties,
  event_types: Type.Optional(nullable(fields.event_types)),
  enabled: Type.Optional(Type.Boolean({ description: 'False switches the endpoint off; true on again, also after it answered 410.' })),
})
export type UpdateWebhookEvent = Static<typeof UpdateWebhookEvent>

/** What `POST` takes (behaviour §4.3). */
export const CreateWebhookEvent = Type.Object({ ...UpdateWebhookEvent.properties, name: fields.name, url: fields.url })
export type CreateWebhookEvent = Static<typeof CreateWebhookEvent>

export const WebhookEvent = Type.Object(
  {
    id: Type.String({ format: 'uuid' }),
    business_id: Type.String({ format: 'uuid' }),
    name: Type.String(),
    url: Type.String(),
    event_types: Type.Array(Type.String()),
    salt: Type.String({ description: "Signs what is sent to this endpoint: the key of `Hitpay-Signature`, over the raw body's bytes." }),
    enabled: Type.Boolean(),
    disabled_reason: Type.Unsafe<string | null>({
      type: ['string', 'null'],
      description: '`gone` when it answered 410, `switched_off` when a request did it.',
    }),
    created_at: Type.String(),
    updated_at: Type.String(),
  },
  { title: 'WebhookEvent' },
)
export type WebhookEvent = Static<typeof WebhookEvent>

export const WebhookEventList = Type.Array(WebhookEvent)

/** An endpoint as the API shows it, with its salt opened. */
export function presentWebhookEvent(row: EndpointRow, salt: string, business: Business): WebhookEvent {
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
