import { describe, expect, test } from 'vitest'
import { testDatabase } from '#testing/database.ts'
import { readMigrations } from './migrate.ts'
import { globalTables, lookupTables, tenantTables } from './tenancy.ts'

async function catalogue<Row extends object>(sql: string): Promise<Row[]> {
  const { pool } = await testDatabase()
  return (await pool.query(sql)).rows
}

const tableNames = async () =>
  (
    await catalogue<{ name: string }>(
      "select relname::text as name from pg_class where relnamespace = 'hawker'::regnamespace and relkind in ('r', 'p') order by relname",
    )
  ).map(({ name }) => name)

describe('the schema can be sharded by business', () => {
  test('lookup and global tables exist, and no table is in both lists', async () => {
    const listed = [...lookupTables, ...globalTables]
    expect(new Set(listed).size).toBe(listed.length)
    const tables = await tableNames()
    expect(listed.filter((table) => !tables.includes(table))).toEqual([])
  })

  test('every other table is a tenant table with a business_id that is never null', async () => {
    const columns = await catalogue<{ name: string }>(`
      select attrelid::regclass::text as name from pg_attribute
      where attname = 'business_id' and attnotnull and atttypid = 'uuid'::regtype and attrelid in (select oid from pg_class where relnamespace = 'hawker'::regnamespace and relkind in ('r', 'p'))`)
    const names = columns.map(({ name }) => name.replace('hawker.', ''))
    expect((await tableNames()).filter((table) => !lookupTables.has(table) && !globalTables.has(table))).toEqual([...tenantTables()].sort())
    expect([...tenantTables()].filter((table) => !names.includes(table))).toEqual([])
  })

  test('every table has a primary key, and unique keys of tenant tables are unique within a business', async () => {
    const keys = await catalogue<{ relation: string; primary: boolean; columns: string[] }>(`
      select c.relname as relation, i.indisprimary as primary,
        array(select attname::text from unnest(i.indkey) with ordinality k (n, o) join pg_attribute a on a.attrelid = c.oid and a.attnum = k.n order by o) as columns
      from pg_index i join pg_class c on c.oid = i.indrelid
      where c.relnamespace = 'hawker'::regnamespace and (i.indisunique or i.indisexclusion)`)
    expect((await tableNames()).filter((table) => !keys.some(({ relation, primary }) => relation === table && primary))).toEqual([])
    expect(keys.filter(({ relation, columns }) => tenantTables().has(relation) && !columns.includes('business_id'))).toEqual([])
  })

  test('foreign keys pair business with business, stay among tenant tables and set nothing to null', async () => {
    const keys = await catalogue<{ name: string; from: string; to: string; on_delete: string; columns: string[]; targets: string[] }>(`
      select conname as name, f.relname as from, t.relname as to, confdeltype as on_delete,
        array(select attname::text from unnest(conkey) with ordinality k (n, o) join pg_attribute on attrelid = f.oid and attnum = k.n order by o) as columns,
        array(select attname::text from unnest(confkey) with ordinality k (n, o) join pg_attribute on attrelid = t.oid and attnum = k.n order by o) as targets
      from pg_constraint join pg_class f on f.oid = conrelid join pg_class t on t.oid = confrelid
      where contype = 'f' and connamespace = 'hawker'::regnamespace`)
    for (const { name, from, to, on_delete, columns, targets } of keys) {
      expect([name, tenantTables().has(from)]).toEqual([name, true])
      expect([name, tenantTables().has(to) || to === 'businesses']).toEqual([name, true])
      expect([name, targets[columns.indexOf('business_id')]]).toEqual([name, to === 'businesses' ? 'id' : 'business_id'])
      expect([name, ['a', 'r', 'c']]).toEqual([name, expect.arrayContaining([on_delete])])
    }
  })

  test('the schema has no triggers, rules, sequences, identities, generated defaults or deferrable constraints', async () => {
    const found = await catalogue(`
      select 'trigger' as what, tgname::text as name from pg_trigger join pg_class c on c.oid = tgrelid where c.relnamespace = 'hawker'::regnamespace and not tgisinternal
      union all select 'rule', rulename::text from pg_rewrite join pg_class c on c.oid = ev_class where c.relnamespace = 'hawker'::regnamespace and c.relkind <> 'v'
      union all select 'sequence', relname::text from pg_class where relnamespace = 'hawker'::regnamespace and relkind = 'S'
      union all select 'identity', attname::text from pg_attribute join pg_class c on c.oid = attrelid where c.relnamespace = 'hawker'::regnamespace and attidentity <> ''
      union all select 'default', adrelid::regclass::text from pg_attrdef join pg_class c on c.oid = adrelid where c.relnamespace = 'hawker'::regnamespace and pg_get_expr(adbin, adrelid) ~ '\\('
      union all select 'deferrable', conname::text from pg_constraint where connamespace = 'hawker'::regnamespace and condeferrable
      union all select 'view', relname::text from pg_class where relnamespace = 'hawker'::regnamespace and relkind in ('v', 'm')`)
    expect(found).toEqual([])
  })

  test('the only function is the one that distributes tables', async () => {
    expect(
      await catalogue(
        "select proname::text as name from pg_proc where pronamespace = 'hawker'::regnamespace and not exists (select from pg_depend where objid = pg_proc.oid and deptype = 'e')",
      ),
    ).toEqual([{ name: 'tenant_table' }])
  })

  test('the primary key of a table is its newest complete index, so that it is used wherever several indexes cost the same', async () => {
    expect(
      await catalogue(`
        select i.indrelid::regclass::text as table, i.indexrelid::regclass::text as index from pg_index i join pg_index k on k.indrelid = i.indrelid
        where k.indisprimary and i.indexrelid > k.indexrelid and i.indpred is null and i.indrelid::regclass::text <> 'businesses'
          and i.indrelid in (select oid from pg_class where relnamespace = 'hawker'::regnamespace)`),
    ).toEqual([])
  })

  test('names leave room for a shard number and do not look as if they had one', async () => {
    const names = await catalogue<{ name: string }>(`
      select relname::text as name from pg_class where relnamespace = 'hawker'::regnamespace
      union select conname::text from pg_constraint where connamespace = 'hawker'::regnamespace`)
    expect(names.filter(({ name }) => name.length > 50 || /_\d+$/.test(name))).toEqual([])
  })

  test('money is a whole number of minor units', async () => {
    const columns = await catalogue<{ name: string; type: string }>(`
      select attname::text as name, format_type(atttypid, null) as type from pg_attribute join pg_class c on c.oid = attrelid
      where c.relnamespace = 'hawker'::regnamespace and c.relkind = 'r' and attnum > 0`)
    expect(columns.filter(({ type }) => /^(real|double precision|money|numeric|timestamp without time zone)$/.test(type))).toEqual([])
    expect(columns.filter(({ name, type }) => name.endsWith('_minor') && type !== 'bigint')).toEqual([])
  })
})

