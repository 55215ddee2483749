import type { FastifyInstance } from 'fastify'
import type { Static, TSchema } from 'typebox'
import type { Business } from '#foundation/shared/business.ts'
import type { FieldErrors } from '#foundation/shared/errors.ts'
import type { Answer } from './idempotency.ts'
import type { Origin } from './origin.ts'
import type { Method } from './refusals.ts'

/** One operation of the API: what OpenAPI says of it, and what is validated. */
export interface Operation<Query extends TSchema = TSchema, Body extends TSchema = TSchema, Id extends string | readonly string[] = string> {
  /** One id for each method. */
  operationId: Id
  summary: string
  description?: string
  /** Parameters of the path, where they are more than texts named in it. */
  params?: TSchema
  query?: Query
  body?: Body
  /** Takes If-Match: the change is refused with 412 when the object has changed since. */
  ifMatch?: boolean
  /** Further request headers; every write has `Idempotency-Key`. */
  headers?: Record<string, TSchema>
  /** The body's texts are taken as they are: not trimmed, and empty ones are not null. */
  keepsText?: boolean
  /** The one file of a multipart body is taken as the fields `content_type` and `data` (in base64). */
  takesFile?: boolean
  /** Brings other formats of a body into the documented one, before it is validated. */
  normalise?: (body: Record<string, unknown>) => Record<string, unknown>
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

export interface Handler<Query extends TSchema, Body extends TSchema> {
  (call: Call<Static<Query>, Static<Body>>): Promise<Answer>
  /** Set by `findingTakenKeys`. */
  readonly findsTakenKeys?: true
}

/**
 * Marks a handler whose own statement finds a taken Idempotency-Key (group commit). For all others the key is looked up
 * before they run, so that a repeated request is not judged by the state that its first run left.
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
