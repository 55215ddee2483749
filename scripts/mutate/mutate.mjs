// Mutation runs: seeds mistakes into the sources of a part, one at a time, and lists those that no test catches.
// `npm run mutate -- refunds`, or `npm run mutate -- server/src/engine/ledger/post.ts --tests server/src/engine/ledger`.
import { spawnSync } from 'node:child_process'
import { existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { root } from '../node.mjs'

const here = join(root, 'scripts', 'mutate')
const payments = 'server/src/resources/payments'

/** The parts where a mistake costs money or shows another business's data, and the tests that protect each. */
const parts = {
  money: {
    mutate: ['server/src/foundation/shared/money.ts', `${payments}/fees/fees.ts`],
    tests: ['server/src/foundation/shared/money.test.ts', `${payments}/fees`, `${payments}/charges/charges.test.ts`],
  },
  ledger: {
    mutate: ['server/src/engine/ledger'],
    tests: ['server/src/engine/ledger', `${payments}/refunds/refunds.test.ts`],
  },
  settlement: {
    mutate: [`${payments}/settlement`],
    tests: [`${payments}/settlement`, 'server/src/resources/sandbox/pay.test.ts', 'server/src/pages/checkout/checkout.test.ts'],
  },
  refunds: {
    mutate: [`${payments}/refunds`],
    tests: [`${payments}/refunds`],
  },
  idempotency: {
    mutate: ['server/src/foundation/http/idempotency.ts', 'server/src/foundation/http/transaction.ts'],
    tests: ['server/src/foundation/http/idempotency.test.ts', 'server/src/foundation/http/claim.test.ts', `${payments}/settlement/settle-charges.test.ts`],
  },
  events: {
    mutate: ['server/src/engine/events'],
    tests: ['server/src/engine/events', 'server/src/resources/webhooks/events/events.test.ts'],
  },
  tenancy: {
    mutate: ['server/src/foundation/database/tenancy.ts', 'server/src/foundation/database/same-business.ts', 'server/src/foundation/http/authentication.ts'],
    tests: [
      'server/src/foundation/database/tenancy.test.ts',
      'server/src/foundation/database/schema.test.ts',
      'server/src/foundation/database/plans.test.ts',
      'server/src/foundation/http/authentication.test.ts',
    ],
  },
  paging: {
    mutate: ['server/src/foundation/shared/cursor.ts', 'server/src/foundation/http/pagination.ts', 'server/src/foundation/database/shared-pages.ts'],
    tests: ['server/src/foundation/http/pagination.test.ts', `${payments}/charges/charges.test.ts`, `${payments}/refunds/refunds.test.ts`],
  },
  filters: {
    mutate: [`${payments}/charges/filter.ts`, `${payments}/charges/list-queries.ts`],
    tests: [`${payments}/charges`, `${payments}/settlement/settle-charges.test.ts`],
  },
}

/** The share of seeded mistakes that a test must catch. */
const required = 0.9

function fail(text) {
  process.stderr.write(`${text}\n`)
  process.exit(2)
}

const sourcesIn = (path) => (path.endsWith('.ts') ? [path] : globSync('**/*.ts', { cwd: join(root, path) }).map((file) => `${path}/${file}`))
const isTest = (file) => file.endsWith('.test.ts')
/** Schemas and samples are data, which the contract's own tests compare. */
const isMutated = (file) => !isTest(file) && !/(^|\/)(wire|samples|[a-z-]+-wire)\.ts$/.test(file)

function whatToDo([first, ...rest]) {
  if (first === undefined || first.startsWith('-')) fail(`Name a part (${Object.keys(parts).join(', ')}) or a folder of sources.`)
  if (Object.hasOwn(parts, first)) return parts[first]
  const path = relative(root, join(process.cwd(), first)).replaceAll('\\', '/')
  if (!existsSync(join(root, path))) fail(`There is no part and no file "${first}". The parts are: ${Object.keys(parts).join(', ')}.`)
  const tests = rest[0] === '--tests' ? rest.slice(1) : [path]
  return { mutate: [path], tests }
}

/** Stryker is installed with the first run, and only here: it brings more modules than the program has. */
function install() {
  if (existsSync(join(here, 'node_modules', '@stryker-mutator', 'core'))) return
  process.stderr.write('Installing Stryker …\n')
  const { status } = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: here, stdio: ['ignore', 2, 2] })
  if (status !== 0) fail('npm ci failed; the lines above say why.')
}

