const zones = new Map<string, Intl.DateTimeFormat>()
const offsets = new Map<string, Map<number, number>>()
const offsetsKept = 20_000 // for each zone: half a year of quarter hours
const offsetValidity = 900_000 // zone rules change on quarter hours at the finest

/** Whether a text is an IANA time zone that this machine knows. */
export function isTimeZone(zone: string): boolean {
  try {
    formatterOf(zone)
    return true
  } catch {
    return false
  }
}

function formatterOf(zone: string): Intl.DateTimeFormat {
  let formatter = zones.get(zone)
  if (!formatter) {
    formatter = new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    })
    zones.set(zone, formatter)
  }
  return formatter
}

/** Minutes by which a zone is ahead of UTC at a moment (480 for Asia/Singapore today). */
export function offsetMinutes(at: number, zone: string): number {
  let known = offsets.get(zone)
  if (!known || known.size > offsetsKept) {
    known = new Map()
    offsets.set(zone, known)
  }
  const quarter = Math.floor(at / offsetValidity)
  const remembered = known.get(quarter)
  if (remembered !== undefined) return remembered
  const part: Record<string, number> = {}
  for (const { type, value } of formatterOf(zone).formatToParts(at)) part[type] = Number(value)
  const local = Date.UTC(part.year ?? 0, (part.month ?? 1) - 1, part.day, part.hour, part.minute, part.second)
  const minutes = Math.round((local - Math.floor(at / 1000) * 1000) / 60_000)
  known.set(quarter, minutes)
  return minutes
}

const pairs = Array.from({ length: 100 }, (_, n) => String(n).padStart(2, '0'))
/** Dates by the number of their day since 1970: the times of a page share a few. */
const dates = new Map<number, string>()
const datesKept = 10_000

/** A moment in UTC to the second, without its zone: a page has dozens of times, and `toISOString` costs ten times as much. */
function utcSeconds(at: number): string {
  const ms = Math.trunc(at)
  const day = Math.floor(ms / 86_400_000)
  let date = dates.get(day)
  if (date === undefined) {
    if (dates.size >= datesKept) dates.clear()
    date = new Date(ms).toISOString().slice(0, 11)
    dates.set(day, date)
  }
  const second = Math.floor(ms / 1000) - day * 86_400
  return `${date}${pairs[Math.floor(second / 3600)]}:${pairs[Math.floor(second / 60) % 60]}:${pairs[second % 60]}`
}

/** A moment in a business's time zone without offset, as payment requests return it: `2025-05-21T16:57:25` (behaviour §1.9). */
export function formatLocalTime(at: Date | number, zone: string): string {
  const ms = Number(at)
  return utcSeconds(ms + offsetMinutes(ms, zone) * 60_000)
}

const offsetTexts = new Map<number, string>()

function offsetText(minutes: number): string {
  let text = offsetTexts.get(minutes)
  if (text === undefined) {
    const size = Math.abs(minutes)
    text = `${minutes < 0 ? '-' : '+'}${pairs[Math.floor(size / 60)]}:${pairs[size % 60]}`
    offsetTexts.set(minutes, text)
  }
  return text
}

/** A moment in a business's time zone with offset, as most resources return it: `2024-09-04T16:05:21+08:00` (behaviour §1.9). */
export function formatBusinessTime(at: Date | number, zone: string): string {
  const ms = Number(at)
  const minutes = offsetMinutes(ms, zone)
  return utcSeconds(ms + minutes * 60_000) + offsetText(minutes)
}

/** A moment in UTC with microseconds, as refunds and nested locations return it: `2026-06-11T05:01:08.000000Z` (behaviour §1.9). */
export function formatUtcMicroseconds(at: Date | number): string {
  return `${new Date(Number(at)).toISOString().slice(0, 23)}000Z`
}

/** The date in a business's time zone: `2026-11-22`. */
export function businessDay(at: Date | number, zone: string): string {
  return formatLocalTime(at, zone).slice(0, 10)
}

/** Whether `YYYY-MM-DD` is a valid calendar date: 2024-02-29 is, 2023-02-29 is not. */
export function isCalendarDay(text: string): boolean {
  const match = /^(\d{4})-(\d{2})-(\d{2})$/.exec(text)
  if (!match || match[1] === '0000') return false
  const at = new Date(`${text}T00:00:00Z`)
  return !Number.isNaN(at.getTime()) && at.toISOString().slice(0, 10) === text
}

/**
 * The moment at which a zone's clocks show `local` (written as if it were UTC). The earlier one if they show it twice;
 * if they skip it, the moment as far after the gap as `local` is after its start.
 */
function momentOn(local: number, zone: string): Date {
  const before = local - offsetMinutes(local - 86_400_000, zone) * 60_000
  const after = local - offsetMinutes(local + 86_400_000, zone) * 60_000
  const shows = [Math.min(before, after), Math.max(before, after)].find((at) => at + offsetMinutes(at, zone) * 60_000 === local)
  return new Date(shows ?? before)
}

/** The moment at which a calendar day starts in a business's time zone, even where the clocks skip midnight. */
export function startOfDay(day: string, zone: string): Date {
  return momentOn(Date.parse(`${day}T00:00:00Z`), zone)
}

/** The next calendar day; the last day with a four-digit year is its own successor. */
export function nextDay(day: string): string {
  if (day === '9999-12-31') return day
  return new Date(Date.parse(`${day}T00:00:00Z`) + 86_400_000).toISOString().slice(0, 10)
}

const moment = /^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}:?\d{2})?$/

/**
 * A moment as clients write it: RFC 3339 with an offset, or date and time without one, then in the business's time zone.
 * Returns undefined for anything else, and for invalid calendar dates.
 */
export function parseMoment(text: string, zone: string): Date | undefined {
  const match = moment.exec(text)
  if (!match || !isCalendarDay(text.slice(0, 10))) return undefined
  const iso = text.replace(' ', 'T')
  const at = new Date(match[3] ? iso : `${iso}Z`)
  if (Number.isNaN(at.getTime())) return undefined
  return match[3] ? at : momentOn(at.getTime(), zone)
}

/** The later of now and one millisecond after `previous`: timestamps of one object never go back, whatever the clock does. */
export function laterThan(previous: Date, now: Date): Date {
  return now > previous ? now : new Date(previous.getTime() + 1)
}
