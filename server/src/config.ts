import { existsSync, statSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { resolve } from 'node:path'
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

/** An invalid setting: one line that names the variable; the command exits with code 2. */
export class ConfigError extends Error {}

type Environment = Record<string, string | undefined>

/** Hosts separated by commas, with or without a port. */
function hostsIn(value: string | undefined, wrong: (must: string) => never): string[] {
  const hosts = (value ?? '')
    .split(',')
    .map((host) => host.trim())
    .filter((host) => host !== '')
  if (!hosts.every((host) => /^(\[[0-9a-fA-F:.]+\]|[\w.-]+)(:\d{1,5})?$/.test(host))) wrong('hosts separated by commas, such as hawker,192.168.1.20:8080')
  return hosts
}

/** The configuration from environment variables. Throws `ConfigError` for the first invalid value. */
export function readConfig(environment: Environment = process.env): Config {
  const text = (name: string) => environment[name]?.trim() || undefined
  const wrong = (name: string, must: string, secret = false): never => {
    throw new ConfigError(`${name} must be ${must}${secret ? '' : `, not ${JSON.stringify(environment[name])}`}.`)
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

  const levels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const
  const logLevel = levels.find((level) => level === (text('LOG_LEVEL') ?? 'info')) ?? wrong('LOG_LEVEL', `one of ${levels.join(', ')}`)
  const apiKey = text('HAWKER_API_KEY')
  if (apiKey !== undefined && !/^[\x21-\x7e]{16,255}$/.test(apiKey)) wrong('HAWKER_API_KEY', '16 to 255 printable characters without spaces', true)
  const salt = text('HAWKER_SALT')
  if (salt !== undefined && !/^[\x21-\x7e]{8,255}$/.test(salt)) wrong('HAWKER_SALT', '8 to 255 printable characters without spaces', true)
  const secretKey = text('HAWKER_SECRET_KEY')
  if (secretKey !== undefined && !/^[0-9a-f]{64}$/i.test(secretKey)) wrong('HAWKER_SECRET_KEY', '64 hexadecimal digits (32 bytes)', true)
  const host = text('HOST') === 'localhost' ? '127.0.0.1' : (text('HOST') ?? '127.0.0.1')
  if (!/^[0-9a-z.:_-]{1,255}$/i.test(host)) wrong('HOST', 'a host name or an IP address')
  if (!isTimeZone('Asia/Singapore')) throw new ConfigError('This Node.js has no time zones; use a build with full ICU.')
  const dataDirectory = resolve(text('HAWKER_DATA_DIR') ?? '.hawker')
  if (existsSync(dataDirectory) && !statSync(dataDirectory).isDirectory()) wrong('HAWKER_DATA_DIR', 'a directory')
  const receiptFont = text('HAWKER_RECEIPT_FONT')
  if (receiptFont !== undefined && !(existsSync(receiptFont) && statSync(receiptFont).isFile())) wrong('HAWKER_RECEIPT_FONT', 'a font file (TTF, OTF or TTC)')
  const databaseUrl = url('DATABASE_URL', ['postgres:', 'postgresql:'])

  return Object.freeze({
    host,
    port: whole('PORT', 8080, 0, 65_535),
    publicUrl: url('HAWKER_PUBLIC_URL', ['http:', 'https:']),
    allowedHosts: hostsIn(environment.HAWKER_ALLOWED_HOSTS, (must) => wrong('HAWKER_ALLOWED_HOSTS', must)),
    logLevel,
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
}

/** The settings of commands that talk to a running Hawker. */
export interface ClientConfig {
  readonly url: string
  readonly apiKey: string
}

/** The URL of a running Hawker, and the API key to use. Throws `ConfigError` if there is none. */
export function readClientConfig(environment: Environment = process.env): ClientConfig {
  const text = (name: string) => environment[name]?.trim() || undefined
  const url = text('HAWKER_URL') ?? 'http://localhost:8080'
  if (!/^https?:\/\//.test(url) || !URL.canParse(url)) throw new ConfigError(`HAWKER_URL must be a URL that begins with http:// or https://, not "${url}".`)
  const apiKey = text('HAWKER_API_KEY')
  if (apiKey === undefined) throw new ConfigError('HAWKER_API_KEY must be set to a key of the running Hawker; its first start showed one.')
  return Object.freeze({ url, apiKey })
}
