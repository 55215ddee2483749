import type { Tx } from '#engine/records/kind.ts'
import { violatedConstraint } from '#foundation/database/database.ts'
import type { Call } from '#foundation/http/api.ts'
import { callbackUrlFault } from '#foundation/outgoing/callback-url.ts'
import { keyIdOf } from '#foundation/shared/caller.ts'
import { ApiError, conflict, type FieldErrors, invalid } from '#foundation/shared/errors.ts'
import { newId } from '#foundation/shared/ids.ts'
import { isCalendarDay, nextDay, parseMoment, startOfDay } from '#foundation/shared/time.ts'
import { lastSequence } from '#resources/webhooks/events/queries.ts'
import { findEndpoint } from '#resources/webhooks/webhook-events/queries.ts'
import { insertReplay, pendingReplayOf, type ReplayRow } from './queries.ts'
import type { ReplayEvents } from './wire.ts'
import { mostWaiting, nextBatch, type ReplayDeps, waitsForRoom } from './work-off-replay.ts'

/** The start of a day, at the upper end of the next day; or a timestamp, which is included at both ends. */
function bound(field: 'from' | 'to', text: string | undefined, timezone: string, errors: FieldErrors): Date | undefined {
  if (text === undefined) return undefined
  const isUpper = field === 'to'
  if (isCalendarDay(text)) return startOfDay(isUpper ? nextDay(text) : text, timezone)
  const at = parseMoment(text, timezone)
  if (!at) errors[field] = [`The ${field} is not a valid date.`]
  return at && isUpper ? new Date(at.getTime() + 1) : at
}

type Selected = Pick<ReplayRow, 'created_from' | 'created_before' | 'event_type' | 'from_sequence'> & { last: bigint | undefined }

function selectedBy({ business, body }: Call<unknown, ReplayEvents>): Selected {
  const errors: FieldErrors = {}
  const { from_sequence: first, to_sequence: last, event_type: eventType, url } = body
  const selected: Selected = {
    from_sequence: first === undefined ? 1n : BigInt(first),
    last: last === undefined ? undefined : BigInt(last),
    created_from: bound('from', body.from, business.timezone, errors) ?? null,
    created_before: bound('to', body.to, business.timezone, errors) ?? null,
    event_type: eventType ?? null,
  }
  if ([first, last, body.from, body.to, eventType].every((value) => value === undefined))
    errors.from_sequence = ['Select the events with from_sequence, to_sequence, from, to or event_type.']
  if (first !== undefined && last !== undefined && first > last) errors.to_sequence = ['The to sequence must be at least the from sequence.']
  const fault = url === undefined ? undefined : callbackUrlFault(url, business, 'url')
  if (fault) errors.url = [fault]
  if (Object.keys(errors).length > 0) throw invalid(errors)
  return selected
}

async function targetOf(tx: Tx, { business, body, caller }: Call<unknown, ReplayEvents>): Promise<Pick<ReplayRow, 'endpoint_id' | 'url' | 'api_key_id'>> {
  const endpoint = body.endpoint_id === undefined ? undefined : await findEndpoint(tx, business.id, body.endpoint_id.toLowerCase())
  if (body.endpoint_id !== undefined && !endpoint) throw invalid({ endpoint_id: ['The selected endpoint id is invalid.'] })
  if (endpoint?.disabled_at && body.url === undefined) throw invalid({ endpoint_id: ['The webhook event is disabled; enable it first.'] })
  return { endpoint_id: endpoint?.id ?? null, url: body.url ?? null, api_key_id: keyIdOf(caller) }
}

const inProgress = (id: string | undefined) =>
  conflict('replay_in_progress', `Another replay${id === undefined ? '' : ` (${id})`} is in progress; wait until it has ended, or cancel it.`)

/**
 * Begins a replay and does its first batch, which is all of a small one. The worker does the rest. Throws a 409 while another
 * one is in progress, and a 429 while too many deliveries of the business wait to be sent.
 */
export async function beginReplay(tx: Tx, call: Call<unknown, ReplayEvents>, deps: ReplayDeps): Promise<ReplayRow> {
  const { business, at } = call
  const { last, ...selected } = selectedBy(call)
  const target = await targetOf(tx, call)
  if (await waitsForRoom(tx, business.id)) {
    const text = `More than ${mostWaiting.toLocaleString('en')} deliveries wait to be sent; try again when there are fewer.`
    throw new ApiError(429, 'too_many_deliveries', text, { headers: { 'retry-after': '30' } })
  }
  const end = await lastSequence(tx, business.id)
  const begun: ReplayRow = {
    ...selected,
    ...target,
    business_id: business.id,
    id: newId<'replay'>(at),
    to_sequence: last === undefined || last > end ? end : last,
    status: 'pending',
    error: null,
    next_sequence: selected.from_sequence,
    events: 0n,
    queued: 0n,
    due_at: at,
    created_at: at,
    updated_at: at,
    finished_at: null,
  }
  const replay = await nextBatch(tx, begun, deps, at)
  if (replay.status === 'pending') {
    const other = await pendingReplayOf(tx, business.id)
    if (other !== undefined) throw inProgress(other)
  }
  await insertReplay(tx, replay).catch((error: unknown) => {
    throw violatedConstraint(error) === 'webhook_replays_pending' ? inProgress(undefined) : error
  })
  return replay
}
