import { describe, expect, onTestFinished, test } from 'vitest'
import { movedIn } from '#engine/ledger/post.ts'
import { KeyTaken } from '#foundation/http/idempotency.ts'
import { createLog } from '#foundation/http/observability.ts'
import { systemClock } from '#foundation/shared/clock.ts'
import { newId } from '#foundation/shared/ids.ts'
import { findAnyPaymentRequests, type PaymentRequestRow } from '#resources/payments/payment-requests/queries.ts'
import { aBusiness, type Client, testSecretKey } from '#testing/api.ts'
import { anEndpoint, placeEvents } from '#testing/deliveries.ts'
import { settleAtOnce } from './settle-at-once.ts'
import { type Settlement, settleCharges } from './settle-charges.ts'
import { newCharge } from './start-payment.ts'

const path = '/v1/payment-requests'

const depsOf = ({ server }: Client) => ({
  database: server.database,
  now: () => new Date(),
  onEvent: () => undefined,
  baseUrl: () => server.url,
  secretKey: () => testSecretKey,
  groupAcrossBusinesses: true,
  log: createLog('silent'),
  clock: systemClock,
})

async function read(client: Client, id: string): Promise<PaymentRequestRow> {
  const [row] = await findAnyPaymentRequests(client.server.database.pool, [{ businessId: client.business.id, id }])
  return row as PaymentRequestRow
}

async function aRequest(client: Client, more: Record<string, unknown> = {}): Promise<PaymentRequestRow> {
  const { json } = await client.post(path, { amount: '10.00', currency: 'sgd', name: 'Payer', email: 'payer@example.com', reference_number: 'A-1', ...more })
  return read(client, json.id)
}

/** A payment whose caller has read the request, as a local rail's has. */
function payment(client: Client, request: PaymentRequestRow, more: Partial<Settlement> & { method?: string; payer?: { name: string } } = {}): Settlement {
  const { method = 'card', payer, ...about } = more
  const row = newCharge(client.business, 'simulator', { request, method, ...(payer ? { payer } : {}) }, 1000n, 0n, new Date())
  const outcome = {
    status: 'succeeded',
    reference: newId(new Date()),
    card: { brand: 'visa', last4: '4242', country: 'US' },
    data: { amount: '1000' },
  } as const
  return { business: client.business, charge: { isNew: true, row }, outcome, seen: request, requestId: 'req_1', ...about }
}

/** A business whose accounts exist, since nothing is settled at once before. */
async function aPaidBusiness(): Promise<Client> {
  const client = await aBusiness()
  // Payments that came twice would be given back by the next test that looks for what is due.
  onTestFinished(async () => void (await client.server.database.pool.query('delete from rail_checks where business_id = $1', [client.business.id])))
  for (const method of ['card', 'paynow_online']) await settleCharges(depsOf(client))(payment(client, await aRequest(client), { method }))
  return client
}

/** Everything that belongs to a charge, without what differs between any two. */
async function writtenFor({ server, business }: Client, requestId: string): Promise<unknown> {
  const { rows } = await server.database.pool.query(
    `select
      (select to_jsonb(r) - '{id,created_at,updated_at,completed_at,payment_reference,search}'::text[] from payment_requests r where r.business_id = $1 and r.id = $2) as request,
      (select jsonb_agg(to_jsonb(c) - '{id,payment_request_id,search,rail_reference,created_at,updated_at,closed_at}'::text[]) from charges c where c.business_id = $1 and c.payment_request_id = $2) as charges,
      (select jsonb_agg(to_jsonb(t) - '{id,source_id,created_at}'::text[] order by t.purpose) from ledger_transfers t join charges c on c.business_id = $1 and c.id = t.source_id
        where t.business_id = $1 and c.payment_request_id = $2) as transfers,
      (select jsonb_agg(to_jsonb(l) - '{charge_id,due_at}'::text[]) from releases l join charges c on c.business_id = $1 and c.id = l.charge_id
        where l.business_id = $1 and c.payment_request_id = $2) as releases,
      (select jsonb_agg((to_jsonb(e) - '{id,object_id,data,created_at,sequence,callbacks}'::text[]) || jsonb_build_object('called', e.callbacks -> 0 ->> 'url',
        'keys', (select jsonb_agg(k) from json_object_keys(e.data) k)) order by e.type) from events e
        where e.business_id = $1 and e.type <> 'payment_request.created' and e.object_id in (select $2 union select id from charges where business_id = $1 and payment_request_id = $2)) as events,
      (select count(*) from payment_request_expiries where business_id = $1 and id = $2) as expiries`,
    [business.id, requestId],
  )
  return rows[0]
}

