import { ownValue } from '@hawker/web/own-value'
import type { FastifyReply, FastifyRequest, onRequestHookHandler } from 'fastify'
import { ApiError } from '#foundation/shared/errors.ts'
import { hidden } from './page.ts'
import { methods } from './refusals.ts'
import type { HttpServer } from './server.ts'

/** Headers that are copied to the request with the other method. */
const handedOn = ['x-business-api-key', 'authorization', 'idempotency-key', 'if-match', 'if-none-match', 'host']

/**
 * Laravel's `_method` in a form: POST acts as the method that it names (behaviour §1.3). Called with each write that is
 * not a POST, after the POST of its path, if there is one, was added.
 */
export function methodOverride({ fastify, routes }: HttpServer, identify: onRequestHookHandler): (method: string, path: string) => void {
  const overridden = new Map<string, Set<string>>()

  async function handOver(request: FastifyRequest, reply: FastifyReply, path: string, targets: Set<string>): Promise<FastifyReply> {
    const wanted = String((request.body as Record<string, unknown> | undefined)?._method ?? '').toUpperCase()
    if (!targets.has(wanted)) {
      const allowed = methods.filter((one) => one !== 'HEAD' && (targets.has(one) || (one === 'GET' && routes.get(path)?.has('GET')))).join(', ')
      throw new ApiError(405, 'method_not_allowed', `The POST method is not supported for this route. Supported methods: ${allowed}.`, {
        headers: { allow: allowed },
      })
    }
    const { _method, ...fields } = request.body as Record<string, unknown>
    const answer = await fastify.inject({
      method: wanted as 'PATCH',
      url: request.raw.url ?? path,
      headers: { ...pick(request.headers, handedOn), 'x-request-id': request.id, 'content-type': 'application/json' },
      payload: JSON.stringify(fields),
    })
    for (const [name, value] of Object.entries(answer.headers))
      if (!/^(content-length|connection|date|transfer-encoding)$/.test(name)) reply.header(name, value)
    return reply.code(answer.statusCode).send(answer.body === '' ? undefined : answer.body)
  }

  return (method, path) => {
    const known = overridden.get(path)
    const targets = known ?? new Set<string>()
    targets.add(method)
    overridden.set(path, targets)
    if (known || routes.get(path)?.has('POST')) return
    fastify.post(
      path,
      { schema: hidden(), config: { standsForOthers: true, rateLimit: false }, onRequest: identify },
      (request: FastifyRequest, reply: FastifyReply) => handOver(request, reply, path, targets),
    )
  }
}

function pick(headers: Record<string, unknown>, names: string[]): Record<string, string> {
  const picked: Record<string, string> = {}
  for (const name of names) {
    const header = ownValue(headers, name)
    if (typeof header === 'string') picked[name] = header
  }
  return picked
}
