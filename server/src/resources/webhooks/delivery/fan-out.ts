import { sql } from 'kysely'
import type { OnOrdered, OrderedEvent } from '#engine/events/order-events.ts'
import { rowsSql } from '#foundation/database/binary-arrays.ts'
import type { Db } from '#foundation/database/database.ts'
import { runPrepared } from '#foundation/database/prepared.ts'
import { sameBusinessSql } from '#foundation/database/same-business.ts'
import type { Clock } from '#foundation/shared/clock.ts'
import { newId } from '#foundation/shared/ids.ts'
import { decryptSecret, sha256 } from '#foundation/shared/secrets.ts'
import { v1Body } from './signature.ts'

export interface FanOutDeps {
  /** Decrypts stored salts. */
  secretKey: () => Buffer
  clock: Pick<Clock, 'now'>
}

/** The fields of a registered endpoint that sending needs. */
export interface EndpointTarget {
  id: string
  url: string
  /** Null means every event. */
  event_types: string[] | null
}

/** One event for one URL, before it is written. */
interface PlannedDelivery {
  businessId: string
  eventId: string
  endpointId: string | null
  version: 1 | 2
  url: string
  target: string
  lane: string
  apiKeyId: string | null
  /** Null: the event's own data, byte for byte. */
  body: string | null
  /** False if nothing could sign it; it is stored as failed, so that it is visible. */
  isSigned: boolean
}

/** Whether a list of event types, in which `customer.*` matches all events of an object, contains a type; null contains every one. */
export function wantsEvent(eventTypes: readonly string[] | null, type: string): boolean {
  return eventTypes === null || eventTypes.some((wanted) => wanted === type || (wanted.endsWith('.*') && type.startsWith(wanted.slice(0, -1))))
}

/** The lane of a URL without an endpoint: its host, so that a host that hangs delays only itself. */
export function laneOfUrl(url: string): string {
  const host = URL.canParse(url) ? new URL(url).host : 'unreadable'
  return `host:${host.slice(0, 255)}`
}

const toUrl = (url: string) => ({ url, target: sha256(url).slice(0, 32), lane: laneOfUrl(url), endpointId: null })

function toEndpoint(event: OrderedEvent, { id, url }: EndpointTarget): PlannedDelivery {
  return { businessId: event.business_id, eventId: event.id, endpointId: id, version: 2, url, target: id, lane: id, apiKeyId: null, body: null, isSigned: true }
}

/** The enabled endpoints, by business. */
async function enabledEndpoints(tx: Db, businessIds: string[]): Promise<Map<string, EndpointTarget[]>> {
  const rows = await tx
    .selectFrom('webhook_endpoints')
    .select(['business_id', 'id', 'url', 'event_types'])
    .where('business_id', 'in', businessIds)
    .where('disabled_at', 'is', null)
    .orderBy('business_id')
    .orderBy('id')
    .execute()
  const endpoints = new Map<string, EndpointTarget[]>()
  for (const { business_id, ...endpoint } of rows) endpoints.set(business_id, [...(endpoints.get(business_id) ?? []), endpoint])
  return endpoints
}

/** An API key that signs callbacks; without a salt where that cannot be opened. */
interface Signer {
  id: string
  salt: string | undefined
}

/** Finds the key that signs a callback: the one that is named, or the oldest active key of its business. */
type FindSigner = (businessId: string, apiKeyId: string | null) => Signer | undefined

/** The API keys that sign the callbacks of events. */
async function signersOf(tx: Db, events: OrderedEvent[], secretKey: () => Buffer): Promise<FindSigner> {
  const called = events.flatMap(({ business_id, callbacks }) => (callbacks ?? []).map(({ apiKeyId }) => ({ businessId: business_id, apiKeyId })))
  const businessesOf = (wanted: typeof called) => [...new Set(wanted.map(({ businessId }) => businessId))]
  const [named, unnamed] = [called.filter(({ apiKeyId }) => apiKeyId !== null), called.filter(({ apiKeyId }) => apiKeyId === null)]
  const keys = tx.selectFrom('api_keys').select(['business_id', 'id', 'salt_encrypted'])
  const signers = new Map<string, Signer>()
  if (named.length > 0) {
    const ids = [...new Set(named.flatMap(({ apiKeyId }) => apiKeyId ?? []))]
    for (const { business_id, id, salt_encrypted } of await keys.where('business_id', 'in', businessesOf(named)).where('id', 'in', ids).execute())
      signers.set(`${business_id} ${id}`, { id, salt: opened(salt_encrypted, secretKey) })
  }
  if (unnamed.length > 0) {
    const active = keys.where('business_id', 'in', businessesOf(unnamed)).where('revoked_at', 'is', null)
    for (const { business_id, id, salt_encrypted } of await active.distinctOn('business_id').orderBy('business_id').orderBy('id').execute())
      signers.set(business_id, { id, salt: opened(salt_encrypted, secretKey) })
  }
  return (businessId, apiKeyId) => signers.get(apiKeyId === null ? businessId : `${businessId} ${apiKeyId}`)
}

/** A stored salt; undefined when another secret key hid it, which must not hold up the business's events. */
function opened(salt: string, secretKey: () => Buffer): string | undefined {
  try {
    return decryptSecret(salt, secretKey())
  } catch {
    return undefined
  }
}

