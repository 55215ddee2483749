create extension if not exists pg_trgm;

-- The methods a business takes; null means every one of the catalogue that fits its country and the currency.
alter table hawker.businesses add column payment_methods text[];

create table hawker.locations (
  business_id uuid not null,
  id uuid not null,
  name text not null,
  street text not null,
  postal_code text not null,
  city text not null,
  state text not null,
  country text not null,
  active boolean not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  primary key (business_id, id)
);

select hawker.tenant_table('hawker.locations');

-- Businesses that were made before have the place that new ones begin with, too.
insert into hawker.locations (business_id, id, name, street, postal_code, city, state, country, active, created_at, updated_at)
select id, gen_random_uuid(), name, '', '', '', '', lower(country), true, created_at, created_at from hawker.businesses;

create table hawker.payment_requests (
  business_id uuid not null,
  id uuid not null,
  status text not null check (status in ('pending', 'completed', 'failed', 'expired', 'canceled', 'inactive')),
  -- Null when the payer types it.
  amount_minor bigint check (amount_minor > 0),
  currency text not null,
  name text,
  email text,
  phone text,
  purpose text,
  reference_number text,
  payment_methods text[] not null,
  redirect_url text,
  webhook text,
  failed_webhook text,
  send_sms boolean not null,
  send_email boolean not null,
  sms_status text not null,
  email_status text not null,
  allow_repeated_payments boolean not null,
  add_admin_fee boolean not null,
  is_currency_editable boolean not null,
  is_default boolean not null,
  generate_qr boolean not null,
  generate_direct_link boolean not null,
  expires_at timestamptz,
  address json,
  line_items json,
  metadata jsonb not null,
  channel text not null,
  wifi_terminal_id text,
  staff_id uuid,
  location_id uuid,
  customer_id uuid,
  -- The API key that made it: its salt signs the callback to `webhook`.
  api_key_id uuid not null,
  -- What bank transfers and QR codes carry, found through the directory (kind payment_reference).
  payment_reference text not null,
  search text collate "C" not null,
  version integer not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  completed_at timestamptz,
  deleted_at timestamptz,
  primary key (business_id, id)
) with (fillfactor = 85);

select hawker.tenant_table('hawker.payment_requests');

create unique index payment_requests_reference on hawker.payment_requests (business_id, payment_reference);

create index payment_requests_search on hawker.payment_requests using gin (business_id, search gin_trgm_ops) with (gin_pending_list_limit = 256);

create index payment_requests_metadata on hawker.payment_requests using gin (business_id, metadata jsonb_path_ops) with (gin_pending_list_limit = 256) where metadata <> '{}'::jsonb;

-- Requests that will expire, by when. A row goes when its request is no longer pending; kept apart, so that the request's
-- own row can change its status without touching an index.
create table hawker.payment_request_expiries (
  business_id uuid not null,
  id uuid not null,
  due_at timestamptz not null,
  primary key (business_id, id)
);

select hawker.tenant_table('hawker.payment_request_expiries');

create index payment_request_expiries_due on hawker.payment_request_expiries (due_at);

-- One attempt to pay, from its beginning; succeeded ones are what HitPay calls charges.
create table hawker.charges (
  business_id uuid not null,
  id uuid not null,
  payment_request_id uuid,
  customer_id uuid,
  customer_name text,
  customer_email text,
  customer_phone text,
  location_id uuid,
  channel text not null,
  method text not null,
  rail text not null,
  status text not null check (status in ('pending', 'succeeded', 'failed', 'canceled', 'refunded', 'partially_refunded', 'requires_customer_action')),
  currency text not null,
  amount_minor bigint not null check (amount_minor > 0),
  refunded_minor bigint not null default 0,
  fixed_fee_minor bigint not null default 0,
  discount_fee_minor bigint not null default 0,
  -- Hundredths of a percent.
  discount_fee_rate integer not null default 0,
  admin_fee_minor bigint not null default 0,
  -- Why the money does not count towards its request, when it does not: late, duplicate, short, over.
  unapplied_reason text check (unapplied_reason in ('late', 'duplicate', 'short', 'over')),
  failure_code text,
  failure_message text,
  rail_reference text,
  card json,
  -- What the rail needs to go on with this attempt; never a card number.
  rail_data json not null,
  remark text,
  reference_number text,
  metadata jsonb not null,
  search text collate "C" not null,
  closed_at timestamptz,
  refunded_at timestamptz,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  primary key (business_id, id),
  constraint charges_refunds_within_amount check (refunded_minor >= 0 and refunded_minor <= amount_minor)
) with (fillfactor = 85);

