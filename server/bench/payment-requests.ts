import type { Database } from '#foundation/database/database.ts'
import type { Business } from '#foundation/shared/business.ts'
import { createApiKey, createBusiness } from '#resources/business/businesses/create-business.ts'
import { secretKey } from './servers.ts'

/** A business that is paid, and the key that its requests are paid with. */
export interface Merchant {
  businessId: string
  keyId: string
  apiKey: string
}

/** Makes businesses, each with a key of its own. */
export async function createMerchants({ db }: Database, count: number): Promise<Merchant[]> {
  const merchants: Merchant[] = []
  for (let i = 0; i < count; i++) {
    const at = new Date()
    const business: Business = await createBusiness(db, at, { name: `Merchant ${i}`, slug: `merchant-${i}` })
    const { id, key } = await createApiKey(db, business, { name: 'Bench', secretKey, at })
    merchants.push({ businessId: business.id, keyId: id, apiKey: key })
  }
  return merchants
}

/** Asks the API for one request to pay, of which the others are made. */
async function createOne(url: string, apiKey: string): Promise<string> {
  const response = await fetch(`${url}/v1/payment-requests`, {
    method: 'POST',
    headers: { 'x-business-api-key': apiKey, 'content-type': 'application/json' },
    body: JSON.stringify({
      amount: '25.50',
      currency: 'SGD',
      payment_methods: ['paynow_online'],
      name: 'Payer 0000000',
      email: 'payer-0000000@example.com',
      purpose: 'Flowers',
      reference_number: 'order-0000000',
      redirect_url: 'https://shop.example.com/thanks',
    }),
  })
  const body = (await response.json()) as { id?: string }
  if (!response.ok || body.id === undefined) throw new Error(`A payment request could not be made: ${response.status} ${JSON.stringify(body)}`)
  return body.id
}

/**
 * Makes `count` pending requests, dealt out to the merchants in turn. One is made by the API; the others are copies of its
 * row with their own id, payer and references, and stand in the directory too. Returns the paths of their payments.
 */
export async function loadPaymentRequests(database: Database, url: string, merchants: Merchant[], count: number): Promise<Payable[]> {
  const [first] = merchants
  if (!first) throw new Error('There is no merchant to be paid.')
  const model = await createOne(url, first.apiKey)
  const { pool } = database
  const { rows: columns } = await pool.query<{ name: string }>(
    `select attname as name from pg_attribute where attrelid = 'hawker.payment_requests'::regclass and attnum > 0 and not attisdropped order by attnum`,
  )
  const own: Record<string, string> = {
    business_id: 'merchant.business_id',
    api_key_id: 'merchant.key_id',
    id: 'made.id',
    name: `replace(r.name, '0000000', made.number)`,
    email: `replace(r.email, '0000000', made.number)`,
    reference_number: `replace(r.reference_number, '0000000', made.number)`,
    payment_reference: 'made.reference',
    search: `replace(replace(replace(r.search, '0000000', made.number), r.id::text, made.id::text), lower(r.payment_reference), lower(made.reference))`,
  }
  const names = columns.map(({ name }) => name)
  const client = await pool.connect()
  try {
    await client.query(`set statement_timeout = 0`)
    await client.query({
      text: `
    with merchant as materialized (
      select * from unnest($1::uuid[], $2::uuid[]) with ordinality as merchant (business_id, key_id, n)
    ), made as materialized (
      select uuidv7() as id, n, lpad(n::text, 7, '0') as number, left(r.payment_reference, 2) || upper(substr(md5(n::text || random()::text), 1, length(r.payment_reference) - 2)) as reference
      from generate_series(1, ${count}) as n, payment_requests r where r.business_id = $3 and r.id = $4
    ), written as (
      insert into payment_requests (${names.join(', ')})
      select ${names.map((name) => own[name] ?? `r.${name}`).join(', ')}
      from made join merchant on merchant.n = 1 + made.n % ${merchants.length}
      join payment_requests r on r.business_id = $3 and r.id = $4
      returning business_id, id, payment_reference
    )
    insert into directory (lookup, kind, business_id, target_id) select payment_reference, 'payment_reference', business_id, id from written`,
      values: [merchants.map(({ businessId }) => businessId), merchants.map(({ keyId }) => keyId), first.businessId, model],
      query_timeout: 600_000,
    } as never)
    await client.query('reset statement_timeout')
  } finally {
    client.release()
  }
  // Payers pay what was made lately: in the order of creation, mixed among two thousand.
  const { rows } = await pool.query<{ business_id: string; id: string }>(
    `select business_id, id from (select business_id, id, row_number() over (order by id) as n from payment_requests where id <> $1) made order by n / 2000, random()`,
    [model],
  )
  const keys = new Map(merchants.map(({ businessId, apiKey }) => [businessId, apiKey]))
  return rows.map(({ business_id, id }) => ({ id, path: `/v1/sandbox/payment-requests/${id}/pay`, apiKey: keys.get(business_id) ?? '' }))
}

/** A request that can be paid once, until its database is put back. */
export interface Payable {
  id: string
  path: string
  apiKey: string
}

const cleared = 'charges, ledger_transfers, events, releases, rail_checks, mails, webhook_queue, webhook_attempts, webhook_deliveries, idempotency_keys'

/** Puts a database back to where nothing was paid. */
export async function unpay({ pool }: Database): Promise<void> {
  const client = await pool.connect()
  try {
    await client.query('set statement_timeout = 0')
    await client.query(`truncate ${cleared}`)
    await client.query(`update payment_requests set status = 'pending', version = 1, completed_at = null, updated_at = created_at where status <> 'pending'`)
    await client.query(`vacuum (analyze) payment_requests, ${cleared}`)
    await client.query('checkpoint')
    await client.query('reset statement_timeout')
  } finally {
    client.release()
  }
}

/** The tables of the database's own transfers: balances, what was moved, and what is told of it. */
export async function prepareTransfers({ pool }: Database): Promise<void> {
  await pool.query(`
    create schema bench;
    create table bench.accounts (id integer primary key, balance bigint not null) with (fillfactor = 50);
    insert into bench.accounts select n, 0 from generate_series(1, 10000) as n;
    create table bench.transfers (id uuid primary key, account_id integer not null, amount bigint not null, created_at timestamptz not null);
    create table bench.events (id uuid primary key, type text not null, object_id uuid not null, data json not null, created_at timestamptz not null)`)
}

/** Empties what transfers have written. */
export async function resetTransfers({ pool }: Database): Promise<void> {
  await pool.query('truncate bench.transfers, bench.events')
  await pool.query('vacuum (analyze) bench.accounts')
  await pool.query('checkpoint')
}

const told = `{"object":"charge","amount":25.5,"currency":"sgd","status":"succeeded","channel":"api_custom","customer_email":"payer@example.com","reference":"order-' || :amount::text || '"}`

/** A pgbench script that moves money into one of so many accounts: balance, transfer and event in one durable statement. */
export function transferScript(accounts: number): string {
  return `\\set account random(1, ${accounts})
\\set amount random(100, 100000)
with credited as (
  update bench.accounts set balance = balance + :amount where id = :account returning id
), moved as (
  insert into bench.transfers (id, account_id, amount, created_at) select uuidv7(), id, :amount, now() from credited returning id
)
insert into bench.events (id, type, object_id, data, created_at) select uuidv7(), 'charge.created', id, ('${told}')::json, now() from moved;
`
}
