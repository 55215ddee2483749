import { type DestinationStream, type Logger, pino } from 'pino'
import { AggregatorRegistry, Counter, collectDefaultMetrics, Gauge, Histogram, type MetricObject, Registry } from 'prom-client'
import { readableLines } from './readable-lines.ts'

/** Fields that may hold secrets or personal data; they are replaced wherever they appear in a log line. */
const redacted = [
  'name',
  'email',
  'phone',
  'phone_number',
  'phone_number_e164',
  'address',
  'birth_date',
  'gender',
  'remark',
  'metadata',
  'external_id',
  'body',
  'headers',
  'query',
  'params',
  'key',
  'salt',
  'secret',
  'password',
  'authorization',
  'card_number',
  'number',
  'cvc',
]

/** The time of a log line, made once for all lines of a millisecond. */
export function isoTime(): () => string {
  let at = 0
  let text = ''
  return () => {
    const now = Date.now()
    if (now !== at) {
      at = now
      text = `,"time":"${new Date(now).toISOString()}"`
    }
    return text
  }
}

/**
 * The process's log: JSON lines on standard output, written in the background and flushed a few times a second and at
 * the end. Errors are logged with their type, code and stack, never with the row values that PostgreSQL adds to them.
 */
export function createLog(level: string, destination?: DestinationStream, base: { pid: number } | null = null): Logger {
  const paths = redacted.flatMap((name) => [name, `*.${name}`, `*.*.${name}`])
  const log = pino(
    {
      level,
      base,
      messageKey: 'message',
      timestamp: isoTime(),
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths, censor: '[redacted]' },
      serializers: { error: describeError, err: describeError },
    },
    destination ?? pino.destination({ dest: 1, sync: false, minLength: 8192, periodicFlush: 200 }),
  )
  return log
}

export type LogFormat = 'json' | 'text'

/**
 * A process's log on standard output: JSON lines, or lines for people if that is configured or standard output is a terminal. Of
 * several processes that write to the same output, every line has its pid, what is written at once is whole lines, and no more
 * than a pipe takes undivided (POSIX: PIPE_BUF).
 */
export function openLog({ logLevel, logFormat }: { logLevel: string; logFormat: LogFormat | undefined }, { ofSeveral = false } = {}): Logger {
  const base = ofSeveral ? { pid: process.pid } : null
  const isReadable = logFormat === 'text' || (logFormat === undefined && process.stdout.isTTY)
  if (isReadable) return createLog(logLevel, readableLines(pino.destination({ dest: 1, sync: true }), process.stdout), base)
  return createLog(logLevel, ofSeveral ? pino.destination({ dest: 1, sync: false, minLength: 2048, maxWrite: 4096, periodicFlush: 200 }) : undefined, base)
}

/** The part of an error that may be logged. A PostgreSQL error's detail and message can quote a row, so only its code and location are kept. */
export function describeError(error: unknown): object {
  if (!(error instanceof Error)) return { type: typeof error }
  const { code, constraint, table } = error as { code?: string; constraint?: string; table?: string }
  const fromDatabase = typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code)
  const stack = error.stack
    ?.split('\n')
    .filter((line) => /^\s+at /.test(line))
    .slice(0, 12)
    .map((line) => line.trim())
  return { type: error.name, code, ...(fromDatabase ? { constraint, table } : { message: error.message }), stack }
}

export interface Metrics {
  /** Prometheus' text format. */
  text(): Promise<string>
  /** The observer of one route's and status's duration, in seconds; kept by the caller, since looking it up costs more than using it. */
  requestDuration(method: string, route: string, status: number): (seconds: number) => void
  /** The same as data, for `addUpMetrics`. */
  data(): Promise<object[]>
  /** Adds a gauge that is read when the metrics are. Of several processes its values are added up, unless they are `shared`: about the one database. */
  gauge(name: string, help: string, read: () => number | Promise<number>, shared?: 'shared'): void
  counter(name: string, help: string): (count?: number) => void
}

/** The process's metrics, in a registry of its own. */
export function createMetrics(): Metrics {
  const registry = new Registry()
  let defaults = false
  const addDefaults = () => {
    if (!defaults) collectDefaultMetrics({ register: registry, prefix: 'hawker_' })
    defaults = true
  }
  const durations = new Histogram({
    name: 'hawker_http_request_duration_seconds',
    help: 'Time from the request to the end of the response, by route.',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10],
    registers: [registry],
  })
  return {
    async text() {
      addDefaults()
      return registry.metrics()
    },
    async data() {
      addDefaults()
      return registry.getMetricsAsJSON()
    },
    requestDuration(method, route, status) {
      const child = durations.labels(method, route, String(status))
      return (seconds) => child.observe(seconds)
    },
    gauge(name, help, read, shared) {
      new Gauge({
        name,
        help,
        ...(shared ? { aggregator: 'max' as const } : {}),
        registers: [registry],
        async collect() {
          // Without its database, a process still has other metrics.
          this.set(
            await Promise.resolve()
              .then(read)
              .catch(() => Number.NaN),
          )
        },
      })
    },
    counter(name, help) {
      const counter = new Counter({ name, help, registers: [registry] })
      return (count = 1) => counter.inc(count)
    },
  }
}

/** The metrics of several processes (`Metrics.data`) as one process would have them, in Prometheus' text format. */
export async function addUpMetrics(all: object[][]): Promise<string> {
  // The types know the data of one metric, not the list that is taken.
  return AggregatorRegistry.aggregate(all as MetricObject[][] as unknown as object[]).metrics()
}
