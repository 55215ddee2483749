import type { Logger } from 'pino'
import { type Database, isOutcomeUnknown } from '../../foundation/database/database.ts'
import { groupCommit } from '../../foundation/database/group-commit.ts'
import {
  type Attempt,
  businessesWithDueDeliveries,
  type ClaimedDelivery,
  cancelDeliveries,
  claimDeliveries,
  dueLanes,
  recordAttempts,
} from './delivery-queries.ts'
import { emitEvents, type NewEvent } from './emit-event.ts'
import { createLanes } from './lanes.ts'
import { presentDelivery } from './present-delivery.ts'
import { lessonOf, type SendDeps, sendDelivery } from './send-delivery.ts'
import { createSafeSender } from './send-safely.ts'

export interface DispatcherOptions {
  database: Database
  log: Logger
  secretKey: () => Buffer
  now: SendDeps['now']
  /** Called after a commit that appended an event: a delivery was given up. */
  onEvent: (businessId: string) => void
  /** Counts tries by how they ended. */
  count?: { delivered(count?: number): void; failed(count?: number): void; gaveUp(count?: number): void }
  /** Whether rows of different businesses may share a statement. */
  groupAcrossBusinesses?: boolean
  /** Time between two looks at every business; 0 for none, then only `wake` and `settle` send. */
  pollMs?: number
  random?: () => number
  timeoutMs?: number
  /** How long a claimed delivery stays this process's; longer than any try takes. */
  leaseMs?: number
  senders?: SendDeps['senders']
}

export interface Dispatcher {
  /** A business may have deliveries that are due. */
  wake(businessId: string): void
  /** Sends what a business has due now, and waits for the outcome to be written. */
  settle(businessId: string): Promise<void>
  /** Takes nothing more and waits a moment for what is on its way; the rest is due again when its lease ends. */
  stop(): Promise<void>
}

/** Deliveries on their way that count as work; those that have hung for a second are only open sockets. */
const mostActive = 256
const mostOpen = 4_096
const hangsAfterMs = 1_000
/** Room gathers for so long before more is claimed, so that statements carry many rows. */
const gatherMs = 3

/** Networks that receivers of a sandbox may be in: the developer's own machine and its containers. */
const privateNetworks = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7']

/** Senders for both modes. The sandbox may reach loopback and private networks; live only the public internet. */
export function createSenders(): SendDeps['senders'] {
  return { sandbox: createSafeSender({ allowLoopback: true, allowedNetworks: privateNetworks }), live: createSafeSender() }
}

