import { describe, expect, onTestFinished, test } from 'vitest'
import { type Database, openDatabase } from '#foundation/database/database.ts'
import { system } from '#foundation/shared/caller.ts'
import { newId } from '#foundation/shared/ids.ts'
import { createBusiness } from '#resources/business/businesses/create-business.ts'
import { aBusiness, startTestServer } from '#testing/api.ts'
import { cloneDatabase, testDatabase } from '#testing/database.ts'
import { emitEvent } from './emit-event.ts'
import { businessesWithPendingEvents, countPendingEvents, orderEvents, startRelay } from './order-events.ts'

async function ownDatabase(): Promise<Database> {
  const database = openDatabase(await cloneDatabase(), { connections: 12, slowConnections: 3, guardTenancy: true })
  onTestFinished(() => database.close())
  return database
}

const pause = (ms: number) => new Promise<void>((done) => setTimeout(done, ms))

function event(type: 'customer.created' | 'customer.updated' = 'customer.created', at = new Date()) {
  return { type, objectId: newId(at), data: '{}', requestId: null, caller: system, at }
}

async function placed({ db }: Database, businessId: string): Promise<{ id: string; sequence: bigint | null; type: string }[]> {
  const rows = await db.selectFrom('events').select(['id', 'sequence', 'type']).where('business_id', '=', businessId).orderBy('sequence').execute()
  return rows
}

const noDeliveries = async () => new Set<string>()
const fail = (error: unknown) => expect.fail(String(error))

describe('orderEvents', () => {
  test('sequences start at 1, without gaps or duplicates', async () => {
    const database = await testDatabase()
    const { db } = database
    const { id } = await createBusiness(db, new Date())
    for (let i = 0; i < 5; i++) await emitEvent(db, id, event())
    expect(await orderEvents(db, id, noDeliveries)).toBe(5)
    expect(await orderEvents(db, id, noDeliveries)).toBe(0)
    await emitEvent(db, id, event())
    expect(await orderEvents(db, id, noDeliveries)).toBe(1)
    expect((await placed(database, id)).map(({ sequence }) => sequence)).toEqual([1n, 2n, 3n, 4n, 5n, 6n])
  })

  test('an event that commits late gets a later sequence than the events that were seen before it', async () => {
    const database = await testDatabase()
    const { db } = database
    const { id } = await createBusiness(db, new Date())
    let commit: () => void = () => undefined
    const gate = new Promise<void>((open) => {
      commit = open
    })
    let early = ''
    let written: () => void = () => undefined
    const isWritten = new Promise<void>((done) => {
      written = done
    })
    const late = db.transaction().execute(async (tx) => {
      early = await emitEvent(tx, id, event())
      written()
      await gate
    })
    await isWritten
    const second = await emitEvent(db, id, event())
    expect(await orderEvents(db, id, noDeliveries)).toBe(1)
    commit()
    await late
    await orderEvents(db, id, noDeliveries)
    expect((await placed(database, id)).map((row) => row.id)).toEqual([second, early])
    expect(early < second).toBe(true)
  })

  test('each event is sequenced once when relays, late commits and rollbacks race', async () => {
    const database = await ownDatabase()
    const { db } = database
    const businesses = await Promise.all([1, 2].map(() => createBusiness(db, new Date())))
    const relays = [1, 2, 3].map(() =>
      startRelay(db, {
        onOrdered: noDeliveries,
        pollMs: 5,
        gatherMs: 1,
        onError(error) {
          throw error
        },
      }),
    )
    const seen = businesses.map(() => new Map<bigint, string>())
    let writing = true
    // A follower by cursor: it requests what comes after the last sequence it knows, and must never miss or repeat an event.
    const follow = async (i: number) => {
      let after = 0n
      for (let last = false; ; last = !writing) {
        const rows = await db
          .selectFrom('events')
          .select(['id', 'sequence'])
          .where('business_id', '=', businesses[i]?.id ?? '')
          .where('sequence', '>', after)
          .orderBy('sequence')
          .limit(7)
          .execute()
        for (const { id, sequence } of rows) {
          expect(sequence).toBe(after + 1n)
          after = sequence ?? 0n
          seen[i]?.set(after, id)
        }
        if (rows.length === 0) {
          if (last) return
          await pause(3)
        }
      }
    }
    const committed = businesses.map(() => new Set<string>())
    const write = async (seed: number) => {
      for (let n = 0; n < 25; n++) {
        const i = (seed + n) % businesses.length
        const business = businesses[i]?.id ?? ''
        const ids: string[] = []
        await db
          .transaction()
          .execute(async (tx) => {
            ids.push(await emitEvent(tx, business, event()))
            if ((seed * 7 + n) % 5 === 0) await pause((seed * 13 + n) % 20)
            ids.push(await emitEvent(tx, business, event('customer.updated')))
            if ((seed + n) % 6 === 0) throw new Error('rolled back')
          })
          .then(
            () => {
              for (const id of ids) committed[i]?.add(id)
              relays[n % 3]?.wake(business)
            },
            () => undefined,
          )
      }
    }
    const followers = businesses.map((_, i) => follow(i))
    await Promise.all([1, 2, 3, 4].map(write))
    await Promise.all(relays.map((relay) => relay.stop()))
    for (const { id } of businesses) await orderEvents(db, id, noDeliveries)
    writing = false
    await Promise.all(followers)
    for (const [i, { id }] of businesses.entries()) {
      const rows = await placed(database, id)
      expect(rows.map(({ sequence }) => sequence)).toEqual(rows.map((_, n) => BigInt(n + 1)))
      expect(new Set(rows.map((row) => row.id))).toEqual(committed[i])
      expect([...(seen[i] ?? new Map()).values()]).toEqual(rows.map((row) => row.id))
    }
    expect(await countPendingEvents(db)).toBe(0)
  })

  test('events of one object keep the order of its changes', async () => {
    const database = await testDatabase()
    const { db } = database
    const { id } = await createBusiness(db, new Date())
    const made: string[] = []
    for (let n = 0; n < 30; n++) {
      made.push(await emitEvent(db, id, event()))
      if (n % 7 === 0) await orderEvents(db, id, noDeliveries)
    }
    await orderEvents(db, id, noDeliveries)
    expect((await placed(database, id)).map((row) => row.id)).toEqual(made)
  })
})

