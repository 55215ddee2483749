-- Places a table among the shards on Citus, by its business; does nothing on plain PostgreSQL.
create function hawker.tenant_table(relation text, column_name text default 'business_id') returns void language plpgsql as $$
begin
  if to_regproc('pg_catalog.create_distributed_table') is null then return; end if;
  if relation = 'hawker.businesses' then execute format('select create_distributed_table(%L, %L, shard_count => 32)', relation, column_name);
  elsif column_name = 'lookup' then execute format('select create_distributed_table(%L, %L, colocate_with => %L)', relation, column_name, 'none');
  else execute format('select create_distributed_table(%L, %L, colocate_with => %L)', relation, column_name, 'hawker.businesses');
  end if;
end $$;

create table hawker.businesses (
  id uuid primary key,
  name text not null,
  slug text not null,
  country text not null,
  currency text not null,
  timezone text not null,
  mode text not null check (mode in ('sandbox', 'live')),
  created_at timestamptz not null
);

select hawker.tenant_table('hawker.businesses', 'id');

-- What arrives without a business (an API key's hash, a slug) is found here.
create table hawker.directory (
  lookup text not null,
  kind text not null,
  business_id uuid not null,
  target_id uuid not null,
  primary key (lookup, kind)
);

select hawker.tenant_table('hawker.directory', 'lookup');

create table hawker.api_keys (
  business_id uuid not null,
  id uuid not null,
  name text not null,
  key_hash text not null,
  key_ending text not null,
  salt_encrypted text not null,
  created_at timestamptz not null,
  last_used_at timestamptz,
  revoked_at timestamptz,
  primary key (business_id, id)
);

select hawker.tenant_table('hawker.api_keys');

alter table hawker.api_keys add constraint api_keys_business_fk foreign key (business_id) references hawker.businesses (id);

-- The answer of a request that carried an Idempotency-Key, written in the transaction of its effect.
create table hawker.idempotency_keys (
  business_id uuid not null,
  key text not null,
  object_id uuid not null,
  fingerprint json not null,
  status smallint not null,
  headers json not null,
  body text not null,
  created_at timestamptz not null,
  primary key (business_id, key)
);

select hawker.tenant_table('hawker.idempotency_keys');

-- Old keys are found by when they were made; a block range index costs an insert next to nothing.
create index idempotency_keys_created on hawker.idempotency_keys using brin (created_at);

-- The busy tables (events, customers) have no foreign key to the business: its check would lock the business's row once
-- a row, and business_id never comes from a client.

-- An event is appended in the transaction of its change, without a place; the relay gives places after the commit.
create table hawker.events (
  business_id uuid not null,
  id uuid not null,
  sequence bigint,
  type text not null,
  object_id uuid not null,
  data json not null,
  previous_attributes json,
  request_id text,
  created_at timestamptz not null,
  primary key (business_id, id)
);

select hawker.tenant_table('hawker.events');

create unique index events_sequence on hawker.events (business_id, sequence) where sequence is not null;

create index events_pending on hawker.events (business_id, id) where sequence is null;

create table hawker.event_positions (
  business_id uuid not null,
  last_sequence bigint not null,
  primary key (business_id)
);

select hawker.tenant_table('hawker.event_positions');

alter table hawker.event_positions add constraint event_positions_business_fk foreign key (business_id) references hawker.businesses (id);
