import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { Logger } from 'pino'
import { CommandError, type Server } from '#commands/client/client.ts'
import { startListening } from '#commands/client/listen.ts'
import { pay } from '#commands/client/pay.ts'
import { trigger, triggers } from '#commands/client/trigger.ts'
import { UsageError } from '#commands/client/usage-error.ts'
import { businessesCommand } from '#commands/server/businesses.ts'
import { doctor } from '#commands/server/doctor.ts'
import { keysCommand } from '#commands/server/keys.ts'
import { verifyCommand } from '#commands/server/verify.ts'
import { welcome } from '#commands/server/welcome.ts'
import { StartError } from '#foundation/database/data-directory.ts'
import type { Deps } from '#foundation/deps.ts'
import { createLog, createMetrics } from '#foundation/http/observability.ts'
import { systemClock } from '#foundation/shared/clock.ts'
import { paymentsOf } from '#resources/payments/payments.ts'
import { followers } from './app.ts'
import { type Config, ConfigError, readClientConfig, readConfig } from './config.ts'
import { ensureSandbox, keptDays, mailerOf, type OpenedDatabase, openConfiguredDatabase, openControlPool, secretKeyReader, serve } from './serve.ts'
import { startWorker } from './worker.ts'

const usage = `Usage: hawker <command>

  start                     API and worker in one process; the embedded PostgreSQL unless DATABASE_URL is set
  api                       the API alone
  worker                    the worker alone (needs DATABASE_URL)
  migrate                   bring the database up to date and stop
  keys create [--name N]    make an API key with its salt; they are shown once
  keys list                 the keys there are, by their last four characters
  keys revoke <id>          make a key invalid
  businesses list           the businesses there are
  businesses create         make a business and its first key, which is shown once; takes --name N --slug S --country SG
      --currency sgd --timezone Asia/Singapore --mode live|sandbox (sandbox unless given)
  listen --forward-to URL   pass events of a running Hawker on to URL; --events a,b for some types only
  verify                    add up ledger, payments and events again, and name what does not hold
  doctor                    check configuration, database, migrations, clock and disk

  pay <url, id or code>     play the payer of a payment request; the last line is where the browser is sent
      --method CODE --outcome completed|failed|canceled|timeout --card NUMBER --amount A --delay SECONDS
      --challenge passed|failed|abandoned --late --twice
      takes what a payment code says, too, and the simulator's page that asks a payer (/sandbox/wallet/…)
  trigger <event>           make real objects, then the event; --list says which

  keys takes --business <id> where there is more than one business, and --json.
  pay, trigger and listen talk to a running Hawker at --url (HAWKER_URL, http://localhost:8080), with the key in
  HAWKER_API_KEY; pay and trigger take --json.

Settings come from the environment; docs/operating.md lists them.
`

/** Stops on the first SIGTERM or SIGINT, also while the start is still under way; a second one ends the process at once. */
function onSignal(stop: () => Promise<void>): void {
  let stopping = false
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      if (stopping) process.exit(130)
      stopping = true
      stop().then(
        () => process.exit(0),
        (error: unknown) => {
          process.stderr.write(`hawker: ${error instanceof Error ? error.stack : error}\n`)
          process.exit(1)
        },
      )
    })
  }
}

/** Mends what the system says of an address that cannot be listened on. */
function listenError(error: unknown, { host, port }: Config): unknown {
  switch ((error as { code?: string }).code) {
    case 'EADDRINUSE':
      return new StartError(`Port ${port} is taken on ${host}. Set PORT to another one, for example PORT=${port < 65_535 ? port + 1 : 8080} npm start.`)
    case 'EACCES':
      return new StartError(`Port ${port} may not be opened by this user; set PORT to 1024 or more.`)
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
    case 'EINVAL':
      return new ConfigError(`HOST must be an address of this machine, or 0.0.0.0 for all of them, not "${host}".`)
    default:
      return error
  }
}

async function startCommand(config: Config, parts: { api: boolean; worker: boolean }): Promise<void> {
  const began = performance.now()
  if (!parts.api && !config.databaseUrl)
    throw new ConfigError('DATABASE_URL must be set for `hawker worker`: the embedded database belongs to the process that runs `hawker start`.')
  const log = createLog(config.logLevel)
  let stopping = false
  let stopServing: () => Promise<void> = async () => undefined
  const start = async () => {
    const opened = await openConfiguredDatabase(config, log)
    stopServing = opened.close
    void opened.embedded?.exited.then(() => {
      if (stopping) return
      log.fatal('the embedded PostgreSQL has ended; see postgres.log in the data directory')
      log.flush()
      process.stderr.write(`hawker: PostgreSQL has ended by itself; ${join(config.dataDirectory, 'postgres.log')} says why. Start Hawker again.\n`)
      process.exit(1)
    })
    try {
      if (stopping) return
      const stop = parts.api ? await startApi(config, parts, opened, log, began) : startWorkerAlone(config, opened, log)
      stopServing = async () => {
        try {
          await stop()
        } finally {
          await opened.close()
        }
      }
    } catch (error) {
      stopping = true
      await opened.close()
      throw listenError(error, config)
    }
  }
  const started = start()
  onSignal(async () => {
    stopping = true
    await started.catch(() => undefined)
    log.info('stopping')
    try {
      await stopServing()
    } finally {
      log.flush()
    }
  })
  await started
}

async function startApi(config: Config, parts: { worker: boolean }, opened: OpenedDatabase, log: Logger, began: number): Promise<() => Promise<void>> {
  const minted = await ensureSandbox(config, opened.database)
  const served = await serve(config, opened, log, createMetrics(), { withWorker: parts.worker })
  const milliseconds = Math.round(performance.now() - began)
  if (parts.worker) process.stdout.write(welcome({ url: served.url, minted, config, milliseconds }))
  log.info({ url: served.url, migrated: opened.migrated, milliseconds }, 'ready')
  return served.stop
}

