import { type ChildProcess, spawn } from 'node:child_process'
import { copyFileSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, test } from 'vitest'
import { clearAll, newFolder } from './process.ts'

afterAll(clearAll)

const { platform, arch, execPath } = process
const inModules = `node_modules/node-${platform === 'win32' ? 'win' : platform}-${arch}/bin/node`

/** The program that must run on the right Node.js: it reports where it runs, and counts the signals that reach it. */
const program = `
import { runOnRightNode } from './scripts/node.mjs'
await runOnRightNode()
const signals = []
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => signals.push(signal))
console.log(JSON.stringify({ pid: process.pid, parent: process.ppid, execPath: process.execPath, flags: process.execArgv, args: process.argv.slice(2) }))
if (process.argv[2] === 'wait') setInterval(() => signals.length > 0 && setTimeout(() => { console.log(signals.join()); process.exit(0) }, 200), 20)
else process.exit(Number(process.argv[2]))
`

/** A checkout of nothing but the choice of Node.js. Without \`binary\` its modules have none. */
function checkout(binary?: 'good' | 'broken'): string {
  const root = newFolder('checkout')
  mkdirSync(join(root, 'scripts'))
  copyFileSync(fileURLToPath(new URL('../../scripts/node.mjs', import.meta.url)), join(root, 'scripts/node.mjs'))
  writeFileSync(join(root, 'program.mjs'), program)
  // What an older Node.js reports about itself.
  writeFileSync(
    join(root, 'old.cjs'),
    `if (!process.env.HAWKER_CHOSEN_NODE) { Object.defineProperty(process, 'versions', { value: { node: '20.19.0' } }); delete process.execve }`,
  )
  writeFileSync(join(root, 'less-old.cjs'), `if (!process.env.HAWKER_CHOSEN_NODE) Object.defineProperty(process, 'versions', { value: { node: '22.20.0' } })`)
  writeFileSync(join(root, 'new.cjs'), `Object.defineProperty(process, 'versions', { value: { node: '24.0.0' } })`)
  mkdirSync(join(root, inModules, '..'), { recursive: true })
  if (binary === 'good') symlinkSync(execPath, join(root, inModules))
  if (binary === 'broken') writeFileSync(join(root, inModules), '#!/no/such/interpreter', { mode: 0o755 })
  return root
}

interface Run {
  child: ChildProcess
  out(): string
  err(): string
  /** The program's report, as soon as it arrives. */
  said(): Promise<{ pid: number; parent: number; execPath: string; flags: string[]; args: string[] }>
  ended: Promise<number | string>
}

function run(root: string, age: 'old' | 'less-old' | 'new', args: string[], environment: Record<string, string> = {}): Run {
  // In a process group of its own, like a command of a shell.
  const child = spawn(execPath, ['--require', join(root, `${age}.cjs`), join(root, 'program.mjs'), ...args], {
    env: { PATH: process.env.PATH, ...environment },
    detached: true,
  })
  let [out, err] = ['', '']
  child.stdout.on('data', (text) => (out += text))
  child.stderr.on('data', (text) => (err += text))
  const ended = new Promise<number | string>((done) => child.once('close', (code, signal) => done(code ?? signal ?? 'unknown')))
  const said = async () => {
    while (!out.includes('\n')) await new Promise((done) => setTimeout(done, 10))
    return JSON.parse(out.split('\n')[0] ?? '')
  }
  return { child, out: () => out, err: () => err, said, ended }
}

describe.skipIf(platform === 'win32')('the Node.js that runs the program', () => {
  test('an older Node.js is replaced by the one among the modules, with the same arguments, its flags and its exit code', async () => {
    const one = run(checkout('good'), 'old', ['7', 'a b'])
    expect(await one.ended).toBe(7)
    const said = await one.said()
    expect(said).toMatchObject({ execPath, parent: one.child.pid, args: ['7', 'a b'] })
    expect(said.flags).toContain('--max-semi-space-size=16')
    expect(one.err()).toBe('')
  })

  test.runIf('execve' in process)('a Node.js that can replace itself keeps its process', async () => {
    const one = run(checkout('good'), 'less-old', ['5'])
    expect(await one.ended).toBe(5)
    expect(await one.said()).toMatchObject({ pid: one.child.pid })
    expect(one.err()).toBe('')
  })

  test('a Node.js that is new enough stays', async () => {
    const one = run(checkout('good'), 'new', ['3'])
    expect(await one.ended).toBe(3)
    expect(await one.said()).toMatchObject({ pid: one.child.pid })
  })

  test.each(['SIGTERM', 'SIGINT'] as const)('%s reaches the program once, whether it is sent to the process or to its group', async (signal) => {
    const root = checkout('good')
    for (const target of [1, -1]) {
      const one = run(root, 'old', ['wait'])
      await one.said()
      process.kill(target * (one.child.pid ?? 0), signal)
      expect(await one.ended).toBe(0)
      expect(one.out().split('\n')[1]).toBe(signal)
    }
  })

  test('the program ends when the process that waits for it is killed', async () => {
    const one = run(checkout('good'), 'old', ['wait'])
    await one.said()
    one.child.kill('SIGKILL')
    // The program holds the output, so this is its end.
    expect(await one.ended).toBe('SIGKILL')
    expect(one.out().split('\n')[1]).toBe('SIGTERM')
  })

  test("the program stays on the system's Node.js if there is no working binary, and reports it in one line", async () => {
    const none = run(checkout(), 'old', ['4'])
    expect(await none.ended).toBe(4)
    expect(await none.said()).toMatchObject({ pid: none.child.pid })
    expect(none.err()).toMatch(/^Hawker runs on v\S+: the modules contain no Node.js 24 for this machine\.[^\n]+\n$/)
    for (const age of ['old', 'less-old'] as const) {
      const broken = run(checkout('broken'), age, ['4'])
      expect(await broken.ended).toBe(4)
      expect(await broken.said()).toMatchObject({ pid: broken.child.pid })
      expect(broken.err()).toMatch(/^\S+ cannot be run[^\n]*\n$/)
    }
  })

  test("HAWKER_NODE=system keeps the system's Node.js, and any other value is an error", async () => {
    const root = checkout('good')
    const own = run(root, 'old', ['6'], { HAWKER_NODE: 'system' })
    // The one that runs is the one among the modules here, so another is looked for, in vain.
    expect(await own.ended).toBe(6)
    expect(own.err()).toBe('')
    const wrong = run(root, 'old', ['6'], { HAWKER_NODE: 'bundled' })
    expect(await wrong.ended).toBe(2)
    expect(wrong.err()).toBe('hawker: HAWKER_NODE must be system or not set, not "bundled".\n')
  })
})
