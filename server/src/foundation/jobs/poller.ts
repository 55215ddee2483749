/** Work that is polled for, and done immediately when someone announces that there is some. */
export interface Poller {
  /** Runs soon instead of at the next interval. */
  wake(): void
  /** Waits for the current run; none begins after it. */
  stop(): Promise<void>
}

export interface PollerOptions {
  everyMs: number
  /** Runs this long after the others, so that they share a connection instead of keeping one each. */
  offsetMs?: number
  run: () => Promise<unknown>
  onError: (error: unknown) => void
}

/** Calls `run` periodically, never twice at the same time. */
export function startPoller({ everyMs, offsetMs = 0, run, onError }: PollerOptions): Poller {
  let stopped = false
  let woken = false
  let running: Promise<void> | undefined
  let timer: NodeJS.Timeout | undefined

  /** Intervals stay regular, however long a run takes. */
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
