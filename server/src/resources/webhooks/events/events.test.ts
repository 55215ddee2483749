import { describe, expect, test } from 'vitest'
import { emitEvent } from '#engine/events/emit-event.ts'
import { type Caller, payer, system } from '#foundation/shared/caller.ts'
import { newId } from '#foundation/shared/ids.ts'
import { aBusiness, type Client, customerBody, eventsOf } from '#testing/api.ts'

interface Shown {
  id: string
  sequence: number
  type: string
  object_id: string
  data: Record<string, unknown>
}

async function page(client: Client, query = ''): Promise<{ data: Shown[]; meta: { per_page: number; next_cursor: string; has_more: boolean } }> {
  const { status, json, text } = await client.get(`/v1/events?${query}`)
  expect(status, text).toBe(200)
  return json
}

/** A customer that was created, renamed and deleted: three events. */
async function aLife(client: Client): Promise<string> {
  const { json } = await client.post('/v1/customers', customerBody({ name: 'a' }))
  await client.patch(`/v1/customers/${json.id}`, { name: 'b' })
  await client.delete(`/v1/customers/${json.id}`)
  return json.id
}

const created = (objectId: string) => ({ type: 'customer.created' as const, objectId, data: JSON.stringify({ id: objectId }), requestId: null, caller: system })

describe('GET /v1/events', () => {
  test('the feed is empty at first, and keeps its cursor', async () => {
    const client = await aBusiness()
    expect(await page(client)).toEqual({ data: [], meta: { per_page: 25, next_cursor: '0', has_more: false } })
    expect(await page(client, 'after=7')).toEqual({ data: [], meta: { per_page: 25, next_cursor: '7', has_more: false } })
  })

  test('the feed returns every event of a business from its first one, exactly once and without a gap', async () => {
    const [client, stranger] = [await aBusiness(), await aBusiness()]
    const seen: Shown[] = []
    let after = '0'
    for (let i = 0; i < 4; i++) {
      await Promise.all([aLife(client), aLife(client), aLife(stranger)])
      for (let more = true; more; ) {
        const { data, meta } = await page(client, `per_page=4&after=${after}`)
        seen.push(...data)
        after = meta.next_cursor
        more = meta.has_more
      }
      expect(seen).toHaveLength((i + 1) * 6)
    }
    expect(seen.map(({ sequence }) => sequence)).toEqual(seen.map((_, i) => i + 1))
    expect(new Set(seen.map(({ id }) => id)).size).toBe(seen.length)
    for (const life of grouped(seen).values()) expect(life.map(({ type }) => type)).toEqual(['customer.created', 'customer.updated', 'customer.deleted'])
    expect((await page(stranger)).data).toHaveLength(12)
  })

  test('the feed names the caller of an event, if it is known', async () => {
    const client = await aBusiness()
    const [keyId, staffId] = [newId(new Date()), newId(new Date())]
    const callers: Caller[] = [{ kind: 'key', keyId }, { kind: 'staff', staffId, role: 'owner' }, payer, system, system]
    const { db, pool } = client.server.database
    const ids: string[] = []
    await db.transaction().execute(async (tx) => {
      for (const caller of callers) ids.push(await emitEvent(tx, client.business.id, { ...created(newId(new Date())), at: new Date(), caller }))
    })
    // As events of earlier versions are.
    await pool.query('update events set caller = null where business_id = $1 and id = $2', [client.business.id, ids.at(-1)])
    const shown = [{ kind: 'key', id: keyId }, { kind: 'staff', id: staffId }, { kind: 'payer', id: null }, { kind: 'system', id: null }, null]
    const { data } = (await client.get('/v1/events')).json
    expect(data.map(({ caller }: { caller: unknown }) => caller)).toEqual(shown)
    expect((await client.get(`/v1/events/${data[0].id}`)).json.caller).toEqual(shown[0])
  })

  test('the feed accepts pages from 1 to 100 and rejects invalid cursors', async () => {
    const client = await aBusiness()
    await aLife(client)
    expect((await page(client, 'per_page=1')).meta).toEqual({ per_page: 1, next_cursor: '1', has_more: true })
    expect((await page(client, 'per_page=3')).meta).toEqual({ per_page: 3, next_cursor: '3', has_more: false })
    expect((await page(client, 'per_page=100')).data).toHaveLength(3)
    for (const wrong of ['per_page=0', 'per_page=101', 'after=-1', 'after=x', 'after=1.5', `after=${'9'.repeat(19)}`, 'type=%00']) {
      expect((await client.get(`/v1/events?${wrong}`)).status, wrong).toBe(422)
    }
    expect((await page(client, `after=${'9'.repeat(18)}`)).data).toEqual([])
  })

  test('the feed filtered by type, or by all types of an object, skips events of other types', async () => {
    const client = await aBusiness()
    for (let i = 0; i < 3; i++) await aLife(client)
    const updated = await page(client, 'type=customer.updated&per_page=2')
    expect(updated.data.map(({ sequence }) => sequence)).toEqual([2, 5])
    expect(updated.meta).toEqual({ per_page: 2, next_cursor: '5', has_more: true })
    const rest = await page(client, 'type=customer.updated&per_page=2&after=5')
    expect(rest.data.map(({ sequence }) => sequence)).toEqual([8])
    expect(rest.meta).toEqual({ per_page: 2, next_cursor: '9', has_more: false })
    expect((await page(client, 'type=customer.*')).data).toHaveLength(9)
    for (const none of ['customer', 'customer.', 'charge.*', 'cust%25.*', '_ustomer.*', '.*', 'customer.cre.*']) {
      expect((await page(client, `type=${none}`)).data, none).toEqual([])
    }
    await aLife(client)
    expect((await page(client, 'type=customer.deleted&after=9')).data.map(({ sequence }) => sequence)).toEqual([12])
  })

  test('an event that commits late is not skipped', async () => {
    const client = await aBusiness()
    const { db } = client.server.database
    let release = () => {}
    const held = new Promise<void>((done) => {
      release = done
    })
    let inserted = () => {}
    const written = new Promise<void>((done) => {
      inserted = done
    })
    const lateId = newId<'customer'>(new Date())
    // Its id is older than those of all that commit while it is open.
    const late = db.transaction().execute(async (tx) => {
      await emitEvent(tx, client.business.id, { ...created(lateId), at: new Date() })
      inserted()
      await held
    })
    await written
    const id = await aLife(client)
    const before = await page(client)
    expect(before.data.map(({ object_id }) => object_id)).toEqual([id, id, id])
    const filtered = await page(client, 'type=customer.created')
    release()
    await late
    const after = await page(client, `after=${before.meta.next_cursor}`)
    expect(after.data.map(({ object_id, sequence }) => [object_id, sequence])).toEqual([[lateId, 4]])
    expect((await page(client, `type=customer.created&after=${filtered.meta.next_cursor}`)).data).toEqual(after.data)
  })

  test('followers among writers see the same complete order', async () => {
    const client = await aBusiness()
    let writing = true
    const follow = async (query: string) => {
      const seen: Shown[] = []
      for (let after = '0', last = false; ; ) {
        const { data, meta } = await page(client, `${query}&after=${after}`)
        seen.push(...data)
        after = meta.next_cursor
        if (last && !meta.has_more) return seen
        last = !writing
      }
    }
    const followers = [follow('per_page=3'), follow('per_page=100'), follow('per_page=5&type=customer.created')]
    await Promise.all(Array.from({ length: 40 }, () => aLife(client)))
    writing = false
    const [few, many, filtered] = await Promise.all(followers)
    expect(few).toHaveLength(120)
    expect(few?.map(({ sequence }) => sequence)).toEqual(few?.map((_, i) => i + 1))
    expect(many).toEqual(few)
    expect(filtered).toEqual(few?.filter(({ type }) => type === 'customer.created'))
  })

  test('a reader waits for a relay that has the counter locked for longer than a statement of the write pool waits', async () => {
    const client = await aBusiness()
    const id = await aLife(client)
    const { db } = client.server.database
    let reading: ReturnType<typeof page> | undefined
    await db.transaction().execute(async (tx) => {
      await tx.selectFrom('event_positions').select('last_sequence').where('business_id', '=', client.business.id).forUpdate().execute()
      reading = page(client)
      await new Promise((done) => setTimeout(done, 500))
    })
    expect((await reading)?.data.map(({ object_id }) => object_id)).toEqual([id, id, id])
  })

  test('every event of a burst is returned immediately, with its delivery, however many are not sequenced yet', async () => {
    const client = await aBusiness()
    expect((await client.post('/v1/webhook-events', { name: 'All', url: 'https://example.com/hook', event_types: ['customer.created'] })).status).toBe(201)
    const at = new Date()
    const ids = Array.from({ length: 4500 }, () => newId<'event'>(at))
    await client.server.database.pool.query(
      `insert into events (business_id, id, type, object_id, data, created_at) select $1, id, 'customer.created', id, '{}', $2 from unnest($3::uuid[]) as t (id)`,
      [client.business.id, at, ids],
    )
    const last = ids.at(-1) ?? ''
    expect((await client.get(`/v1/events/${last}`)).json).toMatchObject({ id: last, sequence: 4500 })
    expect((await page(client, 'after=4499')).data).toHaveLength(1)
    expect((await eventsOf(client)).map(({ id }) => id)).toEqual(ids)
    const { rows } = await client.server.database.pool.query('select count(*)::int as count from webhook_deliveries where business_id = $1', [
      client.business.id,
    ])
    expect(rows).toEqual([{ count: 4500 }])
  })
})

