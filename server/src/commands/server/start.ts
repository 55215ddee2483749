import { onSignal } from '#commands/signals.ts'
import type { Config } from '#config.ts'
import { launchEmbedded } from '#launch.ts'

/** `hawker start` and `hawker api`: runs until a signal stops it. */
export async function startCommand(config: Config, { withWorker, json }: { withWorker: boolean; json?: boolean | undefined }): Promise<void> {
  let isStopping = false
  const starting = (async () => {
    // PostgreSQL starts while the program is being loaded.
    const launched = config.databaseUrl ? undefined : await launchEmbedded(config)
    const options = { withWorker, json, isStopping: () => isStopping }
    return config.processes === 1
      ? (await import('./one-process.ts')).runInOneProcess(config, launched, options)
      : (await import('./several-processes.ts')).runInSeveralProcesses(config, launched, options)
  })()
  onSignal(async () => {
    isStopping = true
    const running = await starting.catch(() => undefined)
    await running?.stop()
  })
  await starting
}
