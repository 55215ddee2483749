import { sql } from 'kysely'
import { beforeAll, describe, expect, test } from 'vitest'
import { systemOrigin } from '#foundation/http/origin.ts'
import { newId } from '#foundation/shared/ids.ts'
import type { ChargeRow } from '#resources/payments/charges/queries.ts'
import { aBusiness, type Client } from '#testing/api.ts'
import { aPaidCharge, type Payments, startPayments } from '#testing/payments.ts'
import { finishRefund } from './finish-refund.ts'
import { type BegunRefund, beginRefund, completeRefund, prepareRefund, type RefundDeps, type RefundInput, refundCharge } from './refund-charge.ts'

let payments: Payments
beforeAll(async () => {
  payments = await startPayments()
})
const merchant = (about = {}) => aBusiness({ mode: 'sandbox', ...about }, payments.server)

const depsOf = (onEvent: RefundDeps['onEvent'] = () => undefined): RefundDeps => ({ ...payments.server.app.payments, onEvent })
const originOf = ({ business }: Client) => systemOrigin(payments.server.app.payments, business.id)
const inTransaction = () => payments.server.database.db.transaction()

/** Everything that a refund writes or changes, in the order in which transactions wrote it. */
async function storedOf({ business, server: { database } }: Client) {
  const of = (table: 'charges' | 'refunds' | 'releases' | 'rail_checks' | 'ledger_transfers' | 'events' | 'mails' | 'idempotency_keys') =>
    database.db
      .selectFrom(table)
      .selectAll()
      .where('business_id', '=', business.id)
      .orderBy(sql`xmin::text::bigint, to_jsonb(${sql.table(table)}) ->> 'id'`)
      .execute()
  return {
    charges: await of('charges'),
    refunds: await of('refunds'),
    releases: await of('releases'),
    checks: await of('rail_checks'),
    transfers: await of('ledger_transfers'),
    events: (await of('events')) as { type: string; caller: string | null; request_id: string | null }[],
    mails: await of('mails'),
    answers: await of('idempotency_keys'),
  }
}

const woken: string[] = []

async function begin(client: Client, charge: ChargeRow, more: Partial<RefundInput> = {}, inside = async (_begun: BegunRefund) => {}): Promise<BegunRefund> {
  const via = await prepareRefund(depsOf(), client.business, charge.id, new Date())
  return inTransaction().execute(async (tx) => {
    const begun = await beginRefund(depsOf((businessId) => woken.push(businessId)))(
      tx,
      client.business,
      { chargeId: charge.id, refundedBy: null, sendEmail: true, ...more, via },
      originOf(client),
    )
    await inside(begun)
    return begun
  })
}

const soldOut = async () => {
  throw new Error('the order cannot be canceled')
}

describe.each(['local', 'remote'])('a refund by a %s rail, begun by a job inside a transaction of its own', (rail) => {
  test('a refund begun by a job leaves nothing when the transaction rolls back, and calls no remote rail', async () => {
    const client = await merchant()
    const charge = await aPaidCharge(payments, client, { rail })
    await prepareRefund(depsOf(), client.business, charge.id, new Date())
    const before = await storedOf(client)
    const calls = payments.remote.calls
    await expect(begin(client, charge, {}, soldOut)).rejects.toThrow('the order cannot be canceled')
    expect(await storedOf(client)).toEqual(before)
    expect(payments.remote.calls).toBe(calls)
    expect(woken).toEqual([])
  })

  test('a refund begun by a job is complete when the transaction commits, with its money taken and events of the system', async () => {
    const client = await merchant()
    const charge = await aPaidCharge(payments, client, { rail, rail_reference: null })
    const { refund, isOpen, answer } = await begin(client, charge, { amount: '40.00' })
    const isLocal = rail === 'local'
    expect({ isOpen, status: refund.status, answer: answer.status }).toEqual({ isOpen: !isLocal, status: isLocal ? 'succeeded' : 'pending', answer: 201 })
    const { charges, refunds, checks, transfers, events, mails, answers } = await storedOf(client)
    expect(charges).toMatchObject([{ refunded_minor: 4000n, status: isLocal ? 'partially_refunded' : 'succeeded' }])
    expect(refunds).toMatchObject([{ id: refund.id, amount_minor: 4000n, api_key_id: null, status: refund.status }])
    expect(checks).toHaveLength(isLocal ? 0 : 1)
    expect((transfers as { source_id: string; amount_minor: bigint }[]).filter(({ source_id }) => source_id === refund.id)).toMatchObject([
      { amount_minor: 4000n },
    ])
    expect(events.slice(1)).toMatchObject([
      { type: 'refund.created', caller: 'system', request_id: null },
      ...(isLocal ? [{ type: 'charge.updated', caller: 'system' }] : []),
    ])
    expect(mails).toHaveLength(isLocal ? 1 : 0)
    expect(answers).toEqual([])
    // Whoever opened the transaction wakes the relay.
    expect(woken).toEqual([])
  })
})

