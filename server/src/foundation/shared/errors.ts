/** Messages by field; nested fields are joined by dots: `address.postal_code`. */
export type FieldErrors = Record<string, string[]>

/**
 * An error response. Thrown anywhere, rendered in one place as
 * `{ message, errors?, code, request_id }` (behaviour §1.5, with `code` and `request_id` added).
 */
export class ApiError extends Error {
  readonly status: number
  readonly code: string
  readonly errors: FieldErrors | undefined
  readonly headers: Record<string, string>

  constructor(status: number, code: string, message: string, more: { errors?: FieldErrors; headers?: Record<string, string> } = {}) {
    super(message)
    this.status = status
    this.code = code
    this.errors = more.errors
    this.headers = more.headers ?? {}
  }
}

/**
 * 404 in HitPay's words. The same for a row that does not exist, that was deleted and that belongs to another business.
 * `model` is the name in HitPay's message, for example `Customer`.
 */
export function notFound(model: string, id: string): ApiError {
  return new ApiError(404, 'not_found', `No query results for model [App\\Business\\${model}] ${id}`)
}

/** 422 that names every invalid field; the message is the first one, with the number of the others (behaviour §1.5). */
export function invalid(errors: FieldErrors, code = 'validation_failed'): ApiError {
  const texts = Object.values(errors).flat()
  const others = texts.length - 1
  const more = others > 0 ? ` (and ${others} more error${others > 1 ? 's' : ''})` : ''
  return new ApiError(422, code, `${texts[0] ?? 'The given data was invalid.'}${more}`, { errors })
}

/** 409: the state of the object, or another request, prevents the request. */
export function conflict(code: string, message: string, headers: Record<string, string> = {}): ApiError {
  return new ApiError(409, code, message, { headers })
}

/** A field's name as it is written in messages: `phone_number` is `phone number` (Laravel's habit, behaviour §1.5). */
export function spoken(field: string): string {
  return field.replaceAll('_', ' ')
}
