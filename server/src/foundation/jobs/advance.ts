import type { MovableClock } from '#foundation/shared/clock.ts'
import type { DueWork } from './job.ts'

/** Pause before due work is tried again that did nothing: a transaction that is about to end can hold its rows. */
const pauseMs = 10

interface NextWork {
  work: DueWork
  at: Date
}

/** The work that is due first, up to `to`; what has been due since before `from` is due at `from`, and the list decides between equal moments. */
async function earliest(works: readonly DueWork[], businessId: string, from: Date, to: Date): Promise<NextWork | undefined> {
  const moments = await Promise.all(works.map((work) => work.next(businessId, to)))
  let first: NextWork | undefined
  for (const [i, work] of works.entries()) {
    const next = moments[i]
    const at = next && next < from ? from : next
    if (at && (!first || at < first.at)) first = { work, at }
  }
  return first
}

/**
 * Moves a business's clock to a moment and does on the way what falls due for it, in causal order: the clock is moved to
 * the earliest work, which is done with everything that it causes at that moment, then to the next, and at last to `to`.
 * Throws when work stays due for `patienceMs` and does nothing.
 */
export async function advance(
  clock: MovableClock,
  works: readonly DueWork[],
  businessId: string,
  to: Date,
  { patienceMs = 5_000 }: { patienceMs?: number } = {},
): Promise<void> {
  let idleSince: number | undefined
  for (;;) {
    const present = clock.now()
    const next = await earliest(works, businessId, present, to)
    if (!next) break
    if (next.at > present) await clock.set(next.at)
    if ((await next.work.run({ until: clock.now(), businessId })) > 0) {
      idleSince = undefined
      continue
    }
    idleSince ??= performance.now()
    if (performance.now() - idleSince > patienceMs) throw new Error(`${next.work.name} makes no progress at ${next.at.toISOString()}`)
    await new Promise((done) => setTimeout(done, pauseMs))
  }
  if (to > clock.now()) await clock.set(to)
}