describe('a plain payment', () => {
  test.each(['card', 'paynow_online'])('by %s leaves what the transaction would have left', async (method) => {
    const client = await aPaidBusiness()
    const deps = depsOf(client)
    const more = { webhook: 'https://example.com/hook', expiry_date: '2099-01-01 00:00:00', metadata: { table: '7' } }
    const [one, other] = [await aRequest(client, more), await aRequest(client, more)]
    const settled = await settleAtOnce(deps)(payment(client, one, { method }))
    const { seen: _unseen, ...unseen } = payment(client, other, { method })
    const compared = await settleCharges(deps)(unseen)
    expect(settled?.charge).toMatchObject({ status: 'succeeded', unapplied_reason: null, discount_fee_minor: compared.charge.discount_fee_minor })
    expect(settled?.paymentRequest?.status).toBe('completed')
    const left = await writtenFor(client, one.id)
    expect(left).toEqual(await writtenFor(client, other.id))
    expect(left).toMatchObject({ charges: [{ status: 'succeeded', metadata: { table: '7' } }], transfers: [{}, {}], events: [{}, {}], expiries: 0n })
  })

  test('is booked in the epoch of its own accounts, whoever else is in the batch', async () => {
    const first = await aPaidBusiness()
    const clients = [first, await aPaidBusiness(), await aPaidBusiness()]
    const { database } = first.server
    for (const [i, { business }] of clients.entries()) {
      const moved = await movedIn(database.db, business.id, 'available', 'sgd', 1)
      await database.pool.query(`update ledger_accounts set epoch = $2, balance_minor = balance_minor + $3 where business_id = $1 and account = 'available'`, [
        business.id,
        10 + i,
        moved,
      ])
    }
    const settle = settleAtOnce(depsOf(first))
    const payments = await Promise.all(
      clients.flatMap((client) => ['card', 'paynow_online'].map(async (method) => payment(client, await aRequest(client), { method }))),
    )
    const settled = await Promise.all(payments.map(settle))
    for (const [i, { business }] of clients.entries()) {
      const ids = settled.flatMap((one) => (one?.charge.business_id === business.id ? [one.charge.id] : []))
      const { rows } = await database.pool.query(
        'select credit_account, debit_epoch, credit_epoch from ledger_transfers where business_id = $1 and source_id = any ($2) order by credit_account',
        [business.id, ids],
      )
      expect(rows.map((row) => [row.credit_account, row.debit_epoch, row.credit_epoch])).toEqual([
        ['available', 1, 10 + i],
        ['fees', 1, 1],
        ['fees', 1, 1],
        ['pending', 1, 1],
      ])
    }
  })

  test('whose business has no accounts yet is left to the transaction', async () => {
    const client = await aBusiness()
    const request = await aRequest(client)
    expect(await settleAtOnce(depsOf(client))(payment(client, request))).toBeUndefined()
    expect(await read(client, request.id)).toEqual(request)
    expect((await settleCharges(depsOf(client))(payment(client, request))).paymentRequest?.status).toBe('completed')
  })

  test('leaves nothing when its request has changed since it was seen', async () => {
    const client = await aPaidBusiness()
    const seen = await aRequest(client)
    await client.patch(`${path}/${seen.id}`, { amount: '12.00', currency: 'sgd' })
    const before = await writtenFor(client, seen.id)
    expect(await settleAtOnce(depsOf(client))(payment(client, seen))).toBeUndefined()
    expect(await writtenFor(client, seen.id)).toEqual(before)
    // What was paid is less than what is asked for now.
    expect((await settleCharges(depsOf(client))(payment(client, seen))).charge.unapplied_reason).toBe('short')
  })

  test('in one batch with another of the same request is one of them', async () => {
    const client = await aPaidBusiness()
    const request = await aRequest(client)
    const settle = settleCharges(depsOf(client))
    const others = await Promise.all([1, 2, 3].map(() => aRequest(client)))
    const settled = await Promise.all([request, ...others, request, request].map((one) => settle(payment(client, one))))
    expect(settled.map(({ charge }) => charge.unapplied_reason)).toEqual([null, null, null, null, 'duplicate', 'duplicate'])
  })

  test('in several processes, seen or unseen, is one of them', async () => {
    const client = await aPaidBusiness()
    for (let round = 0; round < 5; round++) {
      const requests = await Promise.all([1, 2, 3].map(() => aRequest(client)))
      const settled = await Promise.all(
        [0, 1, 2, 3].flatMap((process) => {
          const settle = settleCharges(depsOf(client))
          const order = process % 2 === 0 ? requests : [...requests].reverse()
          return order.map((request) => {
            const { seen, ...unseen } = payment(client, request)
            return settle(process === 3 || !seen ? unseen : { ...unseen, seen })
          })
        }),
      )
      const applied = settled.filter(({ charge }) => charge.unapplied_reason === null).map(({ charge }) => charge.payment_request_id)
      expect(applied.sort()).toEqual(requests.map(({ id }) => id).sort())
      expect(settled.filter(({ charge }) => charge.unapplied_reason === 'duplicate')).toHaveLength(9)
    }
  })
})

