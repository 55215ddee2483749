import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import type { TestProject } from 'vitest/node'
import { poolOptions } from '#foundation/database/database.ts'
import { startEmbedded } from '#foundation/database/embedded.ts'
import { migrate } from '#foundation/database/migrate.ts'

declare module 'vitest' {
  export interface ProvidedContext {
    /** Where the run's PostgreSQL is; `template` is a migrated database to clone. */
    postgres: { host: string; port: number; user: string; template: string; admin: string }
  }
}

/** One PostgreSQL for the run, with one migrated database that every worker clones. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const directory = mkdtempSync(join(tmpdir(), 'hawker-test-'))
  const embedded = await startEmbedded({ directory, durable: false, settings: { max_connections: '120' } })
  const { host, port, user, database: admin } = embedded.connection
  const connect = (database: string) => new pg.Pool(poolOptions({ host, port, user, database }, 1, 30_000))
  const control = connect(admin)
  await control.query('create database template_hawker')
  const template = connect('template_hawker')
  await migrate(template)
  await template.end()
  await control.end()
  project.provide('postgres', { host, port, user, template: 'template_hawker', admin })
  return async () => {
    await embedded.stop()
    rmSync(directory, { recursive: true, force: true })
  }
}
