import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Load, loadOf } from './load.ts'
import type { Cluster } from './servers.ts'
import { finish, type Workspace } from './workspace.ts'

export interface PgbenchTask {
  name: string
  database: string
  scripts: string[]
  /** Text variables of the scripts. */
  variables?: Record<string, string>
  clients: number
  seconds: number
}

let runs = 0

/** Runs scripts with pgbench's prepared statements over the Unix socket. Throws when a transaction fails. */
export async function runPgbench(workspace: Workspace, { embedded: { connection } }: Cluster, task: PgbenchTask): Promise<Load> {
  runs += 1
  const prefix = `pgbench-${runs}`
  const files = task.scripts.flatMap((script, i) => {
    const file = join(workspace.folder, `${task.name}-${i}.sql`)
    writeFileSync(file, script)
    return ['-f', file]
  })
  const variables = Object.entries(task.variables ?? {}).flatMap(([name, value]) => ['-D', `${name}=${value}`])
  const where = ['-h', connection.host, '-p', String(connection.port), '-U', connection.user, task.database]
  // A complete log would slow down the many reads.
  const sampling = ['get', 'list'].includes(task.name) ? ['--sampling-rate=0.25'] : []
  const child = workspace.start(
    'pgbench',
    [
      '-n',
      '-M',
      'prepared',
      '-c',
      String(task.clients),
      '-j',
      '2',
      '-T',
      String(task.seconds),
      '-l',
      '--log-prefix',
      prefix,
      ...sampling,
      ...variables,
      ...files,
      ...where,
    ],
    { cwd: workspace.folder, stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, PGOPTIONS: '-c search_path=hawker,public' } },
  )
  const { output, errors } = await finish(child, task.seconds + 30)
  const read = (pattern: RegExp) => Number(pattern.exec(output)?.[1] ?? Number.NaN)
  const transactions = read(/number of transactions actually processed: (\d+)/)
  if (!(transactions > 0) || read(/number of failed transactions: (\d+)/) > 0 || /aborted/.test(errors)) throw new Error(`pgbench failed:\n${output}${errors}`)
  const took = readdirSync(workspace.folder)
    .filter((file) => file.startsWith(`${prefix}.`))
    .flatMap((file) => readFileSync(join(workspace.folder, file), 'utf8').trim().split('\n'))
    .map((line) => Number(line.split(' ')[2]) / 1000)
  return { ...loadOf(took, task.seconds, transactions), perSecond: read(/tps = ([\d.]+)/) }
}
