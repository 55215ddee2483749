import { type Kysely, sql } from 'kysely'
import { beforeAll, describe, expect, test } from 'vitest'
import { ensureSandboxFloat } from '#engine/ledger/sandbox-float.ts'
import { type Database, openDatabase } from '#foundation/database/database.ts'
import type { DB } from '#foundation/database/tables.ts'
import { createLog } from '#foundation/http/observability.ts'
import { systemClock } from '#foundation/shared/clock.ts'
import { newId } from '#foundation/shared/ids.ts'
import { signReport } from '#resources/payments/bank-accounts/read-report.ts'
import { expireDuePaymentRequests } from '#resources/payments/payment-requests/expire-payment-requests-job.ts'
import { releaseDue } from '#resources/payments/releases/release-due-job.ts'
import { settleCharges } from '#resources/payments/settlement/settle-charges.ts'
import { aBusiness, type Client, customerBody, startTestServer, testSecretKey } from '#testing/api.ts'
import { clockAt } from '#testing/clock.ts'
import { cloneDatabase } from '#testing/database.ts'
import { placeEvents } from '#testing/deliveries.ts'
import { anOrigin } from '#testing/payments.ts'
import { checks, findCounterExamples } from './checks.ts'

/** A database of its own, in which one of everything has happened. */
interface Story {
  database: Database
  client: Client
  customer: string
  paid: string
  partly: string
  whole: string
  pendingRefund: string
  repeated: string
  expired: string
  canceled: string
  open: string
  failed: string
  short: string
  waiting: string
  credit: string
  refund: string
}

const day = 86_400_000
let story: Story

async function tell(): Promise<Story> {
  const database = await openDatabase(await cloneDatabase(), { connections: 6, slowConnections: 2 })
  const server = await startTestServer(database)
  const client = await aBusiness({}, server)
  const path = '/v1/payment-requests'
  const request = async (more: Record<string, unknown> = {}) =>
    (await client.post(path, { amount: '100.00', currency: 'sgd', payment_methods: ['card', 'paynow_online'], ...more })).json
  const pay = async (id: string, more: Record<string, unknown> = {}) => (await client.post(`/v1/sandbox/payment-requests/${id}/pay`, more)).json
  const refund = async (id: string, amount?: number) => (await client.post('/v1/refund', { payment_id: id, ...(amount ? { amount } : {}) })).json

  const customer = (await client.post('/v1/customers', customerBody())).json.id
  await client.patch(`/v1/customers/${customer}`, { name: 'Tan Ah Kow' })
  await client.delete(`/v1/customers/${(await client.post('/v1/customers', customerBody())).json.id}`)
  await ensureSandboxFloat(database.db, client.business, 'sgd', new Date())

  const paid = (await pay((await request({ add_admin_fee: true })).id)).payment_id
  const partly = (await pay((await request()).id, { method: 'paynow_online' })).payment_id
  const refunded = await refund(partly, 30)
  await refund(partly, 20)
  const whole = (await pay((await request()).id)).payment_id
  await refund(whole)
  // The refund of this card fails, but only later.
  const late = (await pay((await request()).id, { card: '4000000000005126' })).payment_id
  await refund(late, 10)
  const pending = (await pay((await request()).id, { card: '4000000000007726' })).payment_id
  const pendingRefund = (await refund(pending, 10)).id

  const repeated = (await request({ allow_repeated_payments: true })).id
  for (let i = 0; i < 3; i++) await pay(repeated)
  await client.delete(`${path}/${repeated}`)
  const failed = (await pay((await request()).id, { outcome: 'failed' })).payment_id
  await pay((await request()).id, { outcome: 'canceled' })
  const waiting = (await pay((await request()).id, { delay: 600 })).payment_id
  const short = (await pay((await request()).id, { amount: '99.00' })).payment_id
  const canceled = (await request()).id
  const late2 = (await pay(canceled, { delay: 600, method: 'paynow_online' })).payment_id
  await client.delete(`${path}/${canceled}`)
  const settle = settleCharges({
    database,
    onEvent: () => undefined,
    baseUrl: () => server.url,
    secretKey: () => testSecretKey,
    groupAcrossBusinesses: true,
    log: createLog('silent'),
    clock: systemClock,
  })
  await settle({
    business: client.business,
    charge: { isNew: false, id: late2, paymentRequestId: canceled },
    outcome: { status: 'succeeded', reference: `sim_${late2}` },
    origin: anOrigin(),
  })
  const expired = (await request({ expires_after: '5 mins' })).id
  const clock = clockAt(() => new Date(Date.now() + day))
  await expireDuePaymentRequests({ database, clock, onEvent: () => undefined, baseUrl: () => server.url }, { until: clock.system() })
  const open = (await request({ expires_after: '2 days' })).id

  const bank = (await client.post('/v1/bank-accounts', { account_number: '0123456789', name: 'Shop' })).json
  const report = async (reference: string) => {
    const body = JSON.stringify({ account_number: '0123456789', bank_reference: newId(new Date()), amount: '100.00', currency: 'sgd', reference })
    const headers = { 'hawker-signature': signReport(body, bank.secret, new Date()) }
    const { json } = await client.request('POST', '/v1/bank-notifications/generic', { raw: { body, type: 'application/json' }, headers })
    return json.id
  }
  await report('nothing of ours')
  const credit = await report('rent')
  await client.post(`/v1/bank-credits/${credit}/allocate`, { payment_request_id: (await request()).id })
  // Some of the money is released, some is pending.
  await sql`update releases set due_at = now() - interval '1 second' where charge_id = ${late}`.execute(database.db)
  await releaseDue({ database, clock: systemClock }, { until: new Date() })
  await placeEvents(client)
  return {
    database,
    client,
    customer,
    paid,
    partly,
    whole,
    pendingRefund,
    repeated,
    expired,
    canceled,
    open,
    failed,
    short,
    waiting,
    credit,
    refund: refunded.id,
  }
}

