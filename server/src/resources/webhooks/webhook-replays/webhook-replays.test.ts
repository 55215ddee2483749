import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { aBusiness, type Client, testSecretKey } from '#testing/api.ts'
import { anEndpoint, tellEvents } from '#testing/deliveries.ts'
import { replayWork } from './work-off-replay.ts'

const url = 'http://127.0.0.1:9/hook'

/** Does one round of a business's replay, as a worker does. */
const workOff = ({ server: { database, clock }, business }: Client) =>
  replayWork({ database, clock, secretKey: () => testSecretKey, onEvent: () => undefined }).run({ businessId: business.id, until: clock.now(business.id) })

const many = (client: Client, count: number) =>
  tellEvents(
    client,
    Array.from({ length: count }, () => ({})),
  )

const replay = (client: Client, body: object = { from_sequence: 1 }, key?: string) =>
  client.post('/v1/webhook-deliveries/replay', body, key === undefined ? {} : { headers: { 'idempotency-key': key } })

const replayed = async ({ server, business }: Client) => {
  const { rows } = await sql<{ event_id: string }>`
    select event_id from webhook_deliveries where business_id = ${business.id} and replay_id is not null order by event_sequence`.execute(server.database.db)
  return rows.map((row) => row.event_id)
}

test('a replay of more than a hundred events is worked off in batches, each event once, up to where the events ended when it began', async () => {
  const client = await aBusiness()
  const ids = await many(client, 250)
  const endpoint = await anEndpoint(client, url)
  const begun = await replay(client, { from_sequence: 11, endpoint_id: endpoint.id })
  expect(begun.json).toMatchObject({
    status: 'pending',
    events: 100,
    queued: 100,
    from_sequence: 11,
    to_sequence: 250,
    finished_at: null,
    endpoint_id: endpoint.id,
  })
  expect(begun.json.progress).toBe(0.41)
  await many(client, 5)
  expect(await workOff(client)).toBe(2)
  expect(await workOff(client)).toBe(0)
  const { json } = await client.get(`/v1/webhook-replays/${begun.json.id}`)
  expect(json).toMatchObject({ id: begun.json.id, status: 'succeeded', events: 240, queued: 240, progress: 1, finished_at: expect.any(String), error: null })
  expect(await replayed(client)).toEqual(ids.slice(10))
})

test('two workers that work off one replay at the same time queue every event once', async () => {
  const client = await aBusiness()
  const ids = await many(client, 450)
  await anEndpoint(client, url)
  const { id } = (await replay(client)).json
  for (;;) {
    const done = await Promise.all([workOff(client), workOff(client), workOff(client)])
    if (done.every((batches) => batches === 0) && (await client.get(`/v1/webhook-replays/${id}`)).json.status === 'succeeded') break
  }
  expect(await replayed(client)).toEqual(ids)
})

test('a business has one replay in progress; a small one is done beside it', async () => {
  const client = await aBusiness()
  await many(client, 101)
  await anEndpoint(client, url)
  const [first, second] = await Promise.all([replay(client, { from_sequence: 1 }, 'a'), replay(client, { from_sequence: 1 }, 'b')])
  expect([first.status, second.status].sort()).toEqual([200, 409])
  const third = await replay(client)
  expect(third.json).toMatchObject({ code: 'replay_in_progress', message: expect.stringMatching(/^Another replay \([0-9a-f-]{36}\) is in progress/) })
  expect((await replay(client, { from_sequence: 5, to_sequence: 6 })).json).toMatchObject({ status: 'succeeded', events: 2, queued: 2, progress: 1 })
  // What was refused has queued nothing.
  expect(await replayed(client)).toHaveLength(102)
})

test('a canceled replay queues nothing more, and another one can begin', async () => {
  const client = await aBusiness()
  await many(client, 150)
  await anEndpoint(client, url)
  const { id } = (await replay(client)).json
  const canceled = await client.post(`/v1/webhook-replays/${id}/cancel`)
  expect(canceled.json).toMatchObject({ id, status: 'canceled', events: 100, finished_at: expect.any(String) })
  expect((await client.post(`/v1/webhook-replays/${id}/cancel`)).json).toMatchObject({ code: 'replay_ended' })
  expect(await workOff(client)).toBe(0)
  expect(await replayed(client)).toHaveLength(100)
  const next = (await replay(client)).json
  expect(next).toMatchObject({ status: 'pending' })
  const list = (await client.get('/v1/webhook-replays?per_page=1')).json
  expect(list.data.map((one: { id: string }) => one.id)).toEqual([next.id])
  const rest = (await client.get(`/v1/webhook-replays?per_page=1&cursor=${list.meta.next_cursor}`)).json
  expect(rest.data.map((one: { id: string }) => one.id)).toEqual([id])
  const stranger = await aBusiness()
  expect((await stranger.get(`/v1/webhook-replays/${next.id}`)).status).toBe(404)
})

test('a replay fails when its endpoint is disabled or deleted before its end', async () => {
  const client = await aBusiness()
  await many(client, 150)
  const endpoint = await anEndpoint(client, url)
  const { id } = (await replay(client, { from_sequence: 1, endpoint_id: endpoint.id })).json
  await client.put(`/v1/webhook-events/${endpoint.id}`, { enabled: false })
  await workOff(client)
  expect((await client.get(`/v1/webhook-replays/${id}`)).json).toMatchObject({
    status: 'failed',
    events: 100,
    error: 'The webhook event was deleted or disabled.',
  })
})

test('a replay neither begins nor continues while ten thousand deliveries of its business wait to be sent', async () => {
  const client = await aBusiness()
  const { db } = client.server.database
  await many(client, 150)
  await anEndpoint(client, url)
  const { id } = (await replay(client)).json
  await sql`insert into webhook_queue (business_id, delivery_id, lane, due_at)
    select ${client.business.id}, gen_random_uuid(), 'host:x', now() + interval '1 day' from generate_series(1, 10000)`.execute(db)
  expect(await workOff(client)).toBe(0)
  expect((await client.get(`/v1/webhook-replays/${id}`)).json).toMatchObject({ status: 'pending', events: 100 })
  const refused = await replay(client, { from_sequence: 1, to_sequence: 2 })
  expect([refused.status, refused.json.code, refused.headers.get('retry-after')]).toEqual([429, 'too_many_deliveries', '30'])
  expect((await replay(await aBusiness())).status).toBe(200)
  await sql`delete from webhook_queue where business_id = ${client.business.id}`.execute(db)
  client.clock.advance(2_000)
  await workOff(client)
  expect((await client.get(`/v1/webhook-replays/${id}`)).json).toMatchObject({ status: 'succeeded', events: 150 })
})

test('a replay of a rare type looks at a limited number of events at a time', async () => {
  const client = await aBusiness()
  const [rare] = await tellEvents(client, [{ type: 'customer.created' }])
  await anEndpoint(client, url)
  // As after millions of events: the numbers between are other events, which a batch must not all read.
  const { db } = client.server.database
  await sql`update events set sequence = 12001 where business_id = ${client.business.id} and id = ${rare}`.execute(db)
  await sql`update event_positions set last_sequence = 12001 where business_id = ${client.business.id}`.execute(db)
  const { json } = await replay(client, { event_type: 'customer.created' })
  expect(json).toMatchObject({ status: 'pending', events: 0, to_sequence: 12001, progress: 0.41 })
  expect(await workOff(client)).toBe(2)
  expect((await client.get(`/v1/webhook-replays/${json.id}`)).json).toMatchObject({ status: 'succeeded', events: 1, queued: 1 })
})
