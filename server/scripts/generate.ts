import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import pg from 'pg'
import { openDatabase, poolOptions } from '#foundation/database/database.ts'
import { startEmbedded } from '#foundation/database/embedded.ts'
import { migrate } from '#foundation/database/migrate.ts'
import { openApiDocument } from '#openapi.ts'

const { values: options } = parseArgs({ options: { verify: { type: 'boolean' } } })
const root = process.cwd()
const stale: string[] = []

/** Writes a generated file, or with --verify reports whether the committed one is up to date. */
function settle(file: string, content: string): void {
  const path = join(root, file)
  const before = existsSync(path) ? readFileSync(path, 'utf8') : ''
  if (before === content) return
  if (options.verify) stale.push(file)
  else {
    writeFileSync(path, content)
    process.stdout.write(`wrote ${file}\n`)
  }
}

/** The tables as values, for statements that name every column of a row; a `?` marks columns that may be null. */
async function columnsOf(pool: pg.Pool): Promise<string> {
  const { rows } = await pool.query<{ table: string; column: string; type: string }>(`
    select c.relname as "table", a.attname as "column", format_type(a.atttypid, null) || case when a.attnotnull then '' else '?' end as type
    from pg_attribute a join pg_class c on c.oid = a.attrelid
    where c.relnamespace = 'hawker'::regnamespace and c.relkind in ('r', 'p') and a.attnum > 0 and not a.attisdropped
    order by c.relname collate "C", a.attname collate "C"`)
  const lines = new Map<string, string[]>()
  for (const { table, column, type } of rows) lines.set(table, [...(lines.get(table) ?? []), `      ${column}: '${type}',`])
  const values = [...lines].map(([table, columns]) => `  ${table}: {\n    name: '${table}',\n    columns: {\n${columns.join('\n')}\n    },\n  },`)
  return `/** Generated from the migrations by \`npm run generate\`. */\nexport const tables = {\n${values.join('\n')}\n} as const\n`
}

/** Types of the tables and the tables as values, from a freshly migrated database. */
async function tables(): Promise<{ types: string; values: string }> {
  const directory = mkdtempSync(join(tmpdir(), 'hawker-generate-'))
  const embedded = await startEmbedded({ directory, durable: false, tcpPort: 20_000 + (process.pid % 20_000) })
  try {
    const pool = new pg.Pool(poolOptions(embedded.connection, 2, 60_000))
    await migrate(pool)
    const columns = await columnsOf(pool)
    await pool.end()
    const { host, port, user, database } = embedded.connection
    const out = join(directory, 'tables.ts')
    const mapping = JSON.stringify({ int8: 'bigint', timestamptz: 'Date', date: 'string', json: 'unknown', jsonb: 'unknown' })
    const { status, stderr } = spawnSync(
      process.execPath,
      [
        join(root, 'node_modules/kysely-codegen/dist/cli/bin.js'),
        '--dialect',
        'postgres',
        '--url',
        `postgres://${user}@${host}:${port}/${database}`,
        '--default-schema',
        'hawker',
        '--include-pattern',
        'hawker.*',
        '--type-mapping',
        mapping,
        '--out-file',
        out,
        '--log-level',
        'error',
      ],
      { encoding: 'utf8', cwd: root },
    )
    if (status !== 0) throw new Error(`kysely-codegen failed: ${stderr}`)
    return { types: readFileSync(out, 'utf8'), values: columns }
  } finally {
    await embedded.stop()
    rmSync(directory, { recursive: true, force: true })
  }
}

const generated = await tables()
settle('server/src/foundation/database/tables.ts', generated.types)
settle('server/src/foundation/database/columns.ts', generated.values)
const unconnected = openDatabase('postgres://nobody@localhost/none')
settle('openapi.json', await openApiDocument(unconnected))
await unconnected.close()

if (stale.length > 0) {
  process.stderr.write(`Not up to date: ${stale.join(', ')}. Run \`npm run generate\` and commit what it writes.\n`)
  process.exitCode = 1
}
