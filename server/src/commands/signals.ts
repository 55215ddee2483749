/**
 * A signal that is repeated this soon is the same one: a terminal and a service manager reach every process, and npm
 * forwards what it receives.
 */
const sameMs = 250

/** Stops on the first SIGTERM or SIGINT, even during the start; a second one ends the process immediately. */
export function onSignal(stop: () => Promise<void>): void {
  let stoppingSince: number | undefined
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      if (stoppingSince !== undefined) {
        if (performance.now() - stoppingSince > sameMs) process.exit(130)
        return
      }
      stoppingSince = performance.now()
      stop().then(
        () => process.exit(0),
        (error: unknown) => {
          process.stderr.write(`hawker: ${error instanceof Error ? error.stack : error}\n`)
          process.exit(1)
        },
      )
    })
  }
}