function startWorkerAlone(config: Config, opened: OpenedDatabase, log: Logger): () => Promise<void> {
  const controlPool = openControlPool(config, opened.connection)
  const { database } = opened
  const now = () => new Date()
  const deps: Deps = {
    database,
    log,
    clock: systemClock,
    now,
    onEvent: () => undefined,
    baseUrl: () => config.publicUrl ?? `http://localhost:${config.port}`,
    secretKey: secretKeyReader(config),
    groupAcrossBusinesses: config.groupCommitAcrossBusinesses,
  }
  const payments = paymentsOf(deps, followers)
  const worker = startWorker({ database, now, log, metrics: createMetrics(), ...keptDays(config), controlPool, payments, sendMail: mailerOf(config) })
  log.info({ migrated: opened.migrated }, 'worker started')
  return async () => {
    await worker.stop()
    await controlPool.end()
  }
}

async function migrateCommand(config: Config): Promise<void> {
  const opened = await openConfiguredDatabase(config, createLog('silent'))
  await opened.close()
  process.stdout.write(opened.migrated.length === 0 ? 'The database is up to date.\n' : `Applied ${opened.migrated.join(', ')}.\n`)
}

const text = { type: 'string' } as const
const flag = { type: 'boolean' } as const
const options = {
  help: { ...flag, short: 'h' },
  json: flag,
  url: text,
  name: text,
  business: text,
  slug: text,
  country: text,
  currency: text,
  timezone: text,
  mode: text,
  method: text,
  outcome: text,
  card: text,
  amount: text,
  delay: text,
  challenge: text,
  late: flag,
  twice: flag,
  list: flag,
  events: text,
  'forward-to': text,
} as const
type Option = keyof typeof options

/** The options that each command takes besides --help. */
const optionsOf: Record<string, Option[]> = {
  keys: ['name', 'business', 'json'],
  businesses: ['name', 'slug', 'country', 'currency', 'timezone', 'mode', 'json'],
  pay: ['method', 'outcome', 'card', 'amount', 'delay', 'challenge', 'late', 'twice', 'url', 'json'],
  verify: ['json'],
  listen: ['forward-to', 'events', 'url'],
  trigger: ['list', 'url', 'json'],
}

/** The running Hawker that `pay`, `trigger` and `listen` talk to. */
function serverAt(url: string | undefined): Server {
  const config = readClientConfig()
  if (url !== undefined && !(/^https?:/.test(url) && URL.canParse(url))) throw new UsageError('--url takes a URL that begins with http:// or https://.')
  return { url: (url ?? config.url).replace(/\/+$/, ''), apiKey: config.apiKey }
}

const print = (line: string) => void process.stdout.write(`${line}\n`)

async function listenCommand(values: { url?: string | undefined; events?: string | undefined; 'forward-to'?: string | undefined }): Promise<void> {
  const forwardTo = values['forward-to']
  if (forwardTo === undefined || !/^https?:/.test(forwardTo) || !URL.canParse(forwardTo)) throw new UsageError('listen needs --forward-to and a URL.')
  const events = (values.events ?? '').split(',').flatMap((type) => type.trim() || [])
  const listening = await startListening({ ...serverAt(values.url), forwardTo, events, print })
  onSignal(() => listening.stop())
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({ allowPositionals: true, strict: true, options })
  const [command = 'help', ...rest] = positionals
  if (values.help || command === 'help') {
    process.stdout.write(usage)
    return
  }
  const foreign = (Object.keys(values) as Option[]).find((name) => !optionsOf[command]?.includes(name))
  if (foreign) throw new UsageError(`${command} takes no --${foreign}.`)
  const isLong = ['start', 'api', 'worker'].includes(command)
  // A short command that is interrupted takes along the server that it may have started (embedded.ts).
  if (!isLong) for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => process.exit(130))
  if (command === 'verify') {
    process.exitCode = await verifyCommand(readConfig(), values)
    return
  }
  if (command === 'doctor') {
    process.exitCode = await doctor(readConfig)
    return
  }
  if (command === 'listen') return listenCommand(values)
  if (command === 'pay') return pay(serverAt(values.url), rest[0] ?? '', values, print)
  if (command === 'trigger') return values.list ? print(triggers.join('\n')) : trigger(serverAt(values.url), rest[0] ?? '', values, print)
  const config = readConfig()
  if (command === 'start') await startCommand(config, { api: true, worker: true })
  else if (command === 'api') await startCommand(config, { api: true, worker: false })
  else if (command === 'worker') await startCommand(config, { api: false, worker: true })
  else if (command === 'migrate') await migrateCommand(config)
  else if (command === 'keys') await keysCommand(config, rest, values)
  else if (command === 'businesses') await businessesCommand(config, rest, values)
  else throw new UsageError(`There is no command "${command}".`)
}

try {
  await main()
} catch (error) {
  const { code } = error as { code?: string }
  const badUsage = error instanceof UsageError || code?.startsWith('ERR_PARSE_ARGS')
  const expected = badUsage || error instanceof ConfigError || error instanceof StartError || error instanceof CommandError
  process.stderr.write(expected ? `hawker: ${(error as Error).message}\n` : `hawker: ${error instanceof Error ? (error.stack ?? error.message) : error}\n`)
  if (badUsage) process.stderr.write(`\n${usage}`)
  process.exit(badUsage || error instanceof ConfigError ? 2 : 1)
}
