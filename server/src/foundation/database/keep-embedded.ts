import type { Logger } from 'pino'
import type { EmbeddedDatabase } from './embedded.ts'

/** A server that ran at least this long was sound: it is started again at once. One that ends sooner waits, twice as long each time. */
const soundAfterMs = 10_000
const firstWaitMs = 500
const longestWaitMs = 30_000

/** How long to wait before the next start, after so many that failed or ended soon in a row. */
export const restartWaitMs = (failures: number): number => (failures === 0 ? 0 : Math.min(longestWaitMs, firstWaitMs * 2 ** (failures - 1)))

/** Keeps an embedded server running. */
export interface EmbeddedKeeper {
  keepRunning(log: Logger): void
  /** Stops the server, and starts it no more. */
  stop(): Promise<void>
}

/**
 * Starts an embedded server again whenever it stops by itself; meanwhile, requests are answered 503, since connections are
 * refused. Acknowledged writes are on disk, so nothing is lost.
 */
export function keepEmbedded(first: Promise<EmbeddedDatabase>, startAgain: () => Promise<EmbeddedDatabase>): EmbeddedKeeper {
  let current = first
  let isStopping = false
  let endWait: () => void = () => undefined

  const wait = (milliseconds: number) =>
    new Promise<void>((done) => {
      const timer = setTimeout(done, milliseconds)
      endWait = () => {
        clearTimeout(timer)
        done()
      }
    })

  async function keep(log: Logger): Promise<void> {
    for (let failures = 0; !isStopping; ) {
      const began = performance.now()
      try {
        const server = await current
        if (failures > 0) log.info({ pid: server.pid }, 'the embedded PostgreSQL is running again')
        await server.exited
        if (isStopping) return
        failures = performance.now() - began < soundAfterMs ? failures + 1 : 1
        log.error('the embedded PostgreSQL stopped unexpectedly; it is started again. See postgres.log in the data directory')
      } catch (error) {
        failures += 1
        log.error({ error }, 'the embedded PostgreSQL did not start; it is tried again. See postgres.log in the data directory')
      }
      // The first restart is immediate: a server that was killed is back within a second or two.
      await wait(restartWaitMs(failures - 1))
      if (isStopping) return
      current = startAgain()
      current.catch(() => undefined)
    }
  }

  return {
    keepRunning: (log) => void keep(log),
    async stop() {
      isStopping = true
      endWait()
      await (await current.catch(() => undefined))?.stop()
    },
  }
}
