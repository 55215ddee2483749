-- The numbers by which payment requests are found, and charges where their words are not those of their request
-- (search-text.ts, decisions 1 and 7). Apart from what they find, so that a payment writes nothing of them.
create table hawker.search_grams (
  business_id uuid not null,
  -- A payment request, or a charge.
  id uuid not null,
  grams int4[] not null,
  primary key (business_id, id)
);

select hawker.tenant_table('hawker.search_grams');

-- What gramsOf does, for rows that were made before.
create function pg_temp.seed_of(business_id uuid) returns bigint language plpgsql immutable as $$
declare hash bigint := 2166136261;
begin
  for i in 1 .. 36 loop hash := ((hash # ascii(substr(business_id::text, i, 1))) * 16777619) & 4294967295; end loop;
  return hash;
end $$;

create function pg_temp.gram(seed bigint, letters text) returns integer language plpgsql immutable as $$
declare hash bigint := seed;
begin
  for i in 1 .. length(letters) loop hash := ((hash # ascii(substr(letters, i, 1))) * 16777619) & 4294967295; end loop;
  hash := ((hash # (hash >> 15)) * 739982445) & 4294967295;
  hash := hash # (hash >> 13);
  return case when hash > 2147483647 then hash - 4294967296 else hash end;
end $$;

create function pg_temp.grams_of(seed bigint, search text) returns integer[] language sql immutable as $$
  select coalesce(array_agg(distinct pg_temp.gram(seed, substr(part, i, size))), '{}')
  from string_to_table(search, E'\n') as part, generate_series(1, length(part) - 1) as i, generate_series(2, 3) as size
  where i + size - 1 <= length(part) and (size = 3 or substr(part, i, 1) = ' ')
$$;

with seeds as materialized (select id, pg_temp.seed_of(id) as seed from hawker.businesses)
insert into hawker.search_grams (business_id, id, grams)
select found.business_id, found.id, pg_temp.grams_of(seeds.seed, found.search)
from (select business_id, id, search from hawker.payment_requests union all select business_id, id, search from hawker.charges) found
join seeds on seeds.id = found.business_id;

create index search_grams_grams on hawker.search_grams using gin (grams) with (gin_pending_list_limit = 256);

drop index hawker.payment_requests_search;

drop index hawker.charges_search;
