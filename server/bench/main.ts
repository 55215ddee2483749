// The benchmarks: `npm run bench`, `npm run bench -- payments`, `… scale`, `… processes`, `… start`, `… profile`.
import { readFileSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { bareProcess } from './bare.ts'
import type { CommonOptions } from './conditions.ts'
import { autocannonProcess } from './generator.ts'
import { findTools } from './machine.ts'
import { printed, type Report, writePage } from './page.ts'
import { paymentsPerSecond } from './paying.ts'
import { measurePayments, measureSettling, type PaymentsFigures, reportPayments } from './payments.ts'
import { measureProcesses, type ProcessesFigures, reportProcesses } from './processes.ts'
import { profile, profileDelivering, profilePaying } from './profile.ts'
import { measureRun, type RunFigures, reportRun } from './run.ts'
import { measureScale, reportScale, type ScaleFigures } from './scale.ts'
import { sinkProcess } from './sink.ts'
import { measureStartUp, reportStartUp, type StartUp } from './start-up.ts'
import { wayNames } from './ways.ts'
import { openWorkspace, type Workspace } from './workspace.ts'

const usage = `Usage: npm run bench -- [command] [options]

  (no command)   customers and settling, beside pgbench and bare Fastify
  payments       four ways to pay, beside pgbench; webhook deliveries and their latency
  scale          get, list and search as the number of customers grows
  processes      create, get and settle with one API process and with two
  start          time to the first answer, help of the commands, memory at rest and under load
  settle         the four ways to pay at 64 connections only
  profile        CPU profile of create, get and list; 'profile settle' of a payment, by the way --way "sandbox pay";
                 'profile deliver' of webhook deliveries

  --write        updates the command's tables in docs/performance.md and its plots in docs/plots
  --json FILE    writes all figures to a file
  --from FILE    reports the figures of such a file instead of measuring
  --quick        one short round, to check that everything works
  --noisy        measures even if the machine is too noisy

  --rounds N     rounds (5; payments 4; scale and processes 3; start 5 times)
  --seconds S    seconds per cell (3; payments 2)
  --rows N       initial customers (20000); for scale a list (10000,1000000,5000000)
  --requests N   scale: requests of each kind per round (200); payments: payment requests to prepare (6000 per second of a cell)
  --events N     events in the backlog (payments 20000, profile deliver 5000)
  --generator G  wrk or autocannon; wrk by default if it is installed

  Temporary databases are created in HAWKER_BENCH_DIR, or in the system's temporary folder.
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
      noisy: { type: 'boolean', default: false },
      write: { type: 'boolean', default: false },
      json: { type: 'string' },
      from: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  })
}

type Values = ReturnType<typeof readOptions>['values']

function commonOptions({ quick, noisy, generator, ...values }: Values, rounds: number, seconds: number): CommonOptions {
  return {
    rounds: whole('rounds', values.rounds, quick ? 1 : rounds),
    seconds: whole('seconds', values.seconds, quick ? 1 : seconds),
    quick,
    // A quick run only checks that everything works.
    noisy: noisy || quick,
    tools: findTools(generator === 'wrk' || generator === 'autocannon' ? generator : undefined),
  }
}

/** A benchmark: how to measure it and how to report it. */
interface Benchmark<Figures> {
  measure(workspace: Workspace, values: Values): Promise<Figures>
  report(figures: Figures): Report
}

const paymentsOptions = (values: Values, common: CommonOptions) => ({
  ...common,
  requests: whole('requests', values.requests, paymentsPerSecond * common.seconds),
  events: whole('events', values.events, values.quick ? 3_000 : 20_000),
})

const customers: Benchmark<RunFigures> = {
  measure: (workspace, values) => measureRun(workspace, { ...commonOptions(values, 5, 3), rows: whole('rows', values.rows, 20_000) }),
  report: reportRun,
}

const payments: Benchmark<PaymentsFigures> = {
  measure: (workspace, values) => measurePayments(workspace, paymentsOptions(values, commonOptions(values, 4, 2))),
  report: reportPayments,
}

const settle: Benchmark<PaymentsFigures> = {
  measure: (workspace, values) => measureSettling(workspace, paymentsOptions(values, commonOptions(values, 3, 3))),
  // The page shows payments at several numbers of connections.
  report: (figures) => ({ parts: reportPayments(figures).parts, drawings: {} }),
}

const scale: Benchmark<ScaleFigures> = {
  measure(workspace, values) {
    const rows = (values.rows ?? (values.quick ? '10000,50000' : '10000,1000000,5000000')).split(',').map((text) => whole('rows', text, 0))
    return measureScale(workspace, { ...commonOptions(values, 3, 1), rows, requests: whole('requests', values.requests, values.quick ? 20 : 200) })
  },
  report: reportScale,
}

const start: Benchmark<StartUp> = {
  async measure(workspace, values) {
    const { quick, rounds, seconds, tools } = commonOptions(values, 5, 3)
    return measureStartUp(workspace, { times: rounds, restSeconds: quick ? 1 : 10, seconds, tools })
  },
  report: reportStartUp,
}

const processes: Benchmark<ProcessesFigures> = {
  measure: (workspace, values) => measureProcesses(workspace, { ...commonOptions(values, 3, 3), rows: whole('rows', values.rows, 20_000) }),
  report: reportProcesses,
}

async function show<Figures>(workspace: Workspace, { measure, report }: Benchmark<Figures>, values: Values): Promise<void> {
  const figures = values.from ? (JSON.parse(readFileSync(values.from, 'utf8')) as Figures) : await measure(workspace, values)
  if (values.json) writeFileSync(values.json, `${JSON.stringify(figures, null, 2)}\n`)
  const shown = report(figures)
  process.stdout.write(`${printed(shown)}\n`)
  if (values.write) writePage(shown)
}

async function perform(workspace: Workspace, [command, argument]: string[], values: Values): Promise<void> {
  const seconds = Math.max(3, whole('seconds', values.seconds, 4))
  if (command === undefined) await show(workspace, customers, values)
  else if (command === 'payments') await show(workspace, payments, values)
  else if (command === 'scale') await show(workspace, scale, values)
  else if (command === 'processes') await show(workspace, processes, values)
  else if (command === 'start') await show(workspace, start, values)
  else if (command === 'settle' && values.write) throw new Error('The page needs payments at several numbers of connections; use "payments --write".')
  else if (command === 'settle') await show(workspace, settle, values)
  else if (command === 'profile' && argument === 'settle') await profilePaying(workspace, seconds, values.way ?? wayNames[0])
  else if (command === 'profile' && argument === 'deliver') await profileDelivering(workspace, whole('events', values.events, 5_000))
  else if (command === 'profile') await profile(workspace, { rows: whole('rows', values.rows, 20_000), seconds })
  else throw new Error(`There is no benchmark "${command}".\n\n${usage}`)
}

async function main(): Promise<void> {
  const { values, positionals } = readOptions()
  const [command, argument = ''] = positionals
  if (values.help) return void process.stdout.write(usage)
  // Helper processes of the benchmarks.
  if (command === 'bare') return bareProcess(argument)
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
