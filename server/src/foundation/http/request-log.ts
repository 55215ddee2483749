import type { FastifyReply, FastifyRequest } from 'fastify'
import { type DestinationStream, type Logger, symbols } from 'pino'
import { callerText } from '#foundation/shared/caller.ts'
import type { Known } from './authentication.ts'
import { ignoredFieldsOf } from './ignored-fields.ts'
import { isoTime, type Metrics } from './observability.ts'

/** What the requests of one method, route and status share. */
interface RequestKind {
  observe(seconds: number): void
  /** The part of the line between the request's id and its duration. */
  middle: string
}

/** Measures and logs each response; a hook for `onResponse`. */
export function afterResponse(log: Logger, metrics: Metrics) {
  const kinds = new Map<string, RequestKind>()
  const write = requestLines(log)

  function kindOf({ method }: FastifyRequest, route: string, status: number): RequestKind {
    const name = `${method} ${route} ${status}`
    let kind = kinds.get(name)
    if (!kind) {
      // The route's pattern, never the URL as sent: paths and queries can contain personal data.
      const middle = `,"method":${JSON.stringify(method)},"route":${JSON.stringify(route)},"status":${status},"duration_ms":`
      kind = { observe: metrics.requestDuration(method, route, status), middle }
      kinds.set(name, kind)
    }
    return kind
  }

  return (request: FastifyRequest, reply: FastifyReply, done: () => void): void => {
    const { statusCode } = reply
    const milliseconds = performance.now() - request.beganAt
    const kind = kindOf(request, request.routeOptions.url ?? '(unknown)', statusCode)
    kind.observe(milliseconds / 1000)
    const ignored = ignoredFieldsOf(request)
    const level = statusCode >= 500 ? 'error' : ignored.length > 0 ? 'warn' : 'info'
    write(level, request.id, kind.middle, milliseconds, request.known, ignored)
    done()
  }
}

/**
 * Writes the line of a request to the log's destination, in the order and the format of the log's own lines. It is assembled by
 * hand because every request has one, and it contains nothing to redact.
 */
function requestLines(log: Logger) {
  const own = log as Logger & { [symbols.streamSym]: DestinationStream; [symbols.chindingsSym]: string }
  const destination = own[symbols.streamSym]
  // The fields that every line of this log has, as JSON text: the process id where several processes write to one output.
  const bindings = own[symbols.chindingsSym]
  const time = isoTime()
  const callers = new WeakMap<Known, string>()

  function callerOf(known: Known): string {
    let text = callers.get(known)
    if (text === undefined) {
      const { business, caller } = known
      const who = caller.kind === 'key' ? `,"key_id":${JSON.stringify(caller.keyId)}` : `,"caller":${JSON.stringify(callerText(caller))}`
      text = `,"business_id":${JSON.stringify(business.id)}${who}`
      callers.set(known, text)
    }
    return text
  }

  return (level: 'info' | 'warn' | 'error', id: string, middle: string, milliseconds: number, known: Known | null, ignored: readonly string[]): void => {
    if (!log.isLevelEnabled(level)) return
    const duration = Math.round(milliseconds * 100) / 100
    const fields = ignored.length > 0 ? `,"ignored_fields":${JSON.stringify(ignored)}` : ''
    destination.write(
      `{"level":"${level}"${time()}${bindings},"request_id":${JSON.stringify(id)}${middle}${duration}${known ? callerOf(known) : ''}${fields},"message":"request"}\n`,
    )
  }
}
