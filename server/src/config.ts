import { existsSync, statSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { resolve } from 'node:path'
import { ownValue } from '@hawker/web/own-value'
import { didYouMean } from '#foundation/shared/did-you-mean.ts'
import { isTimeZone } from '#foundation/shared/time.ts'

/** Everything that can be configured, read and checked once. */
export interface Config {
  /** Where the API listens. */
  readonly host: string
  readonly port: number
  /** The URL under which clients reach the API, without a trailing slash; undefined means: as in the request, if its host is this machine. */
  readonly publicUrl: string | undefined
  /** Hosts that links may follow in addition to this machine's own, with or without a port. */
  readonly allowedHosts: readonly string[]
  readonly logLevel: 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent'
  /** How log lines are written; undefined means text on a terminal, and JSON elsewhere. */
  readonly logFormat: 'json' | 'text' | undefined
  /** An external PostgreSQL ≥ 15; undefined means the embedded one in `dataDirectory`. */
  readonly databaseUrl: string | undefined
  /** The job queue's database; the same as `databaseUrl` unless set (scale-out: the queue lives outside the tenants' shards). */
  readonly controlDatabaseUrl: string | undefined
  /** Processes that serve the API. */
  readonly processes: number
  /** Connections of the main pool, in each process. */
  readonly databaseConnections: number
  /** TCP port for the embedded PostgreSQL; undefined means a Unix socket only. */
  readonly databasePort: number | undefined
  readonly dataDirectory: string
  /** The API key and salt of the first business, for scripts that need to know them beforehand. */
  readonly apiKey: string | undefined
  readonly salt: string | undefined
  /** 32 bytes that encrypt stored salts; undefined means a key file in `dataDirectory`. */
  readonly secretKey: Buffer | undefined
  /** Requests per minute and API key; 0 means no limit. */
  readonly rateLimit: number
  /** Days for which an Idempotency-Key is remembered. */
  readonly idempotencyDays: number
  /** Days for which succeeded and canceled webhook deliveries are kept, and failed ones. */
  readonly deliveryDays: number
  readonly failedDeliveryDays: number
  /** Days for which emails are kept. */
  readonly mailDays: number
  /** The mail server; undefined means that emails are stored, not sent. */
  readonly smtpUrl: string | undefined
  /** The sender of emails. */
  readonly mailFrom: string
  /** A font for characters on receipts that Hawker's own fonts lack; undefined means they are printed as □. */
  readonly receiptFont: string | undefined
  /** Whether rows of different businesses may share one statement (plain PostgreSQL: yes, Citus: no). */
  readonly groupCommitAcrossBusinesses: boolean
  /** Rows that one statement may carry; 1 writes each request separately. */
  readonly groupCommitRows: number
}

/** Invalid settings: a line for each, which names the variable and its valid values; the command exits with code 2. */
export class ConfigError extends Error {
  readonly problems: readonly string[]
  constructor(...problems: string[]) {
    super(problems.join('\n'))
    this.problems = problems
  }
}

type Environment = Record<string, string | undefined>

/** Hosts separated by commas, with or without a port. */
function hostsIn(value: string | undefined, wrong: (must: string) => void): string[] {
  const hosts = (value ?? '')
    .split(',')
    .map((host) => host.trim())
    .filter((host) => host !== '')
  if (!hosts.every((host) => /^(\[[0-9a-fA-F:.]+\]|[\w.-]+)(:\d{1,5})?$/.test(host))) wrong('hosts separated by commas, such as hawker,192.168.1.20:8080')
  return hosts
}

/** Reads single variables of an environment, and collects what is wrong with them. */
function settingsIn(environment: Environment) {
  const text = (name: string) => ownValue(environment, name)?.trim() || undefined
  const problems: string[] = []
  const wrong = (name: string, must: string, secret = false): void => {
    problems.push(`${name} must be ${must}${secret ? '' : `, not ${JSON.stringify(ownValue(environment, name))}`}.`)
  }
  const whole = (name: string, fallback: number, min: number, max: number, otherwise = '') => {
    const value = text(name)
    if (value === undefined) return fallback
    if (!/^\d{1,9}$/.test(value) || Number(value) < min || Number(value) > max) wrong(name, `${otherwise}a whole number from ${min} to ${max}`)
    return Number(value)
  }
  const flag = (name: string, fallback: boolean) => {
    const value = text(name)
    if (value === undefined) return fallback
    if (!/^(true|false|1|0)$/.test(value)) wrong(name, 'true or false')
    return value === 'true' || value === '1'
  }
  const url = (name: string, protocols: string[], secret = name.includes('DATABASE')) => {
    const value = text(name)
    if (value === undefined) return undefined
    const schemes = protocols.map((protocol) => `${protocol}//`).join(' or ')
    const parsed = URL.canParse(value) ? new URL(value) : undefined
    if (!parsed || !protocols.includes(parsed.protocol)) wrong(name, `a URL that begins with ${schemes}`, secret)
    return value.replace(/\/+$/, '')
  }
  return { text, problems, wrong, whole, flag, url }
}

/** The configuration from environment variables. Throws one `ConfigError` for all invalid values. */
export function readConfig(environment: Environment = process.env): Config {
  const { text, problems, wrong, whole, flag, url } = settingsIn(environment)
  const levels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const
  const logLevel = levels.find((level) => level === (text('LOG_LEVEL') ?? 'info')) ?? 'info'
  if (text('LOG_LEVEL') !== undefined && logLevel !== text('LOG_LEVEL')) wrong('LOG_LEVEL', `one of ${levels.join(', ')}`)
  const logFormat = (['json', 'text'] as const).find((format) => format === text('HAWKER_LOG_FORMAT'))
  if (text('HAWKER_LOG_FORMAT') !== logFormat) wrong('HAWKER_LOG_FORMAT', 'json or text')
  const apiKey = text('HAWKER_API_KEY')
  if (apiKey !== undefined && !/^[\x21-\x7e]{16,255}$/.test(apiKey)) wrong('HAWKER_API_KEY', '16 to 255 printable characters without spaces', true)
  const salt = text('HAWKER_SALT')
  if (salt !== undefined && !/^[\x21-\x7e]{8,255}$/.test(salt)) wrong('HAWKER_SALT', '8 to 255 printable characters without spaces', true)
  const secretKey = text('HAWKER_SECRET_KEY')
  if (secretKey !== undefined && !/^[0-9a-f]{64}$/i.test(secretKey)) wrong('HAWKER_SECRET_KEY', '64 hexadecimal digits (32 bytes)', true)
  const host = text('HOST') === 'localhost' ? '127.0.0.1' : (text('HOST') ?? '127.0.0.1')
  if (!/^[0-9a-z.:_-]{1,255}$/i.test(host)) wrong('HOST', 'a host name or an IP address')
  if (!isTimeZone('Asia/Singapore')) problems.push('This Node.js has no time zones; use a build with full ICU.')
  const dataDirectory = resolve(text('HAWKER_DATA_DIR') ?? '.hawker')
  if (existsSync(dataDirectory) && !statSync(dataDirectory).isDirectory()) wrong('HAWKER_DATA_DIR', 'a directory')
  const receiptFont = text('HAWKER_RECEIPT_FONT')
  if (receiptFont !== undefined && !(existsSync(receiptFont) && statSync(receiptFont).isFile())) wrong('HAWKER_RECEIPT_FONT', 'a font file (TTF, OTF or TTC)')
  const databaseUrl = url('DATABASE_URL', ['postgres:', 'postgresql:'])

  const config: Config = Object.freeze({
    host,
    port: whole('PORT', 8080, 0, 65_535),
    publicUrl: url('HAWKER_PUBLIC_URL', ['http:', 'https:']),
    allowedHosts: hostsIn(environment.HAWKER_ALLOWED_HOSTS, (must) => wrong('HAWKER_ALLOWED_HOSTS', must)),
    logLevel,
    logFormat,
    databaseUrl,
    controlDatabaseUrl: url('CONTROL_DATABASE_URL', ['postgres:', 'postgresql:']) ?? databaseUrl,
    processes: text('HAWKER_PROCESSES') === 'auto' ? Math.max(1, availableParallelism() - 1) : whole('HAWKER_PROCESSES', 1, 1, 64, 'auto or '),
    databaseConnections: whole('HAWKER_DATABASE_CONNECTIONS', 6, 2, 64),
    databasePort: text('HAWKER_DATABASE_PORT') === undefined ? undefined : whole('HAWKER_DATABASE_PORT', 0, 1, 65_535),
    dataDirectory,
    apiKey,
    salt,
    secretKey: secretKey === undefined ? undefined : Buffer.from(secretKey, 'hex'),
    rateLimit: whole('HAWKER_RATE_LIMIT', 0, 0, 10_000_000),
    idempotencyDays: whole('HAWKER_IDEMPOTENCY_DAYS', 30, 1, 3650),
    deliveryDays: whole('HAWKER_DELIVERY_DAYS', 30, 1, 3650),
    failedDeliveryDays: whole('HAWKER_FAILED_DELIVERY_DAYS', 90, 1, 3650),
    mailDays: whole('HAWKER_MAIL_DAYS', 90, 1, 3650),
    smtpUrl: url('SMTP_URL', ['smtp:', 'smtps:'], true),
    mailFrom: text('MAIL_FROM') ?? 'receipts@localhost',
    receiptFont,
    groupCommitAcrossBusinesses: flag('HAWKER_GROUP_COMMIT_ACROSS_BUSINESSES', true),
    groupCommitRows: whole('HAWKER_GROUP_COMMIT_ROWS', 256, 1, 1000),
  })
  if (problems.length > 0) throw new ConfigError(...problems)
  return config
}

/** Variables of the scripts around the program: which Node.js it runs on, and its tests. */
const scriptVariables = /^HAWKER_(NODE|CHOSEN_NODE|BROWSER_TESTS|SCREENSHOTS|RECORD_EXAMPLES|SLOW_TESTS|BENCH_\w+|MUTATE_\w+|FUZZ_\w+)$/
/** What Kubernetes sets in every container beside a service named `hawker`. */
const serviceVariables = /^HAWKER_(SERVICE_(HOST|PORT)(_\w+)?|PORT_\d+_(TCP|UDP)(_\w+)?)$/

/** One warning for each `HAWKER_…` variable that nothing reads, with the one that it may be meant for. */
export function unknownSettings(environment: Environment = process.env): string[] {
  const known = new Set<string>()
  // Whatever is read is known.
  const recorder: Environment = new Proxy(Object.create(null), {
    get(_, name) {
      known.add(String(name))
      return undefined
    },
    getOwnPropertyDescriptor(_, name) {
      known.add(String(name))
      return undefined
    },
  })
  readConfig(recorder)
  readClientSettings(recorder)
  return Object.keys(environment)
    .filter((name) => name.startsWith('HAWKER_') && !known.has(name) && !scriptVariables.test(name) && !serviceVariables.test(name))
    .filter((name) => !(name === 'HAWKER_PORT' && environment[name]?.includes('://')))
    .sort()
    .map((name) => {
      // Their common beginning says nothing.
      const own = [...known].map((one) => one.replace(/^HAWKER_/, ''))
      const full = (one: string) => (known.has(`HAWKER_${one}`) ? `HAWKER_${one}` : one)
      return `${name} is not a setting of Hawker and is ignored.${didYouMean(name.slice('HAWKER_'.length), own, full)}`
    })
}

/** Whether npm started this command: `npx hawker …`, `npm start`. */
export function isRunByNpm(environment: Environment = process.env): boolean {
  return environment.npm_lifecycle_event !== undefined || environment.npm_command !== undefined
}

/** Whether an unexpected error is printed with its stack. */
export function showsStacks(environment: Environment = process.env): boolean {
  return ['debug', 'trace'].includes(environment.LOG_LEVEL?.trim() ?? '')
}

/** The settings of commands that talk to a running Hawker. */
export interface ClientConfig {
  readonly url: string
  readonly apiKey: string
}

/** The URL of a running Hawker, and the API key to use. Throws `ConfigError` if there is none. */
export function readClientConfig(environment: Environment = process.env): ClientConfig {
  const { url = 'http://localhost:8080', apiKey } = readClientSettings(environment)
  const problems: string[] = []
  if (!/^https?:\/\//.test(url) || !URL.canParse(url)) problems.push(`HAWKER_URL must be a URL that begins with http:// or https://, not "${url}".`)
  if (apiKey === undefined) problems.push('HAWKER_API_KEY must be set to a key of the running Hawker; its first start showed one.')
  if (apiKey === undefined || problems.length > 0) throw new ConfigError(...problems)
  return Object.freeze({ url, apiKey })
}

function readClientSettings(environment: Environment): { url: string | undefined; apiKey: string | undefined } {
  const text = (name: string) => ownValue(environment, name)?.trim() || undefined
  return { url: text('HAWKER_URL'), apiKey: text('HAWKER_API_KEY') }
}
