import type { Database } from '#foundation/database/database.ts'
import type { Api } from './api.ts'
import type { Metrics } from './observability.ts'
import { hidden } from './page.ts'

/** Whether the process is alive, whether it can serve, and its metrics. None of them needs a key. */
export function healthRoutes({ fastify }: Pick<Api, 'fastify'>, { database, metrics }: { database: Database; metrics: Metrics }): void {
  const options = { schema: hidden() }

  fastify.get('/healthz', options, (_request, reply) => reply.type('application/json').send('{"status":"ok"}'))

  fastify.get('/readyz', options, async (request, reply) => {
    reply.type('application/json')
    try {
      await database.pool.query('select 1')
      return reply.send('{"status":"ready"}')
    } catch (error) {
      request.log.warn({ error }, 'not ready')
      return reply.code(503).send('{"status":"database unavailable"}')
    }
  })

  fastify.get('/metrics', options, async (_request, reply) => reply.type('text/plain; version=0.0.4; charset=utf-8').send(await metrics.text()))
}
