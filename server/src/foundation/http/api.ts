import { randomBytes } from 'node:crypto'
import rateLimit, { type FastifyRateLimitStoreCtor } from '@fastify/rate-limit'
import Fastify, { type FastifyBaseLogger, type FastifyInstance, type FastifyReply, type FastifyRequest, LogController } from 'fastify'
import type { Logger } from 'pino'
import { type Static, type TSchema, Type } from 'typebox'
import type { Clock } from '#foundation/shared/clock.ts'
import { ApiError, type FieldErrors } from '#foundation/shared/errors.ts'
import { type Authentication, apiKeyOf, type Business, type KnownKey } from './authentication.ts'
import { type Answer, type Idempotency, readClaim } from './idempotency.ts'
import type { Metrics } from './observability.ts'
import type { Origin } from './origin.ts'
import { allowedMethods, asApiError, type Method, methods } from './refusals.ts'
import { acceptBodies, malformedQueries, malformedQuery, parseQuery, tidyInput } from './request-body.ts'
import { afterResponse } from './request-log.ts'
import { compileWhenUsed } from './validation.ts'

export interface ApiOptions {
  log: Logger
  metrics: Metrics
  authentication: Authentication
  idempotency: Idempotency
  clock: Clock
  publicUrl?: string | undefined
  /** Requests per minute and key; 0 for no limit. */
  rateLimit?: number
  /** Counts requests; by itself each process does. */
  rateLimitStore?: FastifyRateLimitStoreCtor | undefined
  /** Checks every answer against its schema and throws when it does not fit; on in tests. */
  checkAnswer?: (operationId: string, status: number, body: string | undefined) => void
  /** Registers what must see every route as it is added: the OpenAPI generator. */
  beforeRoutes?: (fastify: FastifyInstance) => Promise<void>
}

/** One operation of the API: what OpenAPI says of it, and what is validated. */
export interface Operation<Query extends TSchema = TSchema, Body extends TSchema = TSchema> {
  operationId: string
  tags: string[]
  summary: string
  description?: string
  params?: TSchema
  query?: Query
  body?: Body
  headers?: TSchema
  /** The body's texts are taken as they are: not trimmed, and empty ones are not null. */
  keepsText?: boolean
  /** The one file of a multipart body is taken as the fields `content_type` and `data` (in base64). */
  takesFile?: boolean
  /** Brings other spellings of a body into the documented one, before it is validated. */
  understand?: (body: Record<string, unknown>) => Record<string, unknown>
  /** Faults of a body that a schema cannot name; asked when the schema refuses, so that one 422 names every bad field. */
  faults?: Faults
  /** Schema by status; null for an empty answer. */
  answers: Record<number, TSchema | null>
}

/** Reads a body of any shape; answers what is wrong with it beyond its schema. */
export type Faults = (body: unknown, business: Business) => FieldErrors

/** What a handler gets: the request, understood. */
export interface Call<Query = unknown, Body = unknown> extends Origin {
  readonly business: Business
  readonly requestId: string
  readonly params: Record<string, string>
  readonly query: Query
  readonly body: Body
  readonly headers: Record<string, string | undefined>
  /** The query as it was sent, for links that keep it. */
  readonly rawQuery: string
}

export type Handler<Query extends TSchema, Body extends TSchema> = (call: Call<Static<Query>, Static<Body>>) => Promise<Answer>

export interface WriteOptions {
  /**
   * True when the handler's own statement finds a taken key (group commit); otherwise the key is looked up before the
   * handler runs, so that a repeated request is not judged by the state that its first run left.
   */
  findsTakenKeys?: boolean
}

/** The routes' view of the server. */
export interface Api {
  read<Query extends TSchema, Body extends TSchema>(path: string, operation: Operation<Query, Body>, handler: Handler<Query, Body>): void
  write<Query extends TSchema, Body extends TSchema>(
    method: 'POST' | 'PUT' | 'PATCH' | 'DELETE',
    path: string,
    operation: Operation<Query, Body>,
    handler: Handler<Query, Body>,
    options?: WriteOptions,
  ): void
  /** A POST without a business's key and with the body as it came: for messages that carry a signature of their own. */
  raw(path: string, handler: (message: RawCall) => Promise<Answer>): void
  readonly fastify: FastifyInstance
}

