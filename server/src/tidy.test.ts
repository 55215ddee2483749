import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { eventTypes } from '#engine/events/emit-event.ts'
import { migrationName } from '#foundation/database/migrate.ts'

/**
 * The architecture: areas and their rooms, in order. A file may import its own room and what comes before it. Inside an
 * area knowledge comes first (`wire.ts` and queries of every room), then what acts, room by room, then routes and jobs.
 */
const areas: Record<string, string[]> = {
  'foundation/shared': [],
  'config.ts': [],
  foundation: ['database', 'deps.ts', 'outgoing', 'http', 'jobs', 'mail'],
  engine: ['events', 'records', 'ledger', 'rails'],
  'resources/business': ['businesses', 'locations', 'mails', 'account-status', 'checkout-settings'],
  'resources/customers': ['customers'],
  'resources/webhooks': ['delivery', 'events', 'webhook-events', 'webhook-deliveries', 'webhook-replays'],
  'resources/payments': ['rails', 'fees', 'payment-requests', 'charges', 'releases', 'receipts', 'settlement', 'refunds', 'bank-accounts', 'payments.ts'],
  'resources/payouts': ['balances'],
  'resources/sandbox': [],
  pages: [],
  verify: [],
  'commands/usage.ts': [],
  'commands/usage-error.ts': [],
  'commands/command-line.ts': [],
  'commands/terminal.ts': [],
  'commands/signals.ts': [],
  'commands/client': [],
  'launch.ts': [],
  'compact.ts': [],
  'open.ts': [],
  'address.ts': [],
  'app.ts': [],
  openapi: [],
  'openapi.ts': [],
  'worker.ts': [],
  'serve.ts': [],
  processes: [],
  'commands/server': [],
  'main.ts': [],
  testing: [],
}

/** The tables, and the one area that writes each; raw SQL included. */
const writers: Record<string, string> = {
  migrations: 'foundation',
  directory: 'foundation',
  idempotency_keys: 'foundation',
  search_grams: 'foundation',
  events: 'engine',
  event_positions: 'engine',
  ledger_accounts: 'engine',
  ledger_transfers: 'engine',
  businesses: 'resources/business',
  api_keys: 'resources/business',
  locations: 'resources/business',
  mails: 'resources/business',
  checkout_settings: 'resources/business',
  checkout_logos: 'resources/business',
  customers: 'resources/customers',
  webhook_endpoints: 'resources/webhooks',
  webhook_deliveries: 'resources/webhooks',
  webhook_attempts: 'resources/webhooks',
  webhook_queue: 'resources/webhooks',
  webhook_replays: 'resources/webhooks',
  payment_requests: 'resources/payments',
  payment_request_expiries: 'resources/payments',
  payment_request_endings: 'resources/payments',
  charges: 'resources/payments',
  fee_schedules: 'resources/payments',
  rail_checks: 'resources/payments',
  rail_credentials: 'resources/payments',
  rail_notifications: 'resources/payments',
  refunds: 'resources/payments',
  releases: 'resources/payments',
  bank_accounts: 'resources/payments',
  bank_credits: 'resources/payments',
}
/** Writers of another area's table; entries may only be removed. */
const foreignWrites: string[] = []