beforeAll(async () => {
  story = await tell()
})

class Undo extends Error {}

/** Breaks something, verifies, and rolls back. */
async function brokenBy(breakIt: (db: Kysely<DB>) => Promise<unknown>): Promise<Awaited<ReturnType<typeof findCounterExamples>>> {
  let seen: Awaited<ReturnType<typeof findCounterExamples>> | undefined
  await story.database.db
    .transaction()
    .execute(async (tx) => {
      await breakIt(tx)
      seen = await findCounterExamples(tx)
      throw new Undo()
    })
    .catch((error: unknown) => {
      if (!(error instanceof Undo)) throw error
    })
  return seen as Awaited<ReturnType<typeof findCounterExamples>>
}

test('everything adds up after payments, refunds, expiries, cancellations, late payments and bank credits', async () => {
  const { rows } = await sql<{ status: string }>`select distinct status from charges order by status`.execute(story.database.db)
  expect(rows.map(({ status }) => status)).toEqual(['canceled', 'failed', 'partially_refunded', 'pending', 'refunded', 'succeeded'])
  expect((await findCounterExamples(story.database.db)).found).toEqual([])
})

const other = '00000000-0000-7000-8000-000000000000'

/** For each check: what breaks it, and the object that it must name. */
const breaks: Record<string, [object: () => string, statements: () => ReturnType<typeof sql>[]]> = {
  account_balances_add_up: [() => 'available sgd', () => [sql`update ledger_accounts set balance_minor = balance_minor + 1 where account = 'available'`]],
  wallets_not_below_zero: [
    () => 'reserve sgd',
    () => [
      sql`insert into ledger_accounts select business_id, 'reserve', currency, 1, 0, true from ledger_accounts where account = 'fees'`,
      sql`insert into ledger_transfers select business_id, ${other}::uuid, 'sandbox', ${other}::uuid, 'x', 'reserve', 'fees', currency, 5, 1, epoch, now() from ledger_accounts where account = 'fees'`,
    ],
  ],
  balances_sum_to_zero: [
    () => 'sgd',
    () => [sql`update ledger_transfers set credit_epoch = credit_epoch + 1000 where source_id = ${story.paid} and purpose = 'fee'`],
  ],
  transfers_have_accounts: [
    () => other,
    () => [sql`update ledger_transfers set id = ${other}, credit_account = 'elsewhere' where source_id = ${story.paid} and purpose = 'fee'`],
  ],
  charges_booked_once: [
    () => story.paid,
    () => [sql`update ledger_transfers set amount_minor = amount_minor + 1 where source_id = ${story.paid} and purpose = 'net'`],
  ],
  charge_transfers_have_charges: [
    () => other,
    () => [sql`update ledger_transfers set id = ${other}, source_id = ${other} where source_id = ${story.paid} and purpose = 'net'`],
  ],
  refund_transfers_have_refunds: [() => other, () => [sql`update ledger_transfers set id = ${other}, source_id = ${other} where source_id = ${story.refund}`]],
  refunds_booked_once: [() => story.refund, () => [sql`delete from ledger_transfers where source_id = ${story.refund}`]],
  pending_wallet_waits_for_release: [() => 'sgd', () => [sql`update releases set amount_minor = amount_minor + 1 where charge_id = ${story.paid}`]],
  refunds_within_charge: [() => story.partly, () => [sql`update refunds set amount_minor = amount_minor + 1 where id = ${story.refund}`]],
  charges_say_what_was_refunded: [() => story.whole, () => [sql`update charges set status = 'partially_refunded' where id = ${story.whole}`]],
  refunds_have_charges: [() => story.refund, () => [sql`update refunds set charge_id = ${other} where id = ${story.refund}`]],
  paid_requests_have_money: [() => story.open, () => [sql`update payment_requests set status = 'completed' where id = ${story.open}`]],
  money_counts_once: [() => story.repeated, () => [sql`update payment_requests set allow_repeated_payments = false where id = ${story.repeated}`]],
  bank_credits_paid_what_they_say: [() => story.credit, () => [sql`update bank_credits set charge_id = null where id = ${story.credit}`]],
  what_waits_is_looked_after: [() => story.waiting, () => [sql`delete from rail_checks where id = ${story.waiting}`]],
  events_in_order_without_gaps: [() => 'events', () => [sql`delete from events where object_id = ${story.paid}`]],
  customers_have_their_events: [() => story.customer, () => [forget('customer.created', story.customer)]],
  changes_of_customers_have_theirs: [() => story.customer, () => [forget('customer.updated', story.customer)]],
  payment_requests_have_their_events: [() => story.open, () => [forget('payment_request.created', story.open)]],
  charges_have_their_events: [() => story.partly, () => [forget('charge.created', story.partly)]],
  failed_charges_have_their_events: [() => story.failed, () => [forget('charge.failed', story.failed)]],
  completed_requests_have_their_events: [() => story.open, () => [sql`update payment_requests set status = 'completed' where id = ${story.open}`]],
  expired_requests_have_their_events: [() => story.expired, () => [forget('payment_request.expired', story.expired)]],
  ended_requests_are_listed: [() => story.expired, () => [sql`delete from payment_request_endings where id = ${story.expired}`]],
  canceled_requests_have_their_events: [() => story.canceled, () => [forget('payment_request.canceled', story.canceled)]],
  unapplied_charges_have_their_events: [() => story.short, () => [forget('charge.unapplied', story.short)]],
  refunds_have_their_events: [() => story.refund, () => [forget('refund.created', story.refund)]],
  refunds_are_told_as_they_are: [() => story.pendingRefund, () => [sql`update refunds set status = 'succeeded' where id = ${story.pendingRefund}`]],
}

