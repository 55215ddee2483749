import { readFileSync } from 'node:fs'

/** A recorded call of one operation. */
interface RecordedCall {
  request?: unknown
  status: number
  response?: unknown
}

/** Real calls by operation, and the data of real events by type; recorded by openapi-examples.test.ts. */
export interface Recorded {
  examples: Record<string, RecordedCall>
  events: Record<string, Record<string, unknown>>
}

/** The recorded calls and events, which only the generator reads. */
export function readRecorded(): Recorded {
  return JSON.parse(readFileSync('server/src/openapi-examples.json', 'utf8')) as Recorded
}

const errorCodes = new Map([
  ['400', ['malformed_body', 'The body is not valid JSON.']],
  ['401', ['invalid_api_key', 'Invalid API key.']],
  ['404', ['not_found', 'No query results for model [App\\Business\\Customer] 019ab2c4-5d6e-7f80-8000-000000000001']],
  ['409', ['idempotency_in_progress', 'A request with this Idempotency-Key is still in progress.']],
  ['412', ['precondition_failed', 'The object was changed since.']],
  ['422', ['validation_failed', 'The email field is required.']],
  ['503', ['unavailable', 'The database cannot be reached; try again.']],
])

/** An error response of a status; undefined for statuses that are no error. */
export function errorExample(status: string): object | undefined {
  const [code, message] = errorCodes.get(status) ?? []
  if (code === undefined) return undefined
  const errors = status === '422' ? { errors: { email: ['The email field is required.'] } } : {}
  return { message, ...errors, code, request_id: '019ab2c4-5d6e-7f80-8000-0000000000aa' }
}
