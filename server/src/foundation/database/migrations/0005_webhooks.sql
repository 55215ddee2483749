-- Callbacks that an event brings besides the registered endpoints: a payment request's own `webhook` (version 1).
alter table hawker.events add column callbacks json;

create table hawker.webhook_endpoints (
  business_id uuid not null,
  id uuid not null,
  name text not null,
  url text not null,
  -- Null means every event.
  event_types text[],
  salt_encrypted text not null,
  -- Why nothing is sent to it any more: gone (it answered 410) or switched off.
  disabled_reason text,
  disabled_at timestamptz,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  primary key (business_id, id)
);

select hawker.tenant_table('hawker.webhook_endpoints');

-- One event on its way to one address: the exact bytes, the same on every try.
create table hawker.webhook_deliveries (
  business_id uuid not null,
  id uuid not null,
  event_id uuid not null,
  event_type text not null,
  event_sequence bigint not null,
  object_id uuid not null,
  -- Null for callbacks of version 1, and where a replay goes to a URL of its own.
  endpoint_id uuid,
  version smallint not null check (version in (1, 2)),
  url text not null,
  -- Where to, in a form that an index can hold: an endpoint's id or a digest of the URL.
  target text not null,
  -- The replay that made it; null for what the event itself brought.
  replay_id uuid,
  body text not null,
  -- Whose salt signs where there is no endpoint.
  api_key_id uuid,
  status text not null check (status in ('pending', 'succeeded', 'failed', 'canceled')),
  attempts integer not null,
  -- How many waits of the retry schedule are used up, and since when it has been running.
  step smallint not null,
  queued_at timestamptz not null,
  response_status integer,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  primary key (business_id, id)
) with (fillfactor = 85);

select hawker.tenant_table('hawker.webhook_deliveries');

-- An event goes to an address once, and once more with each replay.
create unique index webhook_deliveries_once on hawker.webhook_deliveries (business_id, event_id, target, replay_id) nulls not distinct;

create index webhook_deliveries_object on hawker.webhook_deliveries (business_id, object_id, id);

create index webhook_deliveries_failed on hawker.webhook_deliveries (business_id, id) where status = 'failed';

-- Deliveries that are due, by when and where to; a lease is a due time in the near future.
create table hawker.webhook_queue (
  business_id uuid not null,
  delivery_id uuid not null,
  -- Endpoint or host: what may not hold up others.
  lane text not null,
  due_at timestamptz not null,
  primary key (business_id, delivery_id)
);

select hawker.tenant_table('hawker.webhook_queue');

create index webhook_queue_due on hawker.webhook_queue (business_id, lane, due_at);

create table hawker.webhook_attempts (
  business_id uuid not null,
  delivery_id uuid not null,
  number integer not null,
  sent_at timestamptz not null,
  duration_ms integer not null,
  request_headers json not null,
  response_status integer,
  response_headers json,
  response_body text,
  error text,
  primary key (business_id, delivery_id, number)
);

select hawker.tenant_table('hawker.webhook_attempts');

-- Mail to be sent, or kept to be read where no server is set.
create table hawker.mails (
  business_id uuid not null,
  id uuid not null,
  recipient text not null,
  subject text not null,
  body_text text not null,
  body_html text not null,
  source text not null,
  source_id uuid not null,
  status text not null check (status in ('pending', 'kept', 'sent', 'failed')),
  attempts integer not null,
  due_at timestamptz not null,
  created_at timestamptz not null,
  sent_at timestamptz,
  primary key (business_id, id)
);

select hawker.tenant_table('hawker.mails');

create unique index mails_once on hawker.mails (business_id, source_id, source);

create index mails_pending on hawker.mails (due_at) where status = 'pending';
