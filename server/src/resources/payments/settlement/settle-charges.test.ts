import { describe, expect, onTestFinished, test } from 'vitest'
import { movedIn } from '#engine/ledger/post.ts'
import { KeyTaken } from '#foundation/http/idempotency.ts'
import { createLog } from '#foundation/http/observability.ts'
import { systemClock } from '#foundation/shared/clock.ts'
import { newId } from '#foundation/shared/ids.ts'
import { findAnyPaymentRequests, type PaymentRequestRow } from '#resources/payments/payment-requests/queries.ts'
import { aBusiness, type Client, eventsOf, testSecretKey } from '#testing/api.ts'
import { anOrigin } from '#testing/payments.ts'
import { type Settlement, settleCharges } from './settle-charges.ts'
import { newCharge } from './start-payment.ts'

const path = '/v1/payment-requests'

const depsOf = ({ server }: Client) => ({
  database: server.database,
  onEvent: () => undefined,
  baseUrl: () => server.url,
  secretKey: () => testSecretKey,
  groupAcrossBusinesses: true,
  log: createLog('silent'),
  clock: systemClock,
})

/** The inputs for settling in one process; each process has batches of its own. */
const aProcess = (client: Client) => settleCharges(depsOf(client))

async function read(client: Client, id: string): Promise<PaymentRequestRow> {
  const [row] = await findAnyPaymentRequests(client.server.database.db, [{ businessId: client.business.id, id }])
  return row as PaymentRequestRow
}

async function aRequest(client: Client, more: Record<string, unknown> = {}): Promise<PaymentRequestRow> {
  const { json } = await client.post(path, { amount: '10.00', currency: 'sgd', name: 'Payer', email: 'payer@example.com', reference_number: 'A-1', ...more })
  return read(client, json.id)
}

/** A payment whose caller has read the request, like a local rail's. */
function payment(client: Client, request: PaymentRequestRow, more: Partial<Settlement> & { method?: string; payer?: { name: string } } = {}): Settlement {
  const { method = 'card', payer, ...about } = more
  const origin = anOrigin({ requestId: 'req_1' })
  const row = newCharge(client.business, 'simulator', { request, method, ...(payer ? { payer } : {}) }, 1000n, 0n, origin.at)
  const card = { brand: 'visa', last4: '4242', country: 'US' }
  const outcome = { status: 'succeeded', reference: newId(new Date()), card, data: { amount: '1000' } } as const
  return { business: client.business, charge: { isNew: true, row }, outcome, requestAsRead: request, origin, ...about }
}

/** The same payment, of a caller who has not read the request. */
function unread(settlement: Settlement): Settlement {
  const { requestAsRead: _read, ...rest } = settlement
  return rest
}

/** A business for which duplicates are not refunded by the next test that looks for due checks. */
async function aMerchant(): Promise<Client> {
  const client = await aBusiness()
  onTestFinished(async () => void (await client.server.database.pool.query('delete from rail_checks where business_id = $1', [client.business.id])))
  return client
}

const sequences = async ({ server, business }: Client) => {
  const { rows } = await server.database.pool.query<{ sequence: bigint | null; type: string; object_id: string }>(
    'select sequence, type, object_id from events where business_id = $1 order by sequence nulls last, id',
    [business.id],
  )
  return rows
}

