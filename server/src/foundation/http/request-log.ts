import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Logger } from 'pino'
import { keyIdOf } from '#foundation/shared/caller.ts'
import type { Metrics } from './observability.ts'

/** Measures and logs each response; a hook for `onResponse`. */
export function afterResponse(log: Logger, metrics: Metrics) {
  const observers = new Map<string, (seconds: number) => void>()
  // The line's fields contain nothing to hide: searching them for values to redact costs more than the rest of a get.
  const requestLog = log.child({}, { redact: { paths: [] } })
  return (request: FastifyRequest, reply: FastifyReply, done: () => void): void => {
    const route = request.routeOptions.url ?? '(unknown)'
    const status = reply.statusCode
    const milliseconds = performance.now() - request.beganAt
    const name = `${request.method} ${route} ${status}`
    let observe = observers.get(name)
    if (!observe) {
      observe = metrics.requestDuration(request.method, route, status)
      observers.set(name, observe)
    }
    observe(milliseconds / 1000)
    // The route's pattern, never the URL as sent: paths and queries can contain personal data.
    if (status >= 500) requestLog.error(requestLine(request, route, status, milliseconds), 'request')
    else if (requestLog.isLevelEnabled('info')) requestLog.info(requestLine(request, route, status, milliseconds), 'request')
    done()
  }
}

function requestLine(request: FastifyRequest, route: string, status: number, milliseconds: number): object {
  return {
    request_id: request.id,
    method: request.method,
    route,
    status,
    duration_ms: Math.round(milliseconds * 100) / 100,
    business_id: request.known?.business.id,
    key_id: request.known ? (keyIdOf(request.known.caller) ?? undefined) : undefined,
  }
}
