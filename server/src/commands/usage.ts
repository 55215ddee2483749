/** The options of commands, in the format of `parseArgs`, with the valid values of those that have a fixed set. */
export const options = {
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean', short: 'v' },
  json: { type: 'boolean' },
  url: { type: 'string' },
  name: { type: 'string' },
  business: { type: 'string' },
  slug: { type: 'string' },
  country: { type: 'string' },
  currency: { type: 'string' },
  timezone: { type: 'string' },
  mode: { type: 'string', choices: ['sandbox', 'live'] },
  method: { type: 'string' },
  outcome: { type: 'string', choices: ['completed', 'failed', 'canceled', 'timeout'] },
  card: { type: 'string' },
  amount: { type: 'string' },
  delay: { type: 'string' },
  challenge: { type: 'string', choices: ['passed', 'failed', 'abandoned'] },
  late: { type: 'boolean' },
  twice: { type: 'boolean' },
  list: { type: 'boolean' },
  events: { type: 'string' },
  'forward-to': { type: 'string' },
} as const

export type Option = keyof typeof options

/** A command and its help. */
export interface Usage {
  /** One line for the list of commands. */
  readonly summary: string
  /** What follows `hawker` on the command line; one line per form. */
  readonly forms: readonly string[]
  /** What it does, and the meaning of its options. */
  readonly details: string
  /** The options it accepts in addition to --help. */
  readonly takes: readonly Option[]
  /** What may follow its name first. */
  readonly actions?: readonly string[]
  /** How many arguments it accepts, after an action. */
  readonly places?: number
  /** Command lines that work, each with what it does. */
  readonly examples: readonly (readonly [line: string, does: string])[]
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
SIGHUP restarts the processes one by one without refusing a connection.

  --json             print JSON instead of the welcome`,
    takes: ['json'],
    examples: [
      ['start', 'listens on port 8080 and keeps its data in .hawker'],
      ['start --json', 'prints the URL, the key and the salt as one line of JSON'],
    ],
  },
  api: {
    summary: 'run the API without the worker',
    forms: ['api'],
    details: `Runs the API. Events are not delivered and nothing expires until a worker runs on the same database.`,
    takes: [],
    examples: [['api', 'serves the API; a worker runs elsewhere']],
  },
  worker: {
    summary: 'run the worker without the API (needs DATABASE_URL)',
    forms: ['worker'],
    details: `Runs what happens outside requests: it delivers webhooks, sends emails, expires payment requests and
runs jobs. Several workers can share one database.`,
    takes: [],
    examples: [['worker', 'delivers webhooks and runs jobs on DATABASE_URL']],
  },
  migrate: {
    summary: 'bring the database up to date and exit',
    forms: ['migrate'],
    details: `Applies the migrations that the database lacks and prints their names. Every start does the same. It can be
interrupted: what was applied stays, and the next run applies the rest.

  --json             print JSON`,
    takes: ['json'],
    examples: [['migrate', 'applies what is pending']],
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
    actions: ['create', 'list', 'revoke'],
    places: 1,
    examples: [
      ['keys create --name "Web shop"', 'creates a key'],
      ['keys list --json', 'lists the keys as JSON'],
      ['keys revoke 019ab2c4-5d6e-7f80-9123-456789abcdef', 'revokes a key'],
    ],
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
    actions: ['create', 'list'],
    examples: [
      [
        'businesses create --name "Kopi stall" --slug kopi --country SG --currency sgd --timezone Asia/Singapore',
        'creates a sandbox business and its first key',
      ],
      ['businesses list', 'lists the businesses'],
    ],
  },
  listen: {
    summary: 'forward events of a running Hawker to a local URL',
    forms: ['listen --forward-to URL [--events TYPE,…]'],
    details: `Registers a webhook endpoint, forwards every event to the URL and removes the endpoint when it stops.
Events wait while the URL cannot be reached.

