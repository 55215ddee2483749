/** The options of commands, in the format of `parseArgs`. */
export const options = {
  help: { type: 'boolean', short: 'h' },
  json: { type: 'boolean' },
  url: { type: 'string' },
  name: { type: 'string' },
  business: { type: 'string' },
  slug: { type: 'string' },
  country: { type: 'string' },
  currency: { type: 'string' },
  timezone: { type: 'string' },
  mode: { type: 'string' },
  method: { type: 'string' },
  outcome: { type: 'string' },
  card: { type: 'string' },
  amount: { type: 'string' },
  delay: { type: 'string' },
  challenge: { type: 'string' },
  late: { type: 'boolean' },
  twice: { type: 'boolean' },
  list: { type: 'boolean' },
  events: { type: 'string' },
  'forward-to': { type: 'string' },
} as const

export type Option = keyof typeof options

interface Usage {
  /** One line for the list of commands. */
  readonly summary: string
  /** What follows `hawker` on the command line; one line per form. */
  readonly forms: readonly string[]
  /** What it does, and the meaning of its options. */
  readonly details: string
  /** The options it accepts in addition to --help. */
  readonly takes: readonly Option[]
}

const server = `  --url URL          the running Hawker (HAWKER_URL, else http://localhost:8080)

The key comes from HAWKER_API_KEY.`

/** Every command and its help, in the order of the list. */
export const commands = {
  start: {
    summary: 'run the API and the worker, with the embedded PostgreSQL unless DATABASE_URL is set',
    forms: ['start'],
    details: `Runs the API and the worker. The first start creates the database, a sandbox business and its API key.
Stops on SIGTERM or SIGINT after answering every accepted request. With HAWKER_PROCESSES above 1,
SIGHUP restarts the processes one by one without refusing a connection.`,
    takes: [],
  },
  api: {
    summary: 'run the API without the worker',
    forms: ['api'],
    details: `Runs the API. Events are not delivered and nothing expires until a worker runs on the same database.`,
    takes: [],
  },
  worker: {
    summary: 'run the worker without the API (needs DATABASE_URL)',
    forms: ['worker'],
    details: `Runs what happens outside requests: it delivers webhooks, sends emails, expires payment requests and
runs jobs. Several workers can share one database.`,
    takes: [],
  },
  migrate: {
    summary: 'bring the database up to date and exit',
    forms: ['migrate'],
    details: `Applies the migrations that the database lacks and prints their names. Every start does the same.`,
    takes: [],
  },
  keys: {
    summary: 'create, list and revoke API keys',
    forms: ['keys create [--name NAME]', 'keys list', 'keys revoke ID'],
    details: `create prints a new key with its salt; neither can be shown again. A running Hawker refuses a revoked
key within 5 seconds.

  --name NAME        a name for the new key
  --business ID      the business, by id or slug; needed when there are several
  --json             print JSON`,
    takes: ['name', 'business', 'json'],
  },
  businesses: {
    summary: 'create and list businesses',
    forms: ['businesses create --name NAME --slug SLUG --country CODE --currency CODE --timezone ZONE [--mode MODE]', 'businesses list'],
    details: `create also creates the first API key of the business and prints it once.

  --name NAME        the name that payers see
  --slug SLUG        the part of payment links that names the business
  --country CODE     for example SG
  --currency CODE    for example sgd
  --timezone ZONE    for example Asia/Singapore
  --mode MODE        sandbox (the default) or live
  --json             print JSON`,
    takes: ['name', 'slug', 'country', 'currency', 'timezone', 'mode', 'json'],
  },
  listen: {
    summary: 'forward events of a running Hawker to a local URL',
    forms: ['listen --forward-to URL [--events TYPE,…]'],
    details: `Registers a webhook endpoint, forwards every event to the URL and removes the endpoint when it stops.
Events wait while the URL cannot be reached.

  --forward-to URL   where events are sent
  --events TYPE,…    only these types, for example charge.created,customer.*
${server}`,
    takes: ['forward-to', 'events', 'url'],
  },
  verify: {
    summary: 'check that ledger, payments and events agree',
    forms: ['verify'],
    details: `Adds up the ledger, the payments and the events and prints what does not agree. Exits with 1 if
something does not. Works while Hawker is running.

  --json             print JSON`,
    takes: ['json'],
  },
  doctor: {
    summary: 'check configuration, database, migrations, clock and disk',
    forms: ['doctor'],
    details: `Prints one line for each check. Exits with 1 if a check fails, and with 2 if a setting is wrong.`,
    takes: [],
  },
  pay: {
    summary: 'play the payer of a sandbox payment request',
    forms: ['pay TARGET [--method CODE] [--outcome OUTCOME] [options]'],
    details: `TARGET is the URL or id of a payment request, the text of a payment code, or the URL of a simulator page
(/sandbox/wallet/…). The last line of the output is the URL where the payer's browser goes next.

  --method CODE      the payment method
  --outcome OUTCOME  completed (the default), failed, canceled or timeout
  --card NUMBER      the number of a test card
  --amount AMOUNT    the amount that the payer sends
  --delay SECONDS    how long the payer takes
  --challenge RESULT passed, failed or abandoned
  --late             pay after the request has ended
  --twice            pay two times
  --json             print JSON
${server}`,
    takes: ['method', 'outcome', 'card', 'amount', 'delay', 'challenge', 'late', 'twice', 'url', 'json'],
  },
  trigger: {
    summary: 'create the objects that cause an event',
    forms: ['trigger EVENT', 'trigger --list'],
    details: `Creates real objects through the API of a running Hawker and prints the event that they cause.

  --list             print the events that can be triggered
  --json             print JSON
${server}`,
    takes: ['list', 'url', 'json'],
  },
} as const satisfies Record<string, Usage>

export type CommandName = keyof typeof commands

export function isCommand(name: string): name is CommandName {
  return Object.hasOwn(commands, name)
}

/** The list of commands. */
export function generalUsage(): string {
  const lines = Object.entries(commands).map(([name, { summary }]) => `  ${name.padEnd(12)}${summary}`)
  return `Usage: hawker <command> [options]

${lines.join('\n')}

\`hawker <command> --help\` describes a command. Settings come from the environment; docs/operating.md lists them.
`
}

/** The help of one command. */
export function usageOf(name: CommandName): string {
  const { forms, details } = commands[name]
  return `${forms.map((form, i) => `${i === 0 ? 'Usage: ' : '       '}hawker ${form}`).join('\n')}\n\n${details}\n`
}
