import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Rail } from '#engine/rails/rail.ts'
import type { DB } from '#foundation/database/tables.ts'
import { advance } from '#foundation/jobs/advance.ts'
import type { DueWork } from '#foundation/jobs/job.ts'
import type { SendMail } from '#foundation/mail/send-mail.ts'
import { railRegistry } from '#resources/payments/rails/registry.ts'
import { retryWaits } from '#resources/webhooks/delivery/retry-schedule.ts'
import { aBusiness, type Client, eventsOf } from '#testing/api.ts'
import { anEndpoint } from '#testing/deliveries.ts'
import { type FakeMerchant, fakeMerchant } from '#testing/fake-merchant.ts'
import { aPendingCharge, scriptedRail } from '#testing/payments.ts'
import { startWorkingServer, type WorkingServer } from '#testing/working-server.ts'

const [second, minute, hour, day] = [1_000, 60_000, 3_600_000, 86_400_000]

let server: WorkingServer
/** When the rail was polled about a business's charge, by the business's clock. */
const asked = new Map<string, Date[]>()
/** When a mail server was called, by the clock of the business whose payer the email is for. */
const mailed = new Map<string, Date[]>()
const payers = new Map<string, Client>()

function note<Key>(times: Map<Key, Date[]>, key: Key, at: Date): number {
  const all = [...(times.get(key) ?? []), at]
  times.set(key, all)
  return all.length
}

/** A rail that has no answer for a while, and a mail server that rejects everything for a while. */
const rail: Rail = {
  ...scriptedRail('remote'),
  async check({ id, businessId, now }) {
    const isLate = note(asked, businessId, now) > 5
    return isLate
      ? { status: 'succeeded', reference: `ch_${id}` }
      : { status: 'pending', checkAfterSeconds: server.clock.apart().includes(businessId) ? 1 : 3_600 }
  },
}
const sendMail: SendMail = async ({ to }) => {
  const payer = payers.get(to) as Client
  if (note(mailed, to, payer.clock.now()) <= 3) throw new Error('try again later')
}

beforeAll(async () => {
  server = await startWorkingServer(
    {},
    {
      sendMail,
      rails: {
        find: async (business, method) => railRegistry(server.app.payments).find(business, method),
        byName: async (business, name) => (name === 'remote' ? { rail, access: {} } : railRegistry(server.app.payments).byName(business, name)),
      },
    },
  )
})
afterAll(() => server.stop())

interface Busy {
  client: Client
  payer: string
  failing: FakeMerchant
  listening: FakeMerchant
  paidCharge: string
  askedCharge: string
}

/** A business for which something of every kind is due later. */
async function aBusyBusiness(client: Client, payer: string, answer: Parameters<typeof fakeMerchant>[0]): Promise<Busy> {
  const [failing, listening] = [await fakeMerchant(answer), await fakeMerchant()]
  payers.set(payer, client)
  await anEndpoint(client, failing.url, { event_types: ['payment_request.completed'] })
  await anEndpoint(client, listening.url, { event_types: ['payment_request.*'] })
  const headers = { 'idempotency-key': 'once' }
  await client.post('/v1/payment-requests', { amount: '10.00', currency: 'sgd', expires_after: '20 days' }, { headers })
  const request = await client.post('/v1/payment-requests', { amount: '10.00', currency: 'sgd', send_email: true, email: payer })
  const paid = await client.post(`/v1/sandbox/payment-requests/${request.json.id}/pay`, { method: 'card', email: payer })
  expect(paid.json.status).toBe('succeeded')
  const charge = await aPendingCharge(client, { created_at: after(client.clock.now(), -second) })
  // One created, one created and completed; the completed one goes to both.
  await listening.got(3)
  await failing.got(1)
  return { client, payer, failing, listening, paidCharge: paid.json.payment_id, askedCharge: charge.id }
}

const tables = [
  'payment_requests',
  'payment_request_expiries',
  'charges',
  'refunds',
  'releases',
  'rail_checks',
  'mails',
  'events',
  'webhook_deliveries',
  'webhook_queue',
  'webhook_attempts',
  'idempotency_keys',
  'ledger_transfers',
] as const satisfies readonly (keyof DB)[]

/** Every row that a business has, as text. */
async function rowsOf({ business }: Client): Promise<Record<string, string[]>> {
  const entries = tables.map(async (table) => {
    const { rows } = await server.database.pool.query(`select to_json(t)::text as row from ${table} t where business_id = $1 order by 1`, [business.id])
    return [table, rows.map(({ row }) => row)] as const
  })
  return Object.fromEntries(await Promise.all(entries))
}

/** The rows of a business as soon as they stop changing: what was due immediately has been done. */
async function settledRowsOf(client: Client): Promise<Record<string, string[]>> {
  let last = await rowsOf(client)
  for (let round = 0; round < 50; round += 1) {
    await new Promise((done) => setTimeout(done, 200))
    const rows = await rowsOf(client)
    if (JSON.stringify(rows) === JSON.stringify(last)) return rows
    last = rows
  }
  throw new Error('the rows do not stop changing')
}

/** Due work that records what it did and when. */
function journaled(journal: [name: string, at: Date][]): DueWork[] {
  return server.dueWork.map((work) => ({
    ...work,
    async run(due) {
      const did = await work.run(due)
      if (did > 0) journal.push([work.name, due.until])
      return did
    },
  }))
}

/** The moment to which so much time after `from` rounds up. */
const turn = (from: Date, wait: number, every: number) => new Date(Math.ceil((from.getTime() + wait + 1) / every) * every)
const after = (from: Date, ...waits: number[]) => new Date(waits.reduce((sum, wait) => sum + wait, from.getTime()))

