import { defineConfig } from 'vitest/config'

const withBrowser = process.env['HAWKER_BROWSER_TESTS'] !== 'off'
if (!withBrowser) process.stderr.write('\nHAWKER_BROWSER_TESTS=off: the browser tests (e2e/) are LEFT OUT of this run.\n\n')

// One process, shared modules: no state lives in modules, and a test's isolation is its own business.
const workers = { pool: 'threads', isolate: false, maxWorkers: 2 } as const

export default defineConfig({
  test: {
    // One PostgreSQL for the run, for both kinds of tests.
    globalSetup: ['server/src/testing/global-setup.ts'],
    reporters: ['default'],
    ...workers,
    projects: [
      {
        test: { name: 'server', include: ['server/{src,tests}/**/*.test.ts'], testTimeout: 15_000, hookTimeout: 30_000, ...workers },
      },
      {
        // Pure functions of the pages; what they do in a browser is tested there.
        test: { name: 'web', include: ['web/{src,tests}/**/*.test.{ts,tsx}'], ...workers },
      },
      {
        test: {
          name: 'browser',
          include: withBrowser ? ['e2e/**/*.test.ts'] : ['e2e/left-out.ts'],
          globalSetup: withBrowser ? ['e2e/global-setup.ts'] : [],
          testTimeout: 60_000,
          hookTimeout: 60_000,
          // What a page does takes as long as a busy machine takes.
          expect: { poll: { timeout: 15_000 } },
          ...workers,
        },
      },
    ],
  },
})
