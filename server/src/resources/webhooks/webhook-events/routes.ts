import type { Database } from '#foundation/database/database.ts'
import type { Api, Call } from '#foundation/http/api.ts'
import type { Business } from '#foundation/http/authentication.ts'
import type { Answer } from '#foundation/http/idempotency.ts'
import { writeOnce } from '#foundation/http/transaction.ts'
import { invalid, notFound } from '#foundation/shared/errors.ts'
import { isUuid, newId, randomHex } from '#foundation/shared/ids.ts'
import { decryptSecret, encryptSecret } from '#foundation/shared/secrets.ts'
import { laterThan, type Now } from '#foundation/shared/time.ts'
import { countEndpoints, deleteEndpoint, type EndpointRow, findEndpoint, insertEndpoint, listEndpoints, lockEndpoint, updateEndpoint } from './queries.ts'
import { applyTo } from './understand.ts'
import { CreateWebhookEvent, presentWebhookEvent, UpdateWebhookEvent, WebhookEvent, WebhookEventList } from './wire.ts'

export interface WebhookEventsDeps {
  database: Database
  now: Now
  /** Hides and opens stored salts. */
  secretKey: () => Buffer
}

/** Every event is written once for each; more than this is a mistake. */
const mostEndpoints = 64

function idOf(params: Record<string, string>): string {
  const id = params.webhook_event_id ?? ''
  if (!isUuid(id)) throw notFound('Webhook', id)
  return id.toLowerCase()
}

/** The five operations of the contract, and `PATCH` as another word for `PUT`. */
export function webhookEventsRoutes(api: Api, deps: WebhookEventsDeps): void {
  const webhookEvents = api.group('Webhook events')
  readRoutes(api, deps)
  const path = '/v1/webhook-events/:webhook_event_id'
  webhookEvents.write(
    'POST',
    '/v1/webhook-events',
    {
      operationId: 'createWebhookEvent',
      summary: 'Create a webhook event',
      description: 'Registers an endpoint: events of the chosen types are posted to its URL, signed with its salt.',
      body: CreateWebhookEvent,
      answers: { 201: WebhookEvent },
    },
    (call) => create(deps, call),
  )

  const updating = { body: UpdateWebhookEvent, answers: { 200: WebhookEvent } }
  webhookEvents.write('PUT', path, { operationId: 'updateWebhookEvent', summary: 'Update a webhook event', ...updating }, (call) => update(deps, call))
  webhookEvents.write('PATCH', path, { operationId: 'patchWebhookEvent', summary: 'Update a webhook event, as PUT does', ...updating }, (call) =>
    update(deps, call),
  )

  webhookEvents.write(
    'DELETE',
    path,
    { operationId: 'deleteWebhookEvent', summary: 'Delete a webhook event', answers: { 204: null } },
    ({ business, params, claim }) =>
      writeOnce(deps.database.db, claim, deps.now(), async (tx) => {
        const id = idOf(params)
        if (!(await deleteEndpoint(tx, business.id, id))) throw notFound('Webhook', id)
        return { status: 204 }
      }),
  )
}

function readRoutes(api: Api, deps: WebhookEventsDeps): void {
  const webhookEvents = api.group('Webhook events')
  const { db } = deps.database
  webhookEvents.read(
    '/v1/webhook-events',
    { operationId: 'listWebhookEvents', summary: 'List webhook events', answers: { 200: WebhookEventList } },
    async ({ business }) => ({ status: 200, body: JSON.stringify((await listEndpoints(db, business.id)).map((row) => present(deps, row, business))) }),
  )

  webhookEvents.read(
    '/v1/webhook-events/:webhook_event_id',
    { operationId: 'getWebhookEvent', summary: 'Get a webhook event', answers: { 200: WebhookEvent } },
    async ({ business, params }) => {
      const id = idOf(params)
      const row = await findEndpoint(db, business.id, id)
      if (!row) throw notFound('Webhook', id)
      return { status: 200, body: JSON.stringify(present(deps, row, business)) }
    },
  )
}

function present({ secretKey }: WebhookEventsDeps, row: EndpointRow, business: Business): WebhookEvent {
  return presentWebhookEvent(row, decryptSecret(row.salt_encrypted, secretKey()), business)
}

function create(deps: WebhookEventsDeps, { business, body, claim }: Call<unknown, CreateWebhookEvent>): Promise<Answer> {
  const { database, now, secretKey } = deps
  return writeOnce(database.db, claim, now(), async (tx) => {
    const at = now()
    const blank: EndpointRow = {
      business_id: business.id,
      id: newId<'webhook_endpoint'>(at),
      name: body.name,
      url: body.url,
      event_types: null,
      salt_encrypted: encryptSecret(randomHex(32), secretKey()),
      disabled_reason: null,
      disabled_at: null,
      created_at: at,
      updated_at: at,
    }
    const row = applyTo(blank, body, business, at)
    if ((await countEndpoints(tx, business.id)) >= mostEndpoints)
      throw invalid({ url: [`A business may not have more than ${mostEndpoints} webhook events.`] }, 'too_many_webhook_events')
    await insertEndpoint(tx, row)
    return { status: 201, body: JSON.stringify(present(deps, row, business)) }
  })
}

function update(deps: WebhookEventsDeps, { business, params, body, claim }: Call<unknown, UpdateWebhookEvent>): Promise<Answer> {
  const { database, now } = deps
  return writeOnce(database.db, claim, now(), async (tx) => {
    const id = idOf(params)
    const before = await lockEndpoint(tx, business.id, id)
    if (!before) throw notFound('Webhook', id)
    const row = applyTo(before, body, business, laterThan(before.updated_at, now()))
    await updateEndpoint(tx, business.id, row)
    return { status: 200, body: JSON.stringify(present(deps, row, business)) }
  })
}