test('forty days of one business pass in causal order, and nothing happens to its neighbours on the same server', async () => {
  const began = new Date()
  const [moved, still, usual] = [await aBusiness({}, server), await aBusiness({}, server), await aBusiness({}, server)]
  for (const { clock } of [moved, still]) clock.set(began)
  const neighbours = [
    await aBusyBusiness(still, 'still@example.com', { status: 500 }),
    // The system clock continues meanwhile: what it has due comes later than this test takes.
    await aBusyBusiness(usual, 'usual@example.com', { status: 503, headers: { 'retry-after': '3600' } }),
  ]
  const { failing, listening, payer, paidCharge, askedCharge } = await aBusyBusiness(moved, 'moved@example.com', { status: 500 })
  await expect.poll(() => [asked.get(usual.business.id)?.length, mailed.get('usual@example.com')?.length], { timeout: 10_000 }).toEqual([1, 1])
  const before = await Promise.all(neighbours.map(({ client }) => settledRowsOf(client)))

  const journal: [string, Date][] = []
  await advance(moved.clock, journaled(journal), moved.business.id, after(began, 40 * day))
  expect(moved.clock.now()).toEqual(after(began, 40 * day))

  // Nothing was done before what was due earlier.
  const moments = journal.map(([, at]) => at.getTime())
  expect(moments).toEqual([...moments].sort((a, b) => a - b))
  const timesOf = (name: string) => journal.filter(([one]) => one === name).map(([, at]) => at)

  // The rail was polled with growing intervals until it knew the outcome.
  const asking = [0, 15, 30, 60, 120, 240].map((seconds) => seconds * second)
  const answeredAt = after(began, ...asking)
  expect(asked.get(moved.business.id)).toEqual(asking.map((_, i) => after(began, ...asking.slice(0, i + 1))))
  // So was the mail server.
  expect(mailed.get(payer)).toEqual([0, 1, 3, 7].map((minutes) => after(began, minutes * minute)))

  // The failing endpoint was called on schedule until its delivery failed; each wait has a jitter of a tenth.
  const calls = failing.received.map(({ headers }) => Number(headers['webhook-timestamp']) * second)
  expect(calls).toHaveLength(12)
  for (const [i, wait] of retryWaits.entries()) {
    const waited = (calls[i + 1] ?? 0) - (calls[i] ?? 0)
    expect(Math.abs(waited - wait)).toBeLessThanOrEqual(wait / 10 + second)
  }
  const givenUpAt = new Date(calls.at(-1) ?? 0)

  // Card money was released when it was due.
  const { rows: released } = await server.database.pool.query(
    "select source_id, created_at from ledger_transfers where business_id = $1 and source = 'release' order by created_at",
    [moved.business.id],
  )
  expect(released.map(({ source_id }) => source_id)).toEqual([paidCharge, askedCharge])
  const releaseTimes: Date[] = released.map(({ created_at }) => created_at)
  for (const [i, from] of [began, answeredAt].entries()) expect(Math.abs((releaseTimes[i]?.getTime() ?? 0) - after(from, 2 * day).getTime())).toBeLessThan(hour)

  // Events say the same, in the order of their sequence.
  const events = await eventsOf(moved)
  const shown = events.map(({ type, created_at }) => [type, new Date(String(created_at)).getTime()] as const)
  expect(shown.map(([, at]) => at)).toEqual(shown.map(([, at]) => at).sort((a, b) => a - b))
  expect(shown.slice(2).map(([type]) => type)).toEqual([
    'charge.created',
    'payment_request.completed',
    'charge.created',
    'webhook_delivery.failed',
    'payment_request.expired',
  ])
  const [answered, givenUp, expired] = shown.slice(-3).map(([, at]) => at)
  const wholeSeconds = (at: Date) => Math.floor(at.getTime() / second) * second
  expect([answered, expired]).toEqual([answeredAt, after(began, 20 * day)].map(wholeSeconds))
  expect(Math.abs((givenUp ?? 0) - givenUpAt.getTime())).toBeLessThanOrEqual(second)
  const expiredCall = listening.received.at(-1)
  expect(JSON.parse(String(expiredCall?.body))).toMatchObject({ status: 'expired' })
  expect(Number(expiredCall?.headers['webhook-timestamp']) * second).toBe(expired)

  // What is kept for seven days was deleted at the first run after them.
  expect(timesOf('deleting idempotency keys')).toEqual([turn(began, 7 * day, hour)])
  expect(timesOf('deleting emails')).toEqual([turn(began, 7 * day, day)])
  expect(timesOf('deleting webhook deliveries')).toEqual([began, givenUpAt, new Date(expired ?? 0)].map((from) => turn(from, 7 * day, day)))
  const left = await rowsOf(moved)
  const gone = ['idempotency_keys', 'mails', 'webhook_deliveries', 'webhook_attempts', 'webhook_queue', 'releases', 'rail_checks', 'payment_request_expiries']
  expect(gone.map((table) => [table, left[table]?.length])).toEqual(gone.map((table) => [table, 0]))

  expect(await Promise.all(neighbours.map(({ client }) => rowsOf(client)))).toEqual(before)
  expect(neighbours.map(({ failing: shop, listening: other }) => [shop.received.length, other.received.length])).toEqual([
    [1, 3],
    [1, 3],
  ])
  expect([
    asked.get(usual.business.id)?.length,
    asked.get(still.business.id),
    mailed.get('usual@example.com')?.length,
    mailed.get('still@example.com'),
  ]).toEqual([1, undefined, 1, undefined])
  await Promise.all([failing, listening, ...neighbours.flatMap((one) => [one.failing, one.listening])].map((shop) => shop.stop()))
}, 60_000)
