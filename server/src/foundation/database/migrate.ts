import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type pg from 'pg'
import { sha256 } from '#foundation/shared/secrets.ts'

export interface Migration {
  readonly name: string
  readonly statements: string[]
  readonly checksum: string
  /** Marked `-- no transaction`: for CREATE INDEX CONCURRENTLY. */
  readonly transactional: boolean
}

/** Called before each migration, with its number among those that are pending. */
export type OnMigration = (name: string, number: number, all: number) => void

/** Next to this file in the sources, next to the program when built. */
const folder = fileURLToPath(new URL('./migrations/', import.meta.url))

/**
 * The statements of a migration: each ends with a semicolon at the end of a line, followed by an empty line or the end of
 * the file. They are sent one by one, because Citus rejects several in one message.
 */
export function splitStatements(sql: string): string[] {
  return sql
    .replaceAll('\r\n', '\n')
    .split(/;[ \t]*\n(?=[ \t]*\n|[ \t]*$)/)
    .map((part) => part.replace(/^\s*(--.*\n\s*)*/, '').trim())
    .filter((part) => part !== '')
    .map((part) => part.replace(/;$/, ''))
}

/**
 * The first ten migrations are numbered; later ones are named after the minute in which they were begun, in UTC
 * (`20261126T0930_product_categories.sql`), so that branches do not compete for a number. Both sort by name.
 */
export const migrationName = /^(?:00(?:0\d|10)|20\d{6}T\d{4})_[a-z][a-z0-9_]+\.sql$/

/** Every migration of this version, in order. */
export function readMigrations(): Migration[] {
  if (!existsSync(folder)) throw new Error(`no migrations in ${folder}`)
  return readdirSync(folder)
    .filter((file) => migrationName.test(file))
    .sort()
    .map((file) => {
      // A checkout on Windows may change line ends; the migration is the same.
      const sql = readFileSync(join(folder, file), 'utf8').replaceAll('\r\n', '\n')
      return { name: file.slice(0, -4), statements: splitStatements(sql), checksum: sha256(sql), transactional: !/^-- no transaction$/m.test(sql) }
    })
}

/** What a database has; undefined if Hawker never used it. */
export async function appliedMigrations(pool: pg.Pool): Promise<{ name: string; checksum: string }[] | undefined> {
  try {
    const { rows } = await pool.query('select name, checksum from hawker.migrations order by name')
    return rows
  } catch (error) {
    if (['42P01', '3F000'].includes((error as { code?: string }).code ?? '')) return undefined
    throw error
  }
}

/**
 * Brings the database up to date and returns the names of what was applied. Forward only. Two processes that start at
 * the same time apply each migration once: its row is written first, and the second process waits for it. A migration that was
 * changed after it had been applied, or that this version does not know, stops the start.
 */
export async function migrate(pool: pg.Pool, migrations = readMigrations(), onMigration?: OnMigration): Promise<string[]> {
  const applied = await appliedMigrations(pool)
  const known = new Map(migrations.map((migration) => [migration.name, migration]))
  for (const { name, checksum } of applied ?? []) {
    const migration = known.get(name)
    if (!migration) throw new Error(`The database has migration ${name}, which this version of Hawker does not know; start a newer version.`)
    if (migration.checksum !== checksum) throw new Error(`Migration ${name} was changed after it had been applied.`)
  }
  if (!applied) {
    await createUnlessThere(pool, 'create schema if not exists hawker')
    await createUnlessThere(
      pool,
      'create table if not exists hawker.migrations (name text primary key, checksum text not null, applied_at timestamptz not null)',
    )
  }
  const missing = migrations.filter(({ name }) => !applied?.some((one) => one.name === name))
  const done: string[] = []
  for (const [i, migration] of missing.entries()) {
    onMigration?.(migration.name, i + 1, missing.length)
    if (await applyWithRetry(pool, migration)) done.push(migration.name)
  }
  return done
}

/** `if not exists` checks before it writes: of two concurrent processes, the later one gets an error that means "exists". */
async function createUnlessThere(pool: pg.Pool, statement: string): Promise<void> {
  try {
    await pool.query(statement)
  } catch (error) {
    if (!['23505', '42P06', '42P07', '42710'].includes((error as { code?: string }).code ?? '')) throw error
  }
}