function forget(type: string, objectId: string) {
  return sql`delete from events where type = ${type} and object_id = ${objectId}`
}

describe('broken data', () => {
  test('every check has a counter-example', () => {
    expect(Object.keys(breaks).sort()).toEqual(Object.keys(checks).sort())
  })

  test.each(Object.entries(breaks))('a violation of %s is found', async (check, [object, statements]) => {
    const { found, counts } = await brokenBy(async (db) => {
      for (const statement of statements()) {
        const { numAffectedRows } = await statement.execute(db)
        expect(Number(numAffectedRows)).toBeGreaterThan(0)
      }
    })
    expect(counts[check]).toBeGreaterThan(0)
    const named = found.find((one) => one.check === check && one.object === object())
    expect(named).toMatchObject({ business_id: story.client.business.id, says: expect.stringMatching(/\w+ \w+/) })
  })

  test.each([
    ['an event that happened twice', 'charges_have_their_events', () => twice('charge.created', story.partly)],
    ['a request whose payment was announced twice', 'completed_requests_have_their_events', () => copyCompleted()],
    ['a refund whose time to ask was lost', 'what_waits_is_looked_after', () => sql`delete from rail_checks where id = ${story.pendingRefund}`],
    ['an expiry that nobody waits for', 'what_waits_is_looked_after', () => sql`delete from payment_request_expiries where id = ${story.open}`],
    [
      'money that waits although nothing was booked',
      'pending_wallet_waits_for_release',
      () => sql`update releases set currency = 'myr' where charge_id = ${story.paid}`,
    ],
    ['a second payment that counts', 'money_counts_once', () => sql`update charges set unapplied_reason = null where id = ${story.short}`],
    [
      'more refunded than the refunds say',
      'refunds_within_charge',
      () => sql`update charges set refunded_minor = refunded_minor + 1 where id = ${story.partly}`,
    ],
    ['a charge that was booked and did not come', 'charges_booked_once', () => sql`update charges set status = 'failed' where id = ${story.paid}`],
  ])('verification finds %s', async (_what, check, statement) => {
    const { counts } = await brokenBy((db) => statement().execute(db))
    expect(counts[check]).toBeGreaterThan(0)
  })

  test('a business without any activity adds up', async () => {
    const stranger = await aBusiness({}, story.client.server)
    await placeEvents(stranger)
    expect((await findCounterExamples(story.database.db)).found).toEqual([])
  })
})

function twice(type: string, objectId: string) {
  return sql`insert into events (business_id, id, type, object_id, data, created_at) select business_id, gen_random_uuid(), type, object_id, data, created_at from events where type = ${type} and object_id = ${objectId}`
}

function copyCompleted() {
  return sql`insert into events (business_id, id, type, object_id, data, created_at)
    select e.business_id, gen_random_uuid(), e.type, e.object_id, e.data, e.created_at from events e join payment_requests p on p.id = e.object_id and p.status = 'completed' where e.type = 'payment_request.completed'`
}
