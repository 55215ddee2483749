import module from 'node:module'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { CommandError, type Server } from '#commands/client/client.ts'
import { UsageError } from '#commands/client/usage-error.ts'
import { onSignal } from '#commands/signals.ts'
import { type CommandName, commands, generalUsage, isCommand, type Option, options, usageOf } from '#commands/usage.ts'
import { StartError } from '#foundation/database/data-directory.ts'
import { ConfigError, readClientConfig, readConfig } from './config.ts'

// Next to the built program; Node.js 22 and later have it.
const { enableCompileCache } = module as { enableCompileCache?: (directory: string) => unknown }
enableCompileCache?.(fileURLToPath(new URL('compiled', import.meta.url)))

type Values = ReturnType<typeof read>['values']

const read = () => parseArgs({ allowPositionals: true, strict: true, options })

const print = (line: string) => void process.stdout.write(`${line}\n`)

/** The running Hawker that `pay`, `trigger` and `listen` talk to. */
function serverAt(url: string | undefined): Server {
  const config = readClientConfig()
  if (url !== undefined && !(/^https?:/.test(url) && URL.canParse(url))) throw new UsageError('--url expects a URL that begins with http:// or https://.')
  return { url: (url ?? config.url).replace(/\/+$/, ''), apiKey: config.apiKey }
}

async function listen(values: Values): Promise<void> {
  const forwardTo = values['forward-to']
  if (forwardTo === undefined || !/^https?:/.test(forwardTo) || !URL.canParse(forwardTo)) throw new UsageError('listen requires --forward-to with a URL.')
  const events = (values.events ?? '').split(',').flatMap((type) => type.trim() || [])
  const { startListening } = await import('#commands/client/listen.ts')
  const listening = await startListening({ ...serverAt(values.url), forwardTo, events, print })
  onSignal(() => listening.stop())
}

/** A short command that is interrupted also stops the server that it may have started (embedded.ts). */
function endOnSignal(): void {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => process.exit(130))
}

/** Runs a command, whose code is loaded only now; returns its exit code if it has one of its own. */
const run: Record<CommandName, (values: Values, rest: string[]) => Promise<unknown>> = {
  start: async () => (await import('#commands/server/start.ts')).startCommand(readConfig(), { withWorker: true }),
  api: async () => (await import('#commands/server/start.ts')).startCommand(readConfig(), { withWorker: false }),
  worker: async () => (await import('#commands/server/worker.ts')).workerCommand(readConfig()),
  listen,
  async migrate() {
    endOnSignal()
    await (await import('#commands/server/migrate.ts')).migrateCommand(readConfig())
  },
  async keys(values, rest) {
    endOnSignal()
    await (await import('#commands/server/keys.ts')).keysCommand(readConfig(), rest, values)
  },
  async businesses(values, rest) {
    endOnSignal()
    await (await import('#commands/server/businesses.ts')).businessesCommand(readConfig(), rest, values)
  },
  async verify(values) {
    endOnSignal()
    return (await import('#commands/server/verify.ts')).verifyCommand(readConfig(), values)
  },
  async doctor() {
    endOnSignal()
    return (await import('#commands/server/doctor.ts')).doctor(readConfig)
  },
  pay: async (values, rest) => (await import('#commands/client/pay.ts')).pay(serverAt(values.url), rest[0] ?? '', values, print),
  async trigger(values, rest) {
    const { trigger, triggers } = await import('#commands/client/trigger.ts')
    return values.list ? print(triggers.join('\n')) : trigger(serverAt(values.url), rest[0] ?? '', values, print)
  },
}

/** The command that an invalid command line was meant for, so that its own help is shown. */
let meant: CommandName | undefined

async function main(): Promise<void> {
  const { values, positionals } = read()
  const [first = 'help', ...rest] = positionals
  // Started by the first of several processes (processes/begin-member.ts).
  if (first === 'process' && process.connected) return (await import('#processes/member.ts')).runMember(rest[0] === 'worker' ? 'worker' : 'api', rest[1] ?? '')
  const name = first === 'help' ? rest[0] : first
  if (name !== undefined && !isCommand(name)) throw new UsageError(`There is no command "${name}".`)
  if (name === undefined || values.help || first === 'help') {
    process.stdout.write(name === undefined ? generalUsage() : usageOf(name))
    return
  }
  meant = name
  const takes: readonly Option[] = commands[name].takes
  const foreign = (Object.keys(values) as Option[]).find((option) => !takes.includes(option))
  if (foreign) throw new UsageError(`${name} does not accept --${foreign}.`)
  const code = await run[name](values, rest)
  if (typeof code === 'number') process.exitCode = code
}

try {
  await main()
} catch (error) {
  const { code } = error as { code?: string }
  const badUsage = error instanceof UsageError || code?.startsWith('ERR_PARSE_ARGS')
  const expected = badUsage || error instanceof ConfigError || error instanceof StartError || error instanceof CommandError
  process.stderr.write(expected ? `hawker: ${(error as Error).message}\n` : `hawker: ${error instanceof Error ? (error.stack ?? error.message) : error}\n`)
  if (badUsage) process.stderr.write(`\n${meant ? usageOf(meant) : generalUsage()}`)
  process.exit(badUsage || error instanceof ConfigError ? 2 : 1)
}
