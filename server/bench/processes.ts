import { type Cell, nodeCpu, over, postgresCpu, type Rounds, rate, runRounds, slowest, valuesOf } from './cells.ts'
import { type CommonOptions, type Conditions, checkNoise, conditionsOf, conditionsText } from './conditions.ts'
import { httpCell, prepareCustomers, serveCustomers } from './customer-cells.ts'
import { range, table } from './figures.ts'
import { processCount, residentBytes } from './machine.ts'
import type { Report } from './page.ts'
import { payCell, paymentsPerSecond, preparePaying } from './paying.ts'
import { startCluster } from './servers.ts'
import { wayNames } from './ways.ts'
import { sleep, type Workspace } from './workspace.ts'

export interface ProcessesOptions extends CommonOptions {
  rows: number
}

/** The memory of a server's processes in megabytes, and their number. */
interface Held {
  processes: number
  atRest: number | undefined
  underLoad: number | undefined
}

export interface ProcessesFigures extends Rounds {
  conditions: Conditions
  held: Record<string, Held>
}

const settings = [1, 2]
const operations = ['create', 'get', 'settle'] as const
const cellOf = (operation: string, processes: number) => `${operation} @64, HAWKER_PROCESSES=${processes}`

const megabytes = (pid: number) => {
  const bytes = residentBytes(pid)
  return bytes === undefined ? undefined : bytes / 2 ** 20
}

/** Records the peak memory of a server while a cell is measured. */
function watched(cell: Cell, pid: number, held: Held): Cell {
  return {
    ...cell,
    async measure() {
      const timer = setInterval(() => {
        const now = megabytes(pid)
        if (now !== undefined && now > (held.underLoad ?? 0)) held.underLoad = now
      }, 500)
      return cell.measure().finally(() => clearInterval(timer))
    },
  }
}

/** Measures create, get and settle with one API process and with two. */
export async function measureProcesses(workspace: Workspace, options: ProcessesOptions): Promise<ProcessesFigures> {
  const noise = await checkNoise(options)
  const { rows, seconds, rounds, tools } = options
  const cluster = await startCluster(workspace)
  const cells: Cell[] = []
  const held: Record<string, Held> = {}
  const payings = []
  for (const count of settings) {
    const environment = { HAWKER_PROCESSES: String(count) }
    const requests = paymentsPerSecond * seconds
    payings.push({
      count,
      environment,
      paying: await preparePaying(workspace, cluster, { names: [wayNames[0]], recorded: [], requests, name: `paid_${count}`, environment }),
    })
  }
  const bench = await prepareCustomers(workspace, cluster, { rows, seconds, tools })
  for (const { count, environment, paying } of payings) {
    const served = await serveCustomers(bench, `customers_${count}`, environment)
    const { pid } = served.hawker
    await sleep(options.quick ? 1_000 : 5_000)
    const own: Held = { processes: processCount(pid), atRest: megabytes(pid), underLoad: undefined }
    held[count] = own
    for (const operation of ['create', 'get'] as const) {
      cells.push(watched(httpCell(bench, served, { name: cellOf(operation, count), group: operation, operation, connections: 64 }), pid, own))
    }
    const [way] = paying.ways
    if (way) cells.push(payCell(workspace, paying, way, { name: cellOf('settle', count), group: 'settle', connections: 64, seconds, tools }))
  }
  // Warm-up: lets V8 compile the hot code first.
  for (const cell of cells) await cell.measure()
  return { ...(await runRounds(cells, rounds)), conditions: conditionsOf(options, cluster.version, noise), held }
}

/** The report of several processes. */
export function reportProcesses({ cells, conditions, loopMs, held }: ProcessesFigures): Report {
  const [one = 1, two = 2] = settings
  const rows = operations.flatMap((operation) =>
    settings.map((count) => {
      const cell = cellOf(operation, count)
      const gain = count === one ? '' : range(over(cells, cell, cellOf(operation, one), rate))
      const figures = [rate, slowest, nodeCpu, postgresCpu].map((read) => range(valuesOf(cells, cell, read)))
      return [`${operation}, ${count === one ? 'one process' : 'two processes'}`, ...figures, gain]
    }),
  )
  const memory = settings.map((count) => {
    const { processes, atRest, underLoad } = held[count] ?? {}
    return [`HAWKER_PROCESSES=${count}`, String(processes ?? '–'), range([atRest]), range([underLoad])]
  })
  return {
    parts: {
      'processes conditions': conditionsText(conditions, loopMs),
      'processes cells': table([['', 'requests/s', 'p99 ms', 'CPU ms Node.js', 'CPU ms PostgreSQL', `rate ${two} ÷ ${one}`], ...rows]),
      'processes memory': table([['', 'processes', 'Node.js at rest, MB', 'the most under load, MB'], ...memory]),
    },
    drawings: {},
  }
}