select hawker.tenant_table('hawker.charges');

create index charges_payment_request on hawker.charges (business_id, payment_request_id) where payment_request_id is not null;

create index charges_customer on hawker.charges (business_id, customer_id, id) where customer_id is not null;

-- What a rail calls the charge is unique: one notification cannot make two.
create unique index charges_rail_reference on hawker.charges (business_id, rail, rail_reference) where rail_reference is not null;

create index charges_search on hawker.charges using gin (business_id, search gin_trgm_ops) with (gin_pending_list_limit = 256);

create table hawker.refunds (
  business_id uuid not null,
  id uuid not null,
  charge_id uuid not null,
  payment_request_id uuid,
  amount_minor bigint not null check (amount_minor > 0),
  currency text not null,
  status text not null check (status in ('pending', 'succeeded', 'failed')),
  reason text,
  refunded_by text,
  webhook text,
  send_email boolean not null,
  email text,
  api_key_id uuid,
  rail_reference text,
  failure_code text,
  failure_message text,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  refunded_at timestamptz,
  primary key (business_id, id)
);

select hawker.tenant_table('hawker.refunds');

create index refunds_charge on hawker.refunds (business_id, charge_id);

-- Charges and refunds whose outcome only the rail knows, by when to ask it again.
create table hawker.rail_checks (
  business_id uuid not null,
  id uuid not null,
  kind text not null check (kind in ('charge', 'refund')),
  due_at timestamptz not null,
  attempts integer not null,
  primary key (business_id, id)
);

select hawker.tenant_table('hawker.rail_checks');

create index rail_checks_due on hawker.rail_checks (due_at);

-- Money of card charges that waits in `pending` until the rail has paid it out, by when.
create table hawker.releases (
  business_id uuid not null,
  charge_id uuid not null,
  currency text not null,
  amount_minor bigint not null check (amount_minor >= 0),
  due_at timestamptz not null,
  primary key (business_id, charge_id)
);

select hawker.tenant_table('hawker.releases');

create index releases_due on hawker.releases (due_at);

-- Fees that differ from the catalogue's.
create table hawker.fee_schedules (
  business_id uuid not null,
  method text not null,
  currency text not null,
  fixed_minor bigint not null check (fixed_minor >= 0),
  rate_basis_points integer not null check (rate_basis_points between 0 and 10000),
  release_days integer not null check (release_days between 0 and 30),
  updated_at timestamptz not null,
  primary key (business_id, method, currency)
);

select hawker.tenant_table('hawker.fee_schedules');

-- Access to a business's own rails (a Stripe key), encrypted.
create table hawker.rail_credentials (
  business_id uuid not null,
  rail text not null,
  data_encrypted text not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  primary key (business_id, rail)
);

select hawker.tenant_table('hawker.rail_credentials');

-- What rails told us, once each.
create table hawker.rail_notifications (
  business_id uuid not null,
  rail text not null,
  rail_event_id text not null,
  received_at timestamptz not null,
  primary key (business_id, rail, rail_event_id)
);

select hawker.tenant_table('hawker.rail_notifications');

-- Accounts at banks into which payers pay, and who may report credits on them.
create table hawker.bank_accounts (
  business_id uuid not null,
  id uuid not null,
  adapter text not null,
  account_number text not null,
  currency text not null,
  name text not null,
  -- The PayNow proxy that QR codes show: a UEN or a mobile number.
  proxy_type text check (proxy_type in ('uen', 'mobile')),
  proxy_value text,
  secret_encrypted text not null,
  active boolean not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  primary key (business_id, id)
);

select hawker.tenant_table('hawker.bank_accounts');

create unique index bank_accounts_number on hawker.bank_accounts (business_id, adapter, account_number);

-- Money that came in, matched with a request or waiting for a person.
create table hawker.bank_credits (
  business_id uuid not null,
  id uuid not null,
  bank_account_id uuid not null,
  bank_reference text not null,
  amount_minor bigint not null check (amount_minor > 0),
  currency text not null,
  reference text,
  payer_name text,
  status text not null check (status in ('unmatched', 'matched', 'allocated')),
  payment_request_id uuid,
  charge_id uuid,
  booked_at timestamptz not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  primary key (business_id, id)
);

select hawker.tenant_table('hawker.bank_credits');

create unique index bank_credits_reference on hawker.bank_credits (business_id, bank_account_id, bank_reference);

create index bank_credits_unmatched on hawker.bank_credits (business_id, id) where status = 'unmatched';
