// The npm scripts: each prepares the checkout (scripts/prepare.mjs) and then runs, in this process if possible,
// so that signals reach it.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { root } from './node.mjs'
import { prepare, prepareModules } from './prepare.mjs'

const [task = 'hawker', ...rest] = process.argv.slice(2)

function run(program, args, options = {}) {
  const { status, signal } = spawnSync(process.execPath, [join(root, 'node_modules', program), ...args], { cwd: root, stdio: 'inherit', ...options })
  if (status !== 0) process.exit(signal ? 1 : (status ?? 1))
}

const tools = {
  biome: '@biomejs/biome/bin/biome',
  oxlint: 'oxlint/bin/oxlint',
  tsc: 'typescript/bin/tsc',
  vitest: 'vitest/vitest.mjs',
}

async function enter(name) {
  process.argv = [process.argv[0], process.argv[1], ...rest]
  await import(await prepare(name))
}

const tasks = {
  hawker: () => enter('main'),
  async bench() {
    await prepare('main')
    await enter('bench')
  },
  crash: () => enter('crash'),
  generate: () => enter('generate'),
  /** Seeds mistakes into a part of the sources and lists those that no test catches. */
  async mutate() {
    await prepare('main')
    process.argv = [process.argv[0], process.argv[1], ...rest]
    await import('./mutate/mutate.mjs')
  },
  async build() {
    await prepare('main', { force: true })
  },
  async test() {
    await prepare('main')
    run(tools.vitest, ['run', ...rest])
  },
  /** What a developer runs all the time: no browser, no processes, no slow tests; tests of changed files first. */
  async 'test:quick'() {
    await prepare('main')
    run(tools.vitest, ['run', '--project', 'pure', '--project', 'server', ...rest])
  },
  /** Sends generated requests to a server: `--requests N --seed S`. */
  async fuzz() {
    await prepare('main')
    const { values } = process.getBuiltinModule('node:util').parseArgs({
      args: rest,
      options: { requests: { type: 'string', default: '20000' }, seed: { type: 'string', default: String(process.pid) } },
    })
    for (const [name, value] of Object.entries(values)) {
      if (/^\d{1,9}$/.test(value)) continue
      process.stderr.write(`--${name} takes a whole number, not "${value}".\n`)
      process.exit(2)
    }
    const env = { ...process.env, HAWKER_FUZZ_REQUESTS: values.requests, HAWKER_FUZZ_SEED: values.seed }
    run(tools.vitest, ['run', '--project', 'slow', 'server/src/fuzz.test.ts', '-t', 'generated requests'], { env })
  },
  /** The browser tests, which write a screenshot of every page. */
  async screenshots() {
    await prepare('main')
    run(tools.vitest, ['run', '--project', 'browser', ...rest], { env: { ...process.env, HAWKER_SCREENSHOTS: '1' } })
  },
  async check() {
    await prepare('main')
    run(tools.biome, ['check', '--error-on-warnings', '.'])
    run(tools.oxlint, [
      '--type-aware',
      '--quiet',
      '-c',
      '.oxlintrc.json',
      'server/src',
      'server/bench',
      'server/crash',
      'server/tests',
      'server/scripts',
      'web/src',
      'e2e',
    ])
    run(tools.tsc, ['-p', 'server/tsconfig.json'])
    run(tools.tsc, ['-p', 'web/tsconfig.json'])
    run(tools.tsc, ['-p', 'e2e/tsconfig.json'])
    rest.length = 0
    rest.push('--verify')
    await enter('generate')
  },
  /** Restarts on every change; the data stays. */
  async dev() {
    await prepare('main')
    run('../scripts/dev.mjs', rest)
  },
}

if (!tasks[task]) {
  process.stderr.write(`There is no task ${task}; there are ${Object.keys(tasks).join(', ')}.\n`)
  process.exit(2)
}
await prepareModules()
await tasks[task]()
