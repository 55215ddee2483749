/**
 * The present moment. A business can have a clock of its own (a test clock), which stands still until it is advanced; every
 * other business follows the system's. Whatever a business can see is dated by `now(businessId)`.
 */
export interface Clock {
  /** The moment it is for a business. */
  now(businessId: string): Date
  /** The moment it is for the installation: leases, caches and what else no business sees. */
  system(): Date
  /**
   * Businesses with a clock of their own, at most a few hundred. Work that is due for them is done when their clock is
   * advanced, so whoever looks for due work of all businesses by the system's clock leaves them out.
   */
  apart(): readonly string[]
}

/** The machine's clock, for every business. */
export const systemClock: Clock = { now: () => new Date(), system: () => new Date(), apart: () => [] }

/** A business's own clock. */
export interface MovableClock {
  now(): Date
  /** Moves the clock to a moment; whoever reads it afterwards sees that one. */
  set(at: Date): void | Promise<void>
}

/** Which scheduled work to take: of one business up to its moment, or of all that follow the system's clock. */
export interface Due {
  until: Date
  businessId?: string | undefined
  /** Businesses to leave out, when no business is named. */
  except?: readonly string[] | undefined
}
