import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { clearAll, command, hawker, key, newFolder, run } from './process.ts'

afterAll(clearAll)

const root = fileURLToPath(new URL('../..', import.meta.url))
let environment: Record<string, string>

beforeAll(async () => {
  environment = { HAWKER_DATA_DIR: join(newFolder(), 'data'), HAWKER_API_KEY: key }
  const url = await hawker(['start'], { environment }).ready()
  environment = { ...environment, HAWKER_URL: url }
})

/** Begins a command in a pseudo terminal (util-linux). */
function beginOnTerminal(args: string[], more: Record<string, string>) {
  // What decides about colors is left to the test: NO_COLOR and NODE_DISABLE_COLORS switch them off, and so does CI, where Node.js expects no terminal.
  const { PATH = '', HOME = '' } = process.env
  const line = [process.execPath, command, ...args].map((word) => `'${word}'`).join(' ')
  return spawn('script', ['-qec', `exec ${line}`, '/dev/null'], { env: { PATH, HOME, TERM: 'xterm', ...more }, stdio: ['pipe', 'pipe', 'pipe'] })
}

/** Runs a command in a pseudo terminal, and returns what the terminal got. */
async function onTerminal(args: string[], more: Record<string, string> = {}): Promise<string> {
  const child = beginOnTerminal(args, { ...environment, ...more })
  let out = ''
  child.stdout.on('data', (text) => {
    out += text
  })
  await new Promise((done) => child.once('close', done))
  return out
}

async function eventually(what: () => Promise<boolean> | boolean): Promise<void> {
  for (let waited = 0; waited < 8_000; waited += 100) {
    if (await what()) return
    await sleep(100)
  }
  throw new Error(`not within 8 s: ${what}`)
}

const hasScript = ['/usr/bin/script', '/bin/script'].some((path) => existsSync(path)) && process.platform === 'linux'

test.skipIf(!hasScript)(
  'a terminal gets colors and progress, and neither is written with NO_COLOR or to a pipe',
  async () => {
    const [colored, plain, help, piped] = await Promise.all([
      onTerminal(['verify']),
      onTerminal(['verify'], { NO_COLOR: '1' }),
      onTerminal(['help', 'pay']),
      run(['verify'], { environment }),
    ])
    expect(colored).toContain('\x1b[32mok  ')
    expect(colored).toMatch(/\r\x1b\[KChecking 1 of \d+: /)
    expect(plain).not.toContain('\x1b[32m')
    expect(plain).toContain('Everything adds up.')
    expect(help).toContain('\x1b[1mUsage:')
    expect(piped).toMatchObject({ code: 0, err: '' })
    expect(piped.out).not.toContain('\x1b')
  },
  30_000,
)

test.skipIf(!hasScript)(
  'a start on a terminal shows the page of a test payment and a readable line for each request, and Ctrl-C stops it',
  async () => {
    const child = beginOnTerminal(['start'], { HAWKER_DATA_DIR: join(newFolder(), 'data'), PORT: '0' })
    let out = ''
    child.stdout.on('data', (text) => {
      out += text
    })
    await eventually(() => out.includes('--data'))
    expect(out).toContain('\x1b[1mHawker is ready\x1b[22m')
    const link = /Pay a test payment:\x1b\[22m \x1b\[36m(\S+?)\x1b/.exec(out)?.[1] ?? ''
    const page = await fetch(link)
    expect([page.status, await page.text()]).toEqual([200, expect.stringContaining('Kopi Corner (test)')])
    await eventually(() => /\d\d:\d\d:\d\d\x1b\[22m GET {4}\x1b\[32m200\x1b\[39m \/payment-request\/@:slug /.test(out))
    expect(out).not.toContain('{"level"')
    const ended = new Promise((done) => child.once('close', done))
    child.stdin.write('\x03')
    expect(await ended).toBe(0)
    expect(out).toContain('stopping')
  },
  30_000,
)

test('an unknown HAWKER_ variable is one warning, and the command goes on', async () => {
  const said = await run(['verify', '--json'], { environment: { ...environment, HAWKER_LOG_LEVLE: 'debug' } })
  expect(said).toMatchObject({ code: 0, err: 'hawker: HAWKER_LOG_LEVLE is not a setting of Hawker and is ignored. Did you mean LOG_LEVEL?\n' })
  expect(JSON.parse(said.out)).toMatchObject({ counter_examples: [] })
})

test('--version, doctor and migrate print one line of JSON', async () => {
  const [version, doctor, list] = await Promise.all([
    run(['--version', '--json']),
    run(['doctor', '--json'], { environment }),
    run(['trigger', '--list', '--json']),
  ])
  expect(JSON.parse(version.out)).toEqual({ hawker: expect.stringMatching(/^\d+\.\d+\.\d+$/), node: expect.any(String) })
  expect(JSON.parse(doctor.out)).toMatchObject({ ok: true, checks: expect.arrayContaining([expect.objectContaining({ check: 'database', state: 'ok' })]) })
  expect(JSON.parse(list.out)).toContain('charge.created')
})

const endpoints = async () => {
  const answer = await fetch(`${environment.HAWKER_URL}/v1/webhook-events`, { headers: { 'x-business-api-key': key } })
  return (await answer.json()) as object[]
}

/** Processes of `hawker listen` that forward to a port. */
const listeners = (port: string) => {
  const { readdirSync, readFileSync } = process.getBuiltinModule('node:fs')
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(`127.0.0.1:${port}/`)
      } catch {
        return false
      }
    })
}

test.skipIf(process.platform !== 'linux')(
  'npx hawker listen leaves no process and no endpoint when npx gets SIGTERM, SIGINT, SIGHUP or SIGKILL',
  async () => {
    const signals = ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGKILL'] as const
    const started = signals.map((signal, i) => {
      const port = String(i + 21)
      const child = spawn('npx', ['hawker', 'listen', '--forward-to', `http://127.0.0.1:${port}/`], {
        cwd: root,
        env: { PATH: process.env.PATH, HOME: tmpdir(), ...environment },
        stdio: 'ignore',
        detached: true,
      })
      return { signal, port, child }
    })
    await eventually(async () => (await endpoints()).length === signals.length).catch((error) => {
      for (const { child } of started) process.kill(-(child.pid ?? 0), 'SIGKILL')
      throw error
    })
    // Ctrl-C is sent to every process of the terminal.
    for (const { signal, child } of started) process.kill(signal === 'SIGINT' ? -(child.pid ?? 0) : (child.pid ?? 0), signal)
    await eventually(async () => (await endpoints()).length === 0 && started.every(({ port }) => listeners(port).length === 0))
  },
  40_000,
)
