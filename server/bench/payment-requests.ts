import type { Database } from '#foundation/database/database.ts'
import type { Business } from '#foundation/shared/business.ts'
import { createApiKey, createBusiness } from '#resources/business/businesses/create-business.ts'
import type { Post } from './generator.ts'
import { secretKey } from './servers.ts'

/** A business that takes payments, with its API key. */
export interface Merchant {
  business: Business
  keyId: string
  apiKey: string
}

/** Creates businesses with an API key each. */
export async function createMerchants({ db }: Database, count: number, { mode, slug }: { mode: Business['mode']; slug: string }): Promise<Merchant[]> {
  const merchants: Merchant[] = []
  for (let i = 0; i < count; i++) {
    const at = new Date()
    const business = await createBusiness(db, at, { name: `Merchant ${i}`, slug: `${slug}-${i}`, mode })
    const { id, key } = await createApiKey(db, business, { name: 'Bench', secretKey, at })
    merchants.push({ business, keyId: id, apiKey: key })
  }
  return merchants
}

export const jsonHeaders = (apiKey: string) => ({ 'x-business-api-key': apiKey, 'content-type': 'application/json' })

/** POSTs to the API and returns the answer. Throws unless it is 2xx. */
export async function make<Made>(url: string, { apiKey }: Pick<Merchant, 'apiKey'>, path: string, body: unknown): Promise<Made> {
  const response = await fetch(url + path, { method: 'POST', headers: jsonHeaders(apiKey), body: JSON.stringify(body) })
  if (!response.ok) throw new Error(`POST ${path} was answered with ${response.status} ${await response.text()}`)
  return (await response.json()) as Made
}

/** Creates one payment request by the API; the others are copies of it. */
export async function makePaymentRequest(url: string, merchant: Pick<Merchant, 'apiKey'>, method: string): Promise<string> {
  const { id } = await make<{ id: string }>(url, merchant, '/v1/payment-requests', {
    amount: '25.50',
    currency: 'SGD',
    payment_methods: [method],
    name: 'Payer 0000000',
    email: 'payer-0000000@example.com',
    purpose: 'Flowers',
    reference_number: 'order-0000000',
    redirect_url: 'https://shop.example.com/thanks',
  })
  return id
}

/** A prepared payment request. It can be paid once, until its database is reset. */
export interface Payable {
  id: string
  /** Twelve digits, unique in its family. Its ids and references end with them. */
  number: string
  /** The payment reference that a bank transfer for it quotes. */
  reference: string
  merchant: Merchant
}

/** Numbers count up from here, so that all have twelve digits. */
export const firstNumber = 100_000_000_000

/** The common prefix of a family's ids: a UUIDv7 of the current time without its last twelve digits. */
export function idPrefix(family: number): string {
  const time = Date.now().toString(16).padStart(12, '0')
  return `${time.slice(0, 8)}-${time.slice(8)}-7000-8${family.toString(16).padStart(3, '0')}-`
}

interface Family {
  merchants: Merchant[]
  method: string
  count: number
  /** A letter in the payment references, unique per family. */
  letter: string
  prefix: string
}

/**
 * Creates pending payment requests, assigned to the merchants in turn. One is created by the API; the others are copies of
 * its row with an id, a payer and references of their own, and with their entries in the directory.
 */
