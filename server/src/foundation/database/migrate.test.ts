import pg from 'pg'
import { describe, expect, onTestFinished, test } from 'vitest'
import { sha256 } from '#foundation/shared/secrets.ts'
import { cloneDatabase } from '#testing/database.ts'
import { poolOptions } from './database.ts'
import { type Migration, migrate, readMigrations, splitStatements } from './migrate.ts'

async function anEmptyPool(processes = 1): Promise<pg.Pool[]> {
  const connection = await cloneDatabase({ empty: true })
  const pools = Array.from({ length: processes }, () => new pg.Pool(poolOptions(connection, 2, 30_000)))
  onTestFinished(async () => {
    await Promise.all(pools.map((pool) => pool.end()))
  })
  return pools
}

async function aPool(): Promise<pg.Pool> {
  const [pool] = await anEmptyPool()
  if (!pool) throw new Error('there is no pool')
  return pool
}

function migration(name: string, sql: string): Migration {
  return { name, statements: splitStatements(sql), checksum: sha256(sql), transactional: !/^-- no transaction$/m.test(sql) }
}

describe('splitStatements', () => {
  test('a statement ends at a semicolon followed by an empty line or the end', () => {
    expect(splitStatements('create table a (id int);\n\ncreate table b (\n  id int\n);\n')).toEqual([
      'create table a (id int)',
      'create table b (\n  id int\n)',
    ])
    expect(splitStatements('select 1;')).toEqual(['select 1'])
    expect(splitStatements('select 1; \n \nselect 2;\n\n\n\n')).toEqual(['select 1', 'select 2'])
  })

  test('a function body is kept whole', () => {
    const body = 'create function f() returns void language plpgsql as $$\nbegin\n  perform 1;\n  perform 2;\nend $$'
    expect(splitStatements(`${body};\n\nselect f();\n`)).toEqual([body, 'select f()'])
  })

  test('comments above statements are dropped, and a file of comments has no statement', () => {
    expect(splitStatements('-- Why; and how.\n-- More.\nselect 1; -- one\n\n-- The end.\n')).toHaveLength(1)
    expect(splitStatements('-- only words\n')).toEqual([])
    expect(splitStatements('')).toEqual([])
  })

  test('files with Windows line endings are read', () => {
    expect(splitStatements('select 1;\r\n\r\nselect 2;\r\n')).toEqual(['select 1', 'select 2'])
  })
})

