import type pg from 'pg'
import { testCardToken } from '#engine/rails/test-cards.ts'
import type { Database } from '#foundation/database/database.ts'
import { encryptSecret } from '#foundation/shared/secrets.ts'
import { signReport } from '#resources/payments/bank-accounts/read-report.ts'
import { saveRailCredentials } from '#resources/payments/rails/queries.ts'
import { type StripeFake, startStripeFake } from '#testing/stripe-fake.ts'
import type { Post } from './generator.ts'
import { columnsOf, createMerchants, idPrefix, loadPaymentRequests, type Merchant, make, type Payable, sandboxPayment, unpay } from './payment-requests.ts'
import { personOf } from './people.ts'
import { type Replay, recordStatements, replayOf } from './recorded.ts'
import { secretKey } from './servers.ts'
import type { Workspace } from './workspace.ts'

/** One way in which money reaches a payment request, with requests that wait for it. */
export interface Way {
  readonly name: string
  readonly payables: Payable[]
  /** The requests that pay, in the order of the payables, signed for now. */
  posts(from: number, to: number): Post[]
  /** SQL that puts back what has to be there before a payment comes this way. */
  readonly prepared: string
  /** The statements of one payment as a pgbench script; undefined where they were not recorded. */
  replay: Replay | undefined
}

export const wayNames = ['sandbox pay', 'bank credit', 'Stripe notification', 'checkout attempt'] as const
export type WayName = (typeof wayNames)[number]

interface Making {
  database: Database
  /** An API on this database. */
  url: string
  count: number
}

type Prepare = (making: Making, merchants: { sandbox: Merchant; live: Merchant; fake: StripeFake }) => Promise<Way>

const spread = 2_000

/** Payers pay what was made lately: in the order of creation, mixed among two thousand. */
function mixed(payables: Payable[]): Payable[] {
  const out: Payable[] = []
  for (let from = 0; from < payables.length; from += spread) {
    const block = payables.slice(from, from + spread).map((payable) => ({ payable, place: Math.random() }))
    out.push(...block.sort((a, b) => a.place - b.place).map(({ payable }) => payable))
  }
  return out
}

/** A way whose payments depend on nothing but their payment request. */
function wayOf(name: string, payables: Payable[], postOf: (payable: Payable, i: number) => Post, prepared = 'select'): Way {
  return { name, payables, posts: (from, to) => payables.slice(from, to).map((payable, i) => postOf(payable, from + i)), prepared, replay: undefined }
}

const bySandbox: Prepare = async ({ database, url, count }, { sandbox }) => {
  const payables = await loadPaymentRequests(database, url, { merchants: [sandbox], method: 'paynow_online', count, letter: 'A', prefix: idPrefix(1) })
  return wayOf('sandbox pay', mixed(payables), sandboxPayment)
}

const byBank: Prepare = async ({ database, url, count }, { live }) => {
  const account_number = '0010010011'
  const account = { account_number, name: 'Bench', proxy_type: 'uen', proxy_value: '201101550Z' }
  const { secret } = await make<{ secret: string }>(url, live, '/v1/bank-accounts', account)
  const payables = await loadPaymentRequests(database, url, { merchants: [live], method: 'paynow_online', count, letter: 'B', prefix: idPrefix(2) })
  return wayOf('bank credit', mixed(payables), ({ number, reference }, i) => {
    const payer_name = personOf(i).name.toUpperCase()
    const body = JSON.stringify({ account_number, bank_reference: `FT${number}`, amount: '25.50', currency: 'SGD', reference, payer_name })
    return {
      path: '/v1/bank-notifications/generic',
      headers: { 'content-type': 'application/json', 'hawker-signature': signReport(body, secret, new Date()) },
      body,
    }
  })
}

const tokenOf = () => testCardToken('4242424242424242') ?? ''

