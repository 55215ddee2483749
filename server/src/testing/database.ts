import pg from 'pg'
import { inject } from 'vitest'
import { type Database, openDatabase, poolOptions } from '#foundation/database/database.ts'
import { randomHex } from '#foundation/shared/ids.ts'

/** The location of a separate database, for a test that needs one; `openDatabase` opens it. */
export async function cloneDatabase({ empty = false } = {}): Promise<{ host: string; port: number; user: string; database: string }> {
  const { host, port, user, template, admin } = inject('postgres')
  const database = `test_${randomHex(6)}`
  const control = new pg.Pool(poolOptions({ host, port, user, database: admin }, 1, 30_000))
  await control.query(empty ? `create database ${database}` : `create database ${database} template ${template} strategy file_copy`)
  await control.end()
  return { host, port, user, database }
}

let shared: Promise<Database> | undefined

/** The worker's database: cloned once, shared by its tests, each of which has a business of its own. */
export function testDatabase(): Promise<Database> {
  shared ??= cloneDatabase().then((connection) => openDatabase(connection, { connections: 6, slowConnections: 3, guardTenancy: true }))
  return shared
}
