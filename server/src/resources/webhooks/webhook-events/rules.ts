import type { Fields } from '#engine/records/kind.ts'
import { tables } from '#foundation/database/columns.ts'
import { blankRow } from '#foundation/database/rows.ts'
import { callbackUrlFault } from '#foundation/outgoing/callback-url.ts'
import type { Business } from '#foundation/shared/business.ts'
import { type FieldErrors, invalid } from '#foundation/shared/errors.ts'
import type { EndpointRow } from './queries.ts'
import { type CreateWebhookEvent, knownEventTypes, type UpdateWebhookEvent } from './wire.ts'

/** The types as they are stored: null for all of them. Names each unknown one in `errors`. */
function storedEventTypes(types: string[] | null, errors: FieldErrors): string[] | null {
  if (types === null || types.includes('*')) return null
  for (const [i, type] of types.entries()) {
    const isKnown = type.endsWith('.*') ? knownEventTypes.some((known) => known.startsWith(type.slice(0, -1))) : knownEventTypes.includes(type)
    if (!isKnown) errors[`event_types.${i}`] = [`The selected event_types.${i} is invalid.`]
  }
  return [...new Set(types)]
}

/** What an endpoint is made of when nothing is known of it but its name, its URL and its salt. */
export function newEndpoint({ name, url }: CreateWebhookEvent, saltEncrypted: string): Fields<EndpointRow> {
  return { ...blankRow<EndpointRow>(tables.webhook_endpoints), name, url, salt_encrypted: saltEncrypted }
}

/** An endpoint after a request's changes. Throws a 422 that names every bad field. */
export function applyEndpoint<Row extends Fields<EndpointRow>>(before: Row, body: UpdateWebhookEvent, business: Business, at: Date): Row {
  const errors: FieldErrors = {}
  const row = { ...before }
  if (body.name !== undefined) row.name = body.name
  if (body.url !== undefined) {
    const fault = callbackUrlFault(body.url, business, 'url')
    if (fault) errors.url = [fault]
    row.url = body.url
  }
  if (body.event_types !== undefined) row.event_types = storedEventTypes(body.event_types, errors)
  if (Object.keys(errors).length > 0) throw invalid(errors)
  if (body.enabled === true) Object.assign(row, { disabled_reason: null, disabled_at: null })
  if (body.enabled === false && before.disabled_at === null) Object.assign(row, { disabled_reason: 'switched_off', disabled_at: at })
  return row
}
