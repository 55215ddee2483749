// Benchmarks, apart from the tests: `npm run bench`, `npm run bench -- scale`, `… payments`, `… profile`.
import { parseArgs } from 'node:util'
import { directProcess } from './direct.ts'
import { autocannonProcess } from './generator.ts'
import { payments, settling } from './payments.ts'
import { profile, profilePaying } from './profile.ts'
import { run } from './run.ts'
import { scale } from './scale.ts'
import { sinkProcess } from './sink.ts'
import { openWorkspace, type Workspace } from './workspace.ts'

const usage = `Usage: npm run bench -- [command] [options]

  (no command)   create, get and list beside the same work straight on the database
  scale          get, list, e-mail and keyword search as the number of rows grows
  payments       the four ways to pay beside the database's own work, webhook deliveries and their latency
  settle         the four ways to pay at 64 connections: what one payment costs
  profile        where the server spends its time under load; 'profile settle' while it is paid, --way "bank credit" by another way

  --rounds N     rounds of which medians are taken (5)
  --seconds S    length of a cell (4)
  --rows N       customers to begin with (20000); for scale a list (10000,1000000,5000000)
  --requests N   scale: requests of each kind in a round (60); payments: requests prepared for each way (6000 a second)
  --events N     payments: events of a backlog (20000)
  --generator G  wrk or autocannon; by default wrk where it is installed
  --quick        one short round, to see that everything works
  --json FILE    writes every figure to a file

  HAWKER_BENCH_DIR is where the temporary databases are made; the system's temporary folder unless set.
`

function whole(name: string, text: string | undefined, fallback: number): number {
  if (text === undefined) return fallback
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new Error(`--${name} must be a whole number from 1, not "${text}".`)
  return Number(text)
}

function readOptions() {
  return parseArgs({
    allowPositionals: true,
    options: {
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      rows: { type: 'string' },
      requests: { type: 'string' },
      events: { type: 'string' },
      generator: { type: 'string' },
      way: { type: 'string' },
      quick: { type: 'boolean', default: false },
      json: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  })
}

async function perform(workspace: Workspace, [command, argument]: string[], values: ReturnType<typeof readOptions>['values']): Promise<void> {
  const { quick, json } = values
  const generator = values.generator === 'wrk' || values.generator === 'autocannon' ? values.generator : undefined
  const rounds = whole('rounds', values.rounds, quick ? 1 : 5)
  const seconds = whole('seconds', values.seconds, quick ? 1 : 4)
  if (command === 'scale') {
    const rows = (values.rows ?? (quick ? '10000,50000' : '10000,1000000,5000000')).split(',').map((text) => whole('rows', text, 0))
    await scale(workspace, { rows, rounds, requests: whole('requests', values.requests, quick ? 20 : 60), json })
  } else if (command === 'payments' || command === 'settle') {
    const requests = whole('requests', values.requests, 6_000 * seconds)
    await (command === 'settle' ? settling : payments)(workspace, {
      rounds,
      seconds,
      requests,
      events: whole('events', values.events, quick ? 3000 : 20_000),
      quick,
      json,
      generator,
    })
  } else if (command === 'profile' && argument === 'settle') await profilePaying(workspace, Math.max(3, seconds), values.way ?? 'sandbox pay')
  else if (command === 'profile') await profile(workspace, { rows: whole('rows', values.rows, 20_000), seconds: Math.max(3, seconds) })
  else if (command === undefined) await run(workspace, { rounds, seconds, rows: whole('rows', values.rows, 20_000), quick, json, generator })
  else throw new Error(`There is no benchmark "${command}".\n\n${usage}`)
}

async function main(): Promise<void> {
  const { values, positionals } = readOptions()
  const [command, argument = ''] = positionals
  if (values.help) return void process.stdout.write(usage)
  if (command === 'direct') return directProcess(argument)
  if (command === 'sink') return sinkProcess()
  if (command === 'autocannon') return autocannonProcess(argument)
  const workspace = openWorkspace()
  try {
    await perform(workspace, positionals, values)
  } finally {
    await workspace.close()
  }
}

try {
  await main()
} catch (error) {
  process.stderr.write(`bench: ${error instanceof Error ? (process.env.DEBUG ? error.stack : error.message) : error}\n`)
  process.exitCode = 1
}
