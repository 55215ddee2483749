const [second, minute, hour] = [1_000, 60_000, 3_600_000]

/** Waits between attempts: twelve attempts over two days (docs/operating.md). */
export const retryWaits: readonly number[] = [
  5 * second,
  30 * second,
  2 * minute,
  10 * minute,
  30 * minute,
  hour,
  2 * hour,
  4 * hour,
  8 * hour,
  12 * hour,
  20 * hour,
]

/** For how long Retry-After responses may postpone the end of the schedule. */
export const patienceMs = 48 * hour

const shortestWait = second
const longestWait = 6 * hour

/** The wait that a Retry-After header requests, in milliseconds: seconds or a date; undefined if it is neither. */
export function readRetryAfter(header: string | undefined, now: Date): number | undefined {
  const text = header?.trim() ?? ''
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000
  // A date contains the name of a day; Date.parse alone would accept almost anything.
  if (!/^[A-Z][a-z]{2}/.test(text)) return undefined
  const at = Date.parse(text)
  return Number.isNaN(at) ? undefined : Math.max(0, at - now.getTime())
}

export interface Failure {
  /** Waits of the schedule that are used up. */
  step: number
  /** When the schedule began. */
  queuedAt: Date
  now: Date
  /** The wait that the receiver requested. */
  retryAfterMs: number | undefined
  /** From 0 to 1. */
  random: number
}

/**
 * When to retry after a failure; undefined if there are no more attempts. Waits have a jitter of a tenth in either direction, so
 * that what failed together is not retried together. A receiver's own Retry-After replaces the wait and
 * uses up none of the schedule, between a second and six hours, for two days.
 */
export function nextTry({ step, queuedAt, now, retryAfterMs, random }: Failure): { at: Date; step: number } | undefined {
  const at = (wait: number) => new Date(now.getTime() + Math.round(wait))
  if (retryAfterMs !== undefined && now.getTime() - queuedAt.getTime() < patienceMs) {
    return { at: at(Math.min(Math.max(retryAfterMs, shortestWait), longestWait)), step }
  }
  const wait = retryWaits[step]
  return wait === undefined ? undefined : { at: at(wait * (0.9 + 0.2 * random)), step: step + 1 }
}
