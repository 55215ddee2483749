-- An account of a business's books in one currency. `balance_minor` is exact up to the account's epoch; transfers of the
-- present epoch come on top. Guarded accounts never go below zero.
create table hawker.ledger_accounts (
  business_id uuid not null,
  account text not null,
  currency text not null,
  epoch integer not null,
  balance_minor bigint not null,
  guarded boolean not null,
  primary key (business_id, account, currency),
  constraint ledger_accounts_not_overdrawn check (balance_minor >= 0 or not guarded)
);

select hawker.tenant_table('hawker.ledger_accounts');

-- Money moved from one account to another: both sides are in one row, so the books balance whatever happens.
-- Append-only. The unique key makes booking a thing twice impossible.
create table hawker.ledger_transfers (
  business_id uuid not null,
  id uuid not null,
  source text not null,
  source_id uuid not null,
  purpose text not null,
  debit_account text not null,
  credit_account text not null,
  currency text not null,
  amount_minor bigint not null check (amount_minor > 0),
  debit_epoch integer not null,
  credit_epoch integer not null,
  created_at timestamptz not null,
  primary key (business_id, id),
  constraint ledger_transfers_two_accounts check (debit_account <> credit_account)
);

select hawker.tenant_table('hawker.ledger_transfers');

create unique index ledger_transfers_once on hawker.ledger_transfers (business_id, source_id, purpose, source);

create index ledger_transfers_debits on hawker.ledger_transfers (business_id, debit_account, currency, debit_epoch) include (amount_minor);

create index ledger_transfers_credits on hawker.ledger_transfers (business_id, credit_account, currency, credit_epoch) include (amount_minor);
