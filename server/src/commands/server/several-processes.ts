import type { Logger } from 'pino'
import { compactWhenQuiet } from '#compact.ts'
import type { Config } from '#config.ts'
import type { Database } from '#foundation/database/database.ts'
import { lastResort } from '#foundation/http/last-resort.ts'
import { openLog } from '#foundation/http/observability.ts'
import { connectionsNeeded, type LaunchedDatabase } from '#launch.ts'
import { beginOpening, ensureSandbox, type OpenedDatabase } from '#open.ts'
import { type Crew, createCrew } from '#processes/crew.ts'
import { takeConnections } from '#processes/take-connections.ts'
import { endInOrder, type Running, type RunOptions } from './one-process.ts'
import { welcome } from './welcome.ts'

/** Warns if an external PostgreSQL accepts fewer connections than the processes may open. */
async function checkConnections(config: Config, { pool }: Database, log: Logger): Promise<void> {
  const { rows } = await pool.query("select current_setting('max_connections')::int as most")
  const [most, needed] = [rows[0].most as number, connectionsNeeded(config)]
  if (most < needed)
    log.warn({ most, needed }, 'the processes may open more connections than PostgreSQL accepts; lower HAWKER_DATABASE_CONNECTIONS or raise max_connections')
}

/** Runs the API in `config.processes` child processes, and the worker in another. SIGHUP replaces them one by one. */
export async function runInSeveralProcesses(config: Config, launched: LaunchedDatabase | undefined, options: RunOptions): Promise<Running> {
  const log = openLog(config, { ofSeveral: true })
  const opened = await beginOpening(config, launched, log).ready
  launched?.keepRunning(log)
  const close = async () => {
    try {
      await opened.close()
    } finally {
      log.flush()
    }
  }
  if (options.isStopping()) return { stop: close }
  try {
    const stop = await begin(config, opened, log, options)
    const running = {
      async stop() {
        log.info('stopping')
        try {
          await stop()
        } finally {
          await close()
        }
      },
    }
    lastResort(new Map(), { log, giveUp: () => endInOrder(running, log) })
    return running
  } catch (error) {
    await close()
    throw error
  }
}

async function begin(config: Config, { database, migrated }: OpenedDatabase, log: Logger, { withWorker, json }: RunOptions): Promise<() => Promise<void>> {
  const first = await ensureSandbox(config, database)
  if (config.databaseUrl) await checkConnections(config, database, log)
  let crew: Crew | undefined
  const taking = await takeConnections(config, (socket) => (crew ? crew.serve(socket) : socket.destroy()))
  const { url } = taking
  crew = createCrew({ wanted: { api: config.processes, worker: withWorker ? 1 : 0 }, url, log })
  try {
    await crew.start()
  } catch (error) {
    await crew.stop()
    throw error
  }
  const { restart, stop } = crew
  process.on('SIGHUP', () => {
    log.info('replacing every process')
    restart()
  })
  const milliseconds = Math.round(performance.now())
  if (withWorker) process.stdout.write(welcome({ url, first, config, milliseconds, json }))
  log.info({ url, migrated, processes: config.processes, milliseconds }, 'ready')
  compactWhenQuiet()
  return async () => {
    await taking.stop()
    await stop()
  }
}
