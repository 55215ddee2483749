import { stripVTControlCharacters, styleText } from 'node:util'
import type { DestinationStream } from 'pino'

type Style = Parameters<typeof styleText>[0]

/** A log line as it is written as JSON. What a request's line has, no other line has. */
interface LogLine {
  readonly level?: string
  readonly time?: string
  readonly pid?: number
  readonly message?: string
  readonly method?: string
  readonly route?: string
  readonly status?: number
  readonly duration_ms?: number
  readonly request_id?: string
  readonly ignored_fields?: readonly string[]
  readonly error?: { readonly type?: string; readonly message?: string; readonly code?: string; readonly stack?: readonly string[] }
  readonly [more: string]: unknown
}

const levelStyles = new Map<string, Style>([
  ['fatal', 'red'],
  ['error', 'red'],
  ['warn', 'yellow'],
])
const leftOut = new Set(['level', 'time', 'pid', 'message', 'error', 'stack'])
/** Whose request it was, only the JSON line says: a person at a terminal has one business. */
const ofRequest = new Set(['method', 'route', 'status', 'duration_ms', 'request_id', 'ignored_fields', 'business_id', 'key_id', 'caller'])

/** A text on one line, without what a terminal would obey: log fields can contain text from outside. */
const printable = (text: string): string => stripVTControlCharacters(text).replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, ' ')

function valueText(value: unknown): string {
  if (Array.isArray(value) && value.length > 3) return `(${value.length})`
  return printable(typeof value === 'string' ? value : (JSON.stringify(value) ?? ''))
}

/** Writes JSON log lines as lines for people; a line that is no JSON is written as it is. `terminal` decides about colors. */
export function readableLines(out: DestinationStream & { flush?: (done?: () => void) => void }, terminal: NodeJS.WritableStream): DestinationStream {
  const style = (format: Style, text: string) => styleText(format, text, { stream: terminal })
  return {
    write: (line) => out.write(readable(line, style)),
    // Called by pino's own flush.
    ...{ flush: (done?: () => void) => (out.flush ? out.flush(done) : done?.()) },
  }
}

function readable(line: string, style: (format: Style, text: string) => string): string {
  let entry: LogLine
  try {
    entry = JSON.parse(line)
  } catch {
    return line
  }
  const isRequest = entry.message === 'request' && entry.route !== undefined
  const more = Object.entries(entry)
    .filter(([name, value]) => !leftOut.has(name) && !(isRequest && ofRequest.has(name)) && value !== null)
    .map(([name, value]) => style('dim', `${name}=${valueText(value)}`))
  const levelStyle = levelStyles.get(entry.level ?? '')
  const parts = [
    style('dim', timeText(entry.time)),
    ...(entry.pid === undefined ? [] : [style('dim', `[${entry.pid}]`)]),
    ...(levelStyle && !isRequest ? [style(levelStyle, entry.level ?? '')] : []),
    ...(isRequest ? requestParts(entry, style) : [printable(entry.message ?? '')]),
    ...more,
  ]
  return `${parts.join(' ')}\n${errorText(entry, style)}`
}

/** The time of day on this machine: a terminal shows what happens now. */
function timeText(time: string | undefined): string {
  const at = new Date(time ?? Number.NaN)
  return Number.isNaN(at.getTime()) ? '--:--:--' : at.toTimeString().slice(0, 8)
}

function requestParts(entry: LogLine, style: (format: Style, text: string) => string): string[] {
  const { method = '', route = '', status = 0, duration_ms = 0, request_id = '', ignored_fields = [] } = entry
  const statusStyle: Style = status >= 500 ? 'red' : status >= 400 ? 'yellow' : 'green'
  return [
    printable(method).padEnd(6),
    style(statusStyle, String(status)),
    printable(route),
    style('dim', `${Math.max(1, Math.round(duration_ms))} ms`),
    // Where something went wrong, the id leads to what the caller was answered.
    ...(status >= 400 ? [style('dim', printable(request_id))] : []),
    ...(ignored_fields.length > 0 ? [style('yellow', `ignored: ${printable(ignored_fields.join(', '))}`)] : []),
  ]
}

function errorText({ error, stack }: LogLine, style: (format: Style, text: string) => string): string {
  if (error === undefined && stack === undefined) return ''
  const { type, code, message } = error ?? {}
  const what = [type, code, message].filter((text) => text !== undefined).map(valueText)
  const where = [error?.stack ?? stack].flat().filter((text) => typeof text === 'string')
  return [...(what.length > 0 ? [style('red', what.join(' '))] : []), ...where.map((text) => style('dim', printable(text)))]
    .map((text) => `         ${text}\n`)
    .join('')
}
