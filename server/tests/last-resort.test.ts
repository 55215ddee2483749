import { afterAll, expect, test } from 'vitest'
import { clearAll, createCustomer, hawker, key, newFolder } from './process.ts'

afterAll(clearAll)

/** Makes a process throw what nobody catches, and reject what nobody awaits, when it gets SIGUSR2. */
const faulty = `--import=data:text/javascript,${encodeURIComponent(
  "process.on('SIGUSR2', () => { Promise.reject(new Error('awaited by nobody')); setImmediate(() => { throw new Error('caught by nobody') }) })",
)}`
const environment = (more: Record<string, string> = {}) => ({ HAWKER_DATA_DIR: newFolder('data'), HAWKER_API_KEY: key, NODE_OPTIONS: faulty, ...more })
const sleep = (ms: number) => new Promise((done) => setTimeout(done, ms))

test.runIf(process.platform !== 'win32')(
  'an error that nobody catches is logged and ends nothing, and many of them end the process in order',
  async () => {
    const one = hawker(['start'], { environment: environment() })
    const url = await one.ready()
    one.child.kill('SIGUSR2')
    await one.until('awaited by nobody')
    await one.until('caught by nobody')
    expect((await createCustomer(url)).status).toBe(201)
    for (let round = 0; round < 5; round++) {
      one.child.kill('SIGUSR2')
      await sleep(50)
    }
    await one.until('too many errors were caught by nobody')
    expect(await one.ended).toBe(1)
  },
  60_000,
)

test.runIf(process.platform === 'linux')(
  'one of several processes is replaced after an error that nobody catches, and every request is answered meanwhile',
  async () => {
    const one = hawker(['start'], { environment: environment({ HAWKER_PROCESSES: '2', LOG_LEVEL: 'warn' }) })
    const url = await one.ready()
    const { pid } = one
    const { readdirSync, readFileSync } = await import('node:fs')
    const members = () =>
      readdirSync('/proc')
        .filter((name) => /^\d+$/.test(name))
        .filter((name) => {
          try {
            return (
              readFileSync(`/proc/${name}/stat`, 'utf8').split(') ')[1]?.split(' ')[1] === String(pid) &&
              readFileSync(`/proc/${name}/cmdline`, 'utf8').includes('process\0api')
            )
          } catch {
            return false
          }
        })
        .map(Number)
    const before = members()
    expect(before).toHaveLength(2)
    let asking = true
    const statuses = new Set<number>()
    const asked = (async () => {
      while (asking) statuses.add((await createCustomer(url)).status)
    })()
    process.kill(before[0] as number, 'SIGUSR2')
    await one.until('a process is replaced after an error that nobody caught')
    await expect.poll(() => members().includes(before[0] as number), { timeout: 20_000 }).toBe(false)
    asking = false
    await asked
    expect(members()).toHaveLength(2)
    expect([...statuses]).toEqual([201])
    expect(await one.stop()).toBe(0)
  },
  60_000,
)
