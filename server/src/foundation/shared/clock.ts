/**
 * The current time. A business can have a clock of its own (a test clock), which stands still until it is advanced; every
 * other business follows the system clock. Everything that a business can see is dated by `now(businessId)`.
 */
export interface Clock {
  /** The current time of a business. */
  now(businessId: string): Date
  /** The current time of the installation: for leases, caches and everything else that no business sees. */
  system(): Date
  /**
   * Businesses with a clock of their own, at most a few hundred. Work that is due for them is done when their clock is
   * advanced, so queries for due work of all businesses by the system clock exclude them.
   */
  apart(): readonly string[]
}

/** The system clock, for every business. */
export const systemClock: Clock = { now: () => new Date(), system: () => new Date(), apart: () => [] }

/** A business's own clock. */
export interface MovableClock {
  now(): Date
  /** Moves the clock to a moment; every later read returns it. */
  set(at: Date): void | Promise<void>
}

/** Which scheduled work to run: that of one business up to its time, or of all that follow the system clock. */
export interface Due {
  until: Date
  businessId?: string | undefined
  /** Businesses to exclude if no business is named. */
  except?: readonly string[] | undefined
}
