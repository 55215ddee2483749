import type pg from 'pg'
import type { NewEvent } from '#engine/events/emit-event.ts'
import { placeParts } from '#engine/events/place-at-once.ts'
import { type AccountList, creditParts, listAccounts, type Transfer } from '#engine/ledger/post.ts'
import type { StoredAnswer } from '#foundation/database/stored-answer.ts'
import { newId } from '#foundation/shared/ids.ts'
import { gramsOf } from '#foundation/shared/search-text.ts'
import { hasOwnWords } from '#resources/payments/charges/gram-queries.ts'
import { netOf } from '#resources/payments/charges/wire.ts'
import { type Case, releasedAt, transfersOf } from './settlement.ts'

/** What a payment brings that its request does not have already; it travels as one JSON text for all payments. */
const input = {
  business_id: 'uuid',
  payment_request_id: 'uuid',
  version: 'int',
  completed_at: 'timestamptz',
  id: 'uuid',
  customer_name: 'text',
  customer_email: 'text',
  customer_phone: 'text',
  method: 'text',
  rail: 'text',
  amount_minor: 'bigint',
  fixed_fee_minor: 'bigint',
  discount_fee_minor: 'bigint',
  discount_fee_rate: 'int',
  admin_fee_minor: 'bigint',
  rail_reference: 'text',
  card: 'json',
  rail_data: 'json',
  search: 'text',
  grams: 'text',
  created_at: 'timestamptz',
  updated_at: 'timestamptz',
  release_at: 'timestamptz',
  wallet: 'text',
  net_id: 'uuid',
  net_minor: 'bigint',
  fee_id: 'uuid',
  fee_minor: 'bigint',
  clearing_number: 'int',
  wallet_number: 'int',
  fees_number: 'int',
  request_id: 'text',
  charge_event_id: 'uuid',
  completed_event_id: 'uuid',
  placeable: 'boolean',
  callbacks: 'json',
  answer_key: 'text',
  answer_fingerprint: 'json',
  answer_status: 'int2',
  answer_headers: 'json',
  answer_body: 'text',
} as const

type Input = Record<keyof typeof input, unknown>

const ledger = creditParts({
  firstParameter: 4,
  after: 'taken',
  transfers: `
      select p.business_id, p.net_id as id, 'charge' as source, p.id as source_id, 'net' as purpose, 'clearing:' || p.rail as debit, p.wallet as credit, p.currency,
        p.net_minor as amount_minor, p.updated_at as created_at, p.clearing_number as debit_number, p.wallet_number as credit_number
      from taken p where p.net_minor > 0
      union all
      select p.business_id, p.fee_id, 'charge', p.id, 'fee', 'clearing:' || p.rail, 'fees', p.currency, p.fee_minor, p.updated_at, p.clearing_number, p.fees_number
      from taken p where p.fee_minor > 0`,
})

/**
 * What events tell comes as lines of two texts, which JSON has none of: as members of the first parameter they would be
 * read three times. Whatever the order in which PostgreSQL runs the parts: all others read `taken`, so a request's
 * row is always taken first.
 */
const text = `
  with input as materialized (
    select * from rows from (
      json_to_recordset($1::json) as (${Object.entries(input)
        .map(([name, type]) => `${name} ${type}`)
        .join(', ')}),
      string_to_table($2, E'\\n'), string_to_table($3, E'\\n')
    ) as input (${Object.keys(input).join(', ')}, charge_data, completed_data)
  ), ${ledger.accountsExist}, taken as (
    update payment_requests r set status = 'completed', version = r.version + 1, updated_at = p.completed_at, completed_at = p.completed_at
    from input p
    where r.business_id = p.business_id and r.id = p.payment_request_id and r.version = p.version and r.status = 'pending' and r.deleted_at is null
      and (select yes from accounts_exist)
    returning p.*, r.customer_id, r.location_id, r.channel, r.currency, r.purpose, r.reference_number, r.metadata, r.expires_at
  ), ${ledger.held}, ${ledger.booked}, charged as (
    insert into charges (business_id, id, payment_request_id, customer_id, customer_name, customer_email, customer_phone, location_id, channel, method, rail, status,
      currency, amount_minor, fixed_fee_minor, discount_fee_minor, discount_fee_rate, admin_fee_minor, rail_reference, card, rail_data, remark, reference_number,
      metadata, search, closed_at, created_at, updated_at)
    select business_id, id, payment_request_id, customer_id, customer_name, customer_email, customer_phone, location_id, channel, method, rail, 'succeeded',
      currency, amount_minor, fixed_fee_minor, discount_fee_minor, discount_fee_rate, admin_fee_minor, rail_reference, card, rail_data, purpose, reference_number,
      metadata, search, updated_at, created_at, updated_at from taken
  ), ${placeParts({ of: 'taken', orderBy: 'charge_event_id', events: 2 })}, told as (
    insert into events (business_id, id, sequence, type, object_id, data, callbacks, request_id, created_at)
    select business_id, charge_event_id, place - 1, 'charge.created', id, charge_data::json, null, request_id, updated_at from placed
    union all
    select business_id, completed_event_id, place, 'payment_request.completed', payment_request_id, completed_data::json, callbacks, request_id, updated_at
    from placed
  ), not_expiring as (
    delete from payment_request_expiries e using taken p where p.expires_at is not null and e.business_id = p.business_id and e.id = p.payment_request_id
  ), waiting as (
    insert into releases (business_id, charge_id, currency, amount_minor, due_at)
    select business_id, id, currency, net_minor, release_at from taken where release_at is not null
  ), found_by as (
    insert into search_grams (business_id, id, grams) select business_id, id, grams::int4[] from taken where grams is not null
  ), answered as (
    insert into idempotency_keys (business_id, key, object_id, fingerprint, status, headers, body, created_at)
    select business_id, answer_key, id, answer_fingerprint, answer_status, answer_headers, answer_body, updated_at from taken where answer_key is not null
  )
  select id, place is not null as placed from placed`

