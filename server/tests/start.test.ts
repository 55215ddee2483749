import { execFile } from 'node:child_process'
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { poolOptions } from '#foundation/database/database.ts'
import { runningConnection } from '#foundation/database/embedded.ts'
import { clearAll, createCustomer, type Hawker, hawker, isRoot, key, newFolder, postgresOf, run } from './process.ts'

afterAll(clearAll)

const inFolder = (directory: string, more: Record<string, string> = {}) => ({ environment: { HAWKER_DATA_DIR: directory, HAWKER_API_KEY: key, ...more } })

/** Inodes of the sockets that a process holds. */
async function socketsOf(pid: number): Promise<Set<string>> {
  const { stdout } = await promisify(execFile)('ls', ['-l', `/proc/${pid}/fd`])
  return new Set([...stdout.matchAll(/socket:\[(\d+)\]/g)].map(([, inode = '']) => inode))
}

/** TCP ports on which a process listens (Linux). */
async function listening(pid: number): Promise<number[]> {
  const inodes = await socketsOf(pid)
  return ['/proc/net/tcp', '/proc/net/tcp6'].flatMap((file) =>
    readFileSync(file, 'utf8')
      .split('\n')
      .slice(1)
      .map((line) => line.trim().split(/\s+/))
      .filter((fields) => fields[3] === '0A' && inodes.has(fields[9] ?? ''))
      .map((fields) => Number.parseInt(fields[1]?.split(':')[1] ?? '', 16)),
  )
}

describe('hawker start, repeatedly', () => {
  const directory = join(newFolder(), 'data')
  let first: Hawker
  let url: string
  const kept = { key: '', id: '' }

  beforeAll(async () => {
    first = hawker(['start'], { environment: { HAWKER_DATA_DIR: directory } })
    url = await first.ready()
  })

  test('the first start prints the URL, a key, a salt, and a curl command that works', async () => {
    const said = first.out()
    expect(said).toMatch(/Salt\s+[0-9a-f]{64}\n/)
    kept.key = /API key\s+(test_[0-9a-f]{64})\n/.exec(said)?.[1] ?? ''
    const curl = said.slice(said.indexOf('curl --request'))
    const { stdout } = await promisify(execFile)('/bin/sh', ['-c', `${curl.trim()} --silent --write-out ' %{http_code}'`])
    expect(stdout).toMatch(/ 201$/)
    kept.id = JSON.parse(stdout.slice(0, -4)).id
    const milliseconds = Number(/ready \((\d+) ms\)/.exec(said)?.[1])
    process.stdout.write(`first start: ready after ${milliseconds} ms\n`)
    expect(milliseconds).toBeLessThan(10_000)
  })

  test('a second start reports that the data directory is in use, and the first one continues', async () => {
    const { code, err, out } = await run(['start'], inFolder(directory))
    expect(code).toBe(1)
    expect(out).toBe('')
    expect(err).toBe(
      `hawker: The data directory ${directory} is in use by another Hawker (process ${first.pid}). Stop it, or set HAWKER_DATA_DIR to another directory.\n`,
    )
    expect((await fetch(`${url}/readyz`)).status).toBe(200)
  })

  test.runIf(process.platform === 'linux')('the server listens on no TCP port but its own', async () => {
    const [postmaster = 0] = postgresOf(directory)
    expect(await listening(postmaster)).toEqual([])
    expect(await listening(first.pid)).toEqual([Number(new URL(url).port)])
  })

  test('the durable settings are never switched off', async () => {
    const pool = new pg.Pool(poolOptions(runningConnection(directory), 1, 5_000))
    const { rows } = await pool.query("select name, setting from pg_settings where name in ('fsync', 'synchronous_commit', 'full_page_writes') order by 1")
    await pool.end()
    expect(rows.map(({ name, setting }) => `${name} ${setting}`)).toEqual(['fsync on', 'full_page_writes on', 'synchronous_commit on'])
  })

  test('a start after SIGKILL recovers the stale lock, the PostgreSQL that was left running, and every row', async () => {
    const [left = 0] = postgresOf(directory)
    await first.stop('SIGKILL')
    if (process.platform === 'linux') expect(postgresOf(directory)).toEqual([left])
    expect(existsSync(join(directory, 'hawker.lock'))).toBe(true)
    const again = hawker(['start'], { environment: { HAWKER_DATA_DIR: directory } })
    const newUrl = await again.ready()
    if (process.platform === 'linux') {
      expect(postgresOf(directory)).toHaveLength(1)
      expect(postgresOf(directory)).not.toContain(left)
    }
    expect(again.out()).not.toContain(kept.key)
    const answer = await fetch(`${newUrl}/v1/customers/${kept.id}`, { headers: { 'x-business-api-key': kept.key } })
    expect(answer.status).toBe(200)
    expect(await again.stop()).toBe(0)
    expect(existsSync(join(directory, 'hawker.lock'))).toBe(false)
  })

  test('exactly one of several simultaneous starts takes over a stale lock', async () => {
    writeFileSync(join(directory, 'hawker.lock'), JSON.stringify({ pid: 2 ** 22 - 1, started: '1' }))
    const racers = [1, 2, 3].map(() => hawker(['start'], inFolder(directory)))
    const outcomes = await Promise.all(
      racers.map((one) =>
        Promise.race([
          one.ready().then(
            () => 'ready',
            () => 'refused',
          ),
          one.ended,
        ]),
      ),
    )
    expect(outcomes.filter((outcome) => outcome === 'ready')).toHaveLength(1)
    for (const one of racers) if (!one.out().includes('ready')) expect(one.err()).toContain('is in use by another Hawker')
    const winner = racers.find((one) => one.out().includes('ready'))
    const milliseconds = Number(/ready \((\d+) ms\)/.exec(winner?.out() ?? '')?.[1])
    process.stdout.write(`later start: ready after ${milliseconds} ms\n`)
    expect(milliseconds).toBeLessThan(10_000)
    expect(await winner?.stop()).toBe(0)
  })

  test('a start succeeds beside a postmaster.pid that names another program', async () => {
    writeFileSync(join(directory, 'postgres/postmaster.pid'), `${process.pid}\n${directory}/postgres\n1\n5432\n\n\n0 0\nready\n`)
    const one = hawker(['start'], inFolder(directory))
    expect((await createCustomer(await one.ready())).status).toBe(201)
    expect(await one.stop()).toBe(0)
  })
})