/** What the payer's page sends, once for its key. */
function attempt({ id, number, merchant }: Payable, token: string): Post {
  return {
    path: `/payment-request/@${merchant.business.slug}/${id}/attempts`,
    headers: { 'content-type': 'application/json', 'idempotency-key': `bench-${number}` },
    body: JSON.stringify({ method: 'card', token, name: 'Payer', email: 'payer@example.com' }),
  }
}

const byCheckout: Prepare = async ({ database, url, count }, { sandbox }) => {
  const payables = await loadPaymentRequests(database, url, { merchants: [sandbox], method: 'card', count, letter: 'D', prefix: idPrefix(4) })
  return wayOf('checkout attempt', mixed(payables), (payable) => attempt(payable, tokenOf()))
}

/** The members of a PaymentIntent that Hawker does not look at; Stripe sends them all the same. */
const others = {
  amount_capturable: 0,
  amount_details: { tip: {} },
  amount_received: 2550,
  application: null,
  application_fee_amount: null,
  automatic_payment_methods: null,
  canceled_at: null,
  cancellation_reason: null,
  capture_method: 'automatic_async',
  client_secret: 'pi_secret_hidden',
  confirmation_method: 'automatic',
  customer: null,
  description: 'Flowers',
  livemode: true,
  on_behalf_of: null,
  payment_method: 'pm_1PqKq2LkdIwHu7ixuW6DJ3Zw',
  payment_method_configuration_details: null,
  payment_method_options: { card: { installments: null, mandate_options: null, network: null, request_three_d_secure: 'automatic' } },
  payment_method_types: ['card'],
  processing: null,
  receipt_email: null,
  review: null,
  setup_future_usage: null,
  shipping: null,
  source: null,
  statement_descriptor: null,
  statement_descriptor_suffix: null,
  transfer_data: null,
  transfer_group: null,
}

/** Attempts that Stripe is working on: one is made by the checkout, the others are copies of its charge for the other requests. */
const byStripe: Prepare = async ({ database, url, count }, { live, fake }) => {
  // Stripe's own patience; the fake's is made for tests.
  const access = encryptSecret(JSON.stringify({ ...fake.access, timeout_ms: '8000' }), secretKey)
  await saveRailCredentials(database.db, live.business.id, 'stripe', access, new Date())
  const payables = await loadPaymentRequests(database, url, { merchants: [live], method: 'card', count, letter: 'C', prefix: idPrefix(3) })
  const last = payables.at(-1)
  if (!last) throw new Error('There is nothing to pay.')
  const { path, headers, body } = attempt(last, 'pm_card_slow')
  const response = await fetch(url + path, { method: 'POST', headers, body })
  const answer = (await response.json()) as { state?: { attempt?: { id: string } } }
  const model = answer.state?.attempt?.id
  if (model === undefined) throw new Error(`Stripe's attempt was not begun: ${response.status} ${JSON.stringify(answer)}`)
  const chargePrefix = idPrefix(13)
  const { pool } = database
  await pool.query(`
    create schema if not exists bench;
    create table bench.charges as table charges with no data;
    create table bench.rail_checks as table rail_checks with no data`)
  const id = `('${chargePrefix}' || right(r.id::text, 12))::uuid`
  const own: Record<string, string> = {
    id,
    payment_request_id: 'r.id',
    customer_name: 'r.name',
    customer_email: 'r.email',
    reference_number: 'r.reference_number',
    rail_reference: `'pi_' || right(r.id::text, 12)`,
    search: `replace(replace(c.search, c.id::text, ${id}::text), '0000000', right(r.reference_number, 7))`,
  }
  const names = await columnsOf(pool, 'charges')
  await pool.query(
    `insert into bench.charges (${names.join(', ')}) select ${names.map((name) => own[name] ?? `c.${name}`).join(', ')}
    from charges c join payment_requests r on r.business_id = c.business_id and r.id::text like $3
    where c.business_id = $1 and c.id = $2`,
    [live.business.id, model, `${idFamily(last)}%`],
  )
  // As with every attempt whose outcome is open, Stripe would be asked about it some time; here not before the run is over.
  await pool.query(
    `insert into bench.rail_checks (business_id, id, kind, due_at, attempts) select business_id, id, 'charge', now() + interval '1 day', 0 from bench.charges`,
  )
  fake.intents.clear()
  for (const { number } of payables) {
    fake.intents.set(`pi_${number}`, {
      id: `pi_${number}`,
      object: 'payment_intent',
      amount: 2550,
      currency: 'sgd',
      created: Math.floor(Date.now() / 1000),
      status: 'succeeded',
      metadata: { hawker_id: chargePrefix + number, hawker_kind: 'charge' },
      latest_charge: `ch_${number}`,
      last_payment_error: null,
      next_action: null,
      amount_refunded: 0,
      token: 'pm_card_visa',
      ...others,
    })
  }
  const postOf = ({ number }: Payable): Post => {
    const { text, signature } = fake.message('payment_intent.succeeded', fake.intents.get(`pi_${number}`) ?? {}, { id: `evt_${number}` })
    const path = `/v1/rail-notifications/stripe/${live.business.id}`
    return { path, headers: { 'content-type': 'application/json', 'stripe-signature': signature }, body: text }
  }
  return wayOf(
    'Stripe notification',
    mixed(payables),
    postOf,
    'insert into charges select * from bench.charges; insert into rail_checks select * from bench.rail_checks; analyze bench.charges',
  )
}

