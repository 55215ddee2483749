import { type RootOperationNode, sql, type Transaction } from 'kysely'
import { beforeAll, describe, expect, test } from 'vitest'
import type { DB } from '#foundation/database/tables.ts'
import { advance } from '#foundation/jobs/advance.ts'
import type { DueWork } from '#foundation/jobs/job.ts'
import { newId } from '#foundation/shared/ids.ts'
import { aBusiness, type Client } from '#testing/api.ts'
import { testDatabase } from '#testing/database.ts'
import { aPaidCharge, aPaymentRequest, aPendingCharge, type Payments, startPayments } from '#testing/payments.ts'
import { paymentsDueWork } from './jobs.ts'
import { findDueExpiries } from './payment-requests/queries.ts'
import { claimChecks } from './rails/check-queries.ts'

let payments: Payments
beforeAll(async () => {
  payments = await startPayments()
})
const merchant = () => aBusiness({}, payments.server)

const day = 86_400_000

const workOf = (): DueWork[] => paymentsDueWork(payments.server.app.payments)

/** Advances a business's clock by so many days, and returns what was done on the way and when. */
async function advanceBy(client: Client, days: number): Promise<[name: string, at: number][]> {
  const clock = payments.server.clock.of(client.business)
  const done: [string, number][] = []
  const works = workOf().map(
    (work): DueWork => ({
      ...work,
      async run(due) {
        done.push([work.name, due.until.getTime()])
        return work.run(due)
      },
    }),
  )
  await advance(clock, works, client.business.id, new Date(clock.now().getTime() + days * day))
  return done
}

const countOf = async (client: Client) => {
  const of = (table: 'payment_request_expiries' | 'rail_checks' | 'releases') =>
    client.server.database.db.selectFrom(table).select('due_at').where('business_id', '=', client.business.id).execute()
  return { expiries: (await of('payment_request_expiries')).length, checks: (await of('rail_checks')).length, releases: (await of('releases')).length }
}

/** A business with a request that expires in 20 days, a card payment that is released in two, and an attempt without an answer. */
async function aBusyBusiness() {
  const client = await merchant()
  const request = (await client.post('/v1/payment-requests', { amount: '10.00', currency: 'sgd', expires_after: '20 days' })).json
  const paid = await aPaidCharge(payments, client, { rail: 'local' })
  const asked = await aPendingCharge(client, { rail: 'local' })
  return { client, request, paid, asked }
}

describe('due work in payments', () => {
  test('due work of one business is done up to an instant, in order, dated by its clock, and its neighbor is not affected', async () => {
    const [moved, neighbour] = [await aBusyBusiness(), await aBusyBusiness()]
    const before = await countOf(neighbour.client)
    const began = new Date()
    payments.server.clock.of(moved.client.business).set(began)
    const done = await advanceBy(moved.client, 40)

    const [expiring, polling, releasing] = workOf().map(({ name }) => name)
    expect(done.map(([name]) => name).filter((name, i, all) => name !== all[i - 1])).toEqual([polling, releasing, expiring])
    expect(done.map(([, at]) => at)).toEqual(done.map(([, at]) => at).sort((x, y) => x - y))
    expect(await countOf(moved.client)).toEqual({ expiries: 0, checks: 0, releases: 0 })
    const { db } = moved.client.server.database
    const expiry = new Date(began.getTime() + 20 * day)
    const [expired] = await db
      .selectFrom('payment_requests')
      .selectAll()
      .where('business_id', '=', moved.client.business.id)
      .where('id', '=', moved.request.id)
      .execute()
    expect(expired?.status).toBe('expired')
    expect(Math.abs((expired?.updated_at.getTime() ?? 0) - expiry.getTime())).toBeLessThan(60_000)
    const [event] = await db
      .selectFrom('events')
      .selectAll()
      .where('business_id', '=', moved.client.business.id)
      .where('type', '=', 'payment_request.expired')
      .execute()
    expect(event).toMatchObject({ caller: 'system', created_at: expired?.updated_at })
    const released = await db
      .selectFrom('ledger_transfers')
      .select(['source_id', 'created_at'])
      .where('business_id', '=', moved.client.business.id)
      .where('source', '=', 'release')
      .execute()
    expect(released.map(({ source_id }) => source_id).sort()).toEqual([moved.paid.id, moved.asked.id].sort())
    for (const { created_at } of released) expect(Math.abs(created_at.getTime() - began.getTime() - 2 * day)).toBeLessThan(60_000)
    expect(await countOf(neighbour.client)).toEqual(before)
    expect((await neighbour.client.get(`/v1/payment-requests/${neighbour.request.id}`)).json.status).toBe('pending')
  })

  test('the poll leaves out a business with a clock of its own', async () => {
    const { client, request } = await aBusyBusiness()
    payments.server.clock.of(client.business).set(new Date())
    const before = await countOf(client)
    const { clock } = payments.server
    expect(clock.apart()).toContain(client.business.id)
    // Others' work is done as it would be later; theirs is the system's clock.
    for (const work of workOf()) await work.run({ until: new Date(Date.now() + 40 * day), except: clock.apart() })
    expect(await countOf(client)).toEqual(before)
    expect((await client.get(`/v1/payment-requests/${request.id}`)).json.status).toBe('pending')
  })

  test('the next due time is that of the earliest row, and undefined beyond the instant', async () => {
    const client = await merchant()
    const at = (seconds: number) => new Date(1_800_000_000_000 + seconds * 1000)
    const { db } = client.server.database
    for (const seconds of [30, 10, 20]) {
      const { id } = await aPaymentRequest(client)
      await db
        .insertInto('payment_request_expiries')
        .values({ business_id: client.business.id, id, due_at: at(seconds) })
        .execute()
    }
    const [expiring] = workOf()
    const next = (until: Date) => expiring?.next(client.business.id, until)
    expect(await next(at(9))).toBeUndefined()
    expect(await next(at(10))).toEqual(at(10))
    expect(await next(at(60))).toEqual(at(10))
  })
})