export async function loadPaymentRequests({ pool }: Database, url: string, family: Family): Promise<Payable[]> {
  const { merchants, method, count, letter, prefix } = family
  const [first] = merchants
  if (!first) throw new Error('There is no merchant to be paid.')
  const model = await makePaymentRequest(url, first, method)
  const own: Record<string, string> = {
    business_id: 'merchant.business_id',
    api_key_id: 'merchant.key_id',
    id: 'made.id',
    name: `replace(r.name, '0000000', made.short)`,
    email: `replace(r.email, '0000000', made.short)`,
    reference_number: `replace(r.reference_number, '0000000', made.short)`,
    payment_reference: 'made.reference',
    search: `replace(replace(replace(r.search, '0000000', made.short), r.id::text, made.id::text), lower(r.payment_reference), lower(made.reference))`,
  }
  const names = await columnsOf(pool, 'payment_requests')
  const client = await pool.connect()
  try {
    await client.query(`set statement_timeout = 0`)
    await client.query({
      text: `
    with merchant as materialized (
      select * from unnest($1::uuid[], $2::uuid[]) with ordinality as merchant (business_id, key_id, n)
    ), made as materialized (
      select n, lpad(n::text, 7, '0') as short, ('${prefix}' || ${firstNumber} + n)::uuid as id, 'HWKBENC${letter}' || ${firstNumber} + n as reference
      from generate_series(1, ${count}) as n
    ), written as (
      insert into payment_requests (${names.join(', ')})
      select ${names.map((name) => own[name] ?? `r.${name}`).join(', ')}
      from made join merchant on merchant.n = 1 + made.n % ${merchants.length}
      join payment_requests r on r.business_id = $3 and r.id = $4
      order by made.n
      returning business_id, id, payment_reference
    )
    insert into directory (lookup, kind, business_id, target_id) select payment_reference, 'payment_reference', business_id, id from written`,
      values: [merchants.map(({ business }) => business.id), merchants.map(({ keyId }) => keyId), first.business.id, model],
      query_timeout: 600_000,
    } as never)
    await client.query('reset statement_timeout')
  } finally {
    client.release()
  }
  return Array.from({ length: count }, (_, i) => {
    const number = String(firstNumber + i + 1)
    const merchant = merchants[(i + 1) % merchants.length] ?? first
    return { id: prefix + number, number, reference: `HWKBENC${letter}${number}`, merchant }
  })
}

/** The columns of a table. */
export async function columnsOf(pool: Database['pool'], name: string): Promise<string[]> {
  const { rows } = await pool.query<{ name: string }>(
    `select attname as name from pg_attribute where attrelid = $1::regclass and attnum > 0 and not attisdropped order by attnum`,
    [`hawker.${name}`],
  )
  return rows.map((row) => row.name)
}

/** The request that pays in the sandbox. */
export const sandboxPayment = ({ id, merchant }: { id: string; merchant: Pick<Merchant, 'apiKey'> }): Post => ({
  path: `/v1/sandbox/payment-requests/${id}/pay`,
  headers: jsonHeaders(merchant.apiKey),
  body: '{}',
})

/** The tables that payments insert into. */
const written = [
  ...['charges', 'ledger_transfers', 'events', 'releases', 'rail_checks', 'rail_notifications', 'bank_credits', 'search_grams', 'mails'],
  ...['webhook_queue', 'webhook_attempts', 'webhook_deliveries', 'idempotency_keys'],
]

/** Runs statements in sequence without a time limit. */
async function runLong({ pool }: Database, statements: string[]): Promise<void> {
  const client = await pool.connect()
  try {
    await client.query('set statement_timeout = 0')
    for (const text of statements) await client.query({ text, query_timeout: 600_000 } as never)
    await client.query('reset statement_timeout')
  } finally {
    client.release()
  }
}

/** Saves the payments made so far as a history, which every reset restores: tables and query plans are those of a business that has been paid before. */
export async function saveHistory(database: Database): Promise<void> {
  const kept = written.map((name) => `create table bench.history_${name} as table ${name}`)
  await runLong(database, [
    'create schema if not exists bench',
    ...kept,
    `create table bench.history_paid as select business_id, id from payment_requests where status <> 'pending'`,
  ])
}

/** Resets a database to its history and runs `more` before the tables are analyzed. */
export async function resetPayments(database: Database, more: string[] = []): Promise<void> {
  const { rows } = await database.pool.query<{ history: boolean }>(`select to_regclass('bench.history_paid') is not null as history`)
  const history = rows[0]?.history ?? false
  const inHistory = history ? 'and not exists (select 1 from bench.history_paid p where p.business_id = r.business_id and p.id = r.id)' : ''
  await runLong(database, [
    `truncate ${written.join(', ')}`,
    ...(history ? written.map((name) => `insert into ${name} select * from bench.history_${name}`) : []),
    ...more,
    `update payment_requests r set status = 'pending', version = 1, completed_at = null, updated_at = created_at where status <> 'pending' ${inHistory}`,
    'vacuum (analyze) payment_requests',
    // Empty tables are not vacuumed: PostgreSQL would plan for no rows at all and scan whole tables as they fill.
    ...(history ? [`vacuum (analyze) ${written.filter((name) => !/^(webhook_|mails)/.test(name)).join(', ')}`] : []),
    'checkpoint',
  ])
}
