import type { OrderedEvent } from '#engine/events/order-events.ts'
import type { Database, Db } from '#foundation/database/database.ts'
import type { Call } from '#foundation/http/api.ts'
import type { Answer } from '#foundation/http/idempotency.ts'
import { writeOnce } from '#foundation/http/transaction.ts'
import { callbackUrlFault } from '#foundation/outgoing/callback-url.ts'
import { keyIdOf } from '#foundation/shared/caller.ts'
import type { Clock } from '#foundation/shared/clock.ts'
import { type FieldErrors, invalid } from '#foundation/shared/errors.ts'
import { isCalendarDay, nextDay, parseMoment, startOfDay } from '#foundation/shared/time.ts'
import { type ReplayTarget, replayEvents } from '#resources/webhooks/delivery/fan-out.ts'
import { findEndpoint } from '#resources/webhooks/webhook-events/queries.ts'
import { type EventRange, eventsInRange } from './queries.ts'
import type { ReplayEvents } from './wire.ts'

const mostEvents = 10_000

export interface ReplayDeps {
  database: Database
  clock: Clock
  secretKey: () => Buffer
}

/** The start of a day, at the upper end of the next day; or a timestamp, which is included at both ends. */
function bound(field: 'from' | 'to', text: string | undefined, timezone: string, errors: FieldErrors): Date | undefined {
  if (text === undefined) return undefined
  const isUpper = field === 'to'
  if (isCalendarDay(text)) return startOfDay(isUpper ? nextDay(text) : text, timezone)
  const at = parseMoment(text, timezone)
  if (!at) errors[field] = [`The ${field} is not a valid date.`]
  return at && isUpper ? new Date(at.getTime() + 1) : at
}

function rangeOf({ business, body }: Call<unknown, ReplayEvents>): EventRange {
  const errors: FieldErrors = {}
  const { from_sequence: first, to_sequence: last, event_type: eventType, url } = body
  const range: EventRange = {
    fromSequence: first === undefined ? undefined : BigInt(first),
    toSequence: last === undefined ? undefined : BigInt(last),
    from: bound('from', body.from, business.timezone, errors),
    before: bound('to', body.to, business.timezone, errors),
    eventType,
  }
  if ([first, last, body.from, body.to, eventType].every((value) => value === undefined))
    errors.from_sequence = ['Select the events with from_sequence, to_sequence, from, to or event_type.']
  if (first !== undefined && last !== undefined && first > last) errors.to_sequence = ['The to sequence must be at least the from sequence.']
  const fault = url === undefined ? undefined : callbackUrlFault(url, business, 'url')
  if (fault) errors.url = [fault]
  if (Object.keys(errors).length > 0) throw invalid(errors)
  return range
}

async function targetOf(tx: Db, { business, body, caller }: Call<unknown, ReplayEvents>): Promise<ReplayTarget> {
  const endpoint = body.endpoint_id === undefined ? undefined : await findEndpoint(tx, business.id, body.endpoint_id.toLowerCase())
  if (body.endpoint_id !== undefined && !endpoint) throw invalid({ endpoint_id: ['The selected endpoint id is invalid.'] })
  if (body.url !== undefined) return { url: body.url, endpointId: endpoint?.id ?? null, apiKeyId: keyIdOf(caller) }
  if (endpoint?.disabled_at) throw invalid({ endpoint_id: ['The webhook event is disabled; enable it first.'] })
  return endpoint ? { endpoint } : 'same'
}

/** Replays past events: with their old ids and bytes, as new deliveries. */
export function replay(deps: ReplayDeps): (call: Call<unknown, ReplayEvents>) => Promise<Answer> {
  return (call) => {
    const range = rangeOf(call)
    return writeOnce(deps.database.db, call.claim, call.at, async (tx) => {
      const found = await eventsInRange(tx, call.business.id, range, mostEvents + 1)
      const events = found.slice(0, mostEvents) as Omit<OrderedEvent, 'business_id'>[]
      const queued = await replayEvents(tx, call.business.id, events, await targetOf(tx, call), deps)
      const next = found[mostEvents]
      const answer = { events: events.length, queued, has_more: next !== undefined, next_sequence: next === undefined ? null : Number(next.sequence) }
      return { status: 200, body: JSON.stringify(answer) }
    })
  }
}
