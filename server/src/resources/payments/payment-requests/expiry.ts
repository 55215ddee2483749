import { ownValue } from '@hawker/web/own-value'
import type { FieldErrors } from '#foundation/shared/errors.ts'
import { parseMoment } from '#foundation/shared/time.ts'

const unitSeconds: Record<string, number> = { mins: 60, hours: 3_600, days: 86_400 }
const shortestSeconds = 5 * 60
const longestSeconds = 3_650 * 86_400

/**
 * The seconds of `expires_after`: a whole number, one space, and `mins`, `hours` or `days`; nothing else (behaviour §2.1).
 * Notes an error and returns undefined for anything else, and for less than five minutes.
 */
export function readExpiresAfter(text: string, errors: FieldErrors): number | undefined {
  const match = /^(\d{1,9}) (mins|hours|days)$/.exec(text)
  const refuse = (fault: string) => {
    errors.expires_after = [fault]
    return undefined
  }
  if (!match) return refuse('The expires after format is invalid.')
  const seconds = Number(match[1]) * (ownValue(unitSeconds, match[2] ?? '') ?? 0)
  if (seconds < shortestSeconds) return refuse('The expires after must be at least 5 mins.')
  if (seconds > longestSeconds) return refuse('The expires after may not be greater than 3650 days.')
  return seconds
}

export interface Expiry {
  expiry_date?: string | null
  expires_after?: string | null
}

/** When a request expires; `expiry_date` takes precedence. What is neither sent nor cleared stays as it was. */
export function readExpiry({ expiry_date, expires_after }: Expiry, before: Date | null, zone: string, at: Date, errors: FieldErrors): Date | null {
  const seconds = typeof expires_after === 'string' ? readExpiresAfter(expires_after, errors) : undefined
  if (typeof expiry_date === 'string') {
    const date = parseMoment(expiry_date, zone)
    if (!date) errors.expiry_date = ['The expiry date does not match the format Y-m-d H:i:s.']
    else if (date <= at) errors.expiry_date = ['The expiry date must be a date after now.']
    return date ?? null
  }
  if (seconds !== undefined) return new Date(at.getTime() + seconds * 1000)
  return expiry_date === null || expires_after === null ? null : before
}

/** Whether a request's deadline has passed: at the deadline itself, the request has expired, for pages, payments and jobs alike. */
export function isPastDeadline({ expires_at }: { expires_at: Date | null }, at: Date): boolean {
  return expires_at !== null && expires_at <= at
}