describe('migrations', () => {
  const made = new Set<string>()
  for (const { name, statements, transactional } of readMigrations()) {
    test(`${name} distributes each table, and builds indexes on older tables without blocking writers`, () => {
      const here = new Set<string>()
      for (const [i, statement] of statements.entries()) {
        const table = /^create table (?:if not exists )?hawker\.(\w+)/i.exec(statement)?.[1]
        if (table) {
          here.add(table)
          if (!globalTables.has(table) || table === 'businesses')
            expect(statements[i + 1]).toMatch(new RegExp(`^select hawker\\.tenant_table\\('hawker\\.${table}'`))
        }
        const indexed = /^create (?:unique )?index (concurrently )?.*? on hawker\.(\w+)/is.exec(statement)
        if (indexed && !here.has(indexed[2] ?? '')) expect([statement, indexed[1]?.toLowerCase()]).toEqual([statement, 'concurrently '])
        if (indexed?.[1]) expect([statement, transactional, /if not exists/i.test(statement)]).toEqual([statement, false, true])
        expect(statement).not.toMatch(/\b(deferrable|create trigger|on delete set|nextval|generated .* as identity|serial)\b/i)
        expect(statement.match(/;\s*$/m) && !statement.includes('$$')).toBeFalsy()
      }
      for (const table of here) made.add(table)
    })
  }

  test('the migrations create every table', async () => {
    expect((await tableNames()).filter((table) => table !== 'migrations' && !made.has(table))).toEqual([])
  })
})
