import { type Kysely, sql, type Transaction } from 'kysely'
import { arraySql, businessesSql } from '#foundation/database/binary-arrays.ts'
import { runPrepared } from '#foundation/database/prepared.ts'
import { sameBusinessSql } from '#foundation/database/same-business.ts'
import type { DB } from '#foundation/database/tables.ts'
import type { DueWork } from '#foundation/jobs/job.ts'
import type { Callback } from './emit-event.ts'

/** Events sequenced in one transaction; more wait for the next round. */
const batch = 2000
const defaultPollMs = 500
/** Businesses whose events are sequenced in one transaction. */
const mostBusinesses = 100

/** An event that has just got its sequence number. */
export interface OrderedEvent {
  business_id: string
  id: string
  sequence: bigint
  type: string
  callbacks: Callback[] | null
  /** The endpoint that the event is about, if it is about one: it does not hear of its own failure. */
  about_endpoint: string | null
}

/**
 * What belongs into the transaction that sequences events of one or more businesses: their deliveries. Returns the
 * businesses that have some to be sent now.
 */
export type OnOrdered = (tx: Transaction<DB>, events: OrderedEvent[]) => Promise<ReadonlySet<string>>

/** How many events of which businesses were sequenced; a business that is not named had none. */
interface Sequenced {
  counts: ReadonlyMap<string, number>
  /** The businesses that have deliveries to be sent. */
  toDeliver: ReadonlySet<string>
  /** The businesses whose counters another transaction had locked. */
  skipped: readonly string[]
}

/** Locks the counters of those of some businesses that have events without a sequence number, in one order everywhere. */
async function lockCounters(tx: Transaction<DB>, businessIds: readonly string[], { skipLocked }: { skipLocked: boolean }) {
  const { rows } = await runPrepared(
    tx,
    'lock_counters',
    sql<{ business_id: string; locked: boolean }>`
    with pending as materialized (
      select b.business_id from unnest(${businessesSql(businessIds)}) as b (business_id)
      where exists (select 1 from events e where e.business_id = b.business_id and e.sequence is null)
    ), locked as materialized (
      select p.business_id from pending join event_positions p on ${sameBusinessSql('p', 'pending', businessIds)}
      order by p.business_id for update of p ${skipLocked ? sql`skip locked` : sql``}
    )
    select pending.business_id, locked.business_id is not null as locked from pending left join locked on locked.business_id = pending.business_id`,
  )
  return rows
}

/** Gives the oldest events of businesses, whose counters this transaction has locked, their sequence numbers: up to `each` of every one. */
async function sequenceOldest(tx: Transaction<DB>, businessIds: readonly string[], each: number): Promise<OrderedEvent[]> {
  // Materialized, and joined by the key alone: the planner expects few pending events, and would otherwise number all of them
  // anew for each of them. No one else sequences while the counters are locked, so what was pending still is. The parts see
  // the counters as they were before this statement.
  const ids = arraySql('uuid', businessIds)
  const { rows } = await runPrepared(
    tx,
    'sequence_events',
    sql<OrderedEvent>`
    with pending as materialized (
      select oldest.business_id, oldest.id, row_number() over (partition by oldest.business_id order by oldest.id) as number
      from unnest(${ids}) as b (business_id) cross join lateral (
        select e.business_id, e.id from events e where e.business_id = b.business_id and e.sequence is null order by e.id limit ${each}
      ) oldest
    ), positions as materialized (
      select p.business_id, p.last_sequence from unnest(${ids}) as b (business_id) join event_positions p on ${sameBusinessSql('p', 'b', businessIds)}
    ), counted as (
      update event_positions p set last_sequence = p.last_sequence + c.count
      from (select business_id, count(*) as count from pending group by business_id) c
      where ${sameBusinessSql('p', 'c', businessIds)}
    )
    update events set sequence = position.last_sequence + pending.number
    from pending join positions position on position.business_id = pending.business_id
    where ${sameBusinessSql('events', 'pending', businessIds)} and events.id = pending.id
    returning events.business_id, events.id, events.sequence, events.type, events.callbacks,
      case when events.type = 'webhook_delivery.failed' then events.data ->> 'endpoint_id' end as about_endpoint`,
  )
  return rows.sort((a, b) => (a.business_id === b.business_id ? Number(a.sequence - b.sequence) : a.business_id < b.business_id ? -1 : 1))
}

