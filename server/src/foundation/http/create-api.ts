import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Api, RawCall } from './api.ts'
import { type Authentication, apiKeyOf } from './authentication.ts'
import type { Answer } from './idempotency.ts'
import { methodOverride } from './method-override.ts'
import { type OperationsOptions, operations } from './operation.ts'
import { createServer, type ServerOptions } from './server.ts'

export interface ApiOptions extends ServerOptions, OperationsOptions {
  authentication: Authentication
}

/** The HTTP server and the three ways to add routes to it: operations in groups, raw messages, and Fastify's own. */
export async function createApi(options: ApiOptions): Promise<Api> {
  const server = await createServer(options)
  const { fastify } = server
  const identify = identifying(options.authentication)
  const add = operations(fastify, identify, options)
  const acceptMethodOverride = methodOverride(server, identify)

  return {
    fastify,
    group: (tag) => ({
      read: (path, operation, handler) => add(tag, 'GET', path, operation, handler as never),
      write: (method, path, operation, handler) => {
        const ids = [operation.operationId].flat()
        for (const [i, one] of [method].flat().entries()) {
          add(tag, one, path, { ...operation, operationId: ids[i] ?? '' }, handler as never)
          if (one !== 'POST') acceptMethodOverride(one, path)
        }
      },
    }),
    raw(path, handler) {
      fastify.post(path, { config: { rawBody: true }, schema: { hide: true } as never }, (request, reply) => answerRaw(request, reply, handler))
    },
  }
}

/** Finds out whose key a request carries; a hook for `onRequest`. */
function identifying({ authenticate }: Authentication) {
  return (request: FastifyRequest, _reply: FastifyReply, done: (error?: Error) => void): void => {
    try {
      const known = authenticate(apiKeyOf(request.headers))
      if ('then' in known) {
        known.then((found) => {
          request.known = found
          done()
        }, done)
        return
      }
      request.known = known
      done()
    } catch (error) {
      done(error as Error)
    }
  }
}

async function answerRaw(request: FastifyRequest, reply: FastifyReply, handler: (message: RawCall) => Promise<Answer>): Promise<FastifyReply> {
  const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0)
  const headers = request.headers as Record<string, string | undefined>
  const answer = await handler({ params: request.params as Record<string, string>, body, headers, requestId: request.id })
  return reply.code(answer.status).header('content-type', 'application/json').send(answer.body)
}