describe('a payment', () => {
  test.each(['card', 'paynow_online'])('a payment by %s leaves a charge, transfers, a release, events and no expiry', async (method) => {
    const client = await aMerchant()
    const more = { webhook: 'https://example.com/hook', expiry_date: '2099-01-01 00:00:00', metadata: { table: '7' } }
    const request = await aRequest(client, more)
    const { charge, paymentRequest, changed } = await aProcess(client)(payment(client, request, { method }))
    expect(charge).toMatchObject({ status: 'succeeded', unapplied_reason: null, rail_data: { amount: '1000' }, card: { last4: '4242' } })
    expect(paymentRequest).toMatchObject({ status: 'completed', version: request.version + 1 })
    expect(changed).toBe(true)
    const { rows } = await client.server.database.pool.query(
      `select (select to_jsonb(c) from charges c where business_id = $1 and id = $3) as charge,
        (select array_agg(credit_account order by purpose) from ledger_transfers where business_id = $1 and source_id = $3) as credited,
        (select count(*)::int from releases where business_id = $1 and charge_id = $3) as releases,
        (select count(*)::int from payment_request_expiries where business_id = $1 and id = $2) as expiries,
        (select array_agg(concat(type, ' ', caller, ' ', request_id, ' ', callbacks -> 0 ->> 'url') order by id) from events
          where business_id = $1 and object_id in ($2, $3) and type <> 'payment_request.created') as events`,
      [client.business.id, request.id, charge.id],
    )
    const isCard = method === 'card'
    expect(rows[0]).toMatchObject({
      charge: { status: 'succeeded', metadata: { table: '7' }, amount_minor: 1000, discount_fee_minor: Number(charge.discount_fee_minor) },
      credited: ['fees', isCard ? 'pending' : 'available'],
      releases: isCard ? 1 : 0,
      expiries: 0,
      events: ['charge.created system req_1 ', 'payment_request.completed system req_1 https://example.com/hook'],
    })
    expect(await read(client, request.id)).toMatchObject({ status: 'completed', completed_at: expect.any(Date) })
  })

  test('a payment is booked in the epoch of its own accounts, whoever else is in the batch', async () => {
    const clients = await Promise.all([1, 2, 3].map(aMerchant))
    const [first] = clients as [Client]
    const { database } = first.server
    const settle = aProcess(first)
    const paid = (client: Client) => ['card', 'paynow_online'].map(async (method) => settle(payment(client, await aRequest(client), { method })))
    await Promise.all(clients.flatMap(paid))
    for (const [i, { business }] of clients.entries()) {
      const moved = await movedIn(database.db, business.id, 'available', 'sgd', 1)
      await database.pool.query(`update ledger_accounts set epoch = $2, balance_minor = balance_minor + $3 where business_id = $1 and account = 'available'`, [
        business.id,
        10 + i,
        moved,
      ])
    }
    const settled = await Promise.all(clients.flatMap(paid))
    for (const [i, { business }] of clients.entries()) {
      const ids = settled.flatMap(({ charge }) => (charge.business_id === business.id ? [charge.id] : []))
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

  test('a payment is decided by the current state of its request, even if it has changed since it was read', async () => {
    const client = await aMerchant()
    const asRead = await aRequest(client)
    await client.patch(`${path}/${asRead.id}`, { amount: '12.00', currency: 'sgd' })
    const { charge, paymentRequest } = await aProcess(client)(payment(client, asRead))
    // What was paid is less than the current amount.
    expect(charge.unapplied_reason).toBe('short')
    expect(paymentRequest).toMatchObject({ status: 'pending', amount_minor: 1200n, version: asRead.version + 1 })
    expect(asRead).toMatchObject({ status: 'pending', amount_minor: 1000n })
  })

  test('a payment does not wait for the row of another payment that a transaction has locked', async () => {
    const client = await aMerchant()
    const [locked, free] = [await aRequest(client), await aRequest(client)]
    const settle = aProcess(client)
    let waited: Promise<unknown> = Promise.resolve()
    await client.server.database.db.transaction().execute(async (tx) => {
      await tx.selectFrom('payment_requests').select('id').where('business_id', '=', client.business.id).where('id', '=', locked.id).forUpdate().execute()
      let isSettled = false
      waited = settle(payment(client, locked)).then((settled) => {
        isSettled = true
        return settled
      })
      expect((await settle(payment(client, free))).charge.unapplied_reason).toBeNull()
      expect(isSettled).toBe(false)
    })
    expect(await waited).toMatchObject({ changed: true, charge: { unapplied_reason: null } })
  })

  test('a payment of an unknown charge is rejected', async () => {
    const client = await aMerchant()
    const { charge: _charge, ...rest } = payment(client, await aRequest(client))
    const unknown = { isNew: false, id: newId(new Date()), paymentRequestId: null } as const
    await expect(aProcess(client)({ ...rest, charge: unknown })).rejects.toThrow('does not exist')
  })
})

describe('a single-use request accepts one payment', () => {
  test('one of several payments in one batch completes a single-use request, whether it was read before or not', async () => {
    const client = await aMerchant()
    const request = await aRequest(client)
    const settle = aProcess(client)
    const others = await Promise.all([1, 2, 3].map(() => aRequest(client)))
    const payments = [request, ...others, request, request].map((one) => payment(client, one))
    const settled = await Promise.all(payments.map((one, i) => settle(i % 2 === 0 ? one : unread(one))))
    expect(settled.map(({ charge }) => charge.unapplied_reason)).toEqual([null, null, null, null, 'duplicate', 'duplicate'])
  })

  test('one of several payments in several processes completes a single-use request', async () => {
    const client = await aMerchant()
    for (let round = 0; round < 5; round++) {
      const requests = await Promise.all([1, 2, 3].map(() => aRequest(client)))
      const settled = await Promise.all(
        [0, 1, 2, 3].flatMap((process) => {
          const settle = aProcess(client)
          const order = process % 2 === 0 ? requests : [...requests].reverse()
          return order.map((request) => settle(process === 3 ? unread(payment(client, request)) : payment(client, request)))
        }),
      )
      const applied = settled.filter(({ charge }) => charge.unapplied_reason === null).map(({ charge }) => charge.payment_request_id)
      expect(applied.sort()).toEqual(requests.map(({ id }) => id).sort())
      expect(settled.filter(({ charge }) => charge.unapplied_reason === 'duplicate')).toHaveLength(9)
    }
  })
})

test('the event of a payment of a repeated request lists the payments that count, and no short, over or failed one', async () => {
  const client = await aMerchant()
  const request = await aRequest(client, { allow_repeated_payments: true })
  const settle = aProcess(client)
  const paid = async (minor: bigint, more: Partial<Settlement> = {}) => {
    const one = payment(client, await read(client, request.id), more)
    if (one.charge.isNew) one.charge.row.amount_minor = minor
    return (await settle(one)).charge
  }
  const failed = { status: 'failed', code: 'declined', message: 'Declined.' } as const
  const first = await paid(1000n)
  await paid(900n)
  await paid(1100n)
  await paid(1000n, { outcome: failed })
  const [second, third] = await Promise.all([paid(1000n), paid(1000n), paid(999n)])
  const { rows } = await client.server.database.pool.query<{ ids: string[] }>(
    `select array(select payment ->> 'id' from json_array_elements(data -> 'payments') payment) as ids from events
     where business_id = $1 and type = 'payment_request.completed' order by id`,
    [client.business.id],
  )
  const both = [first.id, second?.id, third?.id]
  expect(rows.map(({ ids }) => ids.length)).toEqual([1, 2, 3])
  expect(rows[2]?.ids.sort()).toEqual(both.sort())
})

describe('attempts on a page', () => {
  const outcomeOf = {
    pending: { status: 'pending', checkAfterSeconds: 60 },
    failed: { status: 'failed', code: 'declined', message: 'Declined.' },
  } as const
  const reasonOf = (result: PromiseSettledResult<unknown>) => (result.status === 'fulfilled' ? 'begun' : (result.reason as { code: string }).code)

  test('attempts in one batch are rejected like single ones: after a payment, while one is in progress, and after too many', async () => {
    const client = await aMerchant()
    const settle = aProcess(client)
    const attempts = async (outcomes: ('paid' | 'pending' | 'failed')[]) => {
      const request = await aRequest(client)
      const all = outcomes.map((one) => payment(client, request, { limitAttempts: true, ...(one === 'paid' ? {} : { outcome: outcomeOf[one] }) }))
      return (await Promise.allSettled(all.map(settle))).map(reasonOf)
    }
    expect(await attempts(['failed', 'paid', 'paid', 'pending'])).toEqual(['begun', 'begun', 'payment_request_not_payable', 'payment_request_not_payable'])
    expect(await attempts(['pending', 'paid', 'failed'])).toEqual(['begun', 'payment_in_progress', 'payment_in_progress'])
    expect(await attempts(Array.from({ length: 32 }, () => 'failed' as const))).toEqual([
      ...Array.from({ length: 30 }, () => 'begun'),
      'too_many_attempts',
      'too_many_attempts',
    ])
  })

  test('a rejected attempt leaves nothing, and those in the same batch are settled', async () => {
    const client = await aMerchant()
    const settle = aProcess(client)
    const [paid, other] = [await aRequest(client), await aRequest(client)]
    await settle(payment(client, paid))
    const before = await sequences(client)
    const results = await Promise.allSettled([paid, other].map((request) => settle(payment(client, request, { limitAttempts: true }))))
    expect(results.map(reasonOf)).toEqual(['payment_request_not_payable', 'begun'])
    expect((await sequences(client)).length).toBe(before.length + 2)
  })
})

describe('the answer under an Idempotency-Key', () => {
  const answered = (client: Client, key: string) => ({
    origin: anOrigin({ claim: { businessId: client.business.id, key, fingerprint: { request: 'a' } } }),
    answer: () => ({ status: 200, body: '{"paid":true}' }),
  })

  test('an answer is stored with its payment once, and a payment with a used key leaves nothing, while those in the same batch are settled', async () => {
    const client = await aMerchant()
    const settle = aProcess(client)
    const [first, second, third] = [await aRequest(client), await aRequest(client), await aRequest(client)]
    expect((await settle(payment(client, first, answered(client, 'key-1')))).answer).toEqual({ status: 200, body: '{"paid":true}' })
    const [taken, beside] = await Promise.allSettled([settle(payment(client, second, answered(client, 'key-1'))), settle(payment(client, third))])
    expect(taken).toMatchObject({ status: 'rejected', reason: expect.any(KeyTaken) })
    expect(beside).toMatchObject({ status: 'fulfilled', value: { paymentRequest: { status: 'completed' } } })
    expect(await read(client, second.id)).toEqual(second)
    const { rows } = await client.server.database.pool.query('select body from idempotency_keys where business_id = $1 and key = $2', [
      client.business.id,
      'key-1',
    ])
    expect(rows).toEqual([{ body: '{"paid":true}' }])
  })

  test('an answer is stored by one of two processes that settle different payments under one key', async () => {
    const client = await aMerchant()
    for (let round = 0; round < 5; round++) {
      const requests = [await aRequest(client), await aRequest(client)]
      const results = await Promise.allSettled(requests.map((request) => aProcess(client)(payment(client, request, answered(client, `round-${round}`)))))
      expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
      const statuses = await Promise.all(requests.map(async ({ id }) => (await read(client, id)).status))
      expect(statuses.sort()).toEqual(['completed', 'pending'])
    }
  })
})

test('the events of payments in several processes beside a relay have one order, and none is lost', async () => {
  const client = await aMerchant()
  const requests = await Promise.all(Array.from({ length: 24 }, () => aRequest(client)))
  let settling = true
  const relay = async () => {
    while (settling) await client.get('/v1/events?per_page=1')
  }
  const relays = [relay(), relay()]
  const processes = [0, 1, 2].map(() => aProcess(client))
  await Promise.all(requests.map((request, i) => processes[i % 3]?.(payment(client, request))))
  settling = false
  await Promise.all(relays)
  await eventsOf(client)
  const rows = await sequences(client)
  expect(rows.map(({ sequence }) => sequence)).toEqual(rows.map((_, i) => BigInt(i + 1)))
  for (const { id } of requests)
    expect(rows.filter(({ object_id }) => object_id === id).map(({ type }) => type)).toEqual(['payment_request.created', 'payment_request.completed'])
})

test('a charge older than those a search scans is found by words of its request, by words of its own and by its id', async () => {
  const client = await aMerchant()
  const settle = aProcess(client)
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
