import type { Deps } from '#foundation/deps.ts'
import type { Api } from '#foundation/http/api.ts'
import { balancesRoutes } from './balances/routes.ts'

/** The routes of balances. */
export function payoutsRoutes(api: Api, deps: Deps): void {
  balancesRoutes(api, deps)
}