test('each business with pending events is found once', async () => {
  const { db } = await ownDatabase()
  const businesses = await Promise.all([1, 2, 3].map(() => createBusiness(db, new Date())))
  for (const { id } of businesses.slice(0, 2)) for (let n = 0; n < 3; n++) await emitEvent(db, id, event())
  expect((await businessesWithPendingEvents(db)).sort()).toEqual(
    businesses
      .slice(0, 2)
      .map(({ id }) => id)
      .sort(),
  )
  expect(await countPendingEvents(db)).toBe(6)
  expect(await countPendingEvents(db, 4)).toBe(4)
  for (const { id } of businesses) await orderEvents(db, id, noDeliveries)
  expect(await businessesWithPendingEvents(db)).toEqual([])
})

describe('the relay', () => {
  test('the relay finds by polling what another process wrote, and sequences the rest when it stops', async () => {
    const database = await ownDatabase()
    const { db } = database
    const { id } = await createBusiness(db, new Date())
    const relay = startRelay(db, {
      onOrdered: noDeliveries,
      pollMs: 10,
      onError: () => undefined,
    })
    await emitEvent(db, id, event())
    await expect.poll(() => countPendingEvents(db), { timeout: 2_000, interval: 10 }).toBe(0)
    await emitEvent(db, id, event())
    relay.wake(id)
    await relay.stop()
    expect((await placed(database, id)).map(({ sequence }) => sequence)).toEqual([1n, 2n])
    await emitEvent(db, id, event())
    await pause(40)
    expect(await countPendingEvents(db)).toBe(1)
  })

  test('the relay sequences events of many businesses together, each in its own order, and a failing business delays no other', async () => {
    const database = await ownDatabase()
    const { db } = database
    const businesses = await Promise.all(Array.from({ length: 7 }, () => createBusiness(db, new Date())))
    const broken = businesses[3]?.id ?? ''
    const made = new Map<string, string[]>()
    for (let n = 0; n < 4; n++) for (const { id } of businesses) made.set(id, [...(made.get(id) ?? []), await emitEvent(db, id, event())])
    const together: number[] = []
    const errors: unknown[] = []
    const delivered: string[] = []
    let isBroken = true
    const relay = startRelay(db, {
      pollMs: 10,
      async onOrdered(_tx, events) {
        const ids = new Set(events.map(({ business_id }) => business_id))
        if (isBroken && ids.has(broken)) throw new Error('broken')
        together.push(ids.size)
        return new Set([...ids].slice(0, 1))
      },
      onSequenced: (id) => delivered.push(id),
      onError: (error) => errors.push(error),
    })
    await expect.poll(() => countPendingEvents(db), { timeout: 2_000, interval: 10 }).toBe(4)
    isBroken = false
    await expect.poll(() => countPendingEvents(db), { timeout: 2_000, interval: 10 }).toBe(0)
    for (const { id } of businesses) await emitEvent(db, id, event())
    await expect.poll(() => countPendingEvents(db), { timeout: 2_000, interval: 10 }).toBe(0)
    await relay.stop()
    expect(errors.length).toBeGreaterThan(0)
    expect(Math.max(...together)).toBeGreaterThan(1)
    expect(new Set(delivered)).toContain(broken)
    for (const { id } of businesses) {
      const rows = await placed(database, id)
      expect(rows.map(({ sequence }) => sequence)).toEqual([1n, 2n, 3n, 4n, 5n])
      expect(rows.slice(0, 4).map((row) => row.id)).toEqual(made.get(id))
    }
  })

  test('a business whose counter is locked by another transaction delays no other in its batch, and leaves no gap', async () => {
    const database = await ownDatabase()
    const { db } = database
    const businesses = (await Promise.all([1, 2, 3].map(() => createBusiness(db, new Date())))).map(({ id }) => id).sort()
    const [first = ''] = businesses
    for (const id of businesses) for (let n = 0; n < 3; n++) await emitEvent(db, id, event())
    await db.transaction().execute(async (tx) => {
      await tx.selectFrom('event_positions').select('last_sequence').where('business_id', '=', first).forUpdate().execute()
      const relay = startRelay(db, { pollMs: 10, onOrdered: noDeliveries, onError: fail })
      await expect.poll(() => countPendingEvents(db), { timeout: 2_000, interval: 10 }).toBe(3)
      // Nothing of the locked business was numbered, and its counter did not move.
      expect(new Set((await placed(database, first)).map(({ sequence }) => sequence))).toEqual(new Set([null]))
      await relay.stop()
    })
    for (const id of businesses) await emitEvent(db, id, event())
    const relay = startRelay(db, { pollMs: 10, onOrdered: noDeliveries, onError: fail })
    await expect.poll(() => countPendingEvents(db), { timeout: 2_000, interval: 10 }).toBe(0)
    await relay.stop()
    for (const id of businesses) expect((await placed(database, id)).map(({ sequence }) => sequence)).toEqual([1n, 2n, 3n, 4n])
  })

  test('the relay continues after an error', async () => {
    const database = await ownDatabase()
    const { db, pool } = database
    const { id } = await createBusiness(db, new Date())
    const errors: unknown[] = []
    await pool.query('alter table hawker.event_positions rename to elsewhere')
    await emitEvent(db, id, event())
    const relay = startRelay(db, {
      onOrdered: noDeliveries,
      pollMs: 10,
      onError: (error) => errors.push(error),
    })
    await expect.poll(() => errors.length, { interval: 10 }).toBeGreaterThan(0)
    await pool.query('alter table hawker.elsewhere rename to event_positions')
    await expect.poll(() => countPendingEvents(db), { timeout: 2_000, interval: 10 }).toBe(0)
    await relay.stop()
  })
})