/** Sends deliveries as they fall due: woken by this process, and by polling for what others queued and for retries. */
export function startDispatcher(options: DispatcherOptions): Dispatcher {
  const { database, log, now, onEvent, count, pollMs = 500, leaseMs = 60_000 } = options
  const { db } = database
  const senders = options.senders ?? createSenders()
  const deps: SendDeps = { secretKey: options.secretKey, now, random: options.random ?? Math.random, senders, timeoutMs: options.timeoutMs ?? 15_000 }
  const lanes = createLanes()
  const record = recorder(options)
  const flights = new Set<Promise<void>>()
  const awake = new Set<string>()
  /** Businesses that have more due than there was room for. */
  const hungry = new Set<string>()
  let active = 0
  let running: Promise<void> | undefined
  let stopped = false

  async function send(delivery: ClaimedDelivery): Promise<void> {
    let isActive = true
    const rest = () => {
      if (isActive) active -= 1
      isActive = false
    }
    active += 1
    lanes.begin(delivery.lane)
    const hangs = setTimeout(rest, hangsAfterMs)
    try {
      const attempt = await sendDelivery(delivery, deps).finally(() => {
        clearTimeout(hangs)
        rest()
        lanes.end(delivery.lane)
      })
      learn(attempt)
      feed()
      await record(attempt)
    } catch (error) {
      log.error({ error }, 'the outcome of a delivery is not known; it is sent again when its lease ends')
    }
  }

  function learn(attempt: Attempt): void {
    const { lane } = attempt.delivery
    const lesson = lessonOf(attempt)
    if (lesson === 'well') lanes.succeeded(lane)
    else if (lesson === 'badly') lanes.failed(lane)
    else lanes.slowDown(lane, attempt.at, lesson.waitMs)
    if (attempt.status === 'succeeded') count?.delivered()
    else count?.failed()
    if (attempt.status === 'failed') count?.gaveUp()
  }

  let feeding: NodeJS.Timeout | undefined
  /** There is room again: whoever had to wait for it is looked at, once a few milliseconds. */
  function feed(): void {
    if (hungry.size === 0 || feeding || stopped) return
    feeding = setTimeout(() => {
      feeding = undefined
      for (const id of hungry) wake(id)
      hungry.clear()
    }, gatherMs)
  }

  /** Claims what a business has due, as far as its lanes and this process have room, and sends it. Returns how many. */
  async function claim(businessId: string): Promise<number> {
    const at = now()
    let room = Math.min(mostActive - active, mostOpen - flights.size)
    const wanted: { lane: string; count: number }[] = []
    for (const lane of await dueLanes(db, businessId, at)) {
      const free = lanes.free(lane, at)
      const share = Math.min(free, Math.max(0, room))
      if (share > 0) wanted.push({ lane, count: share })
      room -= share
    }
    if (room <= 0) hungry.add(businessId)
    if (wanted.length === 0) {
      // Lanes that are full are looked at again when a try ends; those that are left alone, by polling.
      if (flights.size > 0) hungry.add(businessId)
      return 0
    }
    const claimed = await claimDeliveries(db, businessId, wanted, { now: at, leaseUntil: new Date(at.getTime() + leaseMs) })
    if (claimed.length > 0) hungry.add(businessId)
    const canceled = claimed.filter(({ is_canceled }) => is_canceled).map(({ id }) => id)
    if (canceled.length > 0) await cancelDeliveries(db, businessId, canceled, at)
    for (const delivery of claimed) {
      if (delivery.is_canceled) continue
      const flight = send(delivery).finally(() => flights.delete(flight))
      flights.add(flight)
    }
    return claimed.length
  }

  async function run(): Promise<void> {
    for (const id of awake) {
      awake.delete(id)
      if (stopped) return
      try {
        await claim(id)
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

  async function poll(): Promise<void> {
    for (const id of await businessesWithDueDeliveries(db, now())) wake(id)
  }
  let polling: NodeJS.Timeout | undefined
  function pollLater(): void {
    if (pollMs === 0 || stopped) return
    polling = setTimeout(() => {
      poll()
        .catch((error: unknown) => log.error({ error }, 'looking for deliveries failed'))
        .finally(pollLater)
    }, pollMs)
  }
  pollLater()

  return {
    wake,
    async settle(businessId) {
      for (;;) {
        const claimed = await claim(businessId)
        await Promise.all(flights)
        await running
        if (claimed === 0 && flights.size === 0) return
      }
    },
    async stop() {
      stopped = true
      clearTimeout(polling)
      clearTimeout(feeding)
      await running
      await Promise.race([Promise.all(flights), new Promise((done) => setTimeout(done, 5_000))])
      if (options.senders === undefined) await Promise.all([senders.live.close(), senders.sandbox.close()])
      await Promise.all(flights)
    },
  }

  /** Writes outcomes together with those that arrive at the same time; one that gives up is told as an event. */
  function recorder({ groupAcrossBusinesses = true }: DispatcherOptions): (attempt: Attempt) => Promise<void> {
    return groupCommit<Attempt, void>({
      async write(attempts) {
        if (!attempts.some(isLost)) await recordAttempts(db, attempts)
        else {
          await db.transaction().execute(async (tx) => {
            const written = new Set(await recordAttempts(tx, attempts))
            await emitEvents(tx, attempts.filter((one) => isLost(one) && written.has(one.delivery.id)).map(failureEvent))
          })
          for (const id of new Set(attempts.filter(isLost).map(({ delivery }) => delivery.business_id))) onEvent(id)
        }
        return attempts.map(() => undefined)
      },
      groupOf: groupAcrossBusinesses ? () => '' : ({ delivery }) => delivery.business_id,
      mayBeOneRow: (error) => !isOutcomeUnknown(error),
    })
  }
}

/** Whether a delivery ends here without success. A failure to tell of a failure is not told in turn. */
function isLost({ status, delivery }: Attempt): boolean {
  return status === 'failed' && delivery.event_type !== 'webhook_delivery.failed'
}

function failureEvent({ delivery, status, responseStatus, error, at }: Attempt): NewEvent & { businessId: string } {
  const row = { ...delivery, status, attempts: delivery.attempts + 1, response_status: responseStatus, updated_at: at }
  const data = { ...presentDelivery(row, delivery.timezone, null), error }
  const about = { businessId: delivery.business_id, objectId: delivery.id, requestId: null, at }
  return { ...about, type: 'webhook_delivery.failed', data: JSON.stringify(data) }
}
