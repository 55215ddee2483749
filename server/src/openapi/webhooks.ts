import { ownValue } from '@hawker/web/own-value'
import { type EventType, eventTypes } from '#engine/events/emit-event.ts'
import type { Recorded } from './examples.ts'

type Json = Record<string, unknown>

/** The component that describes the data of an object's events. */
const dataOf = new Map([
  ['charge', 'ChargeEventData'],
  ['payment_request', 'PaymentRequest'],
  ['customer', 'Customer'],
  ['refund', 'Refund'],
  ['bank_credit', 'BankCredit'],
  ['webhook_delivery', 'WebhookDelivery'],
])

const happenings = new Map<EventType, string>([
  ['charge.created', 'A payment succeeded.'],
  ['charge.updated', 'A charge changed, for example because it was refunded.'],
  ['charge.failed', 'A payment failed or was canceled.'],
  ['payment_request.completed', 'A payment request was paid.'],
  ['payment_request.failed', 'An in-person payment failed and ended its payment request.'],
  ['payment_request.deleted', 'A payment request was deleted.'],
  ['payment_request.expired', 'A payment request reached its expiry date unpaid.'],
  ['payment_request.canceled', 'A payment request was canceled.'],
  ['charge.unapplied', 'Money arrived that is recorded but not applied to its payment request.'],
  ['bank_credit.unmatched', 'An amount arrived that belongs to no payment request.'],
  ['bank_credit.allocated', 'An amount was allocated to a payment request.'],
  ['webhook_delivery.failed', 'A delivery failed after its last attempt.'],
])

const whatHappened = (type: EventType) => {
  const [object = '', verb = ''] = type.split('.')
  return happenings.get(type) ?? `A ${object.replaceAll('_', ' ')} was ${verb}.`
}

/** The data of an event: recorded, or that of another event about such an object, in the state that this one reports. `fields` are those of a delivery. */
function exampleOf(type: EventType, { events, examples }: Recorded, fields: string[]): Json {
  const [object = '', verb = ''] = type.split('.')
  const recorded = events[type]
  if (recorded) return recorded
  if (object === 'webhook_delivery') {
    const delivery = examples.getWebhookDelivery?.response as Json
    return { ...Object.fromEntries(Object.entries(delivery).filter(([name]) => fields.includes(name))), status: 'failed' }
  }
  const sibling = Object.entries(events).find(([name]) => name.startsWith(`${object}.`))?.[1]
  if (!sibling) throw new Error(`no example of ${type}`)
  return ['expired', 'failed', 'canceled'].includes(verb) ? { ...sibling, status: verb } : sibling
}

const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value)

/** A schema of values like the recorded ones; a field that is always null may be anything. */
function schemaLike(values: unknown[]): Json {
  const present = values.filter((value) => value !== null && value !== undefined)
  if (present.length === 0) return {}
  const nullable = present.length < values.length ? ['null'] : []
  const objects = present.filter(isObject)
  if (objects.length > 0) {
    const names = [...new Set(objects.flatMap((one) => Object.keys(one)))]
    const properties = names.map((name) => [name, schemaLike(objects.filter((one) => Object.hasOwn(one, name)).map((one) => ownValue(one, name)))])
    return { type: ['object', ...nullable], properties: Object.fromEntries(properties) }
  }
  const arrays = present.filter(Array.isArray)
  if (arrays.length > 0) return { type: ['array', ...nullable], items: schemaLike(arrays.flat()) }
  return { type: [...new Set(present.map((value) => typeof value)), ...nullable] }
}

/** What is sent to endpoints, by event type, and the components that no operation has. */
export function webhooksOf(recorded: Recorded, { PaymentRequest, WebhookDelivery }: Json): { webhooks: Json; schemas: Json } {
  const webhooks = Object.fromEntries(
    eventTypes.map((type) => {
      const component = type === 'payment_request.completed' ? 'CompletedPaymentRequest' : dataOf.get(type.split('.')[0] ?? '')
      const schema = { $ref: `#/components/schemas/${component}` }
      const post = {
        operationId: `on${type.replace(/(?:^|[._])([a-z])/g, (_, letter: string) => letter.toUpperCase())}`,
        summary: whatHappened(type),
        tags: ['Webhook events'],
        description:
          'Sent to every endpoint that subscribes to the type. `Hitpay-Signature` is the HMAC-SHA256 of the raw body under the salt of the endpoint, in hexadecimal; `webhook-id` is the same on every attempt.',
        requestBody: {
          required: true,
          content: { 'application/json': { schema, example: exampleOf(type, recorded, Object.keys((WebhookDelivery as { properties: Json }).properties)) } },
        },
        responses: { '2XX': { description: 'The event was received. Any other status is retried.' } },
      }
      return [type, { post }]
    }),
  )
  const ofCharges = Object.entries(recorded.events).flatMap(([type, data]) => (type.startsWith('charge.') ? [data] : []))
  const charge = { ...schemaLike(ofCharges), title: 'ChargeEventData', description: 'A charge, as its events contain it.' }
  const request = PaymentRequest as { properties: Json }
  const completed = {
    ...request,
    title: 'CompletedPaymentRequest',
    description: 'A payment request that was paid, with the method of its payment.',
    properties: { ...request.properties, payment_type: { type: 'string' } },
  }
  return { webhooks, schemas: { ChargeEventData: charge, CompletedPaymentRequest: completed } }
}
