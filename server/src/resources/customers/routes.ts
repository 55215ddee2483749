import type { Deps } from '#foundation/deps.ts'
import type { Api } from '#foundation/http/api.ts'
import { customersRoutes } from './customers/routes.ts'

/** The routes of customers and of what belongs to them. */
export function customersAreaRoutes(api: Api, deps: Deps): void {
  customersRoutes(api, deps)
}