describe('an open refund', () => {
  test('an open refund is completed outside any transaction, and wakes the relay once for its outcome', async () => {
    const client = await merchant()
    const begun = await begin(client, await aPaidCharge(payments, client))
    const completed: string[] = []
    const done = await completeRefund(
      depsOf((businessId) => completed.push(businessId)),
      client.business,
      begun,
      originOf(client),
    )
    expect(done.refund.status).toBe('succeeded')
    expect(payments.remote.given.get(begun.refund.id)).toBe(10_000n)
    expect(completed).toEqual([client.business.id])
    const again = await completeRefund(
      depsOf((businessId) => completed.push(businessId)),
      client.business,
      begun,
      originOf(client),
    )
    expect(again.refund).toEqual(done.refund)
    expect(completed).toHaveLength(1)
  })

  test('an open refund is completed by a job when nobody else completes it', async () => {
    const client = await merchant()
    const { refund } = await begin(client, await aPaidCharge(payments, client))
    await payments.check(client, 45)
    expect((await client.get(`/v1/refunds/${refund.id}`)).json.status).toBe('succeeded')
  })

  test.each(['succeeded', 'failed'] as const)('an open refund stays pending when the transaction that writes that it has %s rolls back', async (status) => {
    const client = await merchant()
    const { refund, charge } = await begin(client, await aPaidCharge(payments, client))
    const before = await storedOf(client)
    const outcome = status === 'succeeded' ? ({ status, reference: 're_1' } as const) : ({ status, code: 'closed', message: 'The account is closed.' } as const)
    const finish = (inside: () => Promise<void>) =>
      inTransaction().execute(async (tx) => {
        const finished = await finishRefund(depsOf())(tx, client.business, { chargeId: charge.id, refundId: refund.id, outcome }, originOf(client))
        await inside()
        return finished
      })
    await expect(finish(soldOut)).rejects.toThrow('the order cannot be canceled')
    expect(await storedOf(client)).toEqual(before)

    const finished = await finish(async () => undefined)
    expect(finished).toMatchObject({ isChanged: true, refund: { status }, charge: { refunded_minor: status === 'succeeded' ? 10_000n : 0n } })
    const { events, checks, mails } = await storedOf(client)
    const added = events.slice(before.events.length)
    expect(added.map(({ type, caller }) => `${type} ${caller}`)).toEqual([
      'refund.updated system',
      ...(status === 'succeeded' ? ['charge.updated system'] : []),
    ])
    expect([checks.length, mails.length]).toEqual([0, status === 'succeeded' ? 1 : 0])
    expect(await finish(async () => undefined)).toMatchObject({ isChanged: false, refund: { status } })
    expect((await storedOf(client)).events).toHaveLength(events.length)
  })
})

describe('the input of a refund', () => {
  test('a key stores the answer with the refund, and the stored answer follows the outcome', async () => {
    const client = await merchant()
    const charge = await aPaidCharge(payments, client)
    payments.remote.refundAnswers.push({ status: 'failed', code: 'closed', message: 'The account is closed.' })
    const claim = { businessId: client.business.id, key: newId(new Date()), fingerprint: {} }
    const { answer } = await refundCharge(depsOf(), client.business, { chargeId: charge.id, refundedBy: null, claim }, originOf(client))
    expect(answer.status).toBe(422)
    expect((await storedOf(client)).answers).toMatchObject([{ key: claim.key, status: 422 }])
  })

  test('a callback of a refund without an API key is signed with no key of its own', async () => {
    const client = await merchant()
    const charge = await aPaidCharge(payments, client, { rail: 'local' })
    await begin(client, charge, { webhook: 'https://example.com/refunded' })
    const events = await client.server.database.db.selectFrom('events').select('callbacks').where('business_id', '=', client.business.id).execute()
    expect(events.flatMap(({ callbacks }) => callbacks ?? [])).toMatchObject([{ url: 'https://example.com/refunded', apiKeyId: null }])
  })

  test('a charge that is unknown or cannot be refunded is rejected before anything is written', async () => {
    const client = await merchant()
    const charge = await aPaidCharge(payments, client, { rail: 'final' })
    const prepare = (id: string) => prepareRefund(depsOf(), client.business, id, new Date())
    await expect(prepare(charge.id)).rejects.toMatchObject({ code: 'refund_not_supported' })
    await expect(prepare(newId(new Date()))).rejects.toMatchObject({ status: 404 })
  })
})
