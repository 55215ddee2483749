import { writeFileSync } from 'node:fs'
import { prepareCells, runRounds } from './cells.ts'
import { describeMachine, programVersion } from './machine.ts'
import { cellsTable, goalsOf, goalsTable, machineLines } from './report.ts'
import { startCluster } from './servers.ts'
import { measureStartUp } from './start-up.ts'
import type { Workspace } from './workspace.ts'

export interface RunOptions {
  rounds: number
  seconds: number
  rows: number
  quick: boolean
  json: string | undefined
  generator: 'wrk' | 'autocannon' | undefined
}

const say = (text: string) => void process.stdout.write(`${text}\n`)

const notes = `
  create  POST /v1/customers with name, e-mail, phone number; beside it one durable statement that inserts the same row and its event
  get     GET /v1/customers/{id} of a random customer; beside it a select of all columns by key
  list    25 rows after a random cursor; beside it the very statement that the API sends (JSON built by PostgreSQL, 26 rows)
  CPU     of the server process and of all of PostgreSQL, per request, until the relay has placed the events of the last one
  one statement a request is this server with HAWKER_GROUP_COMMIT_ROWS=1; ratios are taken round by round`

/** Measures the server beside its database and prints what was reached. */
export async function run(workspace: Workspace, options: RunOptions): Promise<void> {
  const wrk = options.generator === 'autocannon' ? undefined : programVersion('wrk', ['--version'])
  if (options.generator === 'wrk' && !wrk) throw new Error('wrk is not installed.')
  const pgbench = programVersion('pgbench', ['--version'])
  const startUp = await measureStartUp(workspace, options.quick ? 1 : Math.max(3, options.rounds), options.quick ? 1 : 10)
  const cluster = await startCluster(workspace)
  const generator = wrk ? (wrk.split(' [')[0] ?? wrk) : 'autocannon'
  const machine = describeMachine({ postgres: cluster.version, generator, pgbench })
  say(machineLines(machine))
  const { rows, seconds, rounds } = options
  const cells = await prepareCells(workspace, cluster, { rows, seconds, wrk: wrk !== undefined, pgbench: pgbench !== undefined })
  say(`\n  ${cells.length} cells of ${seconds} s, ${rounds} rounds, ${rows} customers to begin with`)
  const results = await runRounds(cells, rounds, (round, { name }, { perSecond, p50Ms, p99Ms }) =>
    process.stderr.write(`  round ${round}: ${name}: ${perSecond.toFixed(0)}/s, p50 ${p50Ms.toFixed(2)} ms, p99 ${p99Ms.toFixed(2)} ms\n`),
  )
  const goals = goalsOf(results, startUp)
  say(`\n${cellsTable(results)}\n${notes}\n\n${goalsTable(goals)}`)
  if (options.json) writeFileSync(options.json, `${JSON.stringify({ machine, options, startUp, cells: Object.fromEntries(results), goals }, null, 2)}\n`)
}
