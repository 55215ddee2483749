/** Work that is looked for again and again, and at once when someone knows that there is some. */
export interface Poller {
  /** Runs soon instead of at the next turn. */
  wake(): void
  /** Waits for the run under way; none begins after it. */
  stop(): Promise<void>
}

export interface PollerOptions {
  everyMs: number
  /** Keeps this far behind the others' turns, so that they share a connection instead of each keeping one. */
  offsetMs?: number
  run: () => Promise<unknown>
  onError: (error: unknown) => void
}

/** Calls `run` every so often, never twice at once. */
export function startPoller({ everyMs, offsetMs = 0, run, onError }: PollerOptions): Poller {
  let stopped = false
  let woken = false
  let running: Promise<void> | undefined
  let timer: NodeJS.Timeout | undefined

  /** Turns keep their beat, however long a run takes. */
  const untilNextTurn = () => everyMs - ((performance.now() - offsetMs) % everyMs)

  function begin(): void {
    clearTimeout(timer)
    woken = false
    running = Promise.resolve()
      .then(run)
      .catch(onError)
      .then(() => {
        running = undefined
        schedule(woken ? 0 : untilNextTurn())
      })
  }

  function schedule(ms: number): void {
    if (stopped) return
    clearTimeout(timer)
    timer = setTimeout(begin, ms)
    timer.unref()
  }

  schedule(untilNextTurn())
  return {
    wake() {
      woken = true
      if (!running) schedule(0)
    },
    async stop() {
      stopped = true
      clearTimeout(timer)
      await running
    },
  }
}
