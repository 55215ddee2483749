/**
 * How many deliveries are in flight, by lane (an endpoint or a host). A lane that succeeds gets wider with every success; one
 * that fails gets half as wide, down to a single probe; one that reports overload is paused for a while.
 */
export interface Lanes {
  /** How many more deliveries a lane accepts now. */
  free(lane: string, now: Date): number
  /** The end of a lane's pause; undefined if it has none. */
  pausedUntil(lane: string): Date | undefined
  begin(lane: string): void
  end(lane: string): void
  succeeded(lane: string): void
  failed(lane: string): void
  /** The receiver is overloaded: nothing for `waitMs`, or for a growing time if it did not say; then one at a time. */
  slowDown(lane: string, now: Date, waitMs: number | undefined): void
}

interface Lane {
  limit: number
  inFlight: number
  pausedUntil: number
  setbacks: number
}

const firstLimit = 8
const mostRemembered = 10_000
const longestPauseMs = 300_000

/** Lanes with nothing in flight and nothing learned; `widest` is how much one lane may have in flight. */
export function createLanes(widest = 128): Lanes {
  const lanes = new Map<string, Lane>()

  function laneOf(name: string): Lane {
    let lane = lanes.get(name)
    if (!lane) {
      if (lanes.size >= mostRemembered) forgetIdle()
      lane = { limit: firstLimit, inFlight: 0, pausedUntil: 0, setbacks: 0 }
      lanes.set(name, lane)
    }
    return lane
  }

  function forgetIdle(): void {
    for (const [name, { inFlight }] of lanes) if (inFlight === 0) lanes.delete(name)
  }

  return {
    free(name, now) {
      const lane = laneOf(name)
      return lane.pausedUntil > now.getTime() ? 0 : Math.max(0, lane.limit - lane.inFlight)
    },
    pausedUntil(name) {
      const { pausedUntil } = laneOf(name)
      return pausedUntil === 0 ? undefined : new Date(pausedUntil)
    },
    begin(name) {
      laneOf(name).inFlight += 1
    },
    end(name) {
      const lane = laneOf(name)
      lane.inFlight = Math.max(0, lane.inFlight - 1)
    },
    succeeded(name) {
      const lane = laneOf(name)
      lane.limit = Math.min(widest, lane.limit + 1)
      lane.setbacks = 0
    },
    failed(name) {
      const lane = laneOf(name)
      lane.limit = Math.max(1, Math.floor(lane.limit / 2))
    },
    slowDown(name, now, waitMs) {
      const lane = laneOf(name)
      const wait = waitMs ?? 1_000 * 2 ** Math.min(lane.setbacks, 6)
      lane.pausedUntil = now.getTime() + Math.min(Math.max(wait, 1_000), longestPauseMs)
      lane.setbacks += 1
      lane.limit = 1
    },
  }
}