const { mutate, tests } = whatToDo(process.argv.slice(2))
const files = mutate.flatMap(sourcesIn).filter(isMutated)
const testFiles = tests.flatMap(sourcesIn).filter(isTest)
if (files.length === 0) fail('There is nothing to mutate there.')
if (testFiles.length === 0) fail('There are no tests there; name some with --tests.')
install()

const folder = '.hawker/mutate'
mkdirSync(join(root, folder), { recursive: true })
const report = join(root, folder, 'report.json')
rmSync(report, { force: true })
const modules = join(here, 'node_modules', '@stryker-mutator')
const config = {
  testRunner: 'vitest',
  plugins: [join(modules, 'vitest-runner', 'dist', 'src', 'index.js')],
  vitest: { configFile: 'scripts/mutate/vitest.config.ts', related: false },
  mutate: files,
  // A text replaced by an empty one is a mistake that nobody makes, and half of all mutants.
  mutator: { excludedMutations: ['StringLiteral'] },
  ignorePatterns: ['.hawker', 'server/dist', 'web/dist', 'docs', 'e2e', 'scripts/mutate/node_modules'],
  tempDirName: `${folder}/sandbox`,
  coverageAnalysis: 'perTest',
  concurrency: Number(process.env.HAWKER_MUTATE_CONCURRENCY ?? 2),
  timeoutMS: 20_000,
  reporters: ['progress-append-only', 'json'],
  jsonReporter: { fileName: report },
  allowEmpty: true,
}
const configFile = join(root, folder, 'stryker.config.json')
writeFileSync(configFile, JSON.stringify(config))
const { status } = spawnSync(process.execPath, [join(modules, 'core', 'bin', 'stryker.js'), 'run', configFile], {
  cwd: root,
  stdio: 'inherit',
  env: { ...process.env, HAWKER_MUTATE_TESTS: JSON.stringify(testFiles) },
})
if (!existsSync(report)) fail(`The run failed (exit code ${status}).`)

/** Mistakes that need no test, each with its reason: the place as `file` and the mutated `source`. */
const accepted = JSON.parse(readFileSync(join(here, 'survivors.json'), 'utf8'))
const caught = { Killed: true, Timeout: true, Survived: false, NoCoverage: false }
let all = 0
let caughtCount = 0
const survivors = []
for (const [file, { source, mutants }] of Object.entries(JSON.parse(readFileSync(report, 'utf8')).files)) {
  const lines = source.split('\n')
  for (const { status: outcome, location, mutatorName, replacement = '' } of mutants) {
    if (!(outcome in caught)) continue
    const { line } = location.start
    const text = lines[line - 1].trim()
    if (accepted.some((one) => one.file === file && one.line === text && one.mutator === mutatorName)) continue
    all += 1
    if (caught[outcome]) caughtCount += 1
    else survivors.push(`${file}:${line}  ${mutatorName}  ${text}\n    → ${replacement.replaceAll(/\s+/g, ' ').slice(0, 120)}`)
  }
}
const share = all === 0 ? 1 : caughtCount / all
process.stdout.write(`\n${survivors.join('\n')}${survivors.length > 0 ? '\n\n' : ''}`)
process.stdout.write(`Tests catch ${caughtCount} of ${all} seeded mistakes (${(share * 100).toFixed(1)} %; at least ${required * 100} % is required).\n`)
process.exit(share >= required ? 0 : 1)
