import { ownValue } from '@hawker/web/own-value'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { TSchema } from 'typebox'
import { type Caller, payer, system } from '#foundation/shared/caller.ts'
import type { Clock } from '#foundation/shared/clock.ts'
import { ApiError } from '#foundation/shared/errors.ts'
import type { PageAnswer, PageCall, PageOptions, RawCall } from './api.ts'
import type { Answer } from './idempotency.ts'
import type { Origin } from './origin.ts'
import { tidyInput } from './request-body.ts'

export interface PagesOptions {
  clock: Clock
  /** The base of links in the answer to a request, and in what it causes. */
  linkBase: (request: FastifyRequest) => string
  /** The base of links in what a message from outside causes. */
  baseUrl: () => string
}

type AnyPage = PageOptions<string, TSchema>
type AnyPageHandler = (call: PageCall<Record<string, string>, string, never>) => Promise<PageAnswer | undefined>

/** Longer texts of a query contain nothing that a page shows. */
const longestText = 1_024

/** Adds pages to a server: what a page may read of a request, its answer, and its 404. */
export function pages(fastify: FastifyInstance, options: PagesOptions): (path: string, page: AnyPage, handler: AnyPageHandler) => void {
  return (path, page, handler) => {
    const { method = 'GET', body, tidies = false, isStream = false } = page
    fastify.route({
      method,
      url: path,
      ...(isStream ? { exposeHeadRoute: false } : {}),
      preValidation: (request, _reply, done) => {
        if (body) request.body = tidies ? tidyFields(request.body) : (request.body ?? {})
        done()
      },
      schema: hidden(body),
      handler: async (request, reply) => {
        const call = pageCallOf(request, page, options)
        const answer = (await handler(call as PageCall<Record<string, string>, string, never>)) ?? (await page.notFound?.(call))
        if (!answer) throw new ApiError(404, 'not_found', 'Not Found')
        return sendPageAnswer(reply, answer)
      },
    })
  }
}

/** Answers a request that no route is for with a page. */
export const pageForNothing =
  (options: PagesOptions, page: (call: PageCall<object, 'lang' | 'embed', unknown>) => Promise<PageAnswer>) =>
  async (request: FastifyRequest, reply: FastifyReply) =>
    sendPageAnswer(reply, await page(pageCallOf(request, { query: ['lang', 'embed'] }, options)))

/** Adds routes that accept raw messages. */
export function rawRoutes(fastify: FastifyInstance, options: PagesOptions): (path: string, handler: (message: RawCall) => Promise<Answer>) => void {
  return (path, handler) => {
    fastify.post(path, { config: { rawBody: true }, schema: hidden() }, async (request, reply) => {
      const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0)
      const params = request.params as Record<string, string>
      const answer = await handler({
        params,
        body,
        headers: request.headers as PageCall['headers'],
        requestId: request.id,
        origin: originOf(request, system, options.baseUrl(), options),
      })
      return reply.code(answer.status).header('content-type', 'application/json').send(answer.body)
    })
  }
}

/** A route's schema that the API reference omits. */
export const hidden = (body?: TSchema): object => ({ hide: true, ...(body ? { body } : {}) })

const originOf =
  ({ id: requestId }: FastifyRequest, caller: Caller, baseUrl: string, { clock }: PagesOptions) =>
  (businessId: string): Origin => ({ requestId, caller, at: clock.now(businessId), baseUrl })

function pageCallOf(request: FastifyRequest, { query: names = [] }: AnyPage, options: PagesOptions): PageCall<Record<string, string>> {
  const url = request.raw.url ?? ''
  const question = url.indexOf('?')
  const sent = request.query as Record<string, unknown>
  const query: Record<string, string> = {}
  const address = options.linkBase(request)
  for (const name of names) {
    const text = ownValue(sent, name)
    if (typeof text === 'string' && text !== '' && text.length <= longestText) query[name] = text
  }
  return {
    params: request.params as Record<string, string>,
    query,
    body: request.body,
    headers: request.headers as PageCall['headers'],
    requestId: request.id,
    rawQuery: question < 0 ? '' : url.slice(question + 1),
    address,
    origin: originOf(request, payer, address, options),
  }
}

function tidyFields(body: unknown): object {
  return Object.fromEntries(Object.entries((tidyInput(body) ?? {}) as object).filter(([, value]) => value !== null))
}

function sendPageAnswer(reply: FastifyReply, { status, headers = {}, body, json, stream }: PageAnswer): FastifyReply {
  for (const [name, value] of Object.entries(headers)) {
    if (value === null) reply.removeHeader(name)
    else reply.header(name, value)
  }
  if (stream) {
    stream(reply)
    return reply
  }
  reply.code(status)
  return json === undefined ? reply.send(body) : reply.type('application/json; charset=utf-8').send(JSON.stringify(json))
}