/** A payment as the statement takes it. */
export interface PaidAtOnce {
  key: string
  /** The input as a JSON object, without the numbers of its accounts. */
  json: string
  chargeData: string
  completedData: string
  transfers: Transfer[]
}

/** An object as JSON text, with members whose values are JSON texts already. */
function joined(plain: Partial<Input>, texts: Partial<Record<keyof Input, string | undefined>>): string {
  let json = JSON.stringify(plain).slice(0, -1)
  for (const [name, value] of Object.entries(texts)) if (value !== undefined) json += `,"${name}":${value}`
  return `${json}}`
}

/** Puts a decided payment, its two events and its answer together for the statement. */
export function paidAtOnce(one: Case, events: NewEvent[], isPlaceable: boolean, answer: StoredAnswer | undefined): PaidAtOnce {
  const { charge, request, settlement } = one
  const [created, completed] = events
  if (!request || !created || !completed || events.length !== 2) throw new Error('a plain payment has a request and two events')
  const transfers = transfersOf(one).filter(({ amountMinor }) => amountMinor > 0n)
  const plain: Partial<Input> = {
    business_id: charge.business_id,
    payment_request_id: request.id,
    version: request.version - 1,
    completed_at: request.completed_at,
    id: charge.id,
    customer_name: charge.customer_name,
    customer_email: charge.customer_email,
    customer_phone: charge.customer_phone,
    method: charge.method,
    rail: charge.rail,
    amount_minor: String(charge.amount_minor),
    fixed_fee_minor: String(charge.fixed_fee_minor),
    discount_fee_minor: String(charge.discount_fee_minor),
    discount_fee_rate: charge.discount_fee_rate,
    admin_fee_minor: String(charge.admin_fee_minor),
    rail_reference: charge.rail_reference,
    rail_data: charge.rail_data,
    search: charge.search,
    created_at: charge.created_at,
    updated_at: charge.updated_at,
    release_at: releasedAt(one),
    wallet: one.releaseDays > 0 ? 'pending' : 'available',
    net_id: newId<'transfer'>(charge.updated_at),
    net_minor: String(netOf(charge)),
    fee_id: newId<'transfer'>(charge.updated_at),
    fee_minor: String(charge.fixed_fee_minor + charge.discount_fee_minor),
    request_id: settlement.requestId,
    charge_event_id: newId<'event'>(charge.updated_at),
    completed_event_id: newId<'event'>(charge.updated_at),
    // A form that goes out with its event is written by the relay.
    placeable: isPlaceable && (completed.callbacks ?? []).length === 0,
  }
  if (charge.card) plain.card = charge.card
  if (completed.callbacks && completed.callbacks.length > 0) plain.callbacks = completed.callbacks
  if (hasOwnWords(charge, request)) plain.grams = `{${gramsOf(charge.search, charge.business_id)}}`
  if (answer) Object.assign(plain, { answer_key: answer.key, answer_status: answer.status, answer_body: answer.body })
  const json = joined(plain, {
    answer_fingerprint: answer?.fingerprint,
    answer_headers: answer?.headers,
  })
  return { key: `${charge.business_id} ${request.id}`, json, chargeData: created.data, completedData: completed.data, transfers }
}

/** A payment's input with the numbers of the accounts that it moves money between. */
function numbered({ json, transfers }: PaidAtOnce, { numberOf }: AccountList): string {
  const numbers: Partial<Input> = {}
  for (const { businessId, purpose, debit, credit, currency } of transfers) {
    numbers.clearing_number = numberOf(businessId, debit, currency)
    numbers[purpose === 'fee' ? 'fees_number' : 'wallet_number'] = numberOf(businessId, credit, currency)
  }
  return `${json.slice(0, -1)},${JSON.stringify(numbers).slice(1)}`
}

/**
 * Writes payments whose requests are pending and have the versions that were seen, each with everything that belongs to
 * it, in one statement. Answers with the ids of the charges that were written, and whether their events have places; of the
 * others there is nothing.
 */
export async function writePaid(pool: pg.Pool, payments: PaidAtOnce[]): Promise<Map<string, boolean>> {
  if (payments.length === 0) return new Map()
  // In one order everywhere, so that two statements do not wait for each other's requests in a circle.
  const sorted = payments.length === 1 ? payments : [...payments].sort((a, b) => (a.key < b.key ? -1 : 1))
  const accounts = listAccounts(payments.flatMap(({ transfers }) => transfers))
  const { rows } = await pool.query<{ id: string; placed: boolean }>({
    name: 'write_paid',
    text,
    values: [
      `[${sorted.map((one) => numbered(one, accounts)).join(',')}]`,
      sorted.map(({ chargeData }) => chargeData).join('\n'),
      sorted.map(({ completedData }) => completedData).join('\n'),
      ...accounts.parameters,
    ],
  })
  return new Map(rows.map(({ id, placed }) => [id, placed]))
}
