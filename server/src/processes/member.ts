import type { Logger } from 'pino'
import { compactWhenQuiet } from '#compact.ts'
import { readConfig } from '#config.ts'
import { StartError } from '#foundation/database/data-directory.ts'
import { type Connection, openDatabase } from '#foundation/database/database.ts'
import { runningConnection } from '#foundation/database/embedded.ts'
import { lastResort, type OpenRequests } from '#foundation/http/last-resort.ts'
import { addUpMetrics, createMetrics, openLog } from '#foundation/http/observability.ts'
import { databaseOptions } from '#open.ts'
import { createApiServer, type ServerParts, startConfiguredWorker } from '#serve.ts'
import { type FirstProcess, firstProcess } from './first-process.ts'
import type { Role } from './messages.ts'
import { sharedCounts } from './shared-counts.ts'

/** One of several processes, started by the first one (`crew.ts`). It ends on the first process's order, or when that is gone. */
export async function runMember(role: Role, url: string): Promise<void> {
  // They reach every process of a terminal or a service; the first process decides what to do.
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => undefined)
  const first = firstProcess()
  try {
    const config = readConfig()
    const log = openLog(config, { ofSeveral: true })
    const connection = config.databaseUrl ?? runningConnection(config.dataDirectory)
    const parts = { config, database: openDatabase(connection, databaseOptions(config, log)), log, metrics: createMetrics() }
    const { stop, openRequests } = role === 'api' ? await serveApi(parts, first, url) : startWorkerMember(parts, first, connection)
    first.onStop(() => void endAfter(stop, parts))
    first.ready()
    lastResort(openRequests, { log, survives: 0, giveUp: first.unsound })
    compactWhenQuiet()
  } catch (error) {
    const isExpected = error instanceof StartError
    first.failed(isExpected || !(error instanceof Error) ? String((error as Error).message ?? error) : (error.stack ?? error.message), isExpected)
  }
}

async function endAfter(stop: () => Promise<void>, { database, log }: { database: ServerParts['database']; log: Logger }): Promise<void> {
  let code = 0
  try {
    await stop()
    await database.close()
  } catch (error) {
    code = 1
    log.error({ error }, 'a process did not stop cleanly')
  }
  log.flush()
  process.exit(code)
}

/** What a process does: the requests that it has not answered, and how it finishes. */
interface Work {
  stop: () => Promise<void>
  openRequests: OpenRequests
}

/** Serves the connections that the first process passes on. */
async function serveApi(parts: ServerParts, first: FirstProcess, url: string): Promise<Work> {
  const counts = parts.config.rateLimit > 0 ? sharedCounts(first.counted) : undefined
  // Any process returns the metrics of all.
  const metrics = { ...parts.metrics, text: async () => addUpMetrics(await first.metricsOfAll()) }
  const server = await createApiServer(
    { ...parts, metrics },
    {
      onEvent: (businessId) => first.committed(businessId),
      rateLimitStore: counts?.store,
    },
  )
  const serve = await server.serveHandedOver(url)
  first.hear({
    connection: serve,
    committed(businesses) {
      for (const businessId of businesses) server.app.pages.wake(businessId)
    },
    counts: (told) => counts?.add(told),
    metrics: () => parts.metrics.data(),
  })
  return { stop: () => server.stop(), openRequests: server.app.fastify.openRequests }
}

/** Runs the worker for all processes. */
function startWorkerMember(parts: ServerParts, first: FirstProcess, connection: Connection): Work {
  const worker = startConfiguredWorker(parts, connection)
  first.hear({
    committed(businesses) {
      for (const businessId of businesses) worker.relay.wake(businessId)
    },
    metrics: () => parts.metrics.data(),
  })
  return { stop: () => worker.stop(), openRequests: new Map() }
}