/**
 * Gives every committed event of a business its sequence number: 1, 2, 3 … without a gap. An event that commits late gets a
 * later number, so a consumer that remembers the last number it saw never misses an event. What `onOrdered` writes is
 * committed with the numbers, so every event is fanned out exactly once. Many businesses share the transaction.
 *
 * The counters are locked first, and the events are read after that, so two relays never sequence the same event. Ids grow
 * with time and a change takes its event's id while it has its object's row locked, so the events of one object keep their order.
 */
function orderEventsOf(
  db: Kysely<DB>,
  businessIds: readonly string[],
  onOrdered: OnOrdered,
  { each = batch, skipLocked = false }: { each?: number; skipLocked?: boolean } = {},
): Promise<Sequenced> {
  return db.transaction().execute(async (tx) => {
    const pending = await lockCounters(tx, businessIds, { skipLocked })
    const locked = pending.filter((one) => one.locked).map(({ business_id }) => business_id)
    const skipped = pending.filter((one) => !one.locked).map(({ business_id }) => business_id)
    const events = locked.length === 0 ? [] : await sequenceOldest(tx, locked, each)
    const counts = new Map<string, number>()
    for (const { business_id } of events) counts.set(business_id, (counts.get(business_id) ?? 0) + 1)
    return { counts, skipped, toDeliver: events.length === 0 ? new Set<string>() : await onOrdered(tx, events) }
  })
}

/** Gives a business's committed events their sequence numbers (see `orderEventsOf`), a batch of them. Returns how many. */
export async function orderEvents(db: Kysely<DB>, businessId: string, onOrdered: OnOrdered): Promise<number> {
  return (await orderEventsOf(db, [businessId], onOrdered)).counts.get(businessId) ?? 0
}

/** Sequences what a business has pending, for a reader that is not to wait for the relay; a burst within bounds. Returns how many. */
export async function orderPendingEvents(db: Kysely<DB>, businessId: string, onOrdered: OnOrdered): Promise<number> {
  let sequenced = 0
  for (let round = 0; round < 10; round++) {
    const count = await orderEvents(db, businessId, onOrdered)
    sequenced += count
    if (count < batch) break
  }
  return sequenced
}

/** Sequencing as due work: an event without a sequence number has been due since it was emitted. */
export function eventSequencing(db: Kysely<DB>, onOrdered: OnOrdered): DueWork {
  return {
    name: 'sequencing events',
    everyMs: defaultPollMs,
    async next(businessId, until) {
      const { rows } = await sql<{ created_at: Date }>`
        select created_at from events where business_id = ${businessId} and sequence is null and created_at <= ${until} order by created_at limit 1`.execute(db)
      return rows[0]?.created_at
    },
    run: ({ businessId = '' }) => orderPendingEvents(db, businessId, onOrdered),
  }
}

/** Businesses that have events without a sequence number. Reads the index of pending events only. */
export async function businessesWithPendingEvents(db: Kysely<DB>): Promise<string[]> {
  const { rows } = await sql<{ business_id: string }>`
    with recursive pending as (
      (select business_id from events where sequence is null order by business_id limit 1)
      union all
      select (select business_id from events where sequence is null and business_id > pending.business_id order by business_id limit 1)
      from pending where pending.business_id is not null
    )
    select business_id from pending where business_id is not null`.execute(db)
  return rows.map((row) => row.business_id)
}