describe('the events of a plain payment', () => {
  const placesOf = async ({ server, business }: Client) => {
    const { rows } = await server.database.pool.query<{ sequence: bigint | null; type: string; object_id: string }>(
      'select sequence, type, object_id from events where business_id = $1 order by sequence nulls last, id',
      [business.id],
    )
    return rows
  }
  const isPlaced = (rows: { sequence: bigint | null }[], objectId: string) =>
    (rows as { sequence: bigint | null; object_id: string }[]).filter((row) => row.object_id === objectId).map(({ sequence }) => sequence !== null)

  test('have their places at once, without gaps, where nobody is to be told and none of the request waits', async () => {
    const client = await aPaidBusiness()
    const [quiet, waiting] = [await aRequest(client), await aRequest(client)]
    // The events of the first are placed with what came before; the second has its beginning still to be placed.
    await client.get('/v1/events')
    await client.server.database.pool.query('update events set sequence = null where business_id = $1 and object_id = $2', [client.business.id, waiting.id])
    await client.server.database.pool.query(
      `update event_positions p set last_sequence = (select max(sequence) from events e where e.business_id = p.business_id) where business_id = $1`,
      [client.business.id],
    )
    const settle = settleAtOnce(depsOf(client))
    const settled = await Promise.all([quiet, waiting].map((request) => settle(payment(client, request))))
    expect(settled.map((one) => one?.arePlaced)).toEqual([true, false])
    expect(isPlaced(await placesOf(client), quiet.id)).toEqual([true, true])
    expect(isPlaced(await placesOf(client), waiting.id)).toEqual([false, false])
    await client.get('/v1/events')
    const rows = await placesOf(client)
    expect(rows.map(({ sequence }) => sequence)).toEqual(rows.map((_, i) => BigInt(i + 1)))
    expect(rows.filter(({ object_id }) => object_id === waiting.id).map(({ type }) => type)).toEqual(['payment_request.created', 'payment_request.completed'])
  })

  test('wait for the relay where an endpoint or a form is to be told of them, or while someone holds the counter', async () => {
    const client = await aPaidBusiness()
    const settle = settleAtOnce(depsOf(client))
    const [called, held, told] = [await aRequest(client, { webhook: 'https://example.com/hook' }), await aRequest(client), await aRequest(client)]
    await client.get('/v1/events')
    expect((await settle(payment(client, called)))?.arePlaced).toBe(false)
    await client.server.database.db.transaction().execute(async (tx) => {
      await tx.selectFrom('event_positions').select('last_sequence').where('business_id', '=', client.business.id).forUpdate().execute()
      expect((await settle(payment(client, held)))?.arePlaced).toBe(false)
    })
    await client.get('/v1/events')
    await anEndpoint(client, 'https://example.com/endpoint')
    expect((await settle(payment(client, told)))?.arePlaced).toBe(false)
    expect(await placeEvents(client)).toBe(2)
    const { rows } = await client.server.database.pool.query('select event_type from webhook_deliveries where business_id = $1 and endpoint_id is not null', [
      client.business.id,
    ])
    expect(rows.map(({ event_type }) => event_type).sort()).toEqual(['charge.created', 'payment_request.completed'])
  })

  test('of many payments in several processes beside a relay have one order, and none is lost', async () => {
    const client = await aPaidBusiness()
    const requests = await Promise.all(Array.from({ length: 24 }, () => aRequest(client)))
    let settling = true
    const relay = async () => {
      while (settling) await client.get('/v1/events?per_page=1')
    }
    const relays = [relay(), relay()]
    const processes = [0, 1, 2].map(() => settleCharges(depsOf(client)))
    await Promise.all(requests.map((request, i) => processes[i % 3]?.(payment(client, request))))
    settling = false
    await Promise.all(relays)
    await client.get('/v1/events')
    const rows = await placesOf(client)
    expect(rows.map(({ sequence }) => sequence)).toEqual(rows.map((_, i) => BigInt(i + 1)))
    for (const { id } of requests)
      expect(rows.filter(({ object_id }) => object_id === id).map(({ type }) => type)).toEqual(['payment_request.created', 'payment_request.completed'])
  })
})