describe('GET /v1/events/{event_id}', () => {
  test('an event is returned as in the feed, and one of another business is a 404', async () => {
    const [client, stranger] = [await aBusiness(), await aBusiness()]
    await aLife(client)
    const { data } = await page(client)
    for (const event of data) {
      expect((await client.get(`/v1/events/${event.id}`)).json).toEqual(event)
      const refused = await stranger.get(`/v1/events/${event.id}`)
      expect(refused).toMatchObject({ status: 404, json: { message: `No query results for model [App\\Business\\Event] ${event.id}` } })
    }
    for (const id of [newId(new Date()), 'x', '1', '%00']) expect((await client.get(`/v1/events/${id}`)).status).toBe(404)
  })

  test('an event exists right after its change', async () => {
    const client = await aBusiness()
    await client.post('/v1/customers', customerBody())
    const { rows } = await client.server.database.pool.query('select id from events where business_id = $1', [client.business.id])
    expect((await client.get(`/v1/events/${rows[0].id}`)).json).toMatchObject({ sequence: 1, type: 'customer.created' })
  })
})

function grouped(events: Shown[]): Map<string, Shown[]> {
  const groups = new Map<string, Shown[]>()
  for (const event of events) groups.set(event.object_id, [...(groups.get(event.object_id) ?? []), event])
  return groups
}