  --forward-to URL   where events are sent
  --events TYPE,…    only these types, for example charge.created,customer.*
  --json             print one line of JSON for each delivery
${server}`,
    takes: ['forward-to', 'events', 'url', 'json'],
    examples: [
      ['listen --forward-to http://localhost:3000/webhook', 'forwards every event'],
      ['listen --forward-to http://localhost:3000/webhook --events charge.created,customer.*', 'forwards some'],
    ],
  },
  verify: {
    summary: 'check that ledger, payments and events agree',
    forms: ['verify'],
    details: `Adds up the ledger, the payments and the events and prints what does not agree. Exits with 1 if
something does not. Works while Hawker is running.

  --json             print JSON`,
    takes: ['json'],
    examples: [
      ['verify', 'prints a line for each check'],
      ['verify --json', 'prints the counts and what does not agree'],
    ],
  },
  doctor: {
    summary: 'check configuration, database, migrations, clock and disk',
    forms: ['doctor'],
    details: `Prints one line for each check. Exits with 1 if a check fails, and with 2 if a setting is wrong.

  --json             print JSON`,
    takes: ['json'],
    examples: [['doctor', 'prints a line for each check']],
  },
  pay: {
    summary: 'play the payer of a sandbox payment request',
    forms: ['pay TARGET [--method CODE] [--outcome OUTCOME] [options]'],
    details: `TARGET is the URL or id of a payment request, the text of a payment code, or the URL of a simulator page
(/sandbox/wallet/…). The output is one line that says what happened and where the payer's browser goes next. With --json, it is the
server's response, of which redirect_url is where the browser goes.

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
    places: 1,
    examples: [
      ['pay 019ab2c4-5d6e-7f80-9123-456789abcdef', 'pays with the first payment method'],
      [
        'pay http://localhost:8080/payment-request/@sandbox/019ab2c4-5d6e-7f80-9123-456789abcdef/checkout --card 4000000000000002',
        'pays with a test card that is declined',
      ],
      ['pay 019ab2c4-5d6e-7f80-9123-456789abcdef --method paynow_online --amount 9.50 --json', 'sends too little and prints the result as JSON'],
    ],
  },
  trigger: {
    summary: 'create the objects that cause an event',
    forms: ['trigger EVENT', 'trigger --list'],
    details: `Creates real objects through the API of a running Hawker and prints the event that they cause.

  --list             print the events that can be triggered
  --json             print JSON
${server}`,
    takes: ['list', 'url', 'json'],
    places: 1,
    examples: [
      ['trigger --list', 'lists the events'],
      ['trigger payment_request.expired', 'lets a payment request expire'],
    ],
  },
} as const satisfies Record<string, Usage>

export type CommandName = keyof typeof commands

export function isCommand(name: string): name is CommandName {
  return Object.hasOwn(commands, name)
}

/** How a heading looks; plain unless the help goes to a terminal. */
type Heading = (text: string) => string
const plain: Heading = (text) => text

/** The list of commands. */
export function generalUsage(heading: Heading = plain): string {
  const lines = Object.entries(commands).map(([name, { summary }]) => `  ${name.padEnd(12)}${summary}`)
  return `${heading('Usage:')} hawker <command> [options]

${lines.join('\n')}

\`hawker help <command>\` describes a command, with examples; \`hawker --version\` prints the version.
Settings come from the environment; docs/operating.md lists them.
`
}

/** The help of one command. */
export function usageOf(name: CommandName, heading: Heading = plain): string {
  const { forms, details, examples } = commands[name]
  const usage = forms.map((form, i) => `${i === 0 ? heading('Usage:') : '      '} hawker ${form}`).join('\n')
  const shown = examples.map(([line, does]) => `  npx hawker ${line}\n      ${does}`).join('\n')
  return `${usage}\n\n${details}\n\n${heading(examples.length === 1 ? 'Example:' : 'Examples:')}\n${shown}\n`
}
