import { ownValue } from '@hawker/web/own-value'
import type { Deps } from '#foundation/deps.ts'
import type { Api, Call } from '#foundation/http/api.ts'
import type { Answer } from '#foundation/http/idempotency.ts'
import { keysetPage, keysetRequest } from '#foundation/http/pagination.ts'
import { writeOnce } from '#foundation/http/transaction.ts'
import type { Business } from '#foundation/shared/business.ts'
import { ApiError, conflict, invalid, notFound } from '#foundation/shared/errors.ts'
import { isUuid } from '#foundation/shared/ids.ts'
import { decryptSecret } from '#foundation/shared/secrets.ts'
import { presentDelivery } from '#resources/webhooks/delivery/delivery-wire.ts'
import { diagnoseSignature } from '#resources/webhooks/delivery/diagnose-signature.ts'
import { laneOfUrl } from '#resources/webhooks/delivery/fan-out.ts'
import { findEndpoint } from '#resources/webhooks/webhook-events/queries.ts'
import { deliveryPages, findDelivery, listAttempts, listSalts, requeueDelivery, type WholeDelivery } from './queries.ts'
import { ListWebhookDeliveries, presentDetail, SignatureVerdict, VerifySignature, WebhookDeliveryDetail, WebhookDeliveryPage } from './wire.ts'

export interface WebhookDeliveriesDeps extends Pick<Deps, 'database' | 'secretKey' | 'groupAcrossBusinesses'> {
  /** Called after a commit that queued something. */
  onEvent: (businessId: string) => void
}

const listOrder = 'webhook_deliveries'

async function required(deps: Pick<Deps, 'database'>, business: Business, params: Record<string, string>): Promise<WholeDelivery> {
  const id = params.webhook_delivery_id ?? ''
  const row = isUuid(id) ? await findDelivery(deps.database.db, business.id, id.toLowerCase()) : undefined
  if (!row) throw notFound('WebhookDelivery', id)
  return row
}

/** What was sent, the responses and the next attempt; redelivery; and signature diagnosis. */
export function webhookDeliveriesRoutes(api: Api, deps: WebhookDeliveriesDeps): void {
  const webhookDeliveries = api.group('Webhook deliveries')
  webhookDeliveries.read(
    '/v1/webhook-deliveries',
    { operationId: 'listWebhookDeliveries', summary: 'List webhook deliveries', query: ListWebhookDeliveries, answers: { 200: WebhookDeliveryPage } },
    listing(deps),
  )

  webhookDeliveries.read(
    '/v1/webhook-deliveries/:webhook_delivery_id',
    {
      operationId: 'getWebhookDelivery',
      summary: 'Get a webhook delivery',
      description: 'Includes the exact request and response of every attempt.',
      answers: { 200: WebhookDeliveryDetail },
    },
    async ({ business, params }) => ({ status: 200, body: await detail(deps, business, await required(deps, business, params)) }),
  )

  redeliverRoute(api, deps)
  api.group('Sandbox').write(
    'POST',
    '/v1/sandbox/verify-signature',
    {
      operationId: 'verifySignature',
      summary: 'Verify a webhook signature and explain a mismatch',
      keepsText: true,
      body: VerifySignature,
      answers: { 200: SignatureVerdict },
    },
    (call) => (call.claim ? writeOnce(deps.database.db, call.claim, call.at, () => diagnose(deps, call)) : diagnose(deps, call)),
  )
}

function redeliverRoute(api: Api, deps: WebhookDeliveriesDeps): void {
  const webhookDeliveries = api.group('Webhook deliveries')
  webhookDeliveries.write(
    'POST',
    '/v1/webhook-deliveries/:webhook_delivery_id/redeliver',
    {
      operationId: 'redeliverWebhook',
      summary: 'Redeliver a webhook',
      description: 'Sends it immediately, with the same bytes and the same webhook-id, and restarts its retry schedule.',
      answers: { 200: WebhookDeliveryDetail },
    },
    async (call) => {
      const answer = await redeliver(deps, call)
      deps.onEvent(call.business.id)
      return answer
    },
  )
}

