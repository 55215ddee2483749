import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import type { TestProject } from 'vitest/node'
import { openDatabase, poolOptions } from '#foundation/database/database.ts'
import { startEmbedded } from '#foundation/database/embedded.ts'
import { migrate } from '#foundation/database/migrate.ts'
import { openApiDocument } from '#openapi.ts'

interface Provided {
  postgres: { host: string; port: number; user: string; template: string; admin: string }
  openApi: string
}

declare module 'vitest' {
  export interface ProvidedContext {
    /** The location of the run's PostgreSQL; `template` is a migrated database to clone. */
    postgres: Provided['postgres']
    /** The OpenAPI document of the routes, against which every response is checked. */
    openApi: string
  }
}

interface Running {
  provided: Provided
  users: number
  stop(): Promise<void>
}

async function start(): Promise<Running> {
  const directory = mkdtempSync(join(tmpdir(), 'hawker-test-'))
  const embedded = await startEmbedded({ directory, durable: false, settings: { max_connections: '160' } })
  const { host, port, user, database: admin } = embedded.connection
  const connect = (database: string) => new pg.Pool(poolOptions({ host, port, user, database }, 1, 30_000))
  const control = connect(admin)
  await control.query('create database template_hawker')
  const template = connect('template_hawker')
  await migrate(template)
  await template.end()
  await control.end()
  const unconnected = openDatabase('postgres://nobody@localhost/none')
  const openApi = await openApiDocument(unconnected)
  await unconnected.close()
  return {
    provided: { postgres: { host, port, user, template: 'template_hawker', admin }, openApi },
    users: 0,
    async stop() {
      await embedded.stop()
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

/** Vitest loads this file once for each project; the run's PostgreSQL is one for all of them. */
const shared = globalThis as typeof globalThis & { hawkerTestRun?: Promise<Running> | undefined }

/** One PostgreSQL for the run, with one migrated database that every worker clones. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  shared.hawkerTestRun ??= start()
  const running = await shared.hawkerTestRun
  running.users += 1
  project.provide('postgres', running.provided.postgres)
  project.provide('openApi', running.provided.openApi)
  return async () => {
    running.users -= 1
    if (running.users > 0) return
    shared.hawkerTestRun = undefined
    await running.stop()
  }
}