describe('GET /v1/events', () => {
  test('a follower of one type sees each of its events once and skips none while others are written', async () => {
    const database = await ownDatabase()
    const server = await startTestServer(database)
    onTestFinished(() => server.app.fastify.close())
    const client = await aBusiness({}, server)
    const wanted = new Set<string>()
    let writing = true
    const write = async (seed: number) => {
      for (let n = 0; n < 20; n++) {
        const type = (seed + n) % 3 === 0 ? 'customer.updated' : 'customer.created'
        const id = await database.db.transaction().execute(async (tx) => {
          const made = await emitEvent(tx, client.business.id, event(type))
          if ((seed + n) % 4 === 0) await pause((seed + n) % 15)
          return made
        })
        if (type === 'customer.updated') wanted.add(id)
      }
    }
    const seen: string[] = []
    const follow = async () => {
      let after = '0'
      for (let last = false; ; last = !writing) {
        const { json, status } = await client.get(`/v1/events?type=customer.updated&per_page=3&after=${after}`)
        expect(status).toBe(200)
        seen.push(...json.data.map(({ id }: { id: string }) => id))
        after = json.meta.next_cursor
        if (last && !json.meta.has_more) return after
      }
    }
    const following = follow()
    await Promise.all([1, 2, 3].map(write))
    writing = false
    const end = await following
    expect(new Set(seen)).toEqual(wanted)
    expect(seen).toHaveLength(wanted.size)
    expect(end).toBe('60')
  })

  test('GET /v1/events returns what was committed before, without a relay', async () => {
    const client = await aBusiness()
    const { db } = client.server.database
    for (let n = 0; n < 3; n++) await emitEvent(db, client.business.id, event())
    const { json } = await client.get('/v1/events')
    expect(json.data.map(({ sequence }: { sequence: number }) => sequence)).toEqual([1, 2, 3])
    expect(json.meta).toEqual({ per_page: 25, next_cursor: '3', has_more: false })
    expect((await client.get('/v1/events?after=3')).json.data).toEqual([])
    expect((await client.get(`/v1/events/${json.data[1].id}`)).json).toEqual(json.data[1])
  })
})
