import type { Kysely } from 'kysely'
import type { Logger } from 'pino'
import { emitEvents, type NewEvent } from '#engine/events/emit-event.ts'
import { type Database, isContention, isOutcomeUnknown } from '#foundation/database/database.ts'
import { groupCommit } from '#foundation/database/group-commit.ts'
import type { DB } from '#foundation/database/tables.ts'
import type { DueWork } from '#foundation/jobs/job.ts'
import { addressesOf } from '#foundation/outgoing/public-address.ts'
import { createSafeSender } from '#foundation/outgoing/send-safely.ts'
import { system } from '#foundation/shared/caller.ts'
import type { Clock } from '#foundation/shared/clock.ts'
import {
  type Attempt,
  businessesWithDueDeliveries,
  type ClaimedDelivery,
  cancelDeliveries,
  claimDeliveries,
  dueLanes,
  recordAttempts,
} from './delivery-queries.ts'
import { presentDelivery } from './delivery-wire.ts'
import { createLanes, type Lanes } from './lanes.ts'
import { createLeaseOwner, giveBackLeases, type LeaseOwner } from './lease-owner.ts'
import { lessonOf, type SendDeps, sendDelivery } from './send-delivery.ts'

export interface DispatcherOptions {
  database: Database
  log: Logger
  secretKey: () => Buffer
  clock: Clock
  /** Called after a commit that appended an event: a delivery failed for good. */
  onEvent: (businessId: string) => void
  /** Counts attempts by their outcome. */
  count?: { delivered(count?: number): void; failed(count?: number): void; gaveUp(count?: number): void }
  /** Whether rows of different businesses may share a statement. */
  groupAcrossBusinesses?: boolean
  /** Time between two polls of every business; 0 for none, then only `wake` and `settle` send. */
  pollMs?: number
  random?: () => number
  timeoutMs?: number
  /** How long this process leases a claimed delivery; longer than any attempt takes. */
  leaseMs?: number
  senders?: SendDeps['senders']
}

export interface Dispatcher {
  /** A business may have deliveries that are due. */
  wake(businessId: string): void
  /** Sends what a business has due now, and waits for the outcome to be written. Returns how many were sent. */
  settle(businessId: string): Promise<number>
  /** Sending as work that falls due, for a business whose clock is advanced. */
  readonly work: DueWork
  /** Releases the leases of processes that are gone, and sends their deliveries; polling does it every few seconds. */
  recover(): Promise<void>
  /** Claims nothing more and waits a moment for what is in flight; the rest is due again for the next process. */
  stop(): Promise<void>
}

/** Deliveries in flight that count as work; those that have hung for a second are only open sockets. */
const mostActive = 256
const mostOpen = 4_096
const hangsAfterMs = 1_000
/** Waits so long for more room before claiming more, so that statements carry many rows. */
const gatherMs = 3
const defaultLeaseMs = 60_000
/** Time between two searches for leases of processes that are gone; the first is at start. */
const recoverEveryMs = 5_000

/** Senders for both modes. The sandbox may reach loopback and private networks; live only the public internet. */
export function createSenders(): SendDeps['senders'] {
  return { sandbox: createSafeSender(addressesOf.sandbox), live: createSafeSender(addressesOf.live) }
}

/** The deliveries of this process that are in flight. */
interface Flights {
  /** How many more may be sent now, over all lanes. */
  room(): number
  open(): number
  /** Those of one business. */
  openOf(businessId: string): number
  /** Sends, updates its lane and writes the outcome; what may not have been sent is sent again when the lease ends. */
  begin(delivery: ClaimedDelivery): void
  landed(businessId: string): Promise<void>
  /** Waits a moment for what is in flight, then closes the senders and with them the rest. */
  end(senders: SendDeps['senders'] | undefined): Promise<void>
}

function createFlights(deps: SendDeps, lanes: Lanes, options: DispatcherOptions, onRoom: () => void): Flights {
  const { log, count } = options
  const record = recorder(options)
  const laneOf = laneNames(options.clock)
  const flights = new Map<Promise<void>, string>()
  let active = 0

  function learn(attempt: Attempt): void {
    const lane = laneOf(attempt.delivery.business_id, attempt.delivery.lane)
    const lesson = lessonOf(attempt)
    if (lesson === 'well') lanes.succeeded(lane)
    else if (lesson === 'badly') lanes.failed(lane)
    else lanes.slowDown(lane, attempt.at, lesson.waitMs)
    if (attempt.status === 'succeeded') count?.delivered()
    else count?.failed()
    if (attempt.status === 'failed') count?.gaveUp()
  }

  async function send(delivery: ClaimedDelivery): Promise<void> {
    let isActive = true
    const rest = () => {
      if (isActive) active -= 1
      isActive = false
      onRoom()
    }
    const lane = laneOf(delivery.business_id, delivery.lane)
    active += 1
    lanes.begin(lane)
    const hangs = setTimeout(rest, hangsAfterMs)
    try {
      const attempt = await sendDelivery(delivery, deps).finally(() => {
        clearTimeout(hangs)
        lanes.end(lane)
        rest()
      })
      learn(attempt)
      await record(attempt)
    } catch (error) {
      log.error({ error }, 'the outcome of a delivery is unknown; it is sent again when its lease ends')
    }
  }

  const flightsOf = (businessId: string) => [...flights].filter(([, id]) => id === businessId).map(([flight]) => flight)
  return {
    room: () => Math.min(mostActive - active, mostOpen - flights.size),
    open: () => flights.size,
    openOf: (businessId) => flightsOf(businessId).length,
    begin(delivery) {
      const flight = send(delivery).finally(() => flights.delete(flight))
      flights.set(flight, delivery.business_id)
    },
    async landed(businessId) {
      await Promise.all(flightsOf(businessId))
    },
    async end(senders) {
      await Promise.race([Promise.all(flights.keys()), new Promise((done) => setTimeout(done, 5_000))])
      if (senders) await Promise.all([senders.live.close(), senders.sandbox.close()])
      await Promise.all(flights.keys())
    },
  }
}

