import { randomBytes } from 'node:crypto'
import type { Socket } from 'node:net'
import type { FastifyRateLimitStoreCtor } from '@fastify/rate-limit'
import Fastify, { type FastifyBaseLogger, type FastifyInstance, type FastifyReply, type FastifyRequest, LogController } from 'fastify'
import type { Logger } from 'pino'
import { callerText } from '#foundation/shared/caller.ts'
import { ApiError } from '#foundation/shared/errors.ts'
import type { Faults } from './api.ts'
import type { Known } from './authentication.ts'
import { ignoredFieldsHeader, ignoredFieldsOf } from './ignored-fields.ts'
import { type OpenRequests, openRequests } from './last-resort.ts'
import type { Metrics } from './observability.ts'
import { allowedMethods, asApiError, type Method } from './refusals.ts'
import { acceptBodies, malformedQueries, malformedQuery, maxBody, parseQuery } from './request-body.ts'
import { afterResponse } from './request-log.ts'
import { compileWhenUsed, takesAnyText } from './validation.ts'

export interface ServerOptions {
  log: Logger
  metrics: Metrics
  /** Requests per minute and key; 0 for no limit. */
  rateLimit?: number
  /** Counts requests for the limit; without it each process counts its own. */
  rateLimitStore?: FastifyRateLimitStoreCtor | undefined
  /** Aliases of paths: a request whose path starts with a name of this list is handled as if it started with its value. */
  aliases?: Record<string, string>
  /** Registers what must see every route as it is added: the OpenAPI generator. */
  beforeRoutes?: (fastify: FastifyInstance) => Promise<void>
  /** The page for a browser that opens a URL without a route; JSON before there is one. */
  notFoundPage?: () => ((request: FastifyRequest, reply: FastifyReply) => Promise<unknown>) | undefined
}

/** Fastify with what every route shares, and the methods of each path. */
export interface HttpServer {
  readonly fastify: FastifyInstance
  readonly routes: ReadonlyMap<string, ReadonlySet<Method>>
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
    /** The caller; null until it is known, and for pages and messages. */
    known: Known | null
    beganAt: number
  }
  interface FastifyInstance {
    /** When a request last failed because the database's disk is full, by `performance.now()`. */
    diskFullAt: number
    openRequests: OpenRequests
  }
  interface FastifyContextConfig {
    operation?: string
    rawBody?: boolean
    takesFile?: boolean | undefined
    /** A POST that only acts as the method in its form: no method of its own in messages, and counted once by the limit. */
    standsForOthers?: boolean
    faults?: Faults
  }
}

/** Replaces compilers that Fastify would load before ours are set. */
const noCompiler = () => () => undefined

/** The HTTP server: limits, bodies, errors, security headers, the request log and metrics. */
export async function createServer(options: ServerOptions): Promise<HttpServer> {
  const { log, metrics } = options
  const newRequestId = requestIds()
  const refuse = refusing(log)
  const fastify: FastifyInstance = Fastify({
    // Of its own, Fastify reports only where it listens, which a start says better.
    loggerInstance: (log.level === 'info' ? log.child({}, { level: 'warn' }) : log) as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true }),
    childLoggerFactory: (logger) => logger, // a child for each request costs more than the line it writes
    requestIdHeader: false,
    genReqId: (request) => {
      const sent = request.headers['x-request-id']
      return typeof sent === 'string' && /^[\w.:/+=-]{1,128}$/.test(sent) ? sent : newRequestId()
    },
    bodyLimit: maxBody,
    requestTimeout: 30_000,
    keepAliveTimeout: 65_000,
    http: { headersTimeout: 20_000, maxHeaderSize: 16_384 },
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: 4096, querystringParser: parseQuery },
    rewriteUrl: withoutAliases(options.aliases ?? {}),
    frameworkErrors: (error, request, reply) => refuse(error, request, reply),
    schemaController: { compilersFactory: { buildValidator: noCompiler as never, buildSerializer: noCompiler as never } },
    clientErrorHandler: (error, socket) => answerBrokenRequest(error, socket, newRequestId()),
  })
  // Parameters of a path and headers are always texts: where a schema says no more than that, there is nothing to validate.
  fastify.setValidatorCompiler(({ schema, httpPart }) =>
    (httpPart === 'params' || httpPart === 'headers') && takesAnyText(schema as object) ? () => true : compileWhenUsed(schema as object),
  )
  fastify.setSerializerCompiler(() => JSON.stringify)
  fastify.decorateRequest('known', null)
  fastify.decorate('diskFullAt', Number.NEGATIVE_INFINITY)
  fastify.decorate('openRequests', openRequests(fastify))
  fastify.decorateRequest('beganAt', 0)
  acceptBodies(fastify)

  fastify.addHook('onRequest', (request, reply, done) => {
    request.beganAt = performance.now()
    reply.headers(securityHeaders)
    reply.header('x-request-id', request.id)
    // DELETE ignores its body, whatever its type is called.
    if (request.method === 'DELETE') request.raw.headers['content-type'] = undefined
    done(malformedQueries.has(request.query as object) ? malformedQuery() : undefined)
  })
  // Of errors too: a field that is missing was often sent under another name.
  fastify.addHook('onSend', (request, reply, _payload, done) => {
    const ignored = ignoredFieldsOf(request)
    if (ignored.length > 0) reply.header('hawker-ignored-fields', ignoredFieldsHeader(ignored))
    done()
  })
  const routes = notedRoutes(fastify)
  await options.beforeRoutes?.(fastify)
  fastify.addHook('onResponse', afterResponse(log, metrics))
  if (options.rateLimit) await limitRequests(fastify, options.rateLimit, options.rateLimitStore)

  fastify.setErrorHandler((error, request, reply) => refuse(error, request, reply))
  fastify.setNotFoundHandler((request, reply) => {
    const path = (request.raw.url ?? '').split('?')[0] ?? ''
    const allowed = allowedMethods(routes, path)
    const page = allowed.length === 0 && isOpenedByPerson(request) ? options.notFoundPage?.() : undefined
    if (page) return page(request, reply)
    if (allowed.length === 0 || allowed.includes(request.method as Method)) return refuse(new ApiError(404, 'route_not_found', 'Not Found'), request, reply)
    const message = `The ${request.method} method is not supported for this route. Supported methods: ${allowed.join(', ')}.`
    refuse(new ApiError(405, 'method_not_allowed', message, { headers: { allow: allowed.join(', ') } }), request, reply)
  })
  return { fastify, routes }
}

