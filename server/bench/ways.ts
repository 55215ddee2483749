import type pg from 'pg'
import { testCardToken } from '#engine/rails/test-cards.ts'
import type { Database } from '#foundation/database/database.ts'
import { signReport } from '#resources/payments/bank-accounts/read-report.ts'
import { type StripeFake, startStripeFake } from '#testing/stripe-fake.ts'
import type { Post } from './generator.ts'
import {
  createMerchants,
  firstNumber,
  idPrefix,
  loadPaymentRequests,
  type Merchant,
  make,
  type Payable,
  resetPayments,
  sandboxPayment,
  saveHistory,
} from './payment-requests.ts'
import { personOf } from './people.ts'
import { type Replay, recordStatements, replayOf } from './recorded.ts'
import { type Cluster, serveHere } from './servers.ts'
import { keepPendingAttempts, notification, pendingAttempts, rememberIntents, setUpStripe } from './stripe-way.ts'
import { sleep, type Workspace } from './workspace.ts'

/** A way to pay a payment request, with pending requests to be paid. */
export interface Way {
  readonly name: string
  /** The last number that belongs to the history. */
  readonly after: number
  /** The pending requests in the order in which they are paid. */
  readonly payables: Payable[]
  /** SQL that inserts what a payment by this way requires. */
  readonly prepared: string[]
  /** The HTTP requests that pay these, with current signatures. */
  posts(payables: Payable[]): Post[]
  /** The statements of one payment as a pgbench script, if they were recorded. */
  replay: Replay | undefined
}

export const wayNames = ['sandbox pay', 'bank credit', 'Stripe notification', 'checkout attempt'] as const
/** Like the first, but to many merchants. */
export const spreadWay = 'sandbox pay, 200 merchants'

/** The number of payments of each way in the history. */
const historyPayments = 400

/** A way before its history is paid. */
interface NewWay {
  name: string
  payables: Payable[]
  post: (payable: Payable) => Post
  /** SQL that inserts what the payments of a range of numbers require. */
  prepared?: (after: string, to: string) => string[]
}

interface Making {
  database: Database
  /** An API that uses this database. */
  url: string
  count: number
}

type Prepare = (making: Making, parties: { sandbox: Merchant; live: Merchant; fake: StripeFake }) => Promise<NewWay>

const bySandbox: Prepare = async ({ database, url, count }, { sandbox }) => {
  const payables = await loadPaymentRequests(database, url, { merchants: [sandbox], method: 'paynow_online', count, letter: 'A', prefix: idPrefix(1) })
  return { name: 'sandbox pay', payables, post: sandboxPayment }
}

const byBank: Prepare = async ({ database, url, count }, { live }) => {
  const account_number = '0010010011'
  const account = { account_number, name: 'Bench', proxy_type: 'uen', proxy_value: '201101550Z' }
  const { secret } = await make<{ secret: string }>(url, live, '/v1/bank-accounts', account)
  const payables = await loadPaymentRequests(database, url, { merchants: [live], method: 'paynow_online', count, letter: 'B', prefix: idPrefix(2) })
  const post = ({ number, reference }: Payable): Post => {
    const payer_name = personOf(Number(number)).name.toUpperCase()
    const body = JSON.stringify({ account_number, bank_reference: `FT${number}`, amount: '25.50', currency: 'SGD', reference, payer_name })
    const headers = { 'content-type': 'application/json', 'hawker-signature': signReport(body, secret, new Date()) }
    return { path: '/v1/bank-notifications/generic', headers, body }
  }
  return { name: 'bank credit', payables, post }
}

/** The checkout page's request to pay by card. */
function attempt({ id, number, merchant }: Payable, token: string): Post {
  return {
    path: `/payment-request/@${merchant.business.slug}/${id}/attempts`,
    headers: { 'content-type': 'application/json', 'idempotency-key': `bench-${number}` },
    body: JSON.stringify({ method: 'card', token, name: personOf(Number(number)).name }),
  }
}

const byStripe: Prepare = async ({ database, url, count }, { live, fake }) => {
  await setUpStripe(database, live, fake)
  const payables = await loadPaymentRequests(database, url, { merchants: [live], method: 'card', count, letter: 'C', prefix: idPrefix(3) })
  const last = payables.at(-1)
  if (!last) throw new Error('There is no payment request.')
  const answer = await send<{ state: { attempt: { id: string } } }>(url, attempt(last, 'pm_card_slow'))
  const chargePrefix = await keepPendingAttempts(database, live, payables, answer.state.attempt.id)
  fake.intents.clear()
  rememberIntents(fake, payables, chargePrefix)
  return { name: 'Stripe notification', payables, post: (payable) => notification(fake, payable), prepared: pendingAttempts }
}

const byCheckout: Prepare = async ({ database, url, count }, { sandbox }) => {
  const payables = await loadPaymentRequests(database, url, { merchants: [sandbox], method: 'card', count, letter: 'D', prefix: idPrefix(4) })
  const token = testCardToken('4242424242424242') ?? ''
  return { name: 'checkout attempt', payables, post: (payable) => attempt(payable, token) }
}

/** The merchants of `spreadWay`. */
const manyMerchants = 200

const toMany: Prepare = async ({ database, url, count }) => {
  const merchants = await createMerchants(database, manyMerchants, { mode: 'sandbox', slug: 'many' })
  const payables = await loadPaymentRequests(database, url, { merchants, method: 'paynow_online', count, letter: 'E', prefix: idPrefix(5) })
  return { name: spreadWay, payables, post: sandboxPayment }
}

