-- no transaction

-- Two changes of what searches are found by (search-text.ts, id-times.ts, decision 17). Characters outside ASCII have grams by
-- themselves and with each neighbour. And the index has the beginnings of ids beside the grams: the first five, six and eight
-- digits of an id name spans of three days, five hours and 65 seconds, so that a search asks for the matches of a span and
-- touches no others.
--
-- The old indexes go first: rows that are written anew need not be put into them.
drop index concurrently if exists hawker.customers_search;

drop index concurrently if exists hawker.search_grams_grams;

-- What gramsOf does.
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
  select coalesce(array_agg(distinct pg_temp.gram(seed, letters)), '{}') from (
    select unnest(array[
      case when length(own) = 5 then own end,
      case when length(own) + length(next) > 2 or own = ' ' then own || next end,
      case when length(own || next || third) = 3 then own || next || third end
    ]) as letters
    from string_to_table(search, E'\n') as line cross join lateral (
      select own[1] as own, lead(own[1]) over (order by place) as next, lead(own[1], 2) over (order by place) as third
      from regexp_matches(line, '[A-M][N-Z]{4}|.', 'g') with ordinality as found (own, place)
    ) characters
  ) grams where letters is not null
$$;

-- A thousand rows at a time, each with a commit of its own, and only rows that have such characters. What a migration that
-- broke off has written stays, and is written again.
do $$
declare
  business uuid;
  seed bigint;
  after uuid;
begin
  for business in select id from hawker.businesses order by id loop
    seed := pg_temp.seed_of(business);
    after := '00000000-0000-0000-0000-000000000000';
    loop
      with page as materialized (
        select id, search from hawker.customers where business_id = business and id > after and search ~ '[A-Z]' order by id limit 1000
      ), written as (
        update hawker.customers c set search_grams = pg_temp.grams_of(seed, page.search) from page where c.business_id = business and c.id = page.id
      )
      select (select id from page order by id desc limit 1) into after;
      commit;
      exit when after is null;
    end loop;
  end loop;
end $$;

-- An entry keeps what it has: a request's may be asked for words that it had earlier, which its charges still have.
do $$
declare
  business uuid;
  source text;
  seed bigint;
  after uuid;
begin
  for business in select id from hawker.businesses order by id loop
    seed := pg_temp.seed_of(business);
    foreach source in array array['id as request_id, id, search from hawker.payment_requests', 'payment_request_id as request_id, id, search from hawker.charges'] loop
      after := '00000000-0000-0000-0000-000000000000';
      loop
        execute format('
          with page as materialized (select %s where business_id = $1 and id > $2 and search ~ ''[A-Z]'' order by id limit 1000), added as (
            select entry_id, array_agg(distinct gram) as grams
            from page cross join lateral (values (page.id), (page.request_id)) as entry (entry_id) cross join lateral unnest(pg_temp.grams_of($3, page.search)) as gram
            where entry_id is not null group by entry_id
          ), written as (
            update hawker.search_grams g set grams = array(select unnest(g.grams) union select unnest(added.grams))
            from added where g.business_id = $1 and g.id = added.entry_id
          )
          select id from page order by id desc limit 1', source) into after using business, after, seed;
        commit;
        exit when after is null;
      end loop;
    end loop;
  end loop;
end $$;

-- The beginnings come first: where they end, the grams of other rows are passed over.
create index concurrently if not exists customers_search_by_time on hawker.customers using gin ((array[left(id::text, 5) collate "C", left(id::text, 6) collate "C", left(id::text, 8) collate "C"]), search_grams) with (gin_pending_list_limit = 256);

create index concurrently if not exists search_grams_by_time on hawker.search_grams using gin ((array[left(id::text, 5) collate "C", left(id::text, 6) collate "C", left(id::text, 8) collate "C"]), grams) with (gin_pending_list_limit = 256);
