import type { IncomingHttpHeaders } from 'node:http'
import type { FastifyReply, FastifyRequest, onRequestHookHandler } from 'fastify'
import type { Business } from '#foundation/shared/business.ts'
import type { Caller } from '#foundation/shared/caller.ts'
import { ApiError } from '#foundation/shared/errors.ts'

/** The sender of a request, and the business it is for. */
export interface Known {
  readonly business: Business
  readonly caller: Caller
}

/** Recognizes one kind of credential, for example an API key. */
export interface Authenticator {
  /**
   * The caller behind a request's credential, without a promise if it was seen recently; undefined if the request has
   * no credential of this kind. Throws a 401 for an invalid one.
   */
  authenticate(headers: IncomingHttpHeaders): Known | undefined | Promise<Known | undefined>
}

/** The 401 of a request without a valid credential. */
export const unauthenticated = () => new ApiError(401, 'invalid_api_key', 'Invalid business api key.')

/** A hook for `onRequest` that calls the authenticators in order; the first that recognizes its credential decides. */
export function identifying(authenticators: readonly Authenticator[]): onRequestHookHandler {
  async function identifyFrom(first: Promise<Known | undefined>, next: number, headers: IncomingHttpHeaders): Promise<Known> {
    const known = await first
    if (known) return known
    for (const authenticator of authenticators.slice(next)) {
      const found = await authenticator.authenticate(headers)
      if (found) return found
    }
    throw unauthenticated()
  }

  /** Without a promise as long as no authenticator needs one: nearly every request's caller is cached. */
  function identify(headers: IncomingHttpHeaders): Known | Promise<Known> {
    let next = 0
    for (const authenticator of authenticators) {
      next += 1
      const found = authenticator.authenticate(headers)
      if (found !== undefined) return 'then' in found ? identifyFrom(found, next, headers) : found
    }
    throw unauthenticated()
  }

  return (request: FastifyRequest, _reply: FastifyReply, done: (error?: Error) => void): void => {
    const keep = (known: Known) => {
      request.known = known
      done()
    }
    try {
      const known = identify(request.headers)
      if ('then' in known) known.then(keep, done)
      else keep(known)
    } catch (error) {
      done(error as Error)
    }
  }
}