/**
 * The lane of a delivery in this process. Businesses share a host's lane, but not one that has a clock of its own: its
 * pauses are over when its clock says so.
 */
function laneNames(clock: Clock): (businessId: string, lane: string) => string {
  return (businessId, lane) => (clock.apart().includes(businessId) ? `${businessId} ${lane}` : lane)
}

/** Claims what a business has due, as far as its lanes and this process have room, and sends it. */
function claimer(options: DispatcherOptions, lanes: Lanes, flights: Flights, owner: LeaseOwner) {
  const { database, clock, leaseMs = defaultLeaseMs } = options
  const laneOf = laneNames(clock)
  /** `mayBeMore`: there may be more due, or there was no room; to be polled again when there is. */
  return async (businessId: string): Promise<{ claimed: number; mayBeMore: boolean }> => {
    const at = clock.now(businessId)
    let room = flights.room()
    const wanted: { lane: string; count: number }[] = []
    for (const { lane } of await dueLanes(database.write, businessId, at)) {
      const share = Math.min(lanes.free(laneOf(businessId, lane), at), Math.max(0, room))
      if (share > 0) wanted.push({ lane, count: share })
      room -= share
    }
    // Full lanes are polled again when an attempt ends; paused ones by the regular poll.
    if (wanted.length === 0) return { claimed: 0, mayBeMore: flights.open() > 0 }
    const lease = { now: at, leaseUntil: new Date(at.getTime() + leaseMs), owner: await owner.number() }
    const claimed = await claimDeliveries(database.write, businessId, wanted, lease)
    const canceled = claimed.filter(({ is_canceled }) => is_canceled).map(({ id }) => id)
    if (canceled.length > 0) await cancelDeliveries(database.db, businessId, canceled, at)
    for (const delivery of claimed) if (!delivery.is_canceled) flights.begin(delivery)
    return { claimed: claimed.length, mayBeMore: claimed.length > 0 || flights.open() > 0 }
  }
}

/** Looks at businesses that were woken, one after the other. */
interface Rounds {
  wake(businessId: string): void
  /** There is room again: businesses that had to wait for it are claimed for, once every few milliseconds. */
  roomAgain(): void
  /** Waits for the round in progress. */
  idle(): Promise<void>
  stop(): Promise<void>
}

function createRounds(log: Logger, claim: (businessId: string) => Promise<{ mayBeMore: boolean }>): Rounds {
  const awake = new Set<string>()
  /** Businesses that may have more due than there was room for. */
  const hungry = new Set<string>()
  let running: Promise<void> | undefined
  let feeding: NodeJS.Timeout | undefined
  let stopped = false

  async function run(): Promise<void> {
    for (const id of awake) {
      awake.delete(id)
      if (stopped) return
      try {
        if ((await claim(id)).mayBeMore) hungry.add(id)
      } catch (error) {
        log.error({ error }, 'deliveries could not be claimed')
      }
    }
  }

  function wake(businessId: string): void {
    if (stopped) return
    awake.add(businessId)
    running ??= run().finally(() => {
      running = undefined
    })
  }

  return {
    wake,
    roomAgain() {
      if (hungry.size === 0 || feeding || stopped) return
      feeding = setTimeout(() => {
        feeding = undefined
        for (const id of hungry) if (hungry.delete(id)) wake(id)
      }, gatherMs)
    },
    idle: async () => running,
    async stop() {
      stopped = true
      clearTimeout(feeding)
      await running
    },
  }
}

