import type { Db } from '#foundation/database/database.ts'
import type { Deps } from '#foundation/deps.ts'
import type { DueWork } from '#foundation/jobs/job.ts'
import type { Due } from '#foundation/shared/clock.ts'
import { type ReplayTarget, replayEvents } from '#resources/webhooks/delivery/fan-out.ts'
import { findEndpoint } from '#resources/webhooks/webhook-events/queries.ts'
import { businessesWithDueReplays, countWaiting, eventsOfReplay, nextDueReplay, type ReplayRow, takeDueReplay, updateReplay } from './queries.ts'

export type ReplayDeps = Pick<Deps, 'clock' | 'secretKey'>

/** Events that one transaction replays, and sequence numbers that it looks at: it takes milliseconds, whatever is selected. */
const batch = { events: 100, sequences: 5_000n }
/** Deliveries of a business that may wait to be sent before its replay waits too. */
export const mostWaiting = 10_000
const waitMs = 1_000

/** Whether so many deliveries of a business wait to be sent that a replay must not add to them. */
export async function waitsForRoom(db: Db, businessId: string): Promise<boolean> {
  return (await countWaiting(db, businessId, mostWaiting)) >= mostWaiting
}

async function targetOf(tx: Db, { business_id, endpoint_id, url, api_key_id }: ReplayRow): Promise<ReplayTarget | undefined> {
  if (url !== null) return { url, endpointId: endpoint_id, apiKeyId: api_key_id }
  if (endpoint_id === null) return 'same'
  const endpoint = await findEndpoint(tx, business_id, endpoint_id)
  return endpoint && !endpoint.disabled_at ? { endpoint } : undefined
}

const ended = (replay: ReplayRow, status: ReplayRow['status'], at: Date): ReplayRow => ({ ...replay, status, due_at: null, updated_at: at, finished_at: at })

/** Queues the next deliveries of a replay, and returns how far it is then; the caller writes that in the same transaction. */
export async function nextBatch(tx: Db, replay: ReplayRow, deps: ReplayDeps, at: Date): Promise<ReplayRow> {
  const target = await targetOf(tx, replay)
  if (!target) return { ...ended(replay, 'failed', at), error: 'The webhook event was deleted or disabled.' }
  const lastOfWindow = replay.next_sequence + batch.sequences - 1n
  const until = lastOfWindow < replay.to_sequence ? lastOfWindow : replay.to_sequence
  const events = await eventsOfReplay(tx, replay, { until, limit: batch.events })
  const queued = await replayEvents(tx, { businessId: replay.business_id, replayId: replay.id }, events, target, deps)
  const seen = events.length < batch.events ? until : (events.at(-1)?.sequence ?? until)
  const next: ReplayRow = {
    ...replay,
    next_sequence: seen + 1n,
    events: replay.events + BigInt(events.length),
    queued: replay.queued + BigInt(queued),
    due_at: at,
    updated_at: at,
  }
  return seen >= replay.to_sequence ? ended(next, 'succeeded', at) : next
}

type WorkDeps = ReplayDeps & Pick<Deps, 'database' | 'onEvent'>

/** Does one batch of a business's replay, if that is due; returns how many it did. */
async function workOff({ database, ...deps }: WorkDeps, businessId: string, until: Date): Promise<number> {
  const now = deps.clock.now(businessId)
  // What is left is due again in the same run, after other businesses.
  const at = now < until ? now : until
  const done = await database.db.transaction().execute(async (tx) => {
    const replay = await takeDueReplay(tx, businessId, at)
    if (!replay) return undefined
    const isFull = await waitsForRoom(tx, businessId)
    const next = isFull ? { ...replay, due_at: new Date(at.getTime() + waitMs) } : await nextBatch(tx, replay, deps, at)
    await updateReplay(tx, next)
    return isFull ? undefined : next
  })
  if (done) deps.onEvent(businessId)
  return done ? 1 : 0
}

/** Businesses that one round serves, a batch each. */
const mostBusinesses = 100
/** Rounds without a pause: other due work follows. */
const mostRounds = 10

/** Works off replays: a batch of every business in turn. What one replays never delays another's replay by more than a batch. */
export function replayWork(deps: WorkDeps): DueWork {
  return {
    name: 'replaying events',
    everyMs: 500,
    next: (businessId, until) => nextDueReplay(deps.database.db, businessId, until),
    async run(due: Due) {
      let batches = 0
      for (let round = 0; round < mostRounds; round++) {
        const businesses = await businessesWithDueReplays(deps.database.db, due, mostBusinesses)
        let now = 0
        for (const businessId of businesses) now += await workOff(deps, businessId, due.until)
        batches += now
        if (now === 0) break
      }
      return batches
    },
  }
}
