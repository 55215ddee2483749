import type { FastifyInstance, FastifyReply } from 'fastify'
import type { Static, TSchema } from 'typebox'
import type { Business } from '#foundation/shared/business.ts'
import type { FieldErrors } from '#foundation/shared/errors.ts'
import type { Answer } from './idempotency.ts'
import type { Origin } from './origin.ts'
import type { Method } from './refusals.ts'

/** One operation of the API: its OpenAPI description, and what is validated. */
export interface Operation<Query extends TSchema = TSchema, Body extends TSchema = TSchema, Id extends string | readonly string[] = string> {
  /** One id for each method. */
  operationId: Id
  summary: string
  description?: string
  /** Path parameters, if they are more than the texts named in the path. */
  params?: TSchema
  query?: Query
  body?: Body
  /** Accepts If-Match: the change is rejected with 412 if the object has changed since. */
  ifMatch?: boolean
  /** Further request headers; every write has `Idempotency-Key`. */
  headers?: Record<string, TSchema>
  /** The body's texts are used unchanged: not trimmed, and empty ones are not null. */
  keepsText?: boolean
  /** The one file of a multipart body becomes the fields `content_type` and `data` (in base64). */
  takesFile?: boolean
  /** Normalizes other formats of a body into the documented one, before it is validated. */
  normalise?: (body: Record<string, unknown>) => Record<string, unknown>
  /** Errors of a body that a schema cannot express; called if the schema rejects it, so that one 422 names every invalid field. */
  faults?: Faults
  /** Schema by status; null for an empty answer. */
  answers: Record<number, TSchema | null>
}

/** Accepts a body of any shape; returns its errors beyond those of its schema. */
export type Faults = (body: unknown, business: Business) => FieldErrors

/** The input of a handler: the parsed request. */
export interface Call<Query = unknown, Body = unknown> extends Origin {
  readonly business: Business
  readonly requestId: string
  readonly params: Record<string, string>
  readonly query: Query
  readonly body: Body
  readonly headers: Record<string, string | undefined>
  /** The query as sent, for links that keep it. */
  readonly rawQuery: string
}

export interface Handler<Query extends TSchema, Body extends TSchema> {
  (call: Call<Static<Query>, Static<Body>>): Promise<Answer>
  /** Set by `findingTakenKeys`. */
  readonly findsTakenKeys?: true
}

/**
 * Marks a handler whose own statement detects a used Idempotency-Key (group commit). For all others, the key is looked up
 * before they run, so that a retried request is not judged by the state that its first run left.
 */
export function findingTakenKeys<Query, Body>(handler: (call: Call<Query, Body>) => Promise<Answer>) {
  return Object.assign((call: Call<Query, Body>) => handler(call), { findsTakenKeys: true as const })
}

export type WriteMethod = Exclude<Method, 'GET' | 'HEAD'>

/** Registers the operations of one group of the API reference. */
export interface OperationGroup {
  read<Query extends TSchema, Body extends TSchema>(path: string, operation: Operation<Query, Body>, handler: Handler<Query, Body>): void
  /** A write; with several methods they are the same operation under several ids. */
  write<Query extends TSchema, Body extends TSchema, const Methods extends WriteMethod | readonly WriteMethod[]>(
    method: Methods,
    path: string,
    operation: Operation<Query, Body, Methods extends readonly WriteMethod[] ? { readonly [Each in keyof Methods]: string } : string>,
    handler: Handler<Query, Body>,
  ): void
}

/** The routes' view of the server. */
export interface Api {
  /** Operations that the API reference shows under one tag. */
  group(tag: string): OperationGroup
  /** A page that a browser opens, or a request of a page: public, and not part of the API reference. */
  page<const Path extends string, Name extends string = never, Body extends TSchema = TSchema>(
    path: Path,
    options: PageOptions<Name, Body>,
    handler: (call: PageCall<ParamsIn<Path>, Name, Static<Body>>) => Promise<PageAnswer | undefined>,
  ): void
  /** The page for a browser that opens a URL which nothing is registered for. */
  notFound(page: (call: PageCall<object, 'lang' | 'embed', unknown>) => Promise<PageAnswer>): void
  /** A POST without an API key and with the raw body: for messages that carry a signature of their own. */
  raw(path: string, handler: (message: RawCall) => Promise<Answer>): void
  readonly fastify: FastifyInstance
}

/** A request without a credential: it is not known yet which business it concerns. */
interface PublicCall {
  readonly requestId: string
  readonly headers: Record<string, string | undefined>
  /** The origin of an operation for a business that this request causes. */
  origin(businessId: string): Origin
}

/** A message from outside, before it has been verified; its origin is the system. */
export interface RawCall extends PublicCall {
  readonly params: Record<string, string>
  readonly body: Buffer
}

type NamesIn<Path extends string> = Path extends `${string}:${infer Name}/${infer Rest}`
  ? Name | NamesIn<Rest>
  : Path extends `${string}:${infer Name}`
    ? Name
    : never

/** The parameters that a path names, for example `{ slug: string }` of `/payment-request/@:slug`. */
export type ParamsIn<Path extends string> = Record<NamesIn<Path>, string>

export interface PageOptions<Name extends string, Body extends TSchema> {
  /** GET by default. */
  method?: 'GET' | 'POST'
  /** The texts of the query that the page reads. */
  query?: readonly Name[]
  /** The body; an empty object if none was sent. */
  body?: Body
  /** The body's texts are trimmed, and empty or null ones are removed. */
  tidies?: boolean
  /** Responds over the connection for as long as it is open; such a page has no HEAD. */
  isStream?: boolean
  /** The page for something that does not exist; a 404 in JSON by default. */
  notFound?: (call: PageCall<object, string, unknown>) => Promise<PageAnswer>
}

/** A payer's request; its origin is a payer. */
export interface PageCall<Params = object, Name extends string = string, Body = unknown> extends PublicCall {
  readonly params: Params
  /** One text for each name: repeated, nested and empty ones, and those longer than 1,024 characters, are removed. */
  readonly query: Partial<Record<Name, string>>
  readonly body: Body
  /** The query as sent, for links that keep it. */
  readonly rawQuery: string
  /** The URL under which the browser reached this server, without a trailing slash; the configured URL if there is one. */
  readonly address: string
}

/** The response of a page. Its headers are added to those of every response; null removes one of them. */
export interface PageAnswer {
  status: number
  headers?: Record<string, string | null>
  body?: string | Buffer
  /** Sent as JSON, instead of a body. */
  json?: unknown
  /** Responds over the connection itself, instead of a body. */
  stream?: (reply: FastifyReply) => void
}
