import { expect, test } from 'vitest'
import { advance } from './advance.ts'
import type { DueWork } from './job.ts'

const second = (n: number) => new Date(n * 1_000)

/** Work that is due at some seconds, and what it did and when. */
function workAt(name: string, dues: number[], done: string[], onRun?: (until: Date) => void): DueWork {
  return {
    name,
    everyMs: 1_000,
    next: async (_businessId, until) => {
      const [first] = dues.filter((at) => second(at) <= until).sort((a, b) => a - b)
      return first === undefined ? undefined : second(first)
    },
    run: async ({ until, businessId }) => {
      const due = dues.filter((at) => second(at) <= until)
      for (const at of due) dues.splice(dues.indexOf(at), 1)
      if (due.length > 0) done.push(`${name} of ${businessId} at ${until.getTime() / 1_000}`)
      onRun?.(until)
      return due.length
    },
  }
}

function clockFrom(start: number) {
  let at = second(start)
  return {
    now: () => at,
    set: (to: Date) => {
      if (to < at) throw new Error('the clock went back')
      at = to
    },
  }
}

test('work is done in the order in which it falls due, with the clock at that moment, and the clock ends at its goal', async () => {
  const clock = clockFrom(10)
  const done: string[] = []
  const works = [workAt('a', [30, 12, 50], done), workAt('b', [20, 30], done)]
  await advance(clock, works, 'x', second(40))
  expect(done).toEqual(['a of x at 12', 'b of x at 20', 'a of x at 30', 'b of x at 30'])
  expect(clock.now()).toEqual(second(40))
  expect(await works[0]?.next('x', second(60))).toEqual(second(50))
})

test('overdue work is done at the present moment, before what is due later, and what it causes comes first', async () => {
  const clock = clockFrom(10)
  const done: string[] = []
  const caused: number[] = []
  const works = [workAt('cause', [3, 15], done, (until) => void (until.getTime() === 15_000 && caused.push(15, 16))), workAt('effect', caused, done)]
  works.push(workAt('later', [16], done))
  await advance(clock, works, 'x', second(20))
  expect(done).toEqual(['cause of x at 10', 'cause of x at 15', 'effect of x at 15', 'effect of x at 16', 'later of x at 16'])
})

test('a goal in the past moves nothing', async () => {
  const clock = clockFrom(10)
  const done: string[] = []
  await advance(clock, [workAt('a', [12], done)], 'x', second(5))
  expect([done, clock.now()]).toEqual([[], second(10)])
})

test('work that stays due and does nothing ends the advance with an error', async () => {
  const stuck: DueWork = { name: 'sending pigeons', everyMs: 1_000, next: async () => second(11), run: async () => 0 }
  await expect(advance(clockFrom(10), [stuck], 'x', second(20), { patienceMs: 50 })).rejects.toThrow('sending pigeons makes no progress')
})
