import type { FastifyInstance, FastifyReply, FastifyRequest, onRequestHookHandler } from 'fastify'
import { type TSchema, Type } from 'typebox'
import type { Clock } from '#foundation/shared/clock.ts'
import { ApiError } from '#foundation/shared/errors.ts'
import type { Call, Handler, Operation } from './api.ts'
import type { Known } from './authentication.ts'
import { type Answer, type Idempotency, readClaim } from './idempotency.ts'
import { ignoreAll } from './ignored-fields.ts'
import type { Method } from './refusals.ts'
import { tidyInput } from './request-body.ts'
import { changeHeaders, writeHeaders } from './schemas.ts'

export interface OperationsOptions {
  idempotency: Idempotency
  clock: Clock
  /** The base of links in the answer to a request. */
  linkBase: (request: FastifyRequest) => string
  /** Checks every answer against its schema and throws if it does not match; on in tests. */
  checkAnswer?: (operationId: string, status: number, body: string | undefined) => void
}

type AnyHandler = Handler<TSchema, TSchema>

/** Registers an operation under one method; `tag` is its group in the reference. */
export type AddOperation = (tag: string, method: Method, path: string, operation: Operation, handler: AnyHandler) => void

/** Adds operations to a server: validation, idempotency, the call for a handler, and its answer. */
export function operations(fastify: FastifyInstance, identify: onRequestHookHandler, options: OperationsOptions): AddOperation {
  return (tag, method, path, operation, handler) => {
    const { operationId, takesFile, faults } = operation
    const isWrite = method !== 'GET'
    const lookFirst = !handler.findsTakenKeys
    fastify.route({
      method,
      url: path,
      config: { operation: operationId, takesFile, ...(faults ? { faults } : {}) },
      onRequest: identify,
      preValidation: (request, _reply, done) => {
        // A query that no schema reads: whatever it says is ignored.
        if (!operation.query && !operation.body) ignoreAll(request.query as object)
        if (!isWrite) return done()
        try {
          request.body = inputOf(method, operation, withQuery(request, operation))
          done()
        } catch (error) {
          done(error as Error)
        }
      },
      schema: schemaOf(tag, method, path, operation) as never,
      handler: async (request, reply) => {
        const call = callOf(request, isWrite ? `${method} ${path}` : undefined, options)
        const run = () => handler(call as never)
        const answer = call.claim ? await options.idempotency.once(call.claim, { lookFirst }, run) : await run()
        if (!answer.stream) options.checkAnswer?.(operationId, answer.status, answer.body)
        return send(reply, answer)
      },
    })
  }
}

/**
 * A body with the parameters of its query, as Laravel merges both: a client may send a POST's fields in either, and the body's win
 * (behaviour §15).
 */
function withQuery({ body: sent, query, raw }: FastifyRequest, { body, query: ownQuery }: Operation): unknown {
  if (!body || ownQuery || Object.keys(query as object).length === 0) return sent
  try {
    decodeURIComponent(raw.url?.split('?')[1] ?? '')
  } catch {
    throw new ApiError(400, 'malformed_query', 'The query is not valid UTF-8, or has a percent sign that escapes nothing.')
  }
  return { ...(query as object), ...(sent as object | undefined) }
}

/** A body as it is validated. */
function inputOf(method: Method, { body, keepsText, normalise }: Operation, sent: unknown): unknown {
  if (sent === undefined || sent === null) return body ? {} : sent
  if (keepsText) return sent
  const plain = tidyInput(sent) as Record<string, unknown>
  const tidy = normalise ? normalise(plain) : plain
  return method === 'POST' ? withoutNulls(tidy) : tidy
}

/** On create, a null field counts as omitted. */
function withoutNulls(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, inner]) => inner !== null)
      .map(([name, inner]) => [name, withoutNulls(inner)]),
  )
}

/** The OpenAPI description of an operation, and what Fastify validates. */
function schemaOf(tag: string, method: Method, path: string, { ifMatch, headers, params, query, body, answers, ...operation }: Operation): object {
  const { operationId, summary, description } = operation
  const response = Object.fromEntries(Object.entries(answers).map(([status, schema]) => [status, schema ?? Type.Null({ description: 'No content.' })]))
  const names = [...path.matchAll(/:(\w+)/g)].map(([, name = '']) => name)
  const sent = method === 'GET' ? {} : ifMatch ? changeHeaders.properties : writeHeaders.properties
  const allHeaders = { ...sent, ...headers }
  return {
    tags: [tag],
    operationId,
    summary,
    ...(description === undefined ? {} : { description }),
    ...(names.length > 0 ? { params: params ?? Type.Object(Object.fromEntries(names.map((name) => [name, Type.String()]))) } : {}),
    ...(query ? { querystring: query } : {}),
    ...(Object.keys(allHeaders).length > 0 ? { headers: Type.Object(allHeaders) } : {}),
    ...(body ? { body } : {}),
    response,
  }
}

/** The call of a request; `write` names a write for its Idempotency-Key. */
function callOf(request: FastifyRequest, write: string | undefined, { clock, linkBase }: OperationsOptions): Call {
  const { business, caller } = request.known as Known
  const params = request.params as Record<string, string>
  const url = request.raw.url ?? ''
  const question = url.indexOf('?')
  return {
    business,
    caller,
    at: clock.now(business.id),
    params,
    query: request.query,
    body: request.body,
    headers: request.headers as Record<string, string | undefined>,
    requestId: request.id,
    claim: write === undefined ? undefined : readClaim(request.headers['idempotency-key'], business.id, `${write} ${JSON.stringify(params)}`, request.body),
    baseUrl: linkBase(request),
    rawQuery: question < 0 ? '' : url.slice(question + 1),
  }
}

function send(reply: FastifyReply, answer: Answer): FastifyReply {
  if (answer.status !== 200) reply.code(answer.status)
  if (answer.headers) reply.headers(answer.headers)
  if (answer.stream) return reply.send(answer.stream)
  if (answer.body === undefined) return reply.send()
  reply.header('content-type', 'application/json')
  return reply.send(answer.body)
}
