import type { Config } from '#config.ts'
import { createLog } from '#foundation/http/observability.ts'
import { openConfiguredDatabase } from '#open.ts'

/** `hawker migrate`: applies pending migrations and prints their names. */
export async function migrateCommand(config: Config): Promise<void> {
  const opened = await openConfiguredDatabase(config, createLog('silent'))
  await opened.close()
  process.stdout.write(opened.migrated.length === 0 ? 'The database is up to date.\n' : `Applied ${opened.migrated.join(', ')}.\n`)
}
