import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'

/** The architecture: a file may import its own place and the places before it. */
const order = [
  'foundation/shared',
  'config.ts',
  'foundation/database',
  'foundation/http',
  'foundation/jobs',
  'foundation/mail',
  'engine/events',
  'engine/ledger',
  'engine/rails',
  'resources/businesses',
  'resources/customers',
  'resources/events',
  'resources/locations',
  'resources/account-status',
  'resources/checkout-settings',
  'resources/mails',
  'resources/payment-requests',
  'resources/charges',
  'resources/refunds',
  'resources/receipts',
  'resources/balances',
  'resources/rails',
  'resources/bank-accounts',
  'resources/webhook-events',
  'resources/webhook-deliveries',
  'resources/sandbox',
  'pages',
  'verify',
  'commands',
  'app.ts',
  'worker.ts',
  'serve.ts',
  'keys.ts',
  'businesses.ts',
  'verify-command.ts',
  'doctor.ts',
  'welcome.ts',
  'main.ts',
  'testing',
]

const longestFile = 400
const longestFunction = 70
/** What is longer today, by its present length: it may stay, and may not grow. */
const longFunctions: Record<string, number> = {
  'foundation/http/api.ts createApi': 253,
  'resources/customers/routes.ts customersRoutes': 75,
}

const folder = fileURLToPath(new URL('.', import.meta.url))
const all = readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((path) => path.replaceAll('\\', '/'))
const sources = all.filter((path) => path.endsWith('.ts'))
const code = sources.filter((path) => !path.endsWith('.test.ts'))
const read = (path: string) => readFileSync(join(folder, path), 'utf8')
const journeys = readdirSync(join(folder, '../../e2e'), { recursive: true, encoding: 'utf8' }).map((path) => `../../e2e/${path.replaceAll('\\', '/')}`)

/** Tests stand beside what they test, and may use everything. */
const placeOf = (path: string) => (path.endsWith('.test.ts') ? order.length : order.findIndex((place) => path === place || path.startsWith(`${place}/`)))
/** Our own files that a file imports, `import type` and `import()` included. */
const importsOf = (path: string) =>
  [...read(path).matchAll(/(?:from|import\() ?'(\.[^']+)'/g)].map(([, to = '']) => normalize(join(dirname(path), to)).replaceAll('\\', '/'))

describe('the ordered list of folders', () => {
  test('has a place for every file', () => {
    expect(sources.filter((path) => placeOf(path) < 0)).toEqual([])
    expect(order.filter((place) => !sources.some((path) => path === place || path.startsWith(`${place}/`)))).toEqual([])
  })

  test.each(sources)('%s imports only what lies below it', (path) => {
    expect(importsOf(path).filter((to) => placeOf(to) > placeOf(path))).toEqual([])
  })

  test('no resource calls the routes of another', () => {
    const resource = (path: string) => /^resources\/[\w-]+/.exec(path)?.[0]
    const calls = code
      .filter((path) => resource(path))
      .flatMap((path) => importsOf(path).filter((to) => to.endsWith('/routes.ts') && resource(to) !== resource(path)))
    expect(calls).toEqual([])
  })
})

describe('what only some files may do', () => {
  test('only config.ts reads the environment', () => {
    // The embedded server's programs are started with a clean environment; of ours they get the PATH, which is no setting of Hawker.
    const reads = code.filter((path) => /process\s*\.env\b|\benv\b.*from 'node:process'/.test(read(path).replaceAll('PATH: process.env.PATH', '')))
    expect(reads).toEqual(['config.ts'])
  })

  test('queries.ts knows the database and pure functions, and nothing else', () => {
    const others = code
      .filter((path) => path.endsWith('/queries.ts'))
      .flatMap((path) =>
        importsOf(path)
          .filter((to) => !/^foundation\/(shared|database)\//.test(to) && dirname(to) !== dirname(path))
          .map((to) => `${path} imports ${to}`),
      )
    expect(others).toEqual([])
  })

  test('only events, mail and the database reach out over the network', () => {
    const mayReach = /^(engine\/(events|rails)|foundation\/(mail|database)|commands|testing)\//
    // A type opens no connection.
    const reach = /^import (?!type ).*from '(?:node:)?(?:net|http|https|http2|tls|dgram|undici|axios)'|\bfetch\(/m
    expect(code.filter((path) => !mayReach.test(path) && reach.test(read(path)))).toEqual([])
  })

  test('only the foundation and the outermost files ask for the time', () => {
    const mayAsk = /^(foundation|testing|commands|engine\/events)\/|^(app|serve|main|doctor|keys|businesses|worker)\.ts$/
    expect(code.filter((path) => !mayAsk.test(path) && /Date\.now\(\)|new Date\(\)/.test(read(path)))).toEqual([])
  })

  test('pure functions have no database and no server', () => {
    const reaches = code.filter((path) => path.startsWith('foundation/shared/') && /from '(pg|kysely|fastify|node:fs)/.test(read(path)))
    expect(reaches).toEqual([])
  })
})

describe('names and sizes', () => {
  test('no file or folder has a name that could hold anything', () => {
    const vague = /(^|\/)(utils?|helpers?|common|misc|managers?|services?|index)(\.[\w.]+)?(\/|$)|[-.](utils?|helpers?|manager|service)\./i
    expect([...all, ...journeys].filter((path) => vague.test(path))).toEqual([])
  })

  test('nothing is exported as default', () => {
    // Vitest asks for it in its global set-up, as tools do in their configuration files.
    expect(sources.filter((path) => /^export default/m.test(read(path)) && path !== 'testing/global-setup.ts')).toEqual([])
  })

  test(`no file is longer than ${longestFile} lines`, () => {
    const written = [...sources, ...journeys.filter((path) => path.endsWith('.ts'))].filter((path) => !path.endsWith('/tables.ts')) // generated
    expect(written.map((path) => [path, read(path).split('\n').length - 1] as const).filter(([, lines]) => lines > longestFile)).toEqual([])
  })

  test(`no function is longer than ${longestFunction} lines, but for those that were, which do not grow`, () => {
    const found = [...code, ...journeys.filter((path) => path.endsWith('.ts') && !path.endsWith('.test.ts'))]
      .flatMap((path) => functionsOf(path).map(({ name, lines }) => [`${path} ${name}`, lines] as const))
      .filter(([, lines]) => lines > longestFunction)
    expect(found.filter(([name, lines]) => lines > (longFunctions[name] ?? 0))).toEqual([])
    expect(Object.keys(longFunctions).filter((name) => !found.some(([one]) => one === name))).toEqual([])
  })

  test('migrations are numbered without gaps, and named', () => {
    const files = all.filter((path) => path.startsWith('foundation/database/migrations/')).map((path) => path.split('/').at(-1) ?? '')
    expect(files.sort().map((file) => file.slice(0, 4))).toEqual(files.map((_, i) => String(i + 1).padStart(4, '0')))
    expect(files.filter((file) => !/^\d{4}_[a-z][a-z0-9_]+\.sql$/.test(file))).toEqual([])
  })
})

/** The functions of a file with their lengths, by the indentation that the formatter gives: from the line that begins one to the brace below it. */
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
