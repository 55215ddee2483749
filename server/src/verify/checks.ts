import { type Kysely, type RawBuilder, sql } from 'kysely'
import type { DB } from '#foundation/database/tables.ts'
import { ledgerChecks } from './verify-ledger.ts'

/** A violation: which check found it, where, and what is wrong. */
export interface CounterExample {
  check: string
  business_id: string
  object: string
  says: string
}

type Check = RawBuilder<Omit<CounterExample, 'check'>>

const succeeded = sql`('succeeded', 'refunded', 'partially_refunded')`

const paymentChecks: Record<string, Check> = {
  refunds_within_charge: sql`
    select c.business_id, c.id::text as object,
      'of ' || c.amount_minor || ', ' || c.refunded_minor || ' is recorded as refunded, but its refunds add up to ' || coalesce(sum(r.amount_minor), 0) as says
    from charges c left join refunds r on r.business_id = c.business_id and r.charge_id = c.id and r.status <> 'failed'
    group by c.business_id, c.id, c.amount_minor, c.refunded_minor
    having c.refunded_minor <> coalesce(sum(r.amount_minor), 0) or c.refunded_minor > c.amount_minor`,

  charges_say_what_was_refunded: sql`
    select c.business_id, c.id::text as object,
      'the charge of ' || c.amount_minor || ' is ' || c.status || ', but ' || coalesce(sum(r.amount_minor), 0) || ' was refunded' as says
    from charges c left join refunds r on r.business_id = c.business_id and r.charge_id = c.id and r.status = 'succeeded'
    group by c.business_id, c.id, c.amount_minor, c.status
    having (c.status = 'refunded') <> (coalesce(sum(r.amount_minor), 0) = c.amount_minor)
      or (c.status = 'partially_refunded') <> (coalesce(sum(r.amount_minor), 0) between 1 and c.amount_minor - 1)`,

  refunds_have_charges: sql`
    select r.business_id, r.id::text as object, 'the refund is for charge ' || r.charge_id || ', which does not exist' as says
    from refunds r left join charges c on c.business_id = r.business_id and c.id = r.charge_id where c.id is null`,

  paid_requests_have_money: sql`
    select p.business_id, p.id::text as object, 'the request is completed, but ' || count(c.id) || ' payments are applied to it' as says
    from payment_requests p left join charges c
      on c.business_id = p.business_id and c.payment_request_id = p.id and c.status in ${succeeded} and c.unapplied_reason is null
    where p.status = 'completed'
    group by p.business_id, p.id, p.amount_minor
    having count(c.id) <> 1 or (p.amount_minor is not null and sum(c.amount_minor - c.admin_fee_minor) <> p.amount_minor)`,

  money_counts_once: sql`
    select p.business_id, p.id::text as object, 'the request is ' || p.status || ' and accepts one payment, but ' || count(*) || ' are applied' as says
    from payment_requests p join charges c
      on c.business_id = p.business_id and c.payment_request_id = p.id and c.status in ${succeeded} and c.unapplied_reason is null
    where not p.allow_repeated_payments
    group by p.business_id, p.id, p.status having count(*) > 1 or p.status <> 'completed'`,

  bank_credits_paid_what_they_say: sql`
    select b.business_id, b.id::text as object, 'the credit is ' || b.status || ', but its charge is ' || coalesce(c.id::text, 'missing') as says
    from bank_credits b left join charges c
      on c.business_id = b.business_id and c.id = b.charge_id and c.amount_minor = b.amount_minor and c.status in ${succeeded}
    where (b.status = 'unmatched') <> (c.id is null)`,

  what_waits_is_looked_after: sql`
    select waiting.business_id, waiting.id::text as object, waiting.says
    from (
      select business_id, id, 'the charge is ' || status || ', but no check with its rail is scheduled' as says from charges where status in ('pending', 'requires_customer_action')
      union all select business_id, id, 'the refund is pending, but no check with its rail is scheduled' from refunds where status = 'pending'
    ) waiting left join rail_checks k on k.business_id = waiting.business_id and k.id = waiting.id where k.id is null
    union all
    select p.business_id, p.id::text, 'the request has a deadline, but its expiry is not scheduled' as says
    from payment_requests p left join payment_request_expiries e on e.business_id = p.business_id and e.id = p.id
    where p.status = 'pending' and p.deleted_at is null and p.expires_at is not null and e.id is null`,
}

