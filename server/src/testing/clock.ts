import type { Clock } from '#foundation/shared/clock.ts'
import type { Now } from '#foundation/shared/time.ts'

/** A clock that tests move. Without being set it shows the real time. */
export interface TestClock {
  readonly now: Now
  set(at: Date | string): void
  advance(milliseconds: number): void
  release(): void
}

export function testClock(): TestClock {
  let fixed: number | undefined
  return {
    now: () => new Date(fixed ?? Date.now()),
    set(at) {
      fixed = new Date(at).getTime()
    },
    advance(milliseconds) {
      fixed = (fixed ?? Date.now()) + milliseconds
    },
    release() {
      fixed = undefined
    },
  }
}

/** A clock that shows one moment to every business. */
export const clockAt = (now: Now): Clock => ({ now, system: now, apart: () => [] })
