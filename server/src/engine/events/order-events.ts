import { type Kysely, sql, type Transaction } from 'kysely'
import type { DB } from '../../foundation/database/tables.ts'
import type { Callback } from './emit-event.ts'

/** Events placed in one transaction; more wait for the next round. */
const batch = 2000

/** An event that has just got its place. */
export interface OrderedEvent {
  id: string
  sequence: bigint
  type: string
  callbacks: Callback[] | null
  /** The endpoint that the event tells of, when it is about one: it is not told of its own failure. */
  about_endpoint: string | null
}

/** What belongs into the transaction that places events: their deliveries. */
export type OnOrdered = (tx: Transaction<DB>, businessId: string, events: OrderedEvent[]) => Promise<void>

/**
 * Gives every committed event of a business its place: 1, 2, 3 … without a gap. An event that commits late gets a later
 * place, so a consumer that remembers the last place it saw misses nothing. What `onOrdered` writes is committed with
 * the places, so every event is fanned out exactly once. Returns how many were placed.
 *
 * The business's counter is locked first and the events are read after that, so two relays never place the same event.
 * Ids grow with time and a change takes its id while it holds its object's row, so the events of one object keep their order.
 */
export async function orderEvents(db: Kysely<DB>, businessId: string, onOrdered: OnOrdered): Promise<number> {
  const { rows } = await sql`select 1 from events where business_id = ${businessId} and sequence is null limit 1`.execute(db)
  if (rows.length === 0) return 0
  return db.transaction().execute(async (tx) => {
    await sql`select 1 from event_positions where business_id = ${businessId} for update`.execute(tx)
    // Materialized, and joined by the key alone: the planner expects few pending events, and would number all of them
    // anew for each of them. No one else places while the counter is locked, so what was pending still is.
    const { rows: placed } = await sql<OrderedEvent>`
      with pending as materialized (
        select id, row_number() over (order by id) as place
        from (select id from events where business_id = ${businessId} and sequence is null order by id limit ${batch}) oldest
      )
      update events set sequence = position.last_sequence + pending.place
      from pending, (select last_sequence from event_positions where business_id = ${businessId}) position
      where events.business_id = ${businessId} and events.id = pending.id
      returning events.id, events.sequence, events.type, events.callbacks,
        case when events.type = 'webhook_delivery.failed' then events.data ->> 'endpoint_id' end as about_endpoint`.execute(tx)
    if (placed.length > 0) {
      await sql`update event_positions set last_sequence = last_sequence + ${placed.length} where business_id = ${businessId}`.execute(tx)
      placed.sort((a, b) => (a.sequence < b.sequence ? -1 : 1))
      await onOrdered(tx, businessId, placed)
    }
    return placed.length
  })
}

/** Places what a business has pending, for a reader that is not to wait for the relay; a burst within bounds. Returns how many. */
export async function orderPendingEvents(db: Kysely<DB>, businessId: string, onOrdered: OnOrdered): Promise<number> {
  let placed = 0
  for (let round = 0; round < 10; round++) {
    const count = await orderEvents(db, businessId, onOrdered)
    placed += count
    if (count < batch) break
  }
  return placed
}

/** Businesses that have events without a place. Reads the index of pending events only. */
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

/** How many events wait for a place, up to a limit; a gauge, so it never counts a whole table. */
export async function countPendingEvents(db: Kysely<DB>, limit = 100_000): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*)::int as count from (select 1 from events where sequence is null limit ${limit}) pending`.execute(db)
  return rows[0]?.count ?? 0
}

export interface Relay {
  /** Tells the relay that a business has new events, so that it does not wait for the next round. */
  wake(businessId: string): void
  /** Places what is left and stops. */
  stop(): Promise<void>
}

export interface RelayOptions {
  /** Time between two rounds over all businesses, for events that another process wrote. */
  pollMs?: number
  /** Time in which the events of one business gather before they are placed together. */
  gatherMs?: number
  /** Writes the deliveries of events in the transaction that places them. */
  onOrdered: OnOrdered
  /** Called after each look at a business's events: there may be deliveries to make. */
  onPlaced?: (businessId: string) => void
  onError: (error: unknown) => void
}

/** Places events as they are committed: woken by this process, and by polling for what others wrote. */
export function startRelay(db: Kysely<DB>, { pollMs = 500, gatherMs = 20, onOrdered, onPlaced, onError }: RelayOptions): Relay {
  const awake = new Set<string>()
  let stopped = false
  let timer: NodeJS.Timeout | undefined
  let lastPoll = 0
  let round: Promise<void> = Promise.resolve()

  async function placeAll(): Promise<void> {
    if (Date.now() - lastPoll >= pollMs) {
      lastPoll = Date.now()
      for (const id of await businessesWithPendingEvents(db)) awake.add(id)
    }
    for (const id of [...awake]) {
      awake.delete(id)
      if ((await orderEvents(db, id, onOrdered)) === batch) awake.add(id)
      onPlaced?.(id)
    }
  }

  function schedule(ms: number): void {
    if (stopped) return
    clearTimeout(timer)
    timer = setTimeout(() => {
      timer = undefined
      round = placeAll()
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
      // The first event after a quiet moment is placed at once; those that follow it gather.
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
      await placeAll().catch(onError)
    },
  }
}
