create extension if not exists btree_gin;

create table hawker.customers (
  business_id uuid not null,
  id uuid not null,
  external_id text,
  name text,
  email text not null,
  phone_number text not null,
  phone_number_country_code text,
  phone_number_e164 text,
  birth_date date,
  gender text,
  remark text,
  address json,
  metadata jsonb not null,
  -- Name, e-mail and phone as they are searched, and the numbers by which they are found (search-text.ts).
  search text collate "C" not null,
  search_grams int4[] not null,
  version integer not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  primary key (business_id, id)
);

select hawker.tenant_table('hawker.customers');

create unique index customers_external_id on hawker.customers (business_id, external_id) where external_id is not null;

create index customers_email on hawker.customers (business_id, lower(email collate "C"), id);

create index customers_name on hawker.customers (business_id, (coalesce(name, '')) collate "und-x-icu", id);

-- A gram is made of letters and of the business, so a search reads one business's entries only. A short pending list keeps
-- searches fast: every search reads it from end to end.
create index customers_search on hawker.customers using gin (search_grams) with (gin_pending_list_limit = 256);

create index customers_metadata on hawker.customers using gin (business_id, metadata jsonb_path_ops) with (gin_pending_list_limit = 256) where metadata <> '{}'::jsonb;
