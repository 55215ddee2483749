import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type CommandName, commands, usageOf } from '#commands/usage.ts'
import { poolOptions } from '#foundation/database/database.ts'
import { type EmbeddedDatabase, runningConnection, startEmbedded } from '#foundation/database/embedded.ts'
import { clearAll, command, createCustomer, type Hawker, hawker, key, newFolder, postgresOf, run } from './process.ts'

afterAll(clearAll)

const sleep = (ms: number) => new Promise((done) => setTimeout(done, ms))

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const { port } = server.address() as { port: number }
  await new Promise((done) => server.close(done))
  return port
}

/** The files of the built program: those that are read before the command is known, or with `late` all. */
function builtFiles({ late }: { late: boolean }): string[] {
  const built = dirname(command).replace(/bin$/, 'dist')
  const found = new Set<string>()
  const follow = (file: string) => {
    if (found.has(file)) return
    found.add(file)
    const imports = late ? /(?:from|import)\(?"\.\/([^"]+)"/g : /(?:from|import)"\.\/([^"]+)"/g
    for (const [, next = ''] of readFileSync(join(built, file), 'utf8').matchAll(imports)) follow(next)
  }
  follow('main.js')
  return [...found].map((file) => join(built, file))
}

const list = (url: string, apiKey: string) => fetch(`${url}/v1/customers`, { headers: { 'x-business-api-key': apiKey } })

test('every invalid setting is one line that names the variable, with exit code 2', async () => {
  const file = join(newFolder(), 'file')
  writeFileSync(file, '')
  const wrong: Record<string, string> = {
    PORT: '80a',
    HOST: 'no such host',
    LOG_LEVEL: 'loud',
    HAWKER_LOG_FORMAT: 'xml',
    HAWKER_PUBLIC_URL: 'ftp://example.com',
    HAWKER_API_KEY: 'short',
    HAWKER_SALT: 'a b',
    HAWKER_SECRET_KEY: 'xyz',
    HAWKER_DATA_DIR: file,
    HAWKER_DATABASE_PORT: '0',
    HAWKER_PROCESSES: '0',
    HAWKER_DATABASE_CONNECTIONS: '1',
    HAWKER_RATE_LIMIT: '-1',
    HAWKER_IDEMPOTENCY_DAYS: '0',
    HAWKER_GROUP_COMMIT_ACROSS_BUSINESSES: 'perhaps',
    DATABASE_URL: 'mysql://root:secret@localhost/x',
    CONTROL_DATABASE_URL: 'localhost',
  }
  const results = await Promise.all(
    Object.entries(wrong).map(async ([name, value]) => ({ name, value, ...(await run(['start'], { environment: { [name]: value } })) })),
  )
  for (const { name, value, code, err, out } of results) {
    expect(`${name} ${code}`).toBe(`${name} 2`)
    expect(err).toMatch(new RegExp(`^hawker: ${name} must be [^\\n]+\\.\\n$`))
    expect(out).toBe('')
    if (/KEY|SALT|DATABASE_URL/.test(name)) expect(err).not.toContain(value)
  }
  const names = Object.keys(wrong).filter((name) => name !== 'HAWKER_DATA_DIR')
  const { HAWKER_DATA_DIR: _, ...values } = wrong
  const all = await run(['start'], { environment: values })
  expect(
    all.err
      .trimEnd()
      .split('\n')
      .map((line) => line.split(' ')[1])
      .sort(),
  ).toEqual(names.sort())
  const worker = await run(['worker'])
  expect(worker).toMatchObject({ code: 2, err: expect.stringMatching(/^hawker: DATABASE_URL must be set for `hawker worker`[^\n]+\n$/) })
})

test('the command handles help, no command, an unknown command and an unknown option', async () => {
  const [help, none, unknown, option, keys] = await Promise.all([run(['--help']), run([]), run(['strat']), run(['start', '--fast']), run(['keys', 'delete'])])
  expect(help).toMatchObject({ code: 0, err: '', out: expect.stringContaining('Usage: hawker <command>') })
  expect(none).toEqual(help)
  expect(unknown).toMatchObject({
    code: 2,
    out: '',
    err: expect.stringMatching(/^hawker: There is no command "strat"\. Did you mean "start"\? The commands are [^\n]+\nSee `hawker help`\.\n$/),
  })
  expect(option).toMatchObject({ code: 2, out: '', err: expect.stringContaining('--fast') })
  expect(keys).toMatchObject({ code: 2, err: expect.stringContaining('keys expects create, list or revoke, not') })
})

test('every command prints its help without loading the server', async () => {
  const names = Object.keys(commands) as CommandName[]
  const helps = await Promise.all(names.map((name) => run([name, '--help'])))
  for (const [i, name] of names.entries()) {
    expect(helps[i]).toMatchObject({ code: 0, err: '', out: usageOf(name) })
    expect(helps[i]?.out).toMatch(new RegExp(`^Usage: hawker ${name}( |\\n)`))
    for (const option of commands[name].takes) expect(helps[i]?.out).toContain(`--${option}`)
  }
  expect(await run(['help', 'keys'])).toEqual(await run(['keys', 'revoke', '-h']))
  expect(await run(['businesses', 'create', '--fast'])).toMatchObject({ code: 2, err: expect.stringContaining('--fast') })
  expect(await run(['keys', '--slug', 'x'])).toMatchObject({
    code: 2,
    err: 'hawker: keys does not accept --slug. Its options are --name, --business, --json.\nSee `hawker help keys`.\n',
  })

  const bytes = builtFiles({ late: false }).reduce((sum, file) => sum + statSync(file).size, 0)
  expect(bytes).toBeLessThan(60_000)
})

test('the built program is ASCII, so that V8 keeps a byte for each of its characters', () => {
  expect(builtFiles({ late: true }).filter((file) => /[^\x00-\x7f]/.test(readFileSync(file, 'latin1')))).toEqual([])
})

describe('beside a running Hawker', () => {
  const directory = join(newFolder(), 'data')
  const environment = { HAWKER_DATA_DIR: directory, HAWKER_API_KEY: key, HAWKER_SALT: 'a-salt-of-our-own' }
  let one: Hawker
  let url: string

  beforeAll(async () => {
    one = hawker(['start'], { environment })
    url = await one.ready()
  })

  test('HAWKER_API_KEY and HAWKER_SALT set the key and the salt, and no start prints them', async () => {
    expect(one.out()).toContain('API key    as in HAWKER_API_KEY\n')
    expect(one.out()).toContain('"X-BUSINESS-API-KEY: $HAWKER_API_KEY"')
    for (const secret of [key, 'a-salt-of-our-own']) expect(one.out()).not.toContain(secret)
    expect((await createCustomer(url)).status).toBe(201)
  })

  test('a port in use is one clear line', async () => {
    const port = new URL(url).port
    const { code, err } = await run(['start'], { environment: { HAWKER_DATA_DIR: join(newFolder(), 'other'), PORT: port } })
    expect(code).toBe(1)
    expect(err).toBe(`hawker: Port ${port} is in use on 127.0.0.1. Set PORT to another one, for example PORT=${Number(port) + 1} npm start.\n`)
  })

  test('keys are created, listed and revoked, and a revoked one gets 401 within seconds', async () => {
    const made = JSON.parse((await run(['keys', 'create', '--name', 'Shop', '--json'], { environment })).out)
    expect(made.key).toMatch(/^test_[0-9a-f]{64}$/)
    expect((await list(url, made.key)).status).toBe(200)
    const listed = await run(['keys', 'list'], { environment })
    expect(listed.out).toContain('Shop')
    expect(listed.out).toContain(made.key.slice(-4))
    expect(listed.out).not.toContain(made.key)
    expect(await run(['keys', 'revoke', made.id], { environment })).toMatchObject({ code: 0, out: `Revoked ${made.id}.\n`, err: '' })
    let status = 200
    for (let waited = 0; status !== 401 && waited < 8_000; waited += 200) {
      await sleep(200)
      status = (await list(url, made.key)).status
    }
    expect(status).toBe(401)
    expect((await list(url, key)).status).toBe(200)
    expect(await run(['keys', 'revoke', made.id], { environment })).toMatchObject({
      code: 1,
      err: `hawker: Kopi Corner (test) has no active key ${made.id}.\n`,
    })
  })

  test('no key and no salt is stored in plain text', async () => {
    const pool = new pg.Pool(poolOptions(runningConnection(directory), 1, 10_000))
    const { rows: tables } = await pool.query(
      "select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname in ('hawker', 'graphile_worker')",
    )
    let dump = ''
    for (const { name } of tables) {
      const { rows } = await pool.query(`select t::text as row from ${name} t`)
      dump += rows.map(({ row }) => row).join('\n')
    }
    await pool.end()
    expect(dump).toContain('jsmith@example.com')
    expect(dump).not.toContain(key)
    expect(dump).not.toContain(key.slice('test_'.length))
    expect(dump).not.toContain('a-salt-of-our-own')
  })

  test('doctor passes beside the running server and alone, and keys work alone too', async () => {
    const beside = await run(['doctor'], { environment })
    expect(beside).toMatchObject({ code: 0, err: '', out: expect.stringContaining('All checks passed.') })
    expect(beside.out).toContain(`process ${one.pid}`)
    expect(beside.out).toMatch(/WARN {2}links +HAWKER_PUBLIC_URL is not set/)
    expect(await one.stop()).toBe(0)
    const alone = await run(['doctor'], { environment })
    expect(alone).toMatchObject({ code: 0, err: '' })
    expect(alone.out).toMatch(/\d+ applied/)
    expect(await run(['keys', 'list'], { environment })).toMatchObject({ code: 0, err: '', out: expect.stringContaining('revoked') })
    expect(postgresOf(directory)).toEqual([])
  })
})

describe('a separate database', () => {
  const directory = newFolder()
  let postgres: EmbeddedDatabase
  let port: number
  let DATABASE_URL: string

  beforeAll(async () => {
    port = await freePort()
    postgres = await startEmbedded({ directory, tcpPort: port })
    DATABASE_URL = `postgres://hawker:hush@127.0.0.1:${port}/postgres`
  })

  test('migrate brings the database up to date once, even when two run at the same moment', async () => {
    const results = await Promise.all([1, 2].map(() => run(['migrate'], { environment: { DATABASE_URL } })))
    for (const { code, err } of results) expect(`${code}${err}`).toBe('0')
    const said = results.map(({ out }) => out).join('')
    for (const name of ['0001_foundation', '0002_customers']) expect(said.split(name)).toHaveLength(2)
    expect(await run(['migrate'], { environment: { DATABASE_URL } })).toMatchObject({ code: 0, out: 'The database is up to date.\n', err: '' })
  })

  test('api and worker run as two processes, and the worker sequences what the api wrote', async () => {
    const own = { DATABASE_URL, HAWKER_API_KEY: key, HAWKER_DATA_DIR: join(directory, 'data'), LOG_LEVEL: 'info' }
    const api = hawker(['api'], { environment: own })
    const worker = hawker(['worker'], { environment: own })
    await Promise.all([api.until('"message":"ready"'), worker.until('worker started')])
    const url = /"url":"(http:[^"]+)"/.exec(api.out())?.[1] ?? ''
    for (let i = 0; i < 3; i++) expect((await createCustomer(url)).status).toBe(201)
    const pool = new pg.Pool(poolOptions(DATABASE_URL, 1, 5_000))
    let sequences: string[] = []
    for (let waited = 0; sequences.length < 3 && waited < 5_000; waited += 50) {
      await sleep(50)
      const { rows } = await pool.query('select sequence from hawker.events where sequence is not null order by 1')
      sequences = rows.map(({ sequence }) => String(sequence))
    }
    expect(sequences).toEqual(['1', '2', '3'])
    await pool.end()
    expect(await Promise.all([api.stop(), worker.stop()])).toEqual([0, 0])
  })

  test('an unreachable database is one line without the password, and doctor reports it too', async () => {
    await postgres.stop()
    const [start, doctor] = await Promise.all([run(['api'], { environment: { DATABASE_URL } }), run(['doctor'], { environment: { DATABASE_URL } })])
    expect(start.code).toBe(1)
    expect(start.err).toMatch(/^hawker: The database at DATABASE_URL cannot be reached \([^\n]*ECONNREFUSED[^\n]*\)\.\n$/)
    expect(doctor).toMatchObject({ code: 1, out: expect.stringMatching(/FAIL {2}database +[^\n]*ECONNREFUSED/) })
    expect(start.err + start.out + doctor.out + doctor.err).not.toContain('hush')
    const wrong = await run(['doctor'], { environment: { PORT: 'x' } })
    expect(wrong).toMatchObject({ code: 2, out: expect.stringContaining('PORT must be') })
  })

  test('HAWKER_DATABASE_PORT opens that port on loopback, and a port in use is one line', async () => {
    const own = { HAWKER_DATA_DIR: join(newFolder(), 'tcp'), HAWKER_API_KEY: key, HAWKER_DATABASE_PORT: String(port) }
    const one = hawker(['start'], { environment: own })
    await one.ready()
    const pool = new pg.Pool(poolOptions(`postgres://hawker@127.0.0.1:${port}/postgres`, 1, 5_000))
    expect((await pool.query('show listen_addresses')).rows).toEqual([{ listen_addresses: '127.0.0.1' }])
    await pool.end()
    const second = await run(['start'], { environment: { ...own, HAWKER_DATA_DIR: join(newFolder(), 'second') } })
    expect(second).toMatchObject({ code: 1, err: expect.stringMatching(/^hawker: PostgreSQL cannot open port \d+ [^\n]+HAWKER_DATABASE_PORT[^\n]+\n$/) })
    expect(await one.stop()).toBe(0)
  })
})