async function redeliver(deps: Pick<Deps, 'database'>, { business, params, claim, at }: Call): Promise<Answer> {
  const { db } = deps.database
  const delivery = await required(deps, business, params)
  const isToEndpoint = delivery.target === delivery.endpoint_id
  if (isToEndpoint) {
    const endpoint = await findEndpoint(db, business.id, delivery.target)
    if (!endpoint) throw conflict('endpoint_deleted', 'The webhook event of this delivery was deleted.')
    if (endpoint.disabled_at) throw conflict('endpoint_disabled', 'The webhook event of this delivery is disabled; enable it first.')
  }
  return writeOnce(db, claim, at, async (tx) => {
    await requeueDelivery(tx, business.id, delivery.id, isToEndpoint ? delivery.target : laneOfUrl(delivery.url), at)
    return { status: 200, body: await detail(deps, business, { ...delivery, status: 'pending', due_at: at, updated_at: at }) }
  })
}

async function detail({ database }: Pick<Deps, 'database'>, business: Business, row: WholeDelivery): Promise<string> {
  return JSON.stringify(presentDetail(row, await listAttempts(database.db, business.id, row.id), business))
}

function listing({ database, groupAcrossBusinesses }: WebhookDeliveriesDeps): (call: Call<ListWebhookDeliveries>) => Promise<Answer> {
  const page = deliveryPages(database, groupAcrossBusinesses)
  return async (call) => {
    const { cursor, per_page, ...filter } = call.query
    const asked = keysetRequest(call, '/v1/webhook-deliveries', listOrder)
    const { rows, continueAt } = await page(call.business.id, { ...asked, filter })
    return { status: 200, body: keysetPage(rows, { ...asked, continueAt }, (row) => JSON.stringify(presentDelivery(row, call.business.timezone, row.due_at))) }
  }
}

const schemes: Record<string, string> = { '1': 'v1', '2': 'v2', v1: 'v1', v2: 'v2', standard: 'standard' }

async function diagnose(
  { database, secretKey }: Pick<Deps, 'database' | 'secretKey'>,
  { business, body, at }: Call<unknown, VerifySignature>,
): Promise<Answer> {
  if (business.mode !== 'sandbox') throw new ApiError(403, 'sandbox_only', 'This is available in the sandbox only.')
  const scheme = body.version === undefined ? undefined : ownValue(schemes, String(body.version))
  if (body.version !== undefined && scheme === undefined) throw invalid({ version: ['The selected version is invalid.'] })
  const delivery = body.delivery_id === undefined ? undefined : await findDelivery(database.db, business.id, body.delivery_id.toLowerCase())
  if (body.delivery_id !== undefined && !delivery) throw invalid({ delivery_id: ['The selected delivery id is invalid.'] })
  const salts = await listSalts(database.db, business.id)
  const otherSalts = salts
    .map(({ name, salt_encrypted }) => ({ name, salt: decryptSecret(salt_encrypted, secretKey()) }))
    .filter(({ salt }) => salt !== body.salt)
  const { verifies, checks, findings } = diagnoseSignature({
    body: body.body,
    headers: body.headers ?? {},
    salt: body.salt,
    otherSalts,
    ...(delivery ? { sent: delivery.body } : {}),
    now: at,
  })
  const chosen = scheme === undefined ? checks : checks.filter((check) => check.scheme === scheme)
  if (scheme === undefined || checks.length === 0) return { status: 200, body: JSON.stringify({ verifies, checks, findings }) }
  if (chosen.length === 0) {
    const missing = [{ code: 'no_signature', message: `There is no ${scheme} signature.` }]
    return { status: 200, body: JSON.stringify({ verifies: false, checks: [], findings: missing }) }
  }
  const found = chosen.flatMap((check) => check.findings)
  return { status: 200, body: JSON.stringify({ verifies: chosen.every((check) => check.verifies), checks: chosen, findings: found }) }
}
