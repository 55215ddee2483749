import { existsSync, statfsSync } from 'node:fs'
import { dirname } from 'node:path'
import pg from 'pg'
import { styled } from '#commands/terminal.ts'
import { type Config, ConfigError, type readConfig } from '#config.ts'
import { dataDirectoryHolder } from '#foundation/database/data-directory.ts'
import { poolOptions } from '#foundation/database/database.ts'
import { isWritable } from '#foundation/database/embedded.ts'
import { appliedMigrations, readMigrations } from '#foundation/database/migrate.ts'
import { createLog } from '#foundation/http/observability.ts'
import { openBeside } from '#open.ts'
import { linksNote } from './links-note.ts'

type Finding = { check: string; state: 'ok' | 'warn' | 'fail'; says: string }

const leastDiskBytes = 1_000_000_000
const mostClockDriftMs = 2_000

/** Checks configuration, disk, database, migrations and clock, prints a line for each and returns the exit code: 0, 1, or 2 for an invalid setting. */
export async function doctor(read: typeof readConfig, { json }: { json?: boolean | undefined } = {}): Promise<number> {
  const findings: Finding[] = []
  const say = (check: string, state: Finding['state'], says: string) => {
    findings.push({ check, state, says })
    const mark = { ok: styled('green', 'ok  '), warn: styled('yellow', 'WARN'), fail: styled('red', 'FAIL') }[state]
    if (!json) process.stdout.write(`${mark}  ${check.padEnd(14)} ${says}\n`)
  }
  let config: Config
  try {
    config = read()
    say('configuration', 'ok', config.databaseUrl ? 'valid, with a database of your own' : 'valid, with the embedded database')
  } catch (error) {
    for (const problem of error instanceof ConfigError ? error.problems : [String(error)]) say('configuration', 'fail', problem)
    if (json) process.stdout.write(`${JSON.stringify({ ok: false, checks: findings })}\n`)
    return 2
  }
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  say('node', major > 20 || (major === 20 && minor >= 19) ? 'ok' : 'fail', `${process.version} (20.19 or newer is required)`)
  const note = linksNote(config)
  say('links', note ? 'warn' : 'ok', note ?? `begin with ${config.publicUrl}`)
  if (!config.databaseUrl) checkDisk(config, say)
  const holder = config.databaseUrl ? undefined : dataDirectoryHolder(config.dataDirectory)
  if (holder !== undefined) say('process', 'ok', `Hawker is running on this data directory (process ${holder})`)
  await checkDatabase(config, say)
  const failed = findings.some(({ state }) => state === 'fail')
  if (json) process.stdout.write(`${JSON.stringify({ ok: !failed, checks: findings })}\n`)
  else process.stdout.write(failed ? '\nSome checks failed.\n' : '\nAll checks passed.\n')
  return failed ? 1 : 0
}

function checkDisk({ dataDirectory }: Config, say: (check: string, state: Finding['state'], says: string) => void): void {
  let folder = dataDirectory
  while (!existsSync(folder)) folder = dirname(folder)
  const { bavail, bsize } = statfsSync(folder)
  const free = bavail * bsize
  const gigabytes = `${(free / 1e9).toFixed(1)} GB free for ${dataDirectory}`
  if (!isWritable(folder)) say('disk', 'fail', `this user cannot write to ${folder}`)
  else say('disk', free < leastDiskBytes ? 'warn' : 'ok', gigabytes)
}

async function checkDatabase(config: Config, say: (check: string, state: Finding['state'], says: string) => void): Promise<void> {
  let close = async () => undefined as unknown
  try {
    let pool: pg.Pool
    if (config.databaseUrl) {
      pool = new pg.Pool(poolOptions(config.databaseUrl, 1, 10_000))
      close = () => pool.end()
    } else {
      const opened = await openBeside(config, createLog('silent'), { migrations: false })
      pool = opened.database.pool
      close = () => opened.close()
    }
    const { rows } = await pool.query(
      "select current_setting('server_version') as version, current_setting('server_version_num')::int as number, current_setting('fsync') as fsync, current_setting('synchronous_commit') as commit, clock_timestamp() as now",
    )
    const { version, number, fsync, commit, now } = rows[0]
    say('database', number >= 150_000 ? 'ok' : 'fail', `PostgreSQL ${version} (15 or newer is required)`)
    say('durability', fsync === 'on' && commit !== 'off' ? 'ok' : 'warn', `fsync ${fsync}, synchronous_commit ${commit}`)
    const drift = Math.abs(Date.now() - now.getTime())
    say('clock', drift > mostClockDriftMs ? 'warn' : 'ok', `${drift} ms off the database's clock`)
    const applied = await appliedMigrations(pool)
    const all = readMigrations()
    const missing = all.filter(({ name }) => !applied?.some((one) => one.name === name))
    if (missing.length > 0)
      say('migrations', 'warn', `${missing.length} pending: ${missing.map(({ name }) => name).join(', ')}; \`hawker migrate\` or the next start applies them`)
    else say('migrations', 'ok', `${all.length} applied`)
    const { rows: collations } = await pool.query("select collname from pg_collation where collname = 'und-x-icu'")
    if (collations.length === 0) say('collation', 'fail', 'this PostgreSQL was built without ICU, which sorting by name requires')
  } catch (error) {
    say('database', 'fail', error instanceof Error ? error.message : String(error))
  } finally {
    await close().catch(() => undefined)
  }
}
