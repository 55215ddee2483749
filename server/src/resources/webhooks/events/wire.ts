import { type Static, Type } from 'typebox'
import { plainText } from '#foundation/http/schemas.ts'

const text = Type.Unsafe<string | null>({ type: ['string', 'null'] })

export const Event = Type.Object(
  {
    id: Type.String({ format: 'uuid' }),
    sequence: Type.Integer({ description: 'Sequence number within your business: 1, 2, 3 … without gaps.' }),
    type: Type.String({ description: 'For example `customer.updated`.' }),
    object_id: Type.String({ format: 'uuid' }),
    data: Type.Unsafe<Record<string, unknown>>({
      type: 'object',
      additionalProperties: true,
      description: 'The object after the change, as the API returns it.',
    }),
    previous_attributes: Type.Unsafe<Record<string, unknown> | null>({
      type: ['object', 'null'],
      additionalProperties: true,
      description: 'On updates: the changed attributes with their previous values.',
    }),
    request_id: text,
    caller: Type.Unsafe<{ kind: string; id: string | null } | null>({
      type: ['object', 'null'],
      properties: { kind: { type: 'string', enum: ['key', 'staff', 'payer', 'system'] }, id: { type: ['string', 'null'] } },
      required: ['kind', 'id'],
      description:
        'Who caused the event: an API key or a staff member, with its id; a payer; or Hawker itself. `null` for events from before this was recorded.',
    }),
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
      next_cursor: Type.String({ description: 'Where to continue; set even when there are no further events yet.' }),
      has_more: Type.Boolean(),
    }),
  },
  { title: 'EventList' },
)

export const ListEvents = Type.Object({
  after: Type.Optional(
    Type.String({
      maxLength: 18,
      pattern: '^[0-9]{1,18}$',
      description: 'The `meta.next_cursor` of the previous page, a sequence number. Omit it to start at the beginning.',
    }),
  ),
  per_page: Type.Integer({ minimum: 1, maximum: 100, default: 25 }),
  type: Type.Optional(plainText(64, { description: 'Only this type, or `customer.*` for all customer events.' })),
})
export type ListEvents = Static<typeof ListEvents>