/** Sends deliveries as they become due: woken by this process, and by polling for what others queued and for retries. */
export function startDispatcher(options: DispatcherOptions): Dispatcher {
  const { database, log, clock, secretKey, pollMs = 500, leaseMs = defaultLeaseMs, random = Math.random, timeoutMs = 15_000 } = options
  const { senders = createSenders() } = options
  const lanes = createLanes()
  const rounds = createRounds(log, (businessId) => claim(businessId))
  const flights = createFlights({ secretKey, clock, random, senders, timeoutMs }, lanes, options, rounds.roomAgain)
  const owner = createLeaseOwner(database.pool)
  const claim = claimer(options, lanes, flights, owner)
  const recover = recovery(options, rounds.wake)
  const stopPolling = repeat(pollMs, log, async () => {
    await recover(recoverEveryMs)
    for (const id of await businessesWithDueDeliveries(database.db, { until: clock.system(), except: clock.apart() })) rounds.wake(id)
  })

  async function settle(businessId: string): Promise<number> {
    for (let sent = 0; ; ) {
      const { claimed } = await claim(businessId)
      sent += claimed
      await flights.landed(businessId)
      await rounds.idle()
      if (claimed === 0 && flights.openOf(businessId) === 0) return sent
    }
  }

  return {
    wake: rounds.wake,
    recover: () => recover(0),
    settle,
    work: {
      name: 'delivering webhooks',
      everyMs: pollMs,
      async next(businessId, until) {
        await rounds.idle()
        await flights.landed(businessId)
        return nextDelivery(options, lanes, businessId, until)
      },
      async run({ businessId = '', until }) {
        await giveBackLeases(database.db, { until, businessId }, 2 * leaseMs)
        return settle(businessId)
      },
    },
    async stop() {
      stopPolling()
      await rounds.stop()
      await flights.end(options.senders === undefined ? senders : undefined)
      await owner.release()
    },
  }
}

/** When the next delivery of a business can be sent, up to `until`: it is due, and its lane is not paused. */
async function nextDelivery({ database, clock }: DispatcherOptions, lanes: Lanes, businessId: string, until: Date): Promise<Date | undefined> {
  const laneOf = laneNames(clock)
  const moments = (await dueLanes(database.write, businessId, until)).map(({ lane, due_at }) => {
    const pausedUntil = lanes.pausedUntil(laneOf(businessId, lane))
    return pausedUntil && pausedUntil > due_at ? pausedUntil : due_at
  })
  const [first] = moments.sort((a, b) => a.getTime() - b.getTime())
  return first && first <= until ? first : undefined
}

/** Releases the leases of processes that are gone, unless it did so less than `everyMs` ago. */
function recovery({ database, clock, leaseMs = defaultLeaseMs }: DispatcherOptions, wake: (businessId: string) => void): (everyMs: number) => Promise<void> {
  let last = Number.NEGATIVE_INFINITY
  return async (everyMs) => {
    if (performance.now() - last < everyMs) return
    last = performance.now()
    // Twice the lease, for machines whose clocks differ.
    for (const id of await giveBackLeases(database.db, { until: clock.system(), except: clock.apart() }, 2 * leaseMs)) wake(id)
  }
}

/** Polls for deliveries with a pause in between; 0 is never. Returns a function that stops it. */
function repeat(pauseMs: number, log: Logger, look: () => Promise<void>): () => void {
  let timer: NodeJS.Timeout | undefined
  let isOver = pauseMs === 0
  const later = () => {
    if (isOver) return
    timer = setTimeout(() => {
      look()
        .catch((error: unknown) => log.error({ error }, 'looking for deliveries failed'))
        .finally(later)
    }, pauseMs)
  }
  later()
  return () => {
    isOver = true
    clearTimeout(timer)
  }
}

/** Writes outcomes together with those that arrive at the same time; a final failure is emitted as an event. */
function recorder({ database, onEvent, groupAcrossBusinesses = true }: DispatcherOptions): (attempt: Attempt) => Promise<void> {
  const record = async (on: Kysely<DB>, attempts: Attempt[]): Promise<void> => {
    const lost = attempts.filter(isLost)
    if (lost.length === 0) return void (await recordAttempts(on, attempts))
    await on.transaction().execute(async (tx) => {
      const written = new Set(await recordAttempts(tx, attempts))
      await emitEvents(tx, lost.filter(({ delivery }) => written.has(delivery.id)).map(failureEvent))
    })
    for (const id of new Set(lost.map(({ delivery }) => delivery.business_id))) onEvent(id)
  }
  return groupCommit<Attempt, void>({
    async write(attempts) {
      await record(database.write, attempts).catch((error: unknown) => {
        // Nothing was written; the main pool waits longer for a lock.
        if (!isContention(error)) throw error
        return record(database.db, attempts)
      })
      return attempts.map(() => undefined)
    },
    groupOf: groupAcrossBusinesses ? () => '' : ({ delivery }) => delivery.business_id,
    mayBeOneRow: (error) => !isOutcomeUnknown(error),
  })
}

/** Whether a delivery ends here without success. A failure to deliver a failure is not emitted in turn. */
function isLost({ status, delivery }: Attempt): boolean {
  return status === 'failed' && delivery.event_type !== 'webhook_delivery.failed'
}

function failureEvent({ delivery, status, responseStatus, error, at }: Attempt): NewEvent & { businessId: string } {
  const row = { ...delivery, status, attempts: delivery.attempts + 1, response_status: responseStatus, updated_at: at }
  const data = { ...presentDelivery(row, delivery.timezone, null), error }
  const about = { businessId: delivery.business_id, objectId: delivery.id, requestId: null, caller: system, at }
  return { ...about, type: 'webhook_delivery.failed', data: JSON.stringify(data) }
}