const idFamily = ({ id }: Payable) => id.slice(0, 24)

/** To how many merchants the payments of the fifth way go. */
export const manyMerchants = 200

/** Makes a way's requests for many merchants, paid in the sandbox. */
async function toMany({ database, url, count }: Making): Promise<Way> {
  const merchants = await createMerchants(database, manyMerchants, { mode: 'sandbox', slug: 'many' })
  const payables = await loadPaymentRequests(database, url, { merchants, method: 'paynow_online', count, letter: 'E', prefix: idPrefix(5) })
  return wayOf(`sandbox pay, ${manyMerchants} merchants`, mixed(payables), sandboxPayment)
}

/** Sends one payment after the other, and wants each to be accepted. */
async function send(url: string, posts: Post[]): Promise<void> {
  for (const { path, headers, body } of posts) {
    const response = await fetch(url + path, { method: 'POST', headers, body })
    if (!response.ok) throw new Error(`${path} was answered with ${response.status} ${await response.text()}`)
    await response.arrayBuffer()
  }
}

/** Records the statements of one payment, after some others have filled what a process remembers. */
async function record(client: pg.ClientBase, url: string, way: Way): Promise<Replay> {
  const posts = way.posts(0, 11)
  const before = await recordStatements(() => send(url, posts.slice(0, 10)))
  const statements = await recordStatements(() => send(url, posts.slice(10)))
  return replayOf(client, way.payables[10]?.number ?? '', { before, statements })
}

/**
 * Makes the merchants and requests of every way on a database that has none yet, and records what one payment of each of
 * the four sends to PostgreSQL. `url` leads to an API of this process without a worker, so that nothing else is recorded.
 */
export async function prepareWays(workspace: Workspace, making: Making): Promise<Way[]> {
  const { database, url } = making
  const fake = await startStripeFake()
  workspace.atEnd(() => fake.close())
  const [sandbox] = await createMerchants(database, 1, { mode: 'sandbox', slug: 'sandbox-merchant' })
  const [live] = await createMerchants(database, 1, { mode: 'live', slug: 'live-merchant' })
  if (!sandbox || !live) throw new Error('There is no merchant.')
  const ways: Way[] = []
  for (const prepare of [bySandbox, byBank, byStripe, byCheckout]) ways.push(await prepare(making, { sandbox, live, fake }))
  const client = await database.pool.connect()
  try {
    for (const way of ways) {
      await unpay(database, way.prepared)
      way.replay = await record(client, url, way)
    }
  } finally {
    client.release()
  }
  ways.push(await toMany(making))
  await unpay(database)
  return ways
}
