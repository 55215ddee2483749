import type { FastifyError, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { isContention, isDiskFull, isOutcomeUnknown } from '#foundation/database/database.ts'
import { ApiError } from '#foundation/shared/errors.ts'
import { tooLarge } from './body-encoding.ts'
import { type SchemaError, validationError } from './validation.ts'

/** The shape of every error response (behaviour §1.5), with `code` and `request_id` added. */
export const ErrorAnswer = Type.Object(
  {
    message: Type.String({ description: 'What is wrong, as a sentence for people.' }),
    errors: Type.Optional(
      Type.Record(Type.String(), Type.Array(Type.String()), { description: 'Every invalid field with its messages; nested field names are joined with dots.' }),
    ),
    code: Type.String({ description: 'What is wrong, as a code for programs; codes never change.' }),
    request_id: Type.String({ description: "Identifies the request in the server's log; also sent in the X-Request-Id header." }),
  },
  { title: 'Error' },
)

export const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'] as const
export type Method = (typeof methods)[number]

/** The methods of the routes whose pattern matches a path. */
export function allowedMethods(routes: ReadonlyMap<string, ReadonlySet<Method>>, path: string): Method[] {
  const parts = path.replace(/\/+$/, '').split('/')
  const found = new Set<Method>()
  for (const [pattern, known] of routes) {
    const wanted = pattern.replace(/\/+$/, '').split('/')
    if (wanted.length === parts.length && wanted.every((part, i) => part.startsWith(':') || part === parts[i])) for (const method of known) found.add(method)
  }
  return methods.filter((method) => found.has(method) && method !== 'HEAD')
}

/** Every error as an error response. An unexpected one is a 500 without details. */
export function asApiError(error: unknown, request: FastifyRequest): ApiError {
  if (error instanceof ApiError) return error
  const { validation, validationContext, statusCode, code, message } = error as FastifyError
  if (validation) {
    const faults = validationContext === 'body' && request.known ? request.routeOptions.config.faults?.(request.body, request.known.business) : undefined
    return validationError(validation as SchemaError[], faults)
  }
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') return tooLarge()
  if (code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE' || code === 'FST_ERR_CTP_INVALID_TYPE') {
    return new ApiError(
      415,
      'unsupported_media_type',
      'The content type is not supported; send application/json, application/x-www-form-urlencoded or multipart/form-data.',
    )
  }
  if (isContention(error)) return new ApiError(503, 'busy', 'The server is busy; try again.', { headers: { 'retry-after': '1' } })
  if (isDiskFull(error)) {
    return new ApiError(503, 'disk_full', 'The disk of the database is full, so nothing was written. Free some space, then try again.', {
      headers: { 'retry-after': '30' },
    })
  }
  // Nobody is there to read it; it is no error of ours.
  if (request.raw.destroyed && !request.raw.complete) return new ApiError(400, 'request_aborted', 'The request ended before its body was complete.')
  if (isOutcomeUnknown(error)) {
    return new ApiError(503, 'database_unavailable', 'The database did not respond, so the outcome is unknown; retry with the same Idempotency-Key.', {
      headers: { 'retry-after': '2' },
    })
  }
  if (code === '22021' || code === '22P05') return new ApiError(422, 'invalid_characters', 'The request contains characters that cannot be stored.')
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) return new ApiError(statusCode, 'bad_request', message)
  return new ApiError(500, 'server_error', 'Server Error')
}