/** A message from outside, before anyone has checked it. */
export interface RawCall {
  readonly params: Record<string, string>
  readonly body: Buffer
  readonly headers: Record<string, string | undefined>
  readonly requestId: string
}

const securityHeaders: Record<string, string> = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
}

declare module 'fastify' {
  interface FastifyRequest {
    known: KnownKey | null
    beganAt: number
  }
  interface FastifyContextConfig {
    operation?: string
    rawBody?: boolean
    takesFile?: boolean | undefined
    /** A POST that only stands for the method in its form: no method of its own in texts, and counted once by the limit. */
    standsForOthers?: boolean
    faults?: Faults
  }
}

/** The HTTP server with what every route shares: keys, bodies, errors, limits, log and metrics. */
export async function createApi(options: ApiOptions): Promise<Api> {
  const { log, metrics } = options
  const processMark = randomBytes(6).toString('hex')
  let requests = 0
  const newRequestId = () => {
    requests += 1
    return `req_${processMark}${requests.toString(36).padStart(6, '0')}`
  }
  const routes = new Map<string, Set<Method>>()

  const fastify: FastifyInstance = Fastify({
    loggerInstance: log as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true }),
    childLoggerFactory: (logger) => logger, // a child for each request costs more than the line it writes
    requestIdHeader: false,
    genReqId: (request) => {
      const sent = request.headers['x-request-id']
      if (typeof sent === 'string' && /^[\w.:/+=-]{1,128}$/.test(sent)) return sent
      return newRequestId()
    },
    bodyLimit: 1_048_576,
    requestTimeout: 30_000,
    keepAliveTimeout: 65_000,
    http: { headersTimeout: 20_000, maxHeaderSize: 16_384 },
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: 4096, querystringParser: parseQuery },
    rewriteUrl: (request) => {
      const url = request.url ?? '/'
      // HitPay's own examples call /v1/customer (behaviour §7.4 and the contract's samples).
      return /^\/v1\/customer(?![\w-])/.test(url) ? `/v1/customers${url.slice('/v1/customer'.length)}` : url
    },
    frameworkErrors: (error, request, reply) => refuse(error, request, reply),
    clientErrorHandler(error, socket) {
      const [status, code, message] =
        error.code === 'HPE_HEADER_OVERFLOW'
          ? ['431 Request Header Fields Too Large', 'headers_too_large', 'The request headers are too large.']
          : error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
            ? ['408 Request Timeout', 'request_timeout', 'The request did not arrive in time.']
            : ['400 Bad Request', 'malformed_request', 'The request is not valid HTTP.']
      if (!socket.writable) return
      const id = newRequestId()
      const body = JSON.stringify({ message, code, request_id: id })
      const headers = {
        ...securityHeaders,
        'x-request-id': id,
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(body),
        connection: 'close',
      }
      const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
      socket.end(`HTTP/1.1 ${status}\r\n${lines.join('')}\r\n${body}`)
    },
  })
  fastify.setValidatorCompiler(({ schema }) => compileWhenUsed(schema as object))
  fastify.setSerializerCompiler(() => JSON.stringify)
  fastify.decorateRequest('known', null)
  fastify.decorateRequest('beganAt', 0)
  acceptBodies(fastify)

  fastify.addHook('onRequest', (request, reply, done) => {
    request.beganAt = performance.now()
    reply.headers(securityHeaders)
    reply.header('x-request-id', request.id)
    // Whatever a DELETE calls the body that it ignores.
    if (request.method === 'DELETE') request.raw.headers['content-type'] = undefined
    done(malformedQueries.has(request.query as object) ? malformedQuery() : undefined)
  })
  fastify.addHook('onRoute', ({ method, url, config }) => {
    if (config?.standsForOthers) return
    const known = routes.get(url) ?? new Set()
    for (const one of [method].flat()) known.add(one as Method)
    routes.set(url, known)
  })

  await options.beforeRoutes?.(fastify)

  fastify.addHook('onResponse', afterResponse(log, metrics))

  if (options.rateLimit) {
    await fastify.register(rateLimit, {
      hook: 'preValidation',
      max: options.rateLimit,
      timeWindow: 60_000,
      ...(options.rateLimitStore ? { store: options.rateLimitStore } : {}),
      keyGenerator: (request) => request.known?.keyId ?? request.ip,
      allowList: (request) => request.known === null,
      errorResponseBuilder: (_request, context) =>
        new ApiError(429, 'too_many_requests', 'Too Many Attempts.', { headers: { 'retry-after': String(Math.ceil(context.ttl / 1000)) } }),
    })
  }

  function refuse(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
    const known = asApiError(error, request)
    if (known.status >= 500) log.error({ error, request_id: request.id, route: request.routeOptions?.url }, 'request failed')
    void reply
      .code(known.status)
      .headers({ ...securityHeaders, ...known.headers, 'x-request-id': request.id, 'content-type': 'application/json' })
      .send(JSON.stringify({ message: known.message, errors: known.errors, code: known.code, request_id: request.id }))
  }
  fastify.setErrorHandler((error, request, reply) => refuse(error, request, reply))

  fastify.setNotFoundHandler((request, reply) => {
    const path = (request.raw.url ?? '').split('?')[0] ?? ''
    const allowed = allowedMethods(routes, path)
    if (allowed.length === 0 || allowed.includes(request.method as Method)) return refuse(new ApiError(404, 'route_not_found', 'Not Found'), request, reply)
    const message = `The ${request.method} method is not supported for this route. Supported methods: ${allowed.join(', ')}.`
    refuse(new ApiError(405, 'method_not_allowed', message, { headers: { allow: allowed.join(', ') } }), request, reply)
  })

  const identify = (request: FastifyRequest, _reply: FastifyReply, done: (error?: Error) => void) => {
    try {
      const known = options.authentication.authenticate(apiKeyOf(request.headers))
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

  function add(
    method: Method,
    path: string,
    operation: Operation,
    handler: Handler<TSchema, TSchema>,
    { findsTakenKeys = false }: WriteOptions,
    hidden = false,
  ): void {
    const { operationId, answers, params, query, body, headers, keepsText, takesFile, understand, faults, ...about } = operation
    const response = Object.fromEntries(Object.entries(answers).map(([status, schema]) => [status, schema ?? Type.Null({ description: 'Nothing.' })]))
    const isWrite = method !== 'GET'
    fastify.route({
      method,
      url: path,
      config: { operation: operationId, takesFile, ...(faults ? { faults } : {}) },
      onRequest: identify,
      preValidation: (request, _reply, done) => {
        if (keepsText && request.body) return done()
        if (request.body !== undefined && request.body !== null) {
          const plain = tidyInput(request.body) as Record<string, unknown>
          const tidy = understand ? understand(plain) : plain
          request.body = method === 'POST' ? withoutNulls(tidy) : tidy
        } else if (body) request.body = {}
        done()
      },
      schema: {
        ...about,
        operationId,
        ...(hidden ? { hide: true } : {}),
        ...(params ? { params } : {}),
        ...(query ? { querystring: query } : {}),
        ...(headers ? { headers } : {}),
        ...(body ? { body } : {}),
        response,
      } as never,
      handler: async (request, reply) => {
        const { business, keyId } = request.known as KnownKey
        const params = request.params as Record<string, string>
        const claim = isWrite
          ? readClaim(request.headers['idempotency-key'], business.id, `${method} ${path} ${JSON.stringify(params)}`, request.body)
          : undefined
        const url = request.raw.url ?? ''
        const question = url.indexOf('?')
        const call: Call = {
          business,
          caller: { kind: 'key', keyId },
          at: options.clock.now(business.id),
          params,
          query: request.query,
          body: request.body,
          headers: request.headers as Record<string, string | undefined>,
          requestId: request.id,
          claim,
          baseUrl: options.publicUrl ?? `${request.protocol}://${request.host}`,
          rawQuery: question < 0 ? '' : url.slice(question + 1),
        }
        const run = () => handler(call as never)
        const answer = claim ? await options.idempotency.once(claim, { lookFirst: !findsTakenKeys }, run) : await run()
        if (!answer.stream) options.checkAnswer?.(operationId, answer.status, answer.body)
        reply.code(answer.status)
        if (answer.headers) reply.headers(answer.headers)
        if (answer.stream) return reply.send(answer.stream)
        if (answer.body === undefined) return reply.send()
        reply.header('content-type', 'application/json')
        return reply.send(answer.body)
      },
    })
  }

  const overridden = new Map<string, Map<string, string>>()
  /** Laravel's `_method` in a form: POST stands for the method that it names (behaviour §1.3). */
  function acceptMethodOverride(method: string, path: string): void {
    const targets = overridden.get(path) ?? new Map<string, string>()
    targets.set(method, method)
    if (overridden.has(path) || routes.get(path)?.has('POST')) {
      overridden.set(path, targets)
      return
    }
    overridden.set(path, targets)
    fastify.post(
      path,
      { schema: { hide: true } as never, config: { standsForOthers: true, rateLimit: false }, onRequest: identify },
      async (request, reply) => {
        const wanted = String((request.body as Record<string, unknown> | undefined)?._method ?? '').toUpperCase()
        if (!targets.has(wanted)) {
          const allowed = methods.filter((one) => one !== 'HEAD' && (targets.has(one) || (one === 'GET' && routes.get(path)?.has('GET'))))
          throw new ApiError(405, 'method_not_allowed', `The POST method is not supported for this route. Supported methods: ${allowed.join(', ')}.`, {
            headers: { allow: allowed.join(', ') },
          })
        }
        const { _method, ...fields } = request.body as Record<string, unknown>
        const answer = await fastify.inject({
          method: wanted as 'PATCH',
          url: request.raw.url ?? path,
          headers: {
            ...pick(request.headers, ['x-business-api-key', 'authorization', 'idempotency-key', 'if-match', 'if-none-match', 'host']),
            'x-request-id': request.id,
            'content-type': 'application/json',
          },
          payload: JSON.stringify(fields),
        })
        for (const [name, value] of Object.entries(answer.headers))
          if (!/^(content-length|connection|date|transfer-encoding)$/.test(name)) reply.header(name, value)
        return reply.code(answer.statusCode).send(answer.body === '' ? undefined : answer.body)
      },
    )
  }

  function addRaw(path: string, handler: (message: RawCall) => Promise<Answer>): void {
    fastify.post(path, { config: { rawBody: true }, schema: { hide: true } as never }, async (request, reply) => {
      const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0)
      const headers = request.headers as Record<string, string | undefined>
      const answer = await handler({ params: request.params as Record<string, string>, body, headers, requestId: request.id })
      return reply.code(answer.status).header('content-type', 'application/json').send(answer.body)
    })
  }

  return {
    fastify,
    raw: addRaw,
    read: (path, operation, handler) => add('GET', path, operation, handler as Handler<TSchema, TSchema>, {}),
    write: (method, path, operation, handler, more = {}) => {
      add(method, path, operation, handler as Handler<TSchema, TSchema>, more)
      if (method !== 'POST') acceptMethodOverride(method, path)
    },
  }
}

function pick(headers: Record<string, unknown>, names: string[]): Record<string, string> {
  const picked: Record<string, string> = {}
  for (const name of names) if (typeof headers[name] === 'string') picked[name] = headers[name]
  return picked
}

/** On create a null is a field that was left out. */
function withoutNulls(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, inner]) => inner !== null)
      .map(([name, inner]) => [name, withoutNulls(inner)]),
  )
}
