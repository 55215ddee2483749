import { defineConfig } from 'vitest/config'

/** The tests of a mutation run, which `mutate.mjs` names. One worker: a mutant is active in the whole process. */
export default defineConfig({
  test: {
    include: JSON.parse(process.env['HAWKER_MUTATE_TESTS'] ?? '[]'),
    globalSetup: ['server/src/testing/global-setup.ts'],
    testTimeout: 15_000,
    hookTimeout: 30_000,
    pool: 'threads',
    isolate: false,
    maxWorkers: 1,
  },
})