/** A check that an object has exactly one event of the type of its creation. */
function exactlyOneEvent(table: string, condition: string, type: string): Check {
  return sql`
    select o.business_id, o.id::text as object, 'it has ' || count(e.id) || ' events ' || ${sql.lit(type)} as says
    from ${sql.table(table)} o left join events e on e.business_id = o.business_id and e.object_id = o.id and e.type = ${sql.lit(type)}
    where ${sql.raw(condition)} group by o.business_id, o.id having count(e.id) <> 1`
}

const eventChecks: Record<string, Check> = {
  events_in_order_without_gaps: sql`
    select p.business_id, 'events' as object,
      'the last sequence is ' || p.last_sequence || ', but ' || count(e.sequence) || ' events have one, the highest being ' || coalesce(max(e.sequence), 0) as says
    from event_positions p left join events e on e.business_id = p.business_id and e.sequence is not null
    group by p.business_id, p.last_sequence having count(e.sequence) <> p.last_sequence or coalesce(max(e.sequence), 0) <> p.last_sequence`,

  customers_have_their_events: exactlyOneEvent('customers', 'true', 'customer.created'),
  changes_of_customers_have_theirs: sql`
    select c.business_id, c.id::text as object, 'version ' || c.version || ' has ' || count(e.id) || ' events customer.updated' as says
    from customers c left join events e on e.business_id = c.business_id and e.object_id = c.id and e.type = 'customer.updated'
    group by c.business_id, c.id, c.version having count(e.id) <> c.version - 1`,
  ended_requests_are_listed: sql`
    select coalesce(p.business_id, n.business_id) as business_id, coalesce(p.id, n.id)::text as object,
      'the request is ' || coalesce(p.status, 'missing') || ', but lists find it as ' || coalesce(n.status, 'nothing') as says
    from (select * from payment_requests where status in ('failed', 'expired', 'canceled', 'inactive')) p
    full join payment_request_endings n on n.business_id = p.business_id and n.id = p.id
    where p.status is distinct from n.status`,
  payment_requests_have_their_events: exactlyOneEvent('payment_requests', 'true', 'payment_request.created'),
  charges_have_their_events: exactlyOneEvent('charges', "o.status in ('succeeded', 'refunded', 'partially_refunded')", 'charge.created'),
  failed_charges_have_their_events: exactlyOneEvent('charges', "o.status in ('failed', 'canceled')", 'charge.failed'),
  completed_requests_have_their_events: exactlyOneEvent('payment_requests', "o.status = 'completed'", 'payment_request.completed'),
  expired_requests_have_their_events: exactlyOneEvent('payment_requests', "o.status = 'expired'", 'payment_request.expired'),
  canceled_requests_have_their_events: exactlyOneEvent('payment_requests', "o.status = 'canceled'", 'payment_request.canceled'),
  unapplied_charges_have_their_events: exactlyOneEvent('charges', 'o.unapplied_reason is not null', 'charge.unapplied'),
  refunds_have_their_events: exactlyOneEvent('refunds', 'true', 'refund.created'),
  refunds_are_told_as_they_are: sql`
    select r.business_id, r.id::text as object, 'the refund is ' || r.status || ', but its last event says ' || coalesce(told.status, 'nothing') as says
    from refunds r left join (
      select distinct on (business_id, object_id) business_id, object_id, data->>'status' as status from events
      where type in ('refund.created', 'refund.updated') order by business_id, object_id, id desc
    ) told on told.business_id = r.business_id and told.object_id = r.id where told.status is distinct from r.status`,
}

/** Everything that must hold, by name. */
export const checks: Record<string, Check> = { ...ledgerChecks, ...paymentChecks, ...eventChecks }

/** The maximum number of counter-examples that one check names. */
const named = 20

/** Recomputes everything and names every violation; each check sees one snapshot of the database. */
export async function findCounterExamples(
  db: Kysely<DB>,
  onCheck?: (check: string, number: number, all: number) => void,
): Promise<{ found: CounterExample[]; counts: Record<string, number> }> {
  const found: CounterExample[] = []
  const counts: Record<string, number> = {}
  for (const [i, [check, query]] of Object.entries(checks).entries()) {
    onCheck?.(check, i + 1, Object.keys(checks).length)
    const { rows } = await sql<
      Omit<CounterExample, 'check'> & { all: number }
    >`select *, count(*) over ()::int as all from (${query}) counter_examples limit ${named}`.execute(db)
    counts[check] = rows[0]?.all ?? 0
    found.push(...rows.map(({ business_id, object, says }) => ({ check, business_id, object, says })))
  }
  return { found, counts }
}
