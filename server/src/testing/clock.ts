import { onTestFinished } from 'vitest'
import type { Clock, MovableClock } from '#foundation/shared/clock.ts'

/** The clock of one business, as tests move it. */
export interface BusinessTestClock extends MovableClock {
  /** Gives the business a clock of its own, which stays at a moment until it is moved or released. */
  set(at: Date | string): void
  /** As `set`, so many milliseconds from now; nothing that falls due meanwhile is done. */
  advance(milliseconds: number): void
  /** Lets the business follow the system's clock again; called automatically at the end of the test that moved the clock. */
  release(): void
}

/** A clock whose businesses tests can move one by one; other businesses on the same server are not affected. */
export interface TestClock extends Clock {
  of(business: { id: string }): BusinessTestClock
}

export function testClock(): TestClock {
  const apart = new Map<string, Date>()
  const system = () => new Date()
  const now = (businessId: string) => new Date(apart.get(businessId) ?? Date.now())
  return {
    now,
    system,
    apart: () => [...apart.keys()],
    of: ({ id }) => {
      const release = () => void apart.delete(id)
      const set = (at: Date | string) => {
        if (!apart.has(id)) onTestFinished(release)
        apart.set(id, new Date(at))
      }
      return { now: () => now(id), set, advance: (milliseconds) => set(new Date(now(id).getTime() + milliseconds)), release }
    },
  }
}

/** A clock that shows one moment to every business. */
export const clockAt = (now: () => Date): Clock => ({ now, system: now, apart: () => [] })
