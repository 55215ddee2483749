import type { Deps } from '#foundation/deps.ts'
import { type Caller, system } from '#foundation/shared/caller.ts'
import type { Claim } from './idempotency.ts'

/**
 * The cause of an operation: a request, a page or a job. Operations take `(tx, business, input, origin)`; a `Call` is
 * an `Origin`.
 */
export interface Origin {
  /** The request's id, stored with its events; null for a job. */
  readonly requestId: string | null
  readonly caller: Caller
  /** The time of the business's clock at which the operation started; every date that it writes comes from it. */
  readonly at: Date
  /** Base of absolute links, without a trailing slash. */
  readonly baseUrl: string
  /** Present if the request has an Idempotency-Key; the answer is stored with the effect. */
  readonly claim?: Claim | undefined
}

/** The origin of what a job does for a business. */
export function systemOrigin({ clock, baseUrl }: Pick<Deps, 'clock' | 'baseUrl'>, businessId: string): Origin {
  return { requestId: null, caller: system, at: clock.now(businessId), baseUrl: baseUrl() }
}
