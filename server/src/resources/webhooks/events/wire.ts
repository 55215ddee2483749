import { type Static, Type } from 'typebox'
import { plainText } from '#foundation/http/schemas.ts'

const text = Type.Unsafe<string | null>({ type: ['string', 'null'] })

export const Event = Type.Object(
  {
    id: Type.String({ format: 'uuid' }),
    sequence: Type.Integer({ description: "The event's place in your business's order: 1, 2, 3 … without a gap." }),
    type: Type.String({ description: 'For example `customer.updated`.' }),
    object_id: Type.String({ format: 'uuid' }),
    data: Type.Unsafe<Record<string, unknown>>({
      type: 'object',
      additionalProperties: true,
      description: 'The object after the change, as the API shows it.',
    }),
    previous_attributes: Type.Unsafe<Record<string, unknown> | null>({
      type: ['object', 'null'],
      additionalProperties: true,
      description: 'On updates: what changed, with its values before.',
    }),
    request_id: text,
    created_at: Type.String(),
  },
  { title: 'Event' },
)
export type Event = Static<typeof Event>

export const EventList = Type.Object(
  {
    data: Type.Array(Event),
    meta: Type.Object({
      per_page: Type.Integer(),
      next_cursor: Type.String({ description: 'Where to go on, also when there is nothing more yet.' }),
      has_more: Type.Boolean(),
    }),
  },
  { title: 'EventList' },
)

export const ListEvents = Type.Object({
  after: Type.Optional(
    Type.String({ pattern: '^[0-9]{1,18}$', description: '`meta.next_cursor` of the page before: a sequence. Without it, from the beginning.' }),
  ),
  per_page: Type.Integer({ minimum: 1, maximum: 100, default: 25 }),
  type: Type.Optional(plainText(64, { description: 'Only this type, or `customer.*` for all of an object.' })),
})
export type ListEvents = Static<typeof ListEvents>
