import { type OnOrdered, orderPendingEvents } from '#engine/events/order-events.ts'
import { isContention } from '#foundation/database/database.ts'
import type { Deps } from '#foundation/deps.ts'
import type { Api } from '#foundation/http/api.ts'
import type { Business } from '#foundation/shared/business.ts'
import { readCallerText } from '#foundation/shared/caller.ts'
import { notFound } from '#foundation/shared/errors.ts'
import { isUuid } from '#foundation/shared/ids.ts'
import { formatBusinessTime } from '#foundation/shared/time.ts'
import { type EventRow, eventPages, findEvent, lastSequence } from './queries.ts'
import { Event, EventList, ListEvents } from './wire.ts'

function presentEvent(row: EventRow, business: Business): Event {
  return {
    id: row.id,
    sequence: Number(row.sequence),
    type: row.type,
    object_id: row.object_id,
    data: row.data as Event['data'],
    previous_attributes: row.previous_attributes as Event['previous_attributes'],
    request_id: row.request_id,
    caller: row.caller === null ? null : readCallerText(row.caller),
    created_at: formatBusinessTime(row.created_at, business.timezone),
  }
}

export interface EventsDeps extends Pick<Deps, 'database' | 'groupAcrossBusinesses' | 'onEvent'> {
  onOrdered: OnOrdered
}

/** A business's events in an order without gaps, read with a cursor. */
export function eventsRoutes(api: Api, { database, groupAcrossBusinesses, onOrdered, onEvent }: EventsDeps): void {
  const events = api.group('Events')
  const page = eventPages(database, groupAcrossBusinesses)
  // The statements are planned by key, as in the relay. A wait for the relay's lock may be longer than that pool allows.
  const sequencePending = async (businessId: string) => {
    const sequenced = await orderPendingEvents(database.write, businessId, onOrdered).catch((error: unknown) => {
      if (!isContention(error)) throw error
      return orderPendingEvents(database.db, businessId, onOrdered)
    })
    // The worker sends the deliveries that were created here.
    if (sequenced > 0) onEvent(businessId)
  }

  events.read(
    '/v1/events',
    {
      operationId: 'listEvents',
      summary: 'Follow events',
      description:
        'Oldest first. Store `meta.next_cursor` and send it with the next request: no event is skipped, even one that commits late, and none is returned twice.',
      query: ListEvents,
      answers: { 200: EventList },
    },
    async ({ business, query }) => {
      // What was committed before this request is in its response: no one has to wait for the relay.
      await sequencePending(business.id)
      const after = BigInt(query.after ?? '0')
      // Read before the events, so that a filtered follower never skips one that is added in between.
      const last = query.type === undefined ? 0n : await lastSequence(database.db, business.id)
      const rows = await page(business.id, { after, type: query.type, limit: query.per_page + 1 })
      const more = rows.length > query.per_page
      const shown = rows.slice(0, query.per_page)
      let cursor = shown.at(-1)?.sequence ?? after
      if (!more && last > cursor) cursor = last
      const meta = { per_page: query.per_page, next_cursor: String(cursor), has_more: more }
      return { status: 200, body: JSON.stringify({ data: shown.map((row) => presentEvent(row, business)), meta }) }
    },
  )

  events.read('/v1/events/:event_id', { operationId: 'getEvent', summary: 'Get an event', answers: { 200: Event } }, async ({ business, params }) => {
    const id = params.event_id ?? ''
    if (isUuid(id)) await sequencePending(business.id)
    const row = isUuid(id) ? await findEvent(database.db, business.id, id) : undefined
    if (!row) throw notFound('Event', id)
    return { status: 200, body: JSON.stringify(presentEvent(row, business)) }
  })
}
