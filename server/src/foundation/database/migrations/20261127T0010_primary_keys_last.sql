-- Makes the primary key the newest complete index of each table. Of indexes that cost the same, PostgreSQL takes the newest one. While a
-- table is new or holds about one row for each business, all indexes that begin with the business cost the same, but only the
-- primary key finds one row by its id; a plan with another index stays in use while the table grows. Large tables have statistics
-- and stay as they are. A later migration that adds an index does the same.
do $$
declare
  found_key record;
begin
  -- There the rows are in other tables, whose size is not known here.
  if exists (select from pg_extension where extname = 'citus') then
    return;
  end if;
  for found_key in
    select conrelid::regclass as target, conname as name, pg_get_constraintdef(oid) as definition from pg_constraint c
    where contype = 'p' and connamespace = 'hawker'::regnamespace and pg_relation_size(conrelid) < 8 * 1024 * 1024
      and exists (select from pg_index i where i.indrelid = c.conrelid and i.indexrelid > c.conindid and i.indpred is null)
      and not exists (select from pg_constraint f where f.contype = 'f' and f.confrelid = c.conrelid)
  loop
    execute format('alter table %s drop constraint %I', found_key.target, found_key.name);
    execute format('alter table %s add constraint %I %s', found_key.target, found_key.name, found_key.definition);
  end loop;
end
$$;