test('half-made files, spaces and non-Latin letters in the path, and a port 5432 in use do no harm', async () => {
  const directory = newFolder('my data/Zürich 数据 «x»')
  mkdirSync(join(directory, 'postgres.new/base'), { recursive: true })
  writeFileSync(join(directory, 'postgres.new/PG_VERSION'), 'half')
  const occupier = createServer().on('error', () => undefined)
  await new Promise((done) => {
    occupier.once('error', done)
    occupier.listen(5432, '127.0.0.1', () => done(undefined))
  })
  const one = hawker(['start'], inFolder(directory))
  expect((await createCustomer(await one.ready())).status).toBe(201)
  expect(existsSync(join(directory, 'postgres.new'))).toBe(false)
  expect(await one.stop()).toBe(0)
  occupier.close()
})

test('a path that is too long for a socket works, also through a symbolic link', async () => {
  const directory = newFolder(`${'long'.repeat(20)}/${'path'.repeat(20)}`)
  const link = join(newFolder(), 'link')
  symlinkSync(directory, link)
  const one = hawker(['start'], inFolder(directory))
  await one.ready()
  await one.stop('SIGKILL')
  const other = hawker(['start'], inFolder(link))
  expect((await createCustomer(await other.ready())).status).toBe(201)
  if (process.platform === 'linux') expect(postgresOf(directory)).toEqual([])
  expect(await other.stop()).toBe(0)
})

test.runIf(isRoot)('the server runs as a regular user', async () => {
  const [, , uid, gid] =
    readFileSync('/etc/passwd', 'utf8')
      .split('\n')
      .find((line) => line.startsWith('nobody:'))
      ?.split(':') ?? []
  const directory = newFolder('data')
  chownSync(directory, Number(uid), Number(gid))
  const one = hawker(['start'], { ...inFolder(directory), uid: Number(uid), gid: Number(gid) })
  expect((await createCustomer(await one.ready())).status).toBe(201)
  expect(await one.stop()).toBe(0)
})

test.runIf(isRoot && existsSync('/usr/bin/setpriv'))('the server runs as root below a folder that only root may enter', async () => {
  const closed = newFolder('closed')
  chmodSync(closed, 0o700)
  const directory = join(closed, 'data')
  const one = hawker(['start'], inFolder(directory))
  expect((await createCustomer(await one.ready())).status).toBe(201)
  const [postmaster = 0] = postgresOf(directory)
  expect(readFileSync(`/proc/${postmaster}/status`, 'utf8')).not.toMatch(/^Uid:\s+0/m)
  expect(await one.stop()).toBe(0)
  expect(postgresOf(directory)).toEqual([])
})
