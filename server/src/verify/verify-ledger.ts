import { type RawBuilder, sql } from 'kysely'

/**
 * The invariants of the ledger, each as a query whose rows are the counter-examples: `business_id`, `object` and `says`.
 * They read everything they are about, so they are for reports, not for requests.
 */
export const ledgerChecks: Record<string, RawBuilder<{ business_id: string; object: string; says: string }>> = {
  account_balances_add_up: sql`
    select a.business_id, a.account || ' ' || a.currency as object,
      'the stored balance is ' || a.balance_minor || ', but the transfers before its epoch add up to ' || coalesce(sum(moved.amount), 0) as says
    from ledger_accounts a left join (
      select business_id, credit_account as account, currency, credit_epoch as epoch, amount_minor as amount from ledger_transfers
      union all select business_id, debit_account, currency, debit_epoch, -amount_minor from ledger_transfers
    ) moved on moved.business_id = a.business_id and moved.account = a.account and moved.currency = a.currency and moved.epoch < a.epoch
    group by a.business_id, a.account, a.currency, a.balance_minor
    having a.balance_minor <> coalesce(sum(moved.amount), 0)`,

  wallets_not_below_zero: sql`
    select moved.business_id, moved.account || ' ' || moved.currency as object, 'the balance is ' || sum(moved.amount) as says
    from (
      select business_id, credit_account as account, currency, amount_minor as amount from ledger_transfers
      union all select business_id, debit_account, currency, -amount_minor from ledger_transfers
    ) moved join ledger_accounts a on a.business_id = moved.business_id and a.account = moved.account and a.currency = moved.currency and a.guarded
    group by moved.business_id, moved.account, moved.currency having sum(moved.amount) < 0`,

  // Balances as they are read, not the transfers, which are zero by construction: a transfer that no balance includes shows up here.
  balances_sum_to_zero: sql`
    select shown.business_id, shown.currency as object, 'the balances of all accounts add up to ' || sum(shown.amount) as says
    from (
      select business_id, currency, balance_minor as amount from ledger_accounts
      union all select t.business_id, t.currency, t.amount_minor from ledger_transfers t join ledger_accounts a
        on a.business_id = t.business_id and a.account = t.credit_account and a.currency = t.currency and a.epoch = t.credit_epoch
      union all select t.business_id, t.currency, -t.amount_minor from ledger_transfers t join ledger_accounts a
        on a.business_id = t.business_id and a.account = t.debit_account and a.currency = t.currency and a.epoch = t.debit_epoch
    ) shown group by shown.business_id, shown.currency having sum(shown.amount) <> 0`,

  transfers_have_accounts: sql`
    select t.business_id, t.id::text as object, 'an account of the transfer does not exist' as says
    from ledger_transfers t
    where not exists (select 1 from ledger_accounts a where a.business_id = t.business_id and a.account = t.debit_account and a.currency = t.currency)
       or not exists (select 1 from ledger_accounts a where a.business_id = t.business_id and a.account = t.credit_account and a.currency = t.currency)`,

  charges_booked_once: sql`
    select c.business_id, c.id::text as object,
      'the charge of ' || c.amount_minor || ' is ' || c.status || ', but ' || coalesce(sum(t.amount_minor), 0) || ' was booked for it' as says
    from charges c left join ledger_transfers t on t.business_id = c.business_id and t.source = 'charge' and t.source_id = c.id
    group by c.business_id, c.id, c.amount_minor, c.status
    having coalesce(sum(t.amount_minor), 0) <> case when c.status in ('succeeded', 'refunded', 'partially_refunded') then c.amount_minor else 0 end`,

  charge_transfers_have_charges: sql`
    select t.business_id, t.id::text as object, 'the transfer is for charge ' || t.source_id || ', which does not exist' as says
    from ledger_transfers t left join charges c on c.business_id = t.business_id and c.id = t.source_id
    where t.source = 'charge' and c.id is null`,

  refund_transfers_have_refunds: sql`
    select t.business_id, t.id::text as object, 'the transfer is for refund ' || t.source_id || ', which does not exist' as says
    from ledger_transfers t left join refunds r on r.business_id = t.business_id and r.id = t.source_id
    where t.source = 'refund' and r.id is null`,

  refunds_booked_once: sql`
    select r.business_id, r.id::text as object, 'the refund of ' || r.amount_minor || ' is ' || r.status || ', but ' || coalesce(sum(
      case when t.purpose like 'refund:%' then t.amount_minor when t.purpose like 'put_back:%' then -t.amount_minor end), 0) || ' has left the wallets for it' as says
    from refunds r left join ledger_transfers t on t.business_id = r.business_id and t.source = 'refund' and t.source_id = r.id
    group by r.business_id, r.id, r.amount_minor, r.status
    having coalesce(sum(case when t.purpose like 'refund:%' then t.amount_minor when t.purpose like 'put_back:%' then -t.amount_minor end), 0)
      <> case when r.status = 'failed' then 0 else r.amount_minor end`,

  pending_wallet_waits_for_release: sql`
    select business_id, currency as object, 'the pending wallet has ' || sum(held) || ', but ' || sum(waiting) || ' is waiting to be released' as says
    from (
      select business_id, currency, amount_minor as held, 0 as waiting from ledger_transfers where credit_account = 'pending'
      union all select business_id, currency, -amount_minor, 0 from ledger_transfers where debit_account = 'pending'
      union all select business_id, currency, 0, amount_minor from releases
    ) pending group by business_id, currency having sum(held) <> sum(waiting)`,
}