type Run = (tx: Transaction<DB>) => Promise<unknown>

/** The plans of the last statements of some runs, with many rows of many businesses; nothing of it remains. */
async function plansOf(runs: Run[]): Promise<string[]> {
  const { db } = await testDatabase()
  const plans: string[] = []
  const rolledBack = db.transaction().execute(async (tx) => {
    const many = sql`(select (lpad(to_hex(n % 400), 8, '0') || '-0000-7000-8000-000000000000')::uuid as business_id, gen_random_uuid() as id,
      now() + (n - 400) * interval '1 minute' as due_at from generate_series(1, 8000) n)`
    await sql`insert into payment_request_expiries (business_id, id, due_at) select business_id, id, due_at from ${many} many`.execute(tx)
    await sql`insert into rail_checks (business_id, id, kind, due_at, attempts) select business_id, id, 'charge', due_at, 0 from ${many} many`.execute(tx)
    await sql`insert into releases (business_id, charge_id, currency, amount_minor, due_at) select business_id, id, 'sgd', 1, due_at from ${many} many`.execute(
      tx,
    )
    await sql`analyze payment_request_expiries, rail_checks, releases`.execute(tx)
    for (const run of runs) {
      let sent: RootOperationNode | undefined
      const listening = tx.withPlugin({
        transformQuery: ({ node }) => {
          sent = node
          return node
        },
        transformResult: async ({ result }) => result,
      }) as Transaction<DB>
      await run(listening)
      const compiled = tx.getExecutor().compileQuery(sent as RootOperationNode, { queryId: 'plan' } as never)
      const { rows } = await tx.executeQuery<Record<string, string>>({ ...compiled, sql: `explain ${compiled.sql}` })
      plans.push(rows.map((row) => Object.values(row)[0]).join('\n'))
    }
    throw new Error('rolled back')
  })
  await expect(rolledBack).rejects.toThrow('rolled back')
  return plans
}

test('queries for due work read an index: by time for all businesses, by business and time for one', async () => {
  const until = new Date()
  const except = [newId(until)]
  const businessId = '000000c7-0000-7000-8000-000000000000'
  const work = (index: number, tx: Transaction<DB>) =>
    paymentsDueWork({ ...payments.server.app.payments, database: { ...payments.server.database, db: tx as never } })[index]
  const runs: [index: string, run: Run][] = [
    ['payment_request_expiries_due', (tx) => findDueExpiries(tx, { until }, 500)],
    ['payment_request_expiries_due', (tx) => findDueExpiries(tx, { until, except }, 500)],
    ['payment_request_expiries_due_of_business', (tx) => findDueExpiries(tx, { until, businessId }, 500)],
    ['rail_checks_due', (tx) => claimChecks(tx, { until }, 1_000, 20)],
    ['rail_checks_due', (tx) => claimChecks(tx, { until, except }, 1_000, 20)],
    ['rail_checks_due_of_business', (tx) => claimChecks(tx, { until, businessId }, 1_000, 20)],
    ['releases_due', async (tx) => work(2, tx)?.run({ until: new Date(0), except })],
    ['payment_request_expiries_due_of_business', async (tx) => work(0, tx)?.next(businessId, until)],
    ['rail_checks_due_of_business', async (tx) => work(1, tx)?.next(businessId, until)],
    ['releases_due_of_business', async (tx) => work(2, tx)?.next(businessId, until)],
  ]
  const plans = await plansOf(runs.map(([, run]) => run))
  for (const [i, [index]] of runs.entries()) {
    expect(plans[i]).toMatch(new RegExp(`using ${index}\\s`))
    expect(plans[i]).not.toContain('Seq Scan')
  }
})
