import { readdirSync, readFileSync } from 'node:fs'
import { defineConfig, type TestProjectInlineConfiguration } from 'vitest/config'
import { ChangedFirst } from './server/src/testing/changed-first.ts'

const withBrowser = process.env['HAWKER_BROWSER_TESTS'] !== 'off'
if (!withBrowser) process.stderr.write('\nHAWKER_BROWSER_TESTS=off: the browser tests (e2e/) are LEFT OUT of this run.\n\n')

// One process, shared modules: no state lives in modules, and a test's isolation is its own business.
const workers = { pool: 'threads', isolate: false, maxWorkers: 2 } as const

/** Tests of the server that take more than about two seconds: whole lives of payments, crashes, retries, pictures. `npm test` runs them, `npm run test:quick` does not. */
const slow = [
  'engine/events/order-events.test.ts',
  'engine/rails/conformance.test.ts',
  'engine/rails/qr/decode.test.ts',
  'foundation/database/migrate.test.ts',
  'foundation/database/plans.test.ts',
  'foundation/database/upgrade.test.ts',
  'foundation/http/idempotency.test.ts',
  'foundation/outgoing/send-safely.test.ts',
  'fuzz.test.ts',
  'lookups.test.ts',
  'pages/checkout/live-cards.test.ts',
  'pages/method-marks/method-marks.test.ts',
  'pages/receipts/copied-text.test.ts',
  'pages/receipts/pdf.test.ts',
  'pages/receipts/print-receipts.test.ts',
  'resources/customers/customers/create.test.ts',
  'resources/customers/customers/search.test.ts',
  'resources/payments/payment-requests/change-and-list.test.ts',
  'resources/payments/rails/stripe.test.ts',
  'resources/payments/settlement/lifecycle.test.ts',
  'resources/payments/settlement/paying-requests.test.ts',
  'resources/sandbox/answer.test.ts',
  'resources/sandbox/pay.test.ts',
  'resources/sandbox/paying.test.ts',
  'resources/webhooks/delivery/deliver-events.test.ts',
  'resources/webhooks/events/events.test.ts',
  'resources/webhooks/webhook-deliveries/forget-deliveries.test.ts',
  'worker.test.ts',
].map((file) => `server/src/${file}`)

const tests = ['server/src', 'server/bench']
  .flatMap((folder) => readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((file) => `${folder}/${file.replaceAll('\\', '/')}`))
  .filter((file) => file.endsWith('.test.ts'))
/** Needs neither PostgreSQL nor a server: imports nothing of `testing/` but what makes values. */
const isPure = (file: string) => !/#testing\/(?!pictures)|from 'vitest\/node'/.test(readFileSync(file, 'utf8'))
const pure = tests.filter((file) => isPure(file) && !slow.includes(file))
const server = tests.filter((file) => !isPure(file) && !slow.includes(file))

const project = (name: string, include: string[], more: TestProjectInlineConfiguration['test'] = {}): TestProjectInlineConfiguration => ({
  // A project without a file would take Vitest's own pattern.
  test: { name, include: include.length > 0 ? include : ['e2e/left-out.ts'], testTimeout: 15_000, ...workers, ...more },
})
const withDatabase = { globalSetup: ['server/src/testing/global-setup.ts'], testTimeout: 15_000, hookTimeout: 30_000 }

export default defineConfig({
  test: {
    reporters: ['default'],
    sequence: { sequencer: ChangedFirst },
    ...workers,
    projects: [
      project('pure', [...pure, 'web/{src,tests}/**/*.test.{ts,tsx}']),
      project('server', server, withDatabase),
      project('slow', slow, withDatabase),
      // The `hawker` command as a process.
      project('process', ['server/tests/**/*.test.ts'], withDatabase),
      project('browser', withBrowser ? ['e2e/**/*.test.ts'] : [], {
        globalSetup: withBrowser ? ['server/src/testing/global-setup.ts', 'e2e/global-setup.ts'] : [],
        testTimeout: 60_000,
        hookTimeout: 60_000,
        // What a page does takes as long as a busy machine takes.
        expect: { poll: { timeout: 15_000 } },
      }),
    ],
  },
})