/** Queries of another area that are called; entries may only be removed. */
const foreignQueries: string[] = [
  'resources/sandbox/answer-simulated.ts resources/business/businesses/queries.ts',
  'resources/sandbox/answer-simulated.ts resources/payments/charges/queries.ts',
  'resources/sandbox/answer-simulated.ts resources/payments/payment-requests/queries.ts',
  'resources/sandbox/lateness.ts resources/payments/payment-requests/queries.ts',
  'resources/sandbox/routes.ts resources/payments/payment-requests/queries.ts',
  'resources/sandbox/scan-code.ts resources/business/businesses/queries.ts',
  'resources/sandbox/scan-code.ts resources/payments/payment-requests/queries.ts',
  'resources/sandbox/wire.ts resources/payments/payment-requests/queries.ts',
  'resources/payments/bank-accounts/receive-credit.ts resources/business/businesses/queries.ts',
  'resources/payments/payment-requests/expire-payment-requests-job.ts resources/business/businesses/queries.ts',
  'resources/payments/payment-requests/look-up.ts resources/business/locations/queries.ts',
  'resources/payments/payment-requests/look-up.ts resources/customers/customers/queries.ts',
  'resources/payments/payment-requests/routes.ts resources/business/locations/queries.ts',
  'resources/payments/rails/poll-rails-job.ts resources/business/businesses/queries.ts',
  'resources/payments/rails/routes.ts resources/business/businesses/queries.ts',
  'resources/payments/receipts/letter.ts resources/business/mails/queries.ts',
  'resources/payments/receipts/routes.ts resources/business/checkout-settings/queries.ts',
  'resources/payments/refunds/finish-refund.ts resources/business/mails/queries.ts',
  'resources/payments/settlement/write-settlements.ts resources/business/mails/queries.ts',
]

/** Names that more than one file exports; entries may only be removed. */
const sharedNames: string[] = ['Attempt', 'Mail', 'Language', 'languages', 'CheckoutSettings', 'customerExists']

const longestFile = 400
const longestFunction = 70

const folder = fileURLToPath(new URL('.', import.meta.url))
const all = readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((path) => path.replaceAll('\\', '/'))
const sources = all.filter((path) => path.endsWith('.ts'))
const code = sources.filter((path) => !path.endsWith('.test.ts'))
const read = (path: string) => readFileSync(join(folder, path), 'utf8')
const journeys = readdirSync(join(folder, '../../e2e'), { recursive: true, encoding: 'utf8' }).map((path) => `../../e2e/${path.replaceAll('\\', '/')}`)

/** Written by `npm run generate`. */
const isGenerated = (path: string) => /\/(?:tables|columns)\.ts$/.test(path)
const ownTests = (path: string) => path.endsWith('.test.ts') || path.endsWith('samples.ts')
const isBelow = (path: string, place: string) => path === place || path.startsWith(`${place}/`)
const areaNames = Object.keys(areas)
/** The most specific area that contains a file. */
const areaOf = (path: string) => areaNames.filter((area) => isBelow(path, area)).sort((a, b) => b.length - a.length)[0]
const isKnowledge = (path: string) => /(?:^|[/-])(?:wire|queries)\.ts$/.test(path)
const isOutermost = (path: string) => /(?:^|[/-])(?:routes|jobs?)\.ts$/.test(path)

/** The position of a file in the order: its area, its layer in it, its room; undefined if it has none. Tests may use everything. */
function rankOf(path: string): [area: number, layer: number, room: number] | undefined {
  if (ownTests(path)) return [areaNames.length, 0, 0]
  const area = areaOf(path)
  if (area === undefined) return undefined
  const rooms = areas[area] ?? []
  const at = areaNames.indexOf(area)
  const room = rooms.findIndex((name) => isBelow(path, `${area}/${name}`))
  if (room >= 0 || rooms.length === 0) return [at, !area.startsWith('resources/') ? 1 : isKnowledge(path) ? 0 : isOutermost(path) ? 2 : 1, room]
  // The area's own lists of routes and jobs.
  return isOutermost(path) ? [at, 3, 0] : undefined
}

function mayImport(from: string, to: string): boolean {
  const [a, b] = [rankOf(from), rankOf(to)]
  if (!a || !b) return false
  if (a[0] !== b[0]) return b[0] < a[0]
  if (a[1] !== b[1]) return b[1] < a[1]
  // Knowledge of one area is read together.
  return a[1] === 0 || b[2] <= a[2] || dirname(from) === dirname(to)
}