/** Whether a browser opens this URL for someone to look at. The API answers JSON whatever a client accepts: some accept HTML by default. */
function isOpenedByPerson({ method, headers, raw }: FastifyRequest): boolean {
  const accepts = headers.accept?.slice(0, 256) ?? ''
  return (method === 'GET' || method === 'HEAD') && accepts.includes('text/html') && !(raw.url ?? '').startsWith('/v1/')
}

/** Ids of requests without one of their own: unique in all processes. */
function requestIds(): () => string {
  const processMark = randomBytes(6).toString('hex')
  let requests = 0
  return () => {
    requests += 1
    return `req_${processMark}${requests.toString(36).padStart(6, '0')}`
  }
}

/** Rewrites the URL of a request under an alias; the alias ends with a whole segment of the path. */
function withoutAliases(aliases: Record<string, string>) {
  const pairs = Object.entries(aliases)
  return ({ url = '/' }: { url?: string | undefined }): string => {
    for (const [alias, path] of pairs) if (url.startsWith(alias) && !/[\w-]/.test(url.charAt(alias.length))) return `${path}${url.slice(alias.length)}`
    return url
  }
}

/** The methods of each path, kept as routes are added. */
function notedRoutes(fastify: FastifyInstance): Map<string, Set<Method>> {
  const routes = new Map<string, Set<Method>>()
  fastify.addHook('onRoute', ({ method, url, config }) => {
    if (config?.standsForOthers) return
    const known = routes.get(url) ?? new Set()
    for (const one of [method].flat()) known.add(one as Method)
    routes.set(url, known)
  })
  return routes
}

async function limitRequests(fastify: FastifyInstance, max: number, store?: FastifyRateLimitStoreCtor): Promise<void> {
  await fastify.register(import('@fastify/rate-limit'), {
    global: true,
    hook: 'preValidation',
    max,
    timeWindow: 60_000,
    ...(store ? { store } : {}),
    keyGenerator: (request) => (request.known ? callerText(request.known.caller) : request.ip),
    allowList: (request) => request.known === null,
    errorResponseBuilder: (_request, context) =>
      new ApiError(429, 'too_many_requests', 'Too Many Attempts.', { headers: { 'retry-after': String(Math.ceil(context.ttl / 1000)) } }),
  })
}

/** Sends the error of a request, in the one shape of errors. */
function refusing(log: Logger) {
  return (error: unknown, request: FastifyRequest, reply: FastifyReply): void => {
    const known = asApiError(error, request)
    if (known.code === 'disk_full') request.server.diskFullAt = performance.now()
    if (known.status >= 500) log.error({ error, request_id: request.id, route: request.routeOptions?.url }, 'request failed')
    void reply
      .code(known.status)
      .headers({ ...securityHeaders, ...known.headers, 'x-request-id': request.id, 'content-type': 'application/json' })
      .send(JSON.stringify({ message: known.message, errors: known.errors, code: known.code, request_id: request.id }))
  }
}

/** Responds to what is not HTTP, or not in time, before there is a request. */
function answerBrokenRequest(error: Error & { code?: string }, socket: Socket, id: string): void {
  const [status, code, message] =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? ['431 Request Header Fields Too Large', 'headers_too_large', 'The request headers are too large.']
      : error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? ['408 Request Timeout', 'request_timeout', 'The request did not arrive in time.']
        : ['400 Bad Request', 'malformed_request', 'The request is not valid HTTP.']
  if (!socket.writable) return
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
}
