import type { Progress } from '#commands/terminal.ts'
import type { Config } from '#config.ts'
import { createLog } from '#foundation/http/observability.ts'
import { openConfiguredDatabase } from '#open.ts'

/** `hawker migrate`: applies pending migrations and prints their names. */
export async function migrateCommand(config: Config, { json }: { json?: boolean | undefined }, progress: Progress): Promise<void> {
  const onMigration = (name: string, number: number, all: number) => progress.show(`Applying ${number} of ${all}: ${name}`)
  const opened = await openConfiguredDatabase(config, createLog('silent'), { onMigration })
  progress.clear()
  await opened.close()
  if (json) {
    process.stdout.write(`${JSON.stringify({ applied: opened.migrated })}\n`)
    return
  }
  process.stdout.write(opened.migrated.length === 0 ? 'The database is up to date.\n' : `Applied ${opened.migrated.join(', ')}.\n`)
}
