import { formatBusinessTime } from '#foundation/shared/time.ts'
import type { DeliveryRow } from './delivery-queries.ts'

/** A delivery as the API lists it, and as `webhook_delivery.failed` contains it. */
export function presentDelivery(row: DeliveryRow, timezone: string, nextAttemptAt: Date | null) {
  return {
    id: row.id,
    event_id: row.event_id,
    event_type: row.event_type,
    sequence: Number(row.event_sequence),
    object_id: row.object_id,
    endpoint_id: row.endpoint_id,
    version: row.version,
    url: row.url,
    status: row.status,
    attempts: row.attempts,
    response_status: row.response_status,
    next_attempt_at: nextAttemptAt && formatBusinessTime(nextAttemptAt, timezone),
    is_replay: row.replay_id !== null,
    created_at: formatBusinessTime(row.created_at, timezone),
    updated_at: formatBusinessTime(row.updated_at, timezone),
  }
}
