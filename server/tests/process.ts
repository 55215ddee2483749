import { type ChildProcess, spawn } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const command = fileURLToPath(new URL('../bin/hawker.mjs', import.meta.url))
export const isRoot = process.getuid?.() === 0

const node = process.env.HAWKER_NODE ? { HAWKER_NODE: process.env.HAWKER_NODE } : {}

export interface HawkerOptions {
  environment?: Record<string, string>
  uid?: number | undefined
  gid?: number | undefined
  cwd?: string
}

/** A real `hawker` process and its output. */
export interface Hawker {
  readonly child: ChildProcess
  readonly pid: number
  out(): string
  err(): string
  /** The exit code, or the signal's name. */
  readonly ended: Promise<number | string>
  /** Resolves to the base URL when it reports that it is ready; rejects if it ends before. */
  ready(): Promise<string>
  until(text: string | RegExp): Promise<void>
  stop(signal?: NodeJS.Signals): Promise<number | string>
}

const begun = new Set<Hawker>()
const folders = new Set<string>()

export function hawker(args: string[], { environment = {}, uid, gid, cwd }: HawkerOptions = {}): Hawker {
  const child = spawn(process.execPath, [command, ...args], {
    // On the Node.js that runs the tests.
    env: { PATH: process.env.PATH, HOME: tmpdir(), PORT: '0', LOG_LEVEL: 'error', ...node, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
    cwd: cwd ?? tmpdir(),
    ...(uid === undefined ? {} : { uid }),
    ...(gid === undefined ? {} : { gid }),
  })
  let out = ''
  let err = ''
  const hearers = new Set<() => void>()
  const hear = () => {
    for (const hearer of hearers) hearer()
  }
  child.stdout.on('data', (text) => {
    out += text
    hear()
  })
  child.stderr.on('data', (text) => {
    err += text
    hear()
  })
  let over = false
  const ended = new Promise<number | string>((done) =>
    child.once('close', (code, signal) => {
      over = true
      begun.delete(self)
      done(code ?? signal ?? 'unknown')
      hear()
    }),
  )
  const self: Hawker = {
    child,
    pid: child.pid ?? 0,
    out: () => out,
    err: () => err,
    ended,
    until: (text) =>
      new Promise((done, fail) => {
        const look = () => {
          if (typeof text === 'string' ? (out + err).includes(text) : text.test(out + err)) {
            hearers.delete(look)
            done()
          } else if (over) {
            hearers.delete(look)
            fail(new Error(`hawker ${args.join(' ')} ended without saying ${text}:\n${out}${err}`))
          }
        }
        hearers.add(look)
        look()
      }),
    async ready() {
      await self.until('--data')
      return /API\s+(http:\S+)/.exec(out)?.[1] ?? ''
    },
    stop(signal = 'SIGTERM') {
      child.kill(signal)
      return ended
    },
  }
  begun.add(self)
  return self
}

/** Runs a command to its end. */
export async function run(args: string[], options?: HawkerOptions): Promise<{ code: number | string; out: string; err: string }> {
  const one = hawker(args, options)
  const code = await one.ended
  return { code, out: one.out(), err: one.err() }
}

/** In memory if there is plenty of it: these tests are about processes, and many first starts wait long for a busy disk. */
const base = existsSync('/dev/shm') && statfsSync('/dev/shm').bavail * statfsSync('/dev/shm').bsize > 3e9 ? '/dev/shm' : tmpdir()

/** A new folder that any account may enter. */
export function newFolder(name = ''): string {
  const folder = mkdtempSync(join(base, 'hawker-process-'))
  folders.add(folder)
  chmodSync(folder, 0o755)
  if (name) mkdirSync(join(folder, name), { recursive: true })
  return join(folder, name)
}

/** PostgreSQL programs that work below a folder, by their command lines. */
export function postgresOf(folder: string): number[] {
  if (process.platform !== 'linux') return []
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        const line = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
        return /(postgres|initdb)$/.test(line[0] ?? '') && line.some((part) => part.startsWith(folder))
      } catch {
        return false
      }
    })
    .map(Number)
}

/** Stops and removes whatever the tests of a file left; called in afterAll. */
export async function clearAll(): Promise<void> {
  await Promise.all([...begun].map((one) => one.stop('SIGTERM')))
  for (const folder of folders) {
    for (const pid of postgresOf(folder)) process.kill(pid, 'SIGKILL')
    if (existsSync(folder)) rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 })
  }
}

export const key = `test_${'a'.repeat(64)}`

export async function createCustomer(url: string, apiKey = key): Promise<Response> {
  return fetch(`${url}/v1/customers`, {
    method: 'POST',
    headers: { 'x-business-api-key': apiKey, 'content-type': 'application/json' },
    body: JSON.stringify({ email: 'jsmith@example.com', phone_number: '91234567' }),
  })
}
