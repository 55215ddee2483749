/**
 * A signal that comes again this soon is the same one: a terminal and a service manager reach every process, and npm
 * passes on what it gets.
 */
const sameMs = 250

/** Stops on the first SIGTERM or SIGINT, also while the start is still under way; a second one ends the process at once. */
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
