import { openDatabase } from '#foundation/database/database.ts'
import { createMetrics } from '#foundation/http/observability.ts'
import type { JobDeps } from '#foundation/jobs/job.ts'
import { openControlPool } from '#serve.ts'
import { startWorker, type Worker } from '#worker.ts'
import { startTestServer, type TestServer } from './api.ts'
import { cloneDatabase } from './database.ts'

/** A server that also works outside requests, like `hawker start`: the relay, deliveries, expiry, emails, jobs. */
export interface WorkingServer extends TestServer {
  stop(): Promise<void>
}

/** Starts a server and its worker over a database of their own, on a real port; `aBusiness({}, server)` lives on it. */
export async function startWorkingServer(
  config: Parameters<typeof startTestServer>[1] = {},
  more: Pick<NonNullable<Parameters<typeof startTestServer>[2]>, 'rails'> = {},
): Promise<WorkingServer> {
  const connection = await cloneDatabase()
  const database = openDatabase(connection, { connections: 6, slowConnections: 3, guardTenancy: true })
  const metrics = createMetrics()
  let worker: Worker | undefined
  const server = await startTestServer(database, config, { ...more, metrics, onEvent: (businessId) => worker?.relay.wake(businessId) })
  const controlPool = openControlPool({ controlDatabaseUrl: undefined }, connection)
  const log = server.app.fastify.log as JobDeps['log']
  const kept = { idempotencyDays: 7, deliveryDays: 7, failedDeliveryDays: 7, mailDays: 7 }
  worker = startWorker({ database, now: server.clock.now, log, metrics, ...kept, controlPool, payments: server.app.payments })
  return {
    ...server,
    async stop() {
      server.app.fastify.server.closeAllConnections()
      await server.app.fastify.close()
      await worker?.stop()
      await controlPool.end()
      await database.close()
    },
  }
}
