import type { Deps } from '#foundation/deps.ts'
import type { Api } from '#foundation/http/api.ts'
import { fanOut } from './delivery/fan-out.ts'
import { eventsRoutes } from './events/routes.ts'
import { webhookDeliveriesRoutes } from './webhook-deliveries/routes.ts'
import { webhookEventsRoutes } from './webhook-events/routes.ts'
import { webhookReplaysRoutes } from './webhook-replays/routes.ts'

/** The routes of events, of the endpoints that subscribe to them, and of deliveries. */
export function webhooksRoutes(api: Api, deps: Deps): void {
  eventsRoutes(api, { ...deps, onOrdered: fanOut(deps) })
  webhookEventsRoutes(api, deps)
  webhookDeliveriesRoutes(api, deps)
  webhookReplaysRoutes(api, deps)
}
