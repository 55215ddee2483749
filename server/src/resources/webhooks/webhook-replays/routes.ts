import type { Deps } from '#foundation/deps.ts'
import type { Api, Call } from '#foundation/http/api.ts'
import type { Answer } from '#foundation/http/idempotency.ts'
import { keysetPage, keysetRequest } from '#foundation/http/pagination.ts'
import { writeOnce } from '#foundation/http/transaction.ts'
import { conflict, notFound } from '#foundation/shared/errors.ts'
import { isUuid } from '#foundation/shared/ids.ts'
import { beginReplay } from './begin-replay.ts'
import { findReplay, listReplays, lockReplay, type ReplayRow, updateReplay } from './queries.ts'
import { ListWebhookReplays, presentReplay, ReplayEvents, WebhookReplay, WebhookReplayPage } from './wire.ts'

const listOrder = 'webhook_replays'
const path = '/v1/webhook-replays'
const onePath = `${path}/:webhook_replay_id`
const idOf = ({ params }: Pick<Call, 'params'>) => params.webhook_replay_id ?? ''

const answerOf = (row: ReplayRow, timezone: string): Answer => ({ status: 200, body: JSON.stringify(presentReplay(row, timezone)) })

/** A replay is begun, watched and canceled; the worker does it. */
export function webhookReplaysRoutes(api: Api, deps: Deps): void {
  const webhookDeliveries = api.group('Webhook deliveries')
  webhookDeliveries.write(
    'POST',
    '/v1/webhook-deliveries/replay',
    {
      operationId: 'replayEvents',
      summary: 'Replay past events',
      description:
        'Replays events, selected by sequence, date or type: to their usual destinations (registered webhook events and callbacks), to one webhook event, or to a URL. The request queues the first hundred; a replay of more is `pending` and continues by itself. A business has one at a time (409 `replay_in_progress`), and none begins or continues while 10,000 of its deliveries wait to be sent (429 `too_many_deliveries`).',
      body: ReplayEvents,
      answers: { 200: WebhookReplay },
    },
    async (call) => {
      const answer = await writeOnce(deps.database.db, call.claim, call.at, async (tx) => answerOf(await beginReplay(tx, call, deps), call.business.timezone))
      deps.onEvent(call.business.id)
      return answer
    },
  )

  readRoutes(api, deps)
  cancelRoute(api, deps)
}

function readRoutes(api: Api, deps: Deps): void {
  const webhookDeliveries = api.group('Webhook deliveries')
  webhookDeliveries.read(
    path,
    { operationId: 'listWebhookReplays', summary: 'List replays', query: ListWebhookReplays, answers: { 200: WebhookReplayPage } },
    async (call) => {
      const asked = keysetRequest(call, path, listOrder)
      const rows = await listReplays(deps.database.slow, call.business.id, asked)
      return { status: 200, body: keysetPage(rows, asked, (row) => JSON.stringify(presentReplay(row, call.business.timezone))) }
    },
  )

  webhookDeliveries.read(onePath, { operationId: 'getWebhookReplay', summary: 'Get a replay', answers: { 200: WebhookReplay } }, async (call) => {
    const row = isUuid(idOf(call)) ? await findReplay(deps.database.db, call.business.id, idOf(call).toLowerCase()) : undefined
    if (!row) throw notFound('WebhookReplay', idOf(call))
    return answerOf(row, call.business.timezone)
  })
}

function cancelRoute(api: Api, deps: Deps): void {
  api.group('Webhook deliveries').write(
    'POST',
    `${onePath}/cancel`,
    {
      operationId: 'cancelWebhookReplay',
      summary: 'Cancel a replay',
      description: 'Queues no more deliveries; those that are queued are sent. A replay that has ended is a 409.',
      answers: { 200: WebhookReplay },
    },
    (call) =>
      writeOnce(deps.database.db, call.claim, call.at, async (tx) => {
        const row = isUuid(idOf(call)) ? await lockReplay(tx, call.business.id, idOf(call).toLowerCase()) : undefined
        if (!row) throw notFound('WebhookReplay', idOf(call))
        if (row.status !== 'pending') throw conflict('replay_ended', `The replay has ended: it is ${row.status}.`)
        const canceled: ReplayRow = { ...row, status: 'canceled', due_at: null, updated_at: call.at, finished_at: call.at }
        await updateReplay(tx, canceled)
        return answerOf(canceled, call.business.timezone)
      }),
  )
}