/** The usual deliveries of events: one for every endpoint that subscribes to their type, and the callbacks that they carry. */
async function planned(tx: Db, events: OrderedEvent[], { secretKey }: FanOutDeps): Promise<PlannedDelivery[]> {
  if (events.length === 0) return []
  const endpoints = await enabledEndpoints(tx, [...new Set(events.map((event) => event.business_id))])
  const signerOf = await signersOf(tx, events, secretKey)
  return events.flatMap((event) => [
    ...(endpoints.get(event.business_id) ?? [])
      .filter(({ id, event_types }) => id !== event.about_endpoint && wantsEvent(event_types, event.type))
      .map((one) => toEndpoint(event, one)),
    ...(event.callbacks ?? []).map(({ url, apiKeyId, fields }): PlannedDelivery => {
      const signer = signerOf(event.business_id, apiKeyId)
      const salt = signer?.salt
      const body = salt === undefined ? new URLSearchParams(fields).toString() : v1Body(fields, salt)
      return {
        businessId: event.business_id,
        eventId: event.id,
        version: 1,
        ...toUrl(url),
        apiKeyId: signer?.id ?? apiKeyId,
        body,
        isSigned: salt !== undefined,
      }
    }),
  ])
}

const batch = 2_000

const plannedColumns = {
  business_id: 'uuid',
  id: 'uuid',
  event_id: 'uuid',
  endpoint_id: 'uuid',
  version: 'int2',
  url: 'text',
  target: 'text',
  api_key_id: 'uuid',
  body: 'text',
  signed: 'bool',
  at: 'timestamptz',
} as const

const queueColumns = { business_id: 'uuid', id: 'uuid', lane: 'text', at: 'timestamptz' } as const

/** Writes deliveries and queues them; returns how many there are. One that already exists is left unchanged. */
async function insertDeliveries(tx: Db, deliveries: PlannedDelivery[], replayId: string | null, { clock }: FanOutDeps): Promise<number> {
  let count = 0
  const moments = new Map<string, Date>()
  const momentOf = (businessId: string): Date => {
    const moment = moments.get(businessId) ?? clock.now(businessId)
    moments.set(businessId, moment)
    return moment
  }
  for (let from = 0; from < deliveries.length; from += batch) {
    const some = deliveries.slice(from, from + batch).map(({ businessId, eventId, endpointId, apiKeyId, isSigned, ...one }) => {
      const at = momentOf(businessId)
      return {
        ...one,
        business_id: businessId,
        id: newId<'delivery'>(at),
        event_id: eventId,
        endpoint_id: endpointId,
        api_key_id: apiKeyId,
        signed: isSigned,
        at,
      }
    })
    const businesses = some.map((one) => one.business_id)
    const { rows } = await runPrepared(
      tx,
      'insert_deliveries',
      sql<{ id: string }>`
      insert into webhook_deliveries (business_id, id, event_id, event_type, event_sequence, object_id, endpoint_id, version, url, target, replay_id,
        body, api_key_id, status, attempts, step, queued_at, created_at, updated_at)
      select i.business_id, i.id, i.event_id, e.type, e.sequence, e.object_id, i.endpoint_id, i.version, i.url, i.target, ${replayId}::uuid,
        coalesce(i.body, e.data::text), i.api_key_id, case when i.signed then 'pending' else 'failed' end, 0, 0, i.at, i.at, i.at
      from ${rowsSql('i', plannedColumns, some)}
      join events e on ${sameBusinessSql('e', 'i', businesses)} and e.id = i.event_id
      on conflict (business_id, event_id, target, replay_id) do nothing
      returning id`,
    )
    const written = new Set(rows.map(({ id }) => id))
    const queued = some.filter(({ id, signed }) => signed && written.has(id))
    await runPrepared(
      tx,
      'queue_deliveries',
      sql`insert into webhook_queue (business_id, delivery_id, lane, due_at) select * from ${rowsSql('i', queueColumns, queued)}`,
    )
    count += queued.length
  }
  return count
}

/** Writes the deliveries of events that have just been sequenced, in the same transaction. */
export function fanOut(deps: FanOutDeps): OnOrdered {
  return async (tx, events) => {
    const deliveries = await planned(tx, events, deps)
    await insertDeliveries(tx, deliveries, null, deps)
    return new Set(deliveries.filter(({ isSigned }) => isSigned).map(({ businessId }) => businessId))
  }
}

/** The destination of a replay: the usual destinations, one endpoint, or a URL (signed by an endpoint's salt or a key's). */
export type ReplayTarget = { endpoint: EndpointTarget } | { url: string; endpointId: string | null; apiKeyId: string | null } | 'same'

/** Writes deliveries of events that were sequenced before, once for each replay; returns how many. */
export async function replayEvents(
  tx: Db,
  { businessId, replayId }: { businessId: string; replayId: string },
  events: Omit<OrderedEvent, 'business_id'>[],
  target: ReplayTarget,
  deps: FanOutDeps,
): Promise<number> {
  const again = events.map((event) => ({ ...event, business_id: businessId }))
  let deliveries: PlannedDelivery[]
  if (target === 'same') deliveries = await planned(tx, again, deps)
  else if ('endpoint' in target) deliveries = again.map((event) => toEndpoint(event, target.endpoint))
  else {
    const { url, endpointId, apiKeyId } = target
    deliveries = again.map((event) => ({ businessId, eventId: event.id, version: 2, ...toUrl(url), endpointId, apiKeyId, body: null, isSigned: true }))
  }
  return insertDeliveries(tx, deliveries, replayId, deps)
}
