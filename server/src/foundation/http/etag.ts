import { ApiError } from '#foundation/shared/errors.ts'

/** The tag of one version of one object; changes with every change of the object. */
export function etagOf(object: { id: string; version: number }): string {
  return `"${object.id.replaceAll('-', '')}.${object.version}"`
}

function listed(header: string, etag: string): boolean {
  return header.split(',').some((part) => part.trim().replace(/^W\//, '') === etag)
}

/** 412 unless If-Match is absent, `*`, or names the object's current tag (RFC 9110 §13.1.1). The response contains the current tag. */
export function requireMatch(ifMatch: string | undefined, etag: string): void {
  if (ifMatch === undefined || ifMatch.trim() === '*') return
  // If-Match compares strongly: a weak tag never matches.
  if (ifMatch.split(',').some((part) => part.trim() === etag)) return
  throw preconditionFailed(`The object has been changed in the meantime; its current ETag is ${etag}.`, etag)
}

/** The 412 of a failed If-Match or If-None-Match. */
export function preconditionFailed(message: string, etag?: string): ApiError {
  return new ApiError(412, 'precondition_failed', message, etag === undefined ? {} : { headers: { etag } })
}

/** Whether If-None-Match says that the client already has this version (RFC 9110 §13.1.2). */
export function isKnown(ifNoneMatch: string | undefined, etag: string): boolean {
  return ifNoneMatch !== undefined && (ifNoneMatch.trim() === '*' || listed(ifNoneMatch, etag))
}