/** Sends a payment. Throws unless it is accepted. */
async function send<Answer>(url: string, { path, headers, body }: Post): Promise<Answer> {
  const response = await fetch(url + path, { method: 'POST', headers, body })
  if (!response.ok) throw new Error(`${path} was answered with ${response.status} ${await response.text()}`)
  return (await response.json()) as Answer
}

/** Pays the first requests of a way, 16 at a time. */
async function payHistory({ database, url }: Making, { payables, post, prepared }: NewWay): Promise<void> {
  const history = payables.slice(0, historyPayments)
  for (const text of prepared?.(String(firstNumber), history.at(-1)?.number ?? '') ?? []) await database.pool.query(text)
  const waiting = history.map((payable) => post(payable)).reverse()
  const work = async () => {
    for (let next = waiting.pop(); next; next = waiting.pop()) await send(url, next)
  }
  await Promise.all(Array.from({ length: 16 }, work))
}

const mixedAmong = 2_000

/** Requests are paid roughly in the order of their creation: shuffled in blocks of 2,000. */
function mixed(payables: Payable[]): Payable[] {
  const out: Payable[] = []
  for (let from = 0; from < payables.length; from += mixedAmong) {
    const block = payables.slice(from, from + mixedAmong).map((payable) => ({ payable, place: Math.random() }))
    out.push(...block.sort((a, b) => a.place - b.place).map(({ payable }) => payable))
  }
  return out
}

/** A way after its history is paid. */
function wayOf({ name, payables, post, prepared }: NewWay): Way {
  const after = firstNumber + historyPayments
  const left = payables.slice(historyPayments)
  return {
    name,
    after,
    payables: mixed(left),
    prepared: prepared?.(String(after), left.at(-1)?.number ?? '') ?? [],
    posts: (some) => some.map((payable) => post(payable)),
    replay: undefined,
  }
}

/** Records the statements of one payment, after a few payments have warmed the caches. */
async function record(client: pg.ClientBase, url: string, { payables, posts }: Way): Promise<Replay> {
  const sendAll = async (some: Payable[]) => {
    for (const post of posts(some)) await send(url, post)
  }
  const [subject] = payables.slice(10)
  if (!subject) throw new Error('There are too few payment requests to record a payment.')
  const before = await recordStatements(() => sendAll(payables.slice(0, 10)))
  const statements = await recordStatements(() => sendAll([subject]))
  return replayOf(client, subject.number, { before, statements })
}

const makers: Record<string, Prepare> = {
  'sandbox pay': bySandbox,
  'bank credit': byBank,
  'Stripe notification': byStripe,
  'checkout attempt': byCheckout,
  [spreadWay]: toMany,
}

/** Creates the merchants and payment requests of ways and pays the history, with a worker that sequences its events. */
async function makeWays(cluster: Cluster, name: string, { names, count, fake }: { names: readonly string[]; count: number; fake: StripeFake }): Promise<Way[]> {
  const here = await serveHere(cluster, name, { withWorker: true })
  try {
    const { database, url } = here
    const making = { database, url, count: count + historyPayments }
    const [sandbox] = await createMerchants(database, 1, { mode: 'sandbox', slug: 'sandbox-merchant' })
    const [live] = await createMerchants(database, 1, { mode: 'live', slug: 'live-merchant' })
    if (!sandbox || !live) throw new Error('There is no merchant.')
    const made: NewWay[] = []
    for (const way of names) {
      const prepare = makers[way]
      if (!prepare) throw new Error(`There is no way "${way}"; there are ${Object.keys(makers).join(', ')}.`)
      made.push(await prepare(making, { sandbox, live, fake }))
    }
    for (const way of made) await payHistory(making, way)
    await untilQuiet(database, url)
    await saveHistory(database)
    return made.map(wayOf)
  } finally {
    await here.stop()
  }
}

/** Records a payment by each of the ways. The API runs without a worker, so that nothing else is recorded. */
async function recordWays(cluster: Cluster, name: string, ways: Way[]): Promise<void> {
  const { url, database, stop } = await serveHere(cluster, name, { withWorker: false })
  const client = await database.pool.connect()
  try {
    for (const way of ways) {
      await resetPayments(database, way.prepared)
      way.replay = await record(client, url, way)
    }
    await resetPayments(database)
  } finally {
    client.release()
    await stop()
  }
}

/** Prepares ways on a new database, and records those in `recorded`. */
export async function prepareWays(
  workspace: Workspace,
  cluster: Cluster,
  { database, names, recorded, count }: { database: string; names: readonly string[]; recorded: readonly string[]; count: number },
): Promise<Way[]> {
  const fake = await startStripeFake()
  workspace.atEnd(() => fake.close())
  const ways = await makeWays(cluster, database, { names, count, fake })
  const some = ways.filter(({ name }) => recorded.includes(name))
  if (some.length > 0) await recordWays(cluster, database, some)
  return ways
}

/**
 * Waits until all events are sequenced and no payment is in flight: repeatedly no statement is active, each time after the
 * server has answered a request and so had time to send its next statement.
 */
export async function untilQuiet({ pool }: Database, url: string): Promise<void> {
  let quiet = 0
  for (const deadline = Date.now() + 60_000; quiet < 5; ) {
    await (await fetch(`${url}/healthz`)).arrayBuffer()
    const { rows } = await pool.query<{ busy: boolean }>(
      `select exists (select 1 from events where sequence is null)
        or exists (select 1 from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() and state <> 'idle') as busy`,
    )
    quiet = rows[0]?.busy === false ? quiet + 1 : 0
    if (Date.now() > deadline) throw new Error('Payments are still in flight after a minute, or their events are not sequenced.')
    await sleep(20)
  }
}
