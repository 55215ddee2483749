import type { Logger } from 'pino'
import { onSignal } from '#commands/signals.ts'
import { compactWhenQuiet } from '#compact.ts'
import { type Config, ConfigError } from '#config.ts'
import { lastResort } from '#foundation/http/last-resort.ts'
import { createMetrics, openLog } from '#foundation/http/observability.ts'
import { type OpenedDatabase, openConfiguredDatabase } from '#open.ts'
import { startConfiguredWorker } from '#serve.ts'
import type { Worker } from '#worker.ts'
import { endInOrder } from './one-process.ts'

/** `hawker worker`: only the worker, until a signal stops it. */
export async function workerCommand(config: Config): Promise<void> {
  if (!config.databaseUrl)
    throw new ConfigError('DATABASE_URL must be set for `hawker worker`: the embedded database belongs to the process that runs `hawker start`.')
  const log = openLog(config)
  const starting = (async () => {
    const opened = await openConfiguredDatabase(config, log)
    const worker = startConfiguredWorker({ config, database: opened.database, log, metrics: createMetrics() }, opened.connection)
    log.info({ migrated: opened.migrated }, 'worker started')
    compactWhenQuiet()
    lastResort(new Map(), { log, giveUp: () => endInOrder({ stop: () => stopAll({ opened, worker }, log) }, log) })
    return { opened, worker }
  })()
  onSignal(async () => {
    const started = await starting.catch(() => undefined)
    if (started) await stopAll(started, log)
  })
  await starting
}

async function stopAll({ opened, worker }: { opened: OpenedDatabase; worker: Worker }, log: Logger): Promise<void> {
  log.info('stopping')
  try {
    await worker.stop()
  } finally {
    await opened.close()
    log.flush()
  }
}
