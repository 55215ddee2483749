import { openDatabase } from '#foundation/database/database.ts'
import { createMetrics } from '#foundation/http/observability.ts'
import { advance } from '#foundation/jobs/advance.ts'
import type { DueWork, JobDeps } from '#foundation/jobs/job.ts'
import type { SendMail } from '#foundation/mail/send-mail.ts'
import { openControlPool } from '#serve.ts'
import { startWorker, type Worker } from '#worker.ts'
import { type Client, startTestServer, type TestServer } from './api.ts'
import { cloneDatabase } from './database.ts'

/** A server that also works outside requests, like `hawker start`: the relay, deliveries, expiry, emails, jobs. */
export interface WorkingServer extends TestServer {
  /** Everything that falls due for a business, as the worker does it. */
  readonly dueWork: readonly DueWork[]
  /** Moves a business's clock by so many milliseconds and does on the way what falls due for it, and for it alone. */
  advance(client: Client, milliseconds: number): Promise<void>
  stop(): Promise<void>
}

/** Starts a server and its worker over a database of their own, on a real port; `aBusiness({}, server)` lives on it. */
export async function startWorkingServer(
  config: Parameters<typeof startTestServer>[1] = {},
  { sendMail, ...more }: Pick<NonNullable<Parameters<typeof startTestServer>[2]>, 'rails'> & { sendMail?: SendMail } = {},
): Promise<WorkingServer> {
  const connection = await cloneDatabase()
  const database = openDatabase(connection, { connections: 6, slowConnections: 3, guardTenancy: true })
  const metrics = createMetrics()
  let worker: Worker | undefined
  const server = await startTestServer(database, config, { ...more, metrics, onEvent: (businessId) => worker?.relay.wake(businessId) })
  const controlPool = openControlPool({ controlDatabaseUrl: undefined }, connection)
  const log = server.app.fastify.log as JobDeps['log']
  const kept = { idempotencyDays: 7, deliveryDays: 7, failedDeliveryDays: 7, mailDays: 7 }
  worker = startWorker({ database, clock: server.clock, log, metrics, ...kept, controlPool, payments: server.app.payments, sendMail })
  const { dueWork } = worker
  return {
    ...server,
    dueWork,
    async advance({ business, clock }, milliseconds) {
      const to = new Date(clock.now().getTime() + milliseconds)
      // Apart from the system's clock from here on, so that the worker leaves the business's due work to us.
      clock.set(clock.now())
      await advance(clock, dueWork, business.id, to)
    },
    async stop() {
      server.app.fastify.server.closeAllConnections()
      await server.app.fastify.close()
      await worker?.stop()
      await controlPool.end()
      await database.close()
    },
  }
}
