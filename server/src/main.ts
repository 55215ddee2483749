import module from 'node:module'
import { fileURLToPath } from 'node:url'
import { CommandError, type Server } from '#commands/client/client.ts'
import { meantCommand, readCommandLine, type Values } from '#commands/command-line.ts'
import { endOnSignal, onSignal, watchAncestors } from '#commands/signals.ts'
import { progressOn, styled } from '#commands/terminal.ts'
import { type CommandName, generalUsage, usageOf } from '#commands/usage.ts'
import { UsageError } from '#commands/usage-error.ts'
import { StartError } from '#foundation/database/data-directory.ts'
import { version } from '#foundation/shared/version.ts'
import { ConfigError, isRunByNpm, readClientConfig, readConfig, showsStacks, unknownSettings } from './config.ts'

// Next to the built program; Node.js 22 and later have it.
const { enableCompileCache } = module as { enableCompileCache?: (directory: string) => unknown }
enableCompileCache?.(fileURLToPath(new URL('compiled', import.meta.url)))

const print = (line: string) => void process.stdout.write(`${line}\n`)
const progress = progressOn()

/** The running Hawker that `pay`, `trigger` and `listen` talk to. */
function serverAt(url: string | undefined): Server {
  const config = readClientConfig()
  if (url !== undefined && !(/^https?:/.test(url) && URL.canParse(url)))
    throw new UsageError(`--url expects a URL that begins with http:// or https://, not ${JSON.stringify(url)}.`)
  return { url: (url ?? config.url).replace(/\/+$/, ''), apiKey: config.apiKey }
}

async function listen(values: Values): Promise<void> {
  const forwardTo = values['forward-to']
  if (forwardTo === undefined || !/^https?:/.test(forwardTo) || !URL.canParse(forwardTo))
    throw new UsageError('listen requires --forward-to with a URL that begins with http:// or https://.')
  const events = (values.events ?? '').split(',').flatMap((type) => type.trim() || [])
  const { startListening } = await import('#commands/client/listen.ts')
  const listening = startListening({ ...serverAt(values.url), forwardTo, events, print, json: values.json })
  // During the start too: an endpoint that was registered is removed.
  const stop = onSignal(async () => (await listening.catch(() => undefined))?.stop(), ['SIGHUP'])
  if (isRunByNpm()) watchAncestors(stop)
  await listening
}

/** A short command that is interrupted says so, below the line that said how far it was. */
function interruptible(note = ''): void {
  endOnSignal(() => {
    progress.clear()
    process.stderr.write(`hawker: Interrupted.${note}\n`)
  })
}

/** Runs a command, whose code is loaded only now; returns its exit code if it has one of its own. */
const run: Record<CommandName, (values: Values, rest: string[]) => Promise<unknown>> = {
  start: async ({ json }) => (await import('#commands/server/start.ts')).startCommand(readConfig(), { withWorker: true, json }),
  api: async () => (await import('#commands/server/start.ts')).startCommand(readConfig(), { withWorker: false }),
  worker: async () => (await import('#commands/server/worker.ts')).workerCommand(readConfig()),
  listen,
  async migrate(values) {
    interruptible(' What was applied stays; `hawker migrate` applies the rest.')
    await (await import('#commands/server/migrate.ts')).migrateCommand(readConfig(), values, progress)
  },
  async keys(values, rest) {
    interruptible()
    await (await import('#commands/server/keys.ts')).keysCommand(readConfig(), rest, values)
  },
  async businesses(values, rest) {
    interruptible()
    await (await import('#commands/server/businesses.ts')).businessesCommand(readConfig(), rest, values)
  },
  async verify(values) {
    interruptible(' Nothing was changed.')
    return (await import('#commands/server/verify.ts')).verifyCommand(readConfig(), values, progress)
  },
  async doctor(values) {
    interruptible()
    return (await import('#commands/server/doctor.ts')).doctor(readConfig, values)
  },
  pay: async (values, rest) => (await import('#commands/client/pay.ts')).pay(serverAt(values.url), rest[0] ?? '', values, print),
  async trigger(values, rest) {
    const { trigger, triggers } = await import('#commands/client/trigger.ts')
    if (values.list) return print(values.json ? JSON.stringify(triggers) : triggers.join('\n'))
    return trigger(serverAt(values.url), rest[0] ?? '', values, print)
  },
}

const args = process.argv.slice(2)

async function main(): Promise<void> {
  // Started by the first of several processes (processes/begin-member.ts).
  if (args[0] === 'process' && process.connected)
    return (await import('#processes/member.ts')).runMember(args[1] === 'worker' ? 'worker' : 'api', args[2] ?? '')
  const line = readCommandLine(args)
  const heading = (text: string) => styled('bold', text)
  if (line.kind === 'version') return print(line.values.json ? JSON.stringify({ hawker: version, node: process.versions.node }) : `hawker ${version}`)
  if (line.kind === 'help') {
    process.stdout.write(line.name === undefined ? generalUsage(heading) : usageOf(line.name, heading))
    return
  }
  for (const warning of unknownSettings()) process.stderr.write(`${styled('yellow', 'hawker:', process.stderr)} ${warning}\n`)
  const code = await run[line.name](line.values, line.rest)
  if (typeof code === 'number') process.exitCode = code
}

/** What is printed of an error: a line for each fault, and where to read on. A stack only if the log level asks for it. */
function linesOf(error: unknown): string[] {
  if (error instanceof ConfigError) return [...error.problems]
  if (error instanceof UsageError) return [error.message]
  if (!(error instanceof Error)) return [String(error)]
  const isExpected = error instanceof StartError || error instanceof CommandError
  return [isExpected || !showsStacks() ? error.message : (error.stack ?? error.message)]
}

function report(error: unknown): void {
  progress.clear()
  const exitCode = error instanceof UsageError || error instanceof ConfigError ? 2 : 1
  process.exitCode = exitCode
  const lines = linesOf(error)
  if (args.includes('--json')) {
    process.stderr.write(`${JSON.stringify({ error: lines.join(' '), exit_code: exitCode })}\n`)
    return
  }
  for (const line of lines) process.stderr.write(`${styled('red', 'hawker:', process.stderr)} ${line}\n`)
  const meant = meantCommand(args)
  if (error instanceof UsageError) process.stderr.write(`See \`hawker help${meant ? ` ${meant}` : ''}\`.\n`)
}

try {
  await main()
} catch (error) {
  report(error)
  process.exit()
}
