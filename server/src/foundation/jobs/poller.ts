export interface Poller {
  /** Waits for the round that is under way and begins no other. */
  stop(): Promise<void>
}

/** Runs work again and again, one round at a time, with a pause in between; for what must happen within a second. */
export function startPoller({ everyMs, run, onError }: { everyMs: number; run: () => Promise<void>; onError: (error: unknown) => void }): Poller {
  let stopped = false
  let timer: NodeJS.Timeout | undefined
  let round: Promise<void> = Promise.resolve()

  function schedule(): void {
    if (stopped) return
    timer = setTimeout(() => {
      round = run().catch(onError).then(schedule)
    }, everyMs)
  }

  schedule()
  return {
    async stop() {
      stopped = true
      clearTimeout(timer)
      await round
    },
  }
}
