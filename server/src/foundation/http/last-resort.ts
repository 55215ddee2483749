import type { EventEmitter } from 'node:events'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Logger } from 'pino'
import { ApiError } from '#foundation/shared/errors.ts'

/** Longer than any statement may take: a request that is still unanswered then will not be answered by the code that failed. */
const answeredWithinMs = 20_000
/** Errors within a minute after which a process is no longer trusted. */
const mostErrors = 10

export interface LastResortOptions {
  log: Logger
  /** Ends the process after it has finished what it can; called once. */
  giveUp: () => void
  /** How many errors within a minute are survived; 0 gives up with the first, where another process takes over. */
  survives?: number
  /** Whose errors these are, and how long a response may take; for tests. */
  from?: Pick<EventEmitter, 'on' | 'off'>
  waitMs?: number
}

/** The requests of a server that have no response yet. */
export type OpenRequests = ReadonlyMap<FastifyRequest, FastifyReply>

/** Notes the requests of a server that have no response yet. */
export function openRequests(fastify: FastifyInstance): OpenRequests {
  const open = new Map<FastifyRequest, FastifyReply>()
  fastify.addHook('onRequest', (request, reply, done) => {
    open.set(request, reply)
    done()
  })
  fastify.addHook('onResponse', (request, _reply, done) => {
    open.delete(request)
    done()
  })
  return open
}

/**
 * What happens to an error that no code has caught: an exception in a callback, an `error` event without a listener, a rejected promise
 * that nobody awaits. It is logged, and the process goes on. Which request caused it is not known, so requests that were open at that
 * moment and have no response within the time that any may take are answered 500. Too many such errors end the process in order.
 * Returns a function that removes the handlers.
 */
export function lastResort(
  open: OpenRequests,
  { log, giveUp, survives = mostErrors, from = process, waitMs = answeredWithinMs }: LastResortOptions,
): () => void {
  let recent: number[] = []
  let hasGivenUp = false

  function onError(error: unknown): void {
    const now = performance.now()
    recent = [...recent.filter((at) => now - at < 60_000), now]
    log.fatal({ error, open_requests: open.size }, 'an error was caught by nobody')
    const stuck = [...open]
    setTimeout(() => {
      for (const [request, reply] of stuck) {
        if (!open.has(request) || reply.sent || reply.raw.headersSent) continue
        reply.send(new ApiError(500, 'server_error', 'Server Error'))
      }
    }, waitMs).unref()
    if (recent.length <= survives || hasGivenUp) return
    hasGivenUp = true
    giveUp()
  }

  from.on('uncaughtException', onError)
  from.on('unhandledRejection', onError)
  return () => {
    from.off('uncaughtException', onError)
    from.off('unhandledRejection', onError)
  }
}