describe('migrations', () => {
  test('concurrent processes that find an empty database apply each migration once', async () => {
    const pools = await anEmptyPool(4)
    const applied = await Promise.all(pools.map((pool) => migrate(pool)))
    expect(applied.flat().sort()).toEqual(readMigrations().map(({ name }) => name))
    expect(await Promise.all(pools.map((pool) => migrate(pool)))).toEqual([[], [], [], []])
  })

  test('migrations continue when another process creates the schema at the same moment', async () => {
    const pool = await aPool()
    const other = await pool.connect()
    await other.query('begin; create schema hawker')
    const done = migrate(pool, [migration('0001_a', 'select 1;\n')])
    await new Promise((resolve) => setTimeout(resolve, 100))
    await other.query('commit')
    other.release()
    expect(await done).toEqual(['0001_a'])
  })

  test('migrations stop when an applied one was changed', async () => {
    const pool = await aPool()
    await migrate(pool, [migration('0001_a', 'select 1;\n')])
    await expect(migrate(pool, [migration('0001_a', 'select 2;\n')])).rejects.toThrow('Migration 0001_a was changed after it had been applied.')
  })

  test('migrations stop at one that this version does not know', async () => {
    const pool = await aPool()
    await migrate(pool, [migration('0001_a', 'select 1;\n'), migration('0002_b', 'select 1;\n')])
    await expect(migrate(pool, [migration('0001_a', 'select 1;\n')])).rejects.toThrow(
      'The database has migration 0002_b, which this version of Hawker does not know',
    )
  })

  test('a failed migration leaves nothing behind and can be repeated', async () => {
    const pool = await aPool()
    const bad = 'create table hawker.half (id int primary key);\n\nselect 1 / 0;\n'
    await expect(migrate(pool, [migration('0001_a', bad)])).rejects.toThrow('division by zero')
    const { rows } = await pool.query("select to_regclass('hawker.half') as half, (select count(*)::int from hawker.migrations) as count")
    expect(rows).toEqual([{ half: null, count: 0 }])
    expect(await migrate(pool, [migration('0001_a', bad.replace('1 / 0', '1'))])).toEqual(['0001_a'])
  })

  test('a migration marked `no transaction` builds indexes while others write', async () => {
    const pool = await aPool()
    const all = [
      migration('0001_a', 'create table hawker.a (id int primary key, n int);\n'),
      migration('0002_b', '-- no transaction\n\ncreate index concurrently if not exists a_n on hawker.a (n);\n'),
    ]
    expect(await migrate(pool, all)).toEqual(['0001_a', '0002_b'])
    const { rows } = await pool.query("select indisvalid from pg_index where indexrelid = 'hawker.a_n'::regclass")
    expect(rows).toEqual([{ indisvalid: true }])
  })

  test('a migration marked `no transaction` that failed half-way is repaired by the next run', async () => {
    const pool = await aPool()
    const table = migration('0001_a', 'create table hawker.a (id int primary key, n int);\n\ninsert into hawker.a values (1, 7), (2, 7);\n')
    const indexes =
      '-- no transaction\n\ncreate index concurrently if not exists a_id on hawker.a (id);\n\ncreate unique index concurrently if not exists a_n on hawker.a (n);\n'
    const all = [table, migration('0002_b', indexes)]
    await expect(migrate(pool, all)).rejects.toThrow('could not create unique index')
    const valid = async () =>
      (await pool.query("select indexrelid::regclass::text as name, indisvalid from pg_index where indrelid = 'hawker.a'::regclass order by 1")).rows
    expect(await valid()).toContainEqual({ name: 'a_n', indisvalid: false })
    await pool.query('delete from hawker.a where id = 2')
    expect(await migrate(pool, all)).toEqual(['0002_b'])
    expect(await valid()).toEqual(['a_id', 'a_n', 'a_pkey'].map((name) => ({ name, indisvalid: true })))
    await expect(pool.query('insert into hawker.a values (3, 7)')).rejects.toThrow('duplicate key')
  })

  test('concurrent processes apply a migration marked `no transaction` once, without the time limit of requests', async () => {
    const pools = await anEmptyPool(3)
    const [pool] = pools
    if (!pool) throw new Error('there is no pool')
    const table = migration('0001_a', 'create table hawker.a (id int primary key, n int);\n')
    await migrate(pool, [table])
    const slow = '-- no transaction\n\nselect pg_sleep(0.7);\n\ncreate index concurrently a_n on hawker.a (n);\n'
    // As long as a request may take in this test.
    for (const one of pools) one.options.options += ' -c statement_timeout=500'
    const done = await Promise.all(pools.map((one) => migrate(one, [table, migration('0002_b', slow)])))
    expect(done.flat()).toEqual(['0002_b'])
  })

  test('a migration gives way to a transaction that locks the table, and then continues', async () => {
    const pool = await aPool()
    const first = migration('0001_a', 'create table hawker.a (id int primary key);\n')
    await migrate(pool, [first])
    const holder = await pool.connect()
    await holder.query('begin; lock table hawker.a')
    const done = migrate(pool, [first, migration('0002_b', 'alter table hawker.a add column n int;\n')])
    await new Promise((resolve) => setTimeout(resolve, 2_200))
    await holder.query('commit')
    holder.release()
    expect(await done).toEqual(['0002_b'])
  })
})