/** Our own files that a file imports, including `import()`; with `values`, without type-only imports. */
const importsOf = (path: string, { values = false } = {}) =>
  [...read(path).matchAll(values ? /(?:^import (?!type ).*from|import\() ?'([.#][^']+)'/gm : /(?:from|import\() ?'([.#][^']+)'/g)].map(([, to = '']) =>
    (to.startsWith('#') ? to.slice(1) : normalize(join(dirname(path), to))).replaceAll('\\', '/'),
  )

describe('the order of areas', () => {
  test('every file has a place in the order of areas', () => {
    expect(sources.filter((path) => !rankOf(path))).toEqual([])
    const places = Object.entries(areas).flatMap(([area, rooms]) => (rooms.length === 0 ? [area] : rooms.map((room) => `${area}/${room}`)))
    expect(places.filter((place) => !sources.some((path) => isBelow(path, place)))).toEqual([])
  })

  test('a file imports only what comes before it', () => {
    const upward = sources.flatMap((path) =>
      importsOf(path)
        .filter((to) => !mayImport(path, to))
        .map((to) => `${path} imports ${to}`),
    )
    expect(upward).toEqual([])
  })

  test('a file of another folder is imported by its name from the root', () => {
    expect(sources.filter((path) => /(?:from|import\() ?'\.\.\//.test(read(path)))).toEqual([])
  })

  test('no resource calls the routes of another', () => {
    const calls = code
      .filter((path) => path.startsWith('resources/') && path.split('/').length > 3)
      .flatMap((path) => importsOf(path).filter((to) => to.endsWith('/routes.ts') && dirname(to) !== dirname(path)))
    expect(calls).toEqual([])
  })

  test('another area is entered through its actions or its wire, not through its queries', () => {
    const calls = code
      .filter((path) => path.startsWith('resources/'))
      .flatMap((path) =>
        importsOf(path)
          .filter((to) => to.startsWith('resources/') && /queries\.ts$/.test(to) && areaOf(to) !== areaOf(path))
          .map((to) => `${path} ${to}`),
      )
    expectOnly([...new Set(calls)], foreignQueries)
  })
})

/** What is found is on the list of known exceptions, and nothing that has been fixed is still on the list. */
function expectOnly(found: string[], known: string[]): void {
  expect(found.filter((name) => !known.includes(name))).toEqual([])
  expect(known.filter((name) => !found.includes(name))).toEqual([])
}

describe('tables', () => {
  test('each table has one area that writes it', () => {
    const writes =
      /\b(?:insert into|update|delete from|merge into) +(?:only +)?(?:hawker\.)?(\w+)|\b(?:insertInto|updateTable|deleteFrom)\('(\w+)|\btable: tables\.(\w+)/g
    const found = code
      .filter((path) => !/^(testing|commands)\//.test(path))
      .flatMap((path) =>
        [...read(path).matchAll(writes)]
          .map(([, raw, built, kind]) => raw ?? built ?? kind ?? '')
          .filter((table) => table in writers && areaOf(path) !== writers[table])
          .map((table) => `${path} ${table}`),
      )
    expectOnly([...new Set(found)], foreignWrites)
  })

  test('the foundation names no table of a resource, so that a new one edits nothing there', () => {
    // Businesses are a table of the installation, which the guard of tenancy has to leave out.
    const owned = Object.keys(writers).filter((table) => writers[table]?.startsWith('resources/') && table !== 'businesses')
    const naming = new RegExp(`\\b(?:from|into|update|join) (?:hawker\\.)?(${owned.join('|')})\\b|'(${owned.join('|')})'`, 'g')
    const found = code
      .filter((path) => path.startsWith('foundation/') && !isGenerated(path))
      .flatMap((path) => [...read(path).matchAll(naming)].map(([, raw, quoted]) => `${path} ${raw ?? quoted}`))
    expect(found).toEqual([])
  })

  test('every table of the schema has a writer', () => {
    const tables = [...read('foundation/database/tables.ts').matchAll(/^ {2}(?:"hawker\.)?(\w+)"?: \w+;$/gm)].map(([, table = '']) => table)
    const declared = tables.slice(tables.indexOf('api_keys'))
    expect(declared.filter((table) => !(table in writers))).toEqual([])
  })
})

describe('records', () => {
  test('a field of a customer is named in wire.ts alone: in the schema of what clients send and in that of answers', () => {
    const folder = 'resources/customers/customers/'
    const naming = (field: string) =>
      code
        .filter((path) => path.startsWith(folder) && !ownTests(path))
        .map(
          (path) =>
            [
              path.slice(folder.length),
              read(path)
                .split('\n')
                .filter((line) => new RegExp(`\\b${field}\\b`).test(line)).length,
            ] as const,
        )
        .filter(([, lines]) => lines > 0)
    // The third line is the example of the reference.
    expect(naming('remark')).toEqual([['wire.ts', 3]])
    expect(naming('gender')).toEqual([['wire.ts', 3]])
  })

  test('the events of every kind are known', () => {
    const kinds = code
      .filter((path) => path.startsWith('resources/'))
      .flatMap((path) => [...read(path).matchAll(/^ {2}events: '(\w+)',$/gm)].map(([, name = '']) => name))
    expect(kinds.length).toBeGreaterThan(0)
    const wanted = kinds.flatMap((name) => [`${name}.created`, `${name}.updated`, `${name}.deleted`])
    expect(wanted.filter((type) => !(eventTypes as readonly string[]).includes(type))).toEqual([])
  })
})

describe('restricted access', () => {
  test('only config.ts reads the environment', () => {
    // The embedded server's programs start with a clean environment; they get our PATH, which is no setting of Hawker.
    const reads = code.filter((path) => /process\s*\.env\b|\benv\b.*from 'node:process'/.test(read(path).replaceAll('PATH: process.env.PATH', '')))
    expect(reads).toEqual(['config.ts'])
  })

  test('queries depend only on the database and on pure functions', () => {
    const others = code
      .filter((path) => path.endsWith('queries.ts'))
      .flatMap((path) =>
        importsOf(path, { values: true })
          .filter((to) => !/^foundation\/(shared|database)\//.test(to) && !(isKnowledge(to) && areaOf(to) === areaOf(path)) && dirname(to) !== dirname(path))
          .map((to) => `${path} imports ${to}`),
      )
    expect(others).toEqual([])
  })

  test('only events, mail, processes and the database open network connections', () => {
    const mayReach = /^(engine\/rails|foundation\/(outgoing|mail|database)|processes|commands|testing)\//
    // A type opens no connection.
    const reach = /^import (?!type ).*from '(?:node:)?(?:net|http|https|http2|tls|dgram|undici|axios)'|\bfetch\(/m
    expect(code.filter((path) => !mayReach.test(path) && reach.test(read(path)))).toEqual([])
  })

  test('only the clock, the log and commands read the system time', () => {
    const mayRead = /^(testing|commands)\/|^foundation\/(shared\/clock|http\/observability)\.ts$/
    expect(code.filter((path) => !mayRead.test(path) && /\bDate\.now\b|\bnew Date\(\)/.test(read(path)))).toEqual([])
  })

  test('pages are typed without a cast to never', () => {
    expect(code.filter((path) => path.startsWith('pages/') && read(path).includes('as never'))).toEqual([])
  })

  test('only foundation/http makes a call; whatever has none gives an operation its origin', () => {
    const forged = /\brawQuery: (?!string\b)|\.\.\.call\b|: Call(?:<[^>]*>)? = |\b(?:as|satisfies) Call\b/
    expect(code.filter((path) => !path.startsWith('foundation/http/') && forged.test(read(path)))).toEqual([])
  })

  test('pure functions use no database and no server', () => {
    const reaches = code.filter((path) => path.startsWith('foundation/shared/') && /from '(pg|kysely|fastify|node:fs)/.test(read(path)))
    expect(reaches).toEqual([])
  })
})

describe('names and sizes', () => {
  test('no file or folder has a name that could hold anything', () => {
    const vague = /(^|\/)(utils?|helpers?|common|misc|managers?|services?|index)(\.[\w.]+)?(\/|$)|[-.](utils?|helpers?|manager|service)\./i
    expect([...all, ...journeys].filter((path) => vague.test(path))).toEqual([])
  })

  test('no module has a default export', () => {
    // Vitest asks for it in its global set-up, as tools do in their configuration files.
    expect(sources.filter((path) => /^export default/m.test(read(path)) && path !== 'testing/global-setup.ts')).toEqual([])
  })

  test(`no file is longer than ${longestFile} lines`, () => {
    const written = [...sources, ...journeys.filter((path) => path.endsWith('.ts'))].filter((path) => !isGenerated(path))
    expect(written.map((path) => [path, read(path).split('\n').length - 1] as const).filter(([, lines]) => lines > longestFile)).toEqual([])
  })

  test(`no function is longer than ${longestFunction} lines`, () => {
    const found = [...code, ...journeys.filter((path) => path.endsWith('.ts') && !path.endsWith('.test.ts'))]
      .flatMap((path) => functionsOf(path).map(({ name, lines }) => [`${path} ${name}`, lines] as const))
      .filter(([, lines]) => lines > longestFunction)
    expect(found).toEqual([])
  })

  test('migrations have sortable names, and no two start in the same minute', () => {
    const files = all.filter((path) => path.startsWith('foundation/database/migrations/')).map((path) => path.split('/').at(-1) ?? '')
    expect(files.filter((file) => !migrationName.test(file))).toEqual([])
    const begun = files.map((file) => file.split('_')[0] ?? '')
    expect(begun.filter((one, i) => begun.indexOf(one) !== i)).toEqual([])
  })

  test('an exported name is unique', () => {
    const files = new Map<string, string[]>()
    for (const path of code.filter((one) => !ownTests(one) && !isGenerated(one)))
      for (const [, name = ''] of read(path).matchAll(/^export (?:declare )?(?:async )?(?:function|const|class|interface|type|let) (\w+)/gm))
        files.set(name, [...new Set([...(files.get(name) ?? []), path])])
    expectOnly(
      [...files].filter(([, paths]) => paths.length > 1).map(([name]) => name),
      sharedNames,
    )
  })
})

/** The functions of a file with their lengths, by the formatter's indentation: from the line that starts one to the brace below it. */
function functionsOf(path: string): { name: string; lines: number }[] {
  const lines = read(path).split('\n')
  const indentation = (line: string) => line.length - line.trimStart().length
  return lines.flatMap((line, from) => {
    const begins = /^\s*(?:export )?(?:async )?function\b/.test(line) || (/=> \{$/.test(line) && !/^\s*[})]/.test(line))
    if (!begins) return []
    const depth = indentation(line)
    const length = lines.slice(from + 1).findIndex((one) => /^\s*\}/.test(one) && !one.endsWith('{') && indentation(one) === depth)
    const name = /(?:function|const) (\w+)/.exec(line)?.[1] ?? line.trim()
    return [{ name, lines: length + 2 }]
  })
}

/** What makes or reads a stream, or starts a process: each emits `error`, which ends the process if nobody listens. */
const emitters = /\.pipe\(|create(Read|Write)Stream\(|\.on\('data'|\bspawn\(|\bnew Worker\(|\bcreateConnection\(|\bfork\(/g
const listeners = /\.(on|once)\('error'|\bpipeline\(/
test('every file that makes or reads a stream, or starts a process, listens for its errors', () => {
  const isSilent = (text: string) => (text.match(emitters)?.length ?? 0) > 0 && !listeners.test(text)
  expect(isSilent("stream.on('data', read)")).toBe(true)
  expect(code.filter((path) => !isBelow(path, 'testing') && isSilent(read(path)))).toEqual([])
})