/** How many events wait for a sequence number, up to a limit; a gauge, so it never counts a whole table. */
export async function countPendingEvents(db: Kysely<DB>, limit = 100_000): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*)::int as count from (select 1 from events where sequence is null limit ${limit}) pending`.execute(db)
  return rows[0]?.count ?? 0
}

export interface Relay {
  /** Says that a business has new events, so that they do not wait for the next round. */
  wake(businessId: string): void
  /** Sequences what is left and stops. */
  stop(): Promise<void>
}

export interface RelayOptions {
  /** Time between two rounds over all businesses, for events that another process wrote. */
  pollMs?: number
  /** Time in which the events of one business gather before they are sequenced together. */
  gatherMs?: number
  /** Whether businesses may share a transaction; not where they are on different nodes. */
  acrossBusinesses?: boolean
  /** Writes the deliveries of events in the transaction that sequences them. */
  onOrdered: OnOrdered
  /** Called after a business's events were processed, unless there was nothing to deliver: there may be deliveries to make. */
  onSequenced?: (businessId: string) => void
  onError: (error: unknown) => void
}

/** Sequences events of businesses that were woken, in one transaction where nothing is wrong with one of them. */
function sequencer(db: Kysely<DB>, awake: Set<string>, { onOrdered, onSequenced, onError }: RelayOptions): (ids: string[]) => Promise<void> {
  async function sequence(ids: string[]): Promise<void> {
    const each = Math.ceil(batch / ids.length)
    for (const id of ids) awake.delete(id)
    let sequenced: Sequenced
    try {
      sequenced = await orderEventsOf(db, ids, onOrdered, { each, skipLocked: true })
    } catch (error) {
      if (ids.length === 1) throw error
      // What is wrong with one of them must not delay the others.
      for (const id of ids) await sequence([id]).catch(onError)
      return
    }
    for (const id of sequenced.skipped) awake.add(id)
    for (const id of ids) {
      const count = sequenced.counts.get(id)
      if (count === each) awake.add(id)
      // Another process may have sequenced what this one was woken for.
      if (count === undefined || sequenced.toDeliver.has(id)) onSequenced?.(id)
    }
  }
  return sequence
}

/** Sequences events as they are committed: woken by this process, and by polling for what others wrote. */
export function startRelay(db: Kysely<DB>, options: RelayOptions): Relay {
  const { pollMs = defaultPollMs, gatherMs = 20, acrossBusinesses = true, onError } = options
  const awake = new Set<string>()
  const sequence = sequencer(db, awake, options)
  let stopped = false
  let timer: NodeJS.Timeout | undefined
  let lastPoll = Number.NEGATIVE_INFINITY
  let round: Promise<void> = Promise.resolve()

  async function sequenceAll(): Promise<void> {
    if (performance.now() - lastPoll >= pollMs) {
      lastPoll = performance.now()
      for (const id of await businessesWithPendingEvents(db)) awake.add(id)
    }
    const ids = [...awake]
    const size = acrossBusinesses ? mostBusinesses : 1
    for (let from = 0; from < ids.length; from += size) await sequence(ids.slice(from, from + size))
  }

  function schedule(ms: number): void {
    if (stopped) return
    clearTimeout(timer)
    timer = setTimeout(() => {
      timer = undefined
      round = sequenceAll()
        .catch(onError)
        .then(() => schedule(awake.size > 0 ? gatherMs : pollMs))
    }, ms)
  }

  schedule(0)
  let waking = false
  let lastWake = Number.NEGATIVE_INFINITY
  return {
    wake(businessId) {
      awake.add(businessId)
      if (waking || !timer) return
      waking = true
      // The first event after a quiet moment is sequenced immediately; those that follow it gather.
      const sinceLast = performance.now() - lastWake
      setTimeout(
        () => {
          waking = false
          lastWake = performance.now()
          if (timer) schedule(0)
        },
        Math.max(1, gatherMs - sinceLast),
      )
    },
    async stop() {
      stopped = true
      clearTimeout(timer)
      await round
      await sequenceAll().catch(onError)
    },
  }
}
