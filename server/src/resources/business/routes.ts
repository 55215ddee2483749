import type { Deps } from '#foundation/deps.ts'
import type { Api } from '#foundation/http/api.ts'
import { accountStatusRoutes } from './account-status/routes.ts'
import { checkoutSettingsRoutes } from './checkout-settings/routes.ts'
import { locationsRoutes } from './locations/routes.ts'
import { mailsRoutes } from './mails/routes.ts'

/** The routes of a business's own settings and data. */
export function businessRoutes(api: Api, deps: Deps): void {
  locationsRoutes(api, deps)
  accountStatusRoutes(api, deps)
  mailsRoutes(api, deps)
  checkoutSettingsRoutes(api, deps)
}
