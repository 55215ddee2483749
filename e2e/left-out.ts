import { test } from 'vitest'

// Stands for all of them in the summary.
test.skip('the browser tests are left out: HAWKER_BROWSER_TESTS=off', () => undefined)
