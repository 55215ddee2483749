-- no transaction

-- The numbers by which payment requests are found, and charges where their words are not those of their request
-- (search-text.ts, decisions 1 and 7). Apart from what they find, so that a payment writes nothing of them.
create table if not exists hawker.search_grams (
  business_id uuid not null,
  -- A payment request, or a charge.
  id uuid not null,
  grams int4[] not null,
  primary key (business_id, id)
);

-- Once, also where the migration is begun again.
select hawker.tenant_table('hawker.search_grams') where obj_description('hawker.search_grams'::regclass, 'pg_class') is null;

comment on table hawker.search_grams is 'distributed where Citus is';

-- What gramsOf does, for rows that were made before.
create or replace function pg_temp.seed_of(business_id uuid) returns bigint language plpgsql immutable as $$
declare hash bigint := 2166136261;
begin
  for i in 1 .. 36 loop hash := ((hash # ascii(substr(business_id::text, i, 1))) * 16777619) & 4294967295; end loop;
  return hash;
end $$;

create or replace function pg_temp.gram(seed bigint, letters text) returns integer language plpgsql immutable as $$
declare hash bigint := seed;
begin
  for i in 1 .. length(letters) loop hash := ((hash # ascii(substr(letters, i, 1))) * 16777619) & 4294967295; end loop;
  hash := ((hash # (hash >> 15)) * 739982445) & 4294967295;
  hash := hash # (hash >> 13);
  return case when hash > 2147483647 then hash - 4294967296 else hash end;
end $$;

create or replace function pg_temp.grams_of(seed bigint, search text) returns integer[] language sql immutable as $$
  select coalesce(array_agg(distinct pg_temp.gram(seed, substr(part, i, size))), '{}')
  from string_to_table(search, E'\n') as part, generate_series(1, length(part) - 1) as i, generate_series(2, 3) as size
  where i + size - 1 <= length(part) and (size = 3 or substr(part, i, 1) = ' ')
$$;

-- A thousand rows at a time, each with a commit of its own: there may be millions, and what a migration that broke off has
-- written stays. Rows that the application has written meanwhile are as they should be.
do $$
declare
  business uuid;
  source text;
  seed bigint;
  after uuid;
begin
  for business in select id from hawker.businesses order by id loop
    seed := pg_temp.seed_of(business);
    foreach source in array array['payment_requests', 'charges'] loop
      after := '00000000-0000-0000-0000-000000000000';
      loop
        execute format('
          with page as materialized (select id, search from hawker.%I where business_id = $1 and id > $2 order by id limit 1000), written as (
            insert into hawker.search_grams (business_id, id, grams) select $1, id, pg_temp.grams_of($3, search) from page
            on conflict (business_id, id) do nothing
          )
          select id from page order by id desc limit 1', source) into after using business, after, seed;
        commit;
        exit when after is null;
      end loop;
    end loop;
  end loop;
end $$;

create index concurrently if not exists search_grams_grams on hawker.search_grams using gin (grams) with (gin_pending_list_limit = 256);

drop index concurrently if exists hawker.payment_requests_search;

drop index concurrently if exists hawker.charges_search;
