import type { Logger } from 'pino'
import { compactWhenQuiet } from '#compact.ts'
import type { Config } from '#config.ts'
import { lastResort } from '#foundation/http/last-resort.ts'
import { createMetrics, openLog } from '#foundation/http/observability.ts'
import type { LaunchedDatabase } from '#launch.ts'
import { beginOpening, ensureSandbox } from '#open.ts'
import { createApiServer, startConfiguredWorker } from '#serve.ts'
import type { Worker } from '#worker.ts'
import { welcome } from './welcome.ts'

/** The result of a start. */
export interface Running {
  /** Finishes what was accepted, then closes everything. */
  stop(): Promise<void>
}

export interface RunOptions {
  withWorker: boolean
  /** Prints the welcome as one line of JSON. */
  json?: boolean | undefined
  /** Whether a signal arrived during the start. */
  isStopping: () => boolean
}

/** Runs the API, and the worker unless it runs elsewhere, in this process. */
export async function runInOneProcess(config: Config, launched: LaunchedDatabase | undefined, { withWorker, json, isStopping }: RunOptions): Promise<Running> {
  const log = openLog(config)
  const metrics = createMetrics()
  const opening = beginOpening(config, launched, log)
  const { database, connection } = opening
  const parts = { config, database, log, metrics }
  let worker: Worker | undefined
  const server = await createApiServer(parts, { onEvent: (businessId) => worker?.relay.wake(businessId) })
  const opened = await opening.ready
  launched?.keepRunning(log)
  const close = async () => {
    try {
      await opened.close()
    } finally {
      log.flush()
    }
  }
  if (isStopping()) return { stop: close }
  try {
    const first = await ensureSandbox(config, database)
    const url = await server.listen()
    if (withWorker) worker = startConfiguredWorker(parts, connection, server.app.payments)
    const milliseconds = Math.round(performance.now())
    if (withWorker) process.stdout.write(welcome({ url, first, config, milliseconds, json }))
    log.info({ url, migrated: opened.migrated, milliseconds }, 'ready')
    compactWhenQuiet()
  } catch (error) {
    await close()
    throw error
  }
  const running = {
    async stop() {
      log.info('stopping')
      try {
        await server.stop()
        await worker?.stop()
      } finally {
        await close()
      }
    },
  }
  lastResort(server.app.fastify.openRequests, { log, giveUp: () => endInOrder(running, log) })
  return running
}

/** Ends a process that has met too many errors that nobody caught: what was accepted is finished first. */
export function endInOrder(running: Running, log: Logger): void {
  log.fatal('too many errors were caught by nobody; stopping')
  running.stop().then(
    () => process.exit(1),
    () => process.exit(1),
  )
}
