import type { Deps } from '#foundation/deps.ts'
import { type Rails, railRegistry } from './rails/registry.ts'
import type { Follower } from './settlement/followers.ts'
import { settleCharges } from './settlement/settle-charges.ts'
import type { StartDeps } from './settlement/start-payment.ts'

/** What the routes and jobs of payments share: what every area has, the rails, and the one function that settles charges. */
export type PaymentsDeps = Deps & StartDeps

/** Sets up what moves money; `rails` are those that are set up, unless a test brings its own. */
export function paymentsOf(deps: Deps, followers: readonly Follower[], rails: Rails = railRegistry(deps)): PaymentsDeps {
  return { ...deps, rails, settle: settleCharges(deps, followers) }
}
