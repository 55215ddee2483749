import { expect, test } from 'vitest'
import { startPoller } from './poller.ts'

test('a poller runs periodically, immediately when woken, never concurrently, and not after its end', async () => {
  let running = 0
  let runs = 0
  const errors: unknown[] = []
  const poller = startPoller({
    everyMs: 10_000,
    async run() {
      running += 1
      expect(running).toBe(1)
      runs += 1
      await new Promise((done) => setTimeout(done, 10))
      running -= 1
      if (runs === 1) throw new Error('first')
    },
    onError: (error) => errors.push(error),
  })
  poller.wake()
  await new Promise((done) => setTimeout(done, 5))
  poller.wake()
  await new Promise((done) => setTimeout(done, 50))
  expect([runs, errors.length]).toEqual([2, 1])
  await poller.stop()
  poller.wake()
  await new Promise((done) => setTimeout(done, 20))
  expect(runs).toBe(2)
})