async function applyWithRetry(pool: pg.Pool, migration: Migration): Promise<boolean> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await apply(pool, migration)
    } catch (error) {
      // A long transaction locks the table: let the traffic queued behind us pass, then retry.
      if ((error as { code?: string }).code !== '55P03' || attempt === 20) throw error
      await new Promise((done) => setTimeout(done, 250 * attempt))
    }
  }
}

/** A statement of a migration may take as long as its tables are large; Node's longest timer is the client's limit. */
const patiently = (client: pg.PoolClient, text: string, values?: string[]) =>
  client.query({ text, ...(values ? { values } : {}), query_timeout: 2 ** 31 - 1 } as pg.QueryConfig)

/** The lock that lets one process at a time work on migrations without a transaction. */
const migrationLock = 0x48574b32

/** The index that a statement builds beside the traffic, as schema and name; undefined for any other statement. */
function builtIndex(statement: string): { schema: string; name: string } | undefined {
  const match = /^create\s+(?:unique\s+)?index\s+concurrently\s+(?:if\s+not\s+exists\s+)?"?(\w+)"?\s+on\s+(?:only\s+)?"?(\w+)"?\s*\./i.exec(statement)
  return match?.[1] && match[2] ? { name: match[1], schema: match[2] } : undefined
}

/**
 * Runs statements one by one, so that a second run starts over: an index that an earlier run left half built blocks
 * its own name and is of no use, so it is dropped first. One process at a time, since an index that another is building looks
 * the same. It does not wait inside PostgreSQL for its turn: building an index waits for every statement that began before.
 */
async function applyBesideTraffic(client: pg.PoolClient, { name, statements }: Migration, record: () => Promise<pg.QueryResult>): Promise<boolean> {
  for (;;) {
    const { rows } = await client.query('select pg_try_advisory_lock($1) as taken', [migrationLock])
    if (rows[0].taken) break
    await new Promise((done) => setTimeout(done, 250))
  }
  try {
    if ((await client.query('select 1 from hawker.migrations where name = $1', [name])).rowCount !== 0) return false
    await client.query('set statement_timeout = 0')
    for (const statement of statements) {
      const index = builtIndex(statement)
      if (index) await dropIfInvalid(client, index)
      await patiently(client, statement)
    }
    return (await record()).rowCount === 1
  } finally {
    await client.query('reset statement_timeout').catch(() => undefined)
    await client.query('select pg_advisory_unlock($1)', [migrationLock]).catch(() => undefined)
  }
}

async function dropIfInvalid(client: pg.PoolClient, { schema, name }: { schema: string; name: string }): Promise<void> {
  const { rows } = await client.query(
    `select 1 from pg_index i join pg_class c on c.oid = i.indexrelid join pg_namespace n on n.oid = c.relnamespace
     where n.nspname = $1 and c.relname = $2 and not i.indisvalid`,
    [schema, name],
  )
  if (rows.length > 0) await patiently(client, `drop index concurrently "${schema}"."${name}"`)
}

async function apply(pool: pg.Pool, migration: Migration): Promise<boolean> {
  const { name, checksum, statements, transactional } = migration
  const client = await pool.connect()
  const record = () => patiently(client, 'insert into hawker.migrations values ($1, $2, now()) on conflict do nothing', [name, checksum])
  try {
    if (!transactional) return await applyBesideTraffic(client, migration, record)
    await client.query('begin')
    await client.query('set local statement_timeout = 0')
    await client.query("set local citus.multi_shard_modify_mode to 'sequential'") // plain PostgreSQL accepts any dotted name
    if ((await record()).rowCount === 0) {
      await client.query('rollback')
      return false
    }
    // A process that waits for the row above waits for another process's migration, as long as that takes; one that waits for a
    // table blocks the traffic behind it.
    await client.query("set local lock_timeout = '2s'")
    for (const statement of statements) await patiently(client, statement)
    await client.query('commit')
    return true
  } catch (error) {
    await client.query('rollback').catch(() => undefined)
    throw error
  } finally {
    client.release()
  }
}