describe('the answer of an Idempotency-Key', () => {
  const answered = (client: Client, key: string) => ({
    claim: { businessId: client.business.id, key, fingerprint: { request: 'a' } },
    answer: () => ({ status: 200, body: '{"paid":true}' }),
  })

  test('is stored with the payment, once; a payment with a taken key leaves nothing, and those beside it are settled', async () => {
    const client = await aPaidBusiness()
    const settle = settleCharges(depsOf(client))
    const [first, second, third] = [await aRequest(client), await aRequest(client), await aRequest(client)]
    expect((await settle(payment(client, first, { answered: answered(client, 'key-1') }))).answer).toEqual({ status: 200, body: '{"paid":true}' })
    const [taken, beside] = await Promise.allSettled([settle(payment(client, second, { answered: answered(client, 'key-1') })), settle(payment(client, third))])
    expect(taken).toMatchObject({ status: 'rejected', reason: expect.any(KeyTaken) })
    expect(beside).toMatchObject({ status: 'fulfilled', value: { paymentRequest: { status: 'completed' } } })
    expect(await read(client, second.id)).toEqual(second)
    const { rows } = await client.server.database.pool.query('select body from idempotency_keys where business_id = $1 and key = $2', [
      client.business.id,
      'key-1',
    ])
    expect(rows).toEqual([{ body: '{"paid":true}' }])
  })
})

describe('charges that no walk reaches', () => {
  test('are found by words of their request, by words of their own and by their id', async () => {
    const client = await aPaidBusiness()
    const settle = settleCharges(depsOf(client))
    const request = await aRequest(client, { purpose: 'Nasi Lemak', reference_number: 'TABLE-77' })
    const { charge } = await settle(payment(client, request))
    const { charge: named } = await settle(payment(client, await aRequest(client), { payer: { name: 'Somebody Else' } }))
    await client.server.database.pool.query(
      `insert into charges (business_id, id, channel, method, rail, status, currency, amount_minor, rail_data, metadata, search, created_at, updated_at)
      select $1, uuidv7(), 'api', 'card', 'simulator', 'succeeded', 'sgd', 100, '{}', '{}', '', now(), now() from generate_series(1, 1100)`,
      [client.business.id],
    )
    const found = async (keywords: string) =>
      (await client.get(`/v1/charges?keywords=${encodeURIComponent(keywords)}`)).json.data.map((one: { id: string }) => one.id)
    for (const words of ['lemak', 'able-7', 'TABLE-77 nasi', charge.id, `${charge.id.slice(0, 30)} lemak`])
      expect([words, await found(words)]).toEqual([words, [charge.id]])
    for (const words of ['somebody', 'else payer@example', named.id]) expect([words, await found(words)]).toEqual([words, [named.id]])
    expect(await found('satay')).toEqual([])
  })
})
