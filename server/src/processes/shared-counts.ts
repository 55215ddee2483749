import type { FastifyRateLimitStoreCtor } from '@fastify/rate-limit'
import type { Counts } from './messages.ts'

/** Keys that are counted at a time; the oldest one is evicted first. */
const mostKeys = 10_000

export interface SharedCounts {
  /** Counts requests by key in a window, here and in the other processes. */
  readonly store: FastifyRateLimitStoreCtor
  /** Adds what other processes counted. */
  add(counts: Counts): void
}

/**
 * The rate limit of several processes: each counts its own requests immediately, and receives the others' counts a few times
 * per second. So the limit applies to all of them together, and may be exceeded by a fraction of a second's requests.
 */
export function sharedCounts(counted: (key: string) => void, now = () => performance.now()): SharedCounts {
  let windowMs = 0
  const windows = new Map<string, { count: number; until: number }>()

  function windowOf(key: string): { count: number; until: number } {
    const at = now()
    const known = windows.get(key)
    if (known && known.until > at) return known
    windows.delete(key)
    const oldest = windows.size >= mostKeys ? windows.keys().next().value : undefined
    if (oldest !== undefined) windows.delete(oldest)
    const fresh = { count: 0, until: at + windowMs }
    windows.set(key, fresh)
    return fresh
  }

  class SharedStore {
    constructor({ timeWindow }: { timeWindow?: unknown }) {
      windowMs = Number(timeWindow)
    }

    incr(key: string, done: (error: Error | null, result?: { current: number; ttl: number }) => void): void {
      const window = windowOf(key)
      window.count += 1
      counted(key)
      done(null, { current: window.count, ttl: window.until - now() })
    }

    child(): SharedStore {
      return this
    }
  }

  return {
    store: SharedStore,
    add(counts) {
      for (const [key, count] of counts) windowOf(key).count += count
    },
  }
}
