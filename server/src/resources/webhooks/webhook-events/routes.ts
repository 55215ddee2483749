import type { Tx } from '#engine/records/kind.ts'
import { records } from '#engine/records/records.ts'
import type { Deps } from '#foundation/deps.ts'
import type { Api, Call } from '#foundation/http/api.ts'
import { invalid } from '#foundation/shared/errors.ts'
import { randomHex } from '#foundation/shared/ids.ts'
import { encryptSecret } from '#foundation/shared/secrets.ts'
import { countEndpoints } from './queries.ts'
import { applyEndpoint, newEndpoint } from './rules.ts'
import { CreateWebhookEvent, UpdateWebhookEvent, WebhookEvent, WebhookEventList, webhookEventKind } from './wire.ts'

/** Every event is written once for each; more than this is a mistake. */
const mostEndpoints = 64

async function requireRoom(tx: Tx, businessId: string): Promise<void> {
  if ((await countEndpoints(tx, businessId)) >= mostEndpoints)
    throw invalid({ url: [`A business may not have more than ${mostEndpoints} webhook events.`] }, 'too_many_webhook_events')
}

/** The five operations of the contract, and `PATCH` as an alias of `PUT`. */
export function webhookEventsRoutes(api: Api, deps: Deps): void {
  const webhookEvents = api.group('Webhook events')
  const { create, get, listAll, update, remove } = records(deps, webhookEventKind(deps.secretKey))
  const path = '/v1/webhook-events'
  const onePath = `${path}/:webhook_event_id`

  webhookEvents.write(
    'POST',
    path,
    {
      operationId: 'createWebhookEvent',
      summary: 'Create a webhook event',
      description: 'Registers an endpoint: events of the selected types are posted to its URL, signed with its salt.',
      body: CreateWebhookEvent,
      answers: { 201: WebhookEvent },
    },
    (call) =>
      create(call, async (tx) => {
        const salt = encryptSecret(randomHex(32), deps.secretKey())
        const fields = applyEndpoint(newEndpoint(call.body, salt), call.body, call.business, call.at)
        await requireRoom(tx, call.business.id)
        return fields
      }),
  )

  webhookEvents.read(path, { operationId: 'listWebhookEvents', summary: 'List webhook events', answers: { 200: WebhookEventList } }, (call) => listAll(call))

  webhookEvents.read(onePath, { operationId: 'getWebhookEvent', summary: 'Get a webhook event', answers: { 200: WebhookEvent, 304: null } }, get)

  const updating = { ifMatch: true, body: UpdateWebhookEvent, answers: { 200: WebhookEvent } }
  const change = (call: Call<unknown, UpdateWebhookEvent>) => update(call, (before, at) => applyEndpoint(before, call.body, call.business, at))
  webhookEvents.write('PUT', onePath, { operationId: 'updateWebhookEvent', summary: 'Update a webhook event', ...updating }, change)
  webhookEvents.write('PATCH', onePath, { operationId: 'patchWebhookEvent', summary: 'Update a webhook event (same as PUT)', ...updating }, change)

  webhookEvents.write(
    'DELETE',
    onePath,
    { operationId: 'deleteWebhookEvent', summary: 'Delete a webhook event', ifMatch: true, answers: { 204: null } },
    (call) => remove(call),
  )
}
