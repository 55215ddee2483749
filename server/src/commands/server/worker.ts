import { onSignal } from '#commands/signals.ts'
import { compactWhenQuiet } from '#compact.ts'
import { type Config, ConfigError } from '#config.ts'
import { createLog, createMetrics } from '#foundation/http/observability.ts'
import { openConfiguredDatabase } from '#open.ts'
import { startConfiguredWorker } from '#serve.ts'

/** `hawker worker`: only the worker, until a signal stops it. */
export async function workerCommand(config: Config): Promise<void> {
  if (!config.databaseUrl)
    throw new ConfigError('DATABASE_URL must be set for `hawker worker`: the embedded database belongs to the process that runs `hawker start`.')
  const log = createLog(config.logLevel)
  const starting = (async () => {
    const opened = await openConfiguredDatabase(config, log)
    const worker = startConfiguredWorker({ config, database: opened.database, log, metrics: createMetrics() }, opened.connection)
    log.info({ migrated: opened.migrated }, 'worker started')
    compactWhenQuiet()
    return { opened, worker }
  })()
  onSignal(async () => {
    const started = await starting.catch(() => undefined)
    log.info('stopping')
    try {
      await started?.worker.stop()
    } finally {
      await started?.opened.close()
      log.flush()
    }
  })
  await starting
}
