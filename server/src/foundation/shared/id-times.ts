/**
 * The time in an id. A UUID of version 7 begins with its milliseconds in twelve hexadecimal digits, so the first five, six
 * and eight digits of its text name spans of three days, five hours and 65 seconds. An index that has these beginnings as
 * keys finds the rows of a time.
 */
export const beginnings = [5, 6, 8] as const

/** Keys that a lookup should have, so that they cover little more than the time in question, and no more of the shorter spans than needed. */
const enoughKeys = 6
const manyKeys = 64
/** Keys that it may have, of the longest spans: five years. */
const mostKeys = 600
const digits = 12
/** The last millisecond that an id can hold. */
export const endOfTime = 16 ** digits - 1
/** The shortest time that keys can name. */
export const shortestTime = 16 ** (digits - beginnings[2])

/** The milliseconds since 1970 that an id begins with. */
export function timeOf(id: string): number {
  return Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16)
}

/** The smallest and the greatest id, of any version, that a time has, in milliseconds since 1970. */
export function idsOf(from: number, until: number): { lowest: string; highest: string } {
  const hex = (time: number) =>
    Math.min(endOfTime, Math.max(0, Math.floor(time)))
      .toString(16)
      .padStart(digits, '0')
  const [low, high] = [hex(from), hex(until)]
  return {
    lowest: `${low.slice(0, 8)}-${low.slice(8)}-0000-0000-000000000000`,
    highest: `${high.slice(0, 8)}-${high.slice(8)}-ffff-ffff-ffffffffffff`,
  }
}

/**
 * Beginnings of ids that cover the time between two moments, both included; a little more at both ends. Undefined when
 * too many were needed.
 */
export function keysOfTime(from: number, until: number): string[] | undefined {
  let keys: string[] | undefined
  for (const length of beginnings) {
    const span = 16 ** (digits - length)
    const first = Math.max(0, Math.floor(from / span))
    const count = Math.floor(Math.min(endOfTime, until) / span) - first + 1
    if (count > (keys ? manyKeys : mostKeys)) break
    keys = Array.from({ length: count }, (_, i) => (first + i).toString(16).padStart(length, '0'))
    if (count >= enoughKeys) break
  }
  return keys
}
