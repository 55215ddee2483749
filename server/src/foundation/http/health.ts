import { statfs } from 'node:fs/promises'
import type { Database } from '#foundation/database/database.ts'
import type { Api } from './api.ts'
import type { Metrics } from './observability.ts'
import { hidden } from './page.ts'

export interface HealthDeps {
  database: Database
  metrics: Metrics
  /** Where the embedded database keeps its files; undefined for a database elsewhere, whose disk shows only in its errors. */
  dataDirectory: string | undefined
}

/** PostgreSQL stops when it cannot write its next 16 MB of log; below this, it soon will. */
const leastFreeBytes = 32 * 1024 * 1024
/** How long a failed write counts as a full disk. */
const diskFullForMs = 30_000

/** Whether the process is alive, whether it can serve, and its metrics. None of them needs a key. */
export function healthRoutes({ fastify }: Pick<Api, 'fastify'>, { database, metrics, dataDirectory }: HealthDeps): void {
  const options = { schema: hidden() }

  async function isDiskFull(): Promise<boolean> {
    if (performance.now() - fastify.diskFullAt < diskFullForMs) return true
    if (dataDirectory === undefined) return false
    const { bavail, bsize } = await statfs(dataDirectory)
    return bavail * bsize < leastFreeBytes
  }

  fastify.get('/healthz', options, (_request, reply) => reply.type('application/json').send('{"status":"ok"}'))

  fastify.get('/readyz', options, async (request, reply) => {
    reply.type('application/json')
    try {
      if (await isDiskFull()) return reply.code(503).send('{"status":"disk full"}')
      await database.pool.query('select 1')
      return reply.send('{"status":"ready"}')
    } catch (error) {
      request.log.warn({ error }, 'not ready')
      return reply.code(503).send('{"status":"database unavailable"}')
    }
  })

  fastify.get('/metrics', options, async (_request, reply) => reply.type('text/plain; version=0.0.4; charset=utf-8').send(await metrics.text()))
}
