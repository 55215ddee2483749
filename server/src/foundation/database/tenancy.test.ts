import pg from 'pg'
import { expect, test } from 'vitest'
import { newId } from '#foundation/shared/ids.ts'
import { cloneDatabase, testDatabase } from '#testing/database.ts'
import { isContention, isOutcomeUnknown, poolOptions, violatedConstraint } from './database.ts'
import { tenantTables } from './tenancy.ts'

test('a query on a tenant table that names no business is rejected', async () => {
  const { db } = await testDatabase()
  const id = newId(new Date())
  await expect(db.selectFrom('customers').selectAll().execute()).rejects.toThrow('query on customers names no business_id')
  await expect(db.selectFrom('events').select('id').where('id', '=', id).execute()).rejects.toThrow('names no business_id')
  await expect(db.updateTable('customers').set({ name: 'x' }).where('id', '=', id).execute()).rejects.toThrow('names no business_id')
  await expect(db.deleteFrom('idempotency_keys').where('key', '=', 'x').execute()).rejects.toThrow('names no business_id')
  await expect(db.selectFrom('businesses').innerJoin('api_keys', 'api_keys.id', 'businesses.id').select('name').execute()).rejects.toThrow(
    'names no business_id',
  )
  await expect(db.transaction().execute((tx) => tx.selectFrom('api_keys').select('id').execute())).rejects.toThrow('names no business_id')
})

test('a query that names its business passes, and so does one on a table of the installation', async () => {
  const { db } = await testDatabase()
  expect(await db.selectFrom('customers').selectAll().where('business_id', '=', newId(new Date())).execute()).toEqual([])
  expect(await db.selectFrom('directory').selectAll().where('lookup', '=', 'nothing').execute()).toEqual([])
  expect(['customers', 'directory', 'businesses'].map((table) => tenantTables().has(table))).toEqual([true, false, false])
})

test('PostgreSQL values have their own types: bigint, days as text, timestamps as dates', async () => {
  const { pool } = await testDatabase()
  const { rows } = await pool.query("select 9007199254740993::int8 as big, '2024-02-29'::date as day, '2024-02-29T00:00:00Z'::timestamptz as at")
  expect(rows).toEqual([{ big: 9007199254740993n, day: '2024-02-29', at: new Date('2024-02-29T00:00:00Z') }])
})

test('the embedded database is reached whatever PGSSLMODE is in the environment', async () => {
  const before = process.env['PGSSLMODE']
  process.env['PGSSLMODE'] = 'require'
  const pool = new pg.Pool(poolOptions(await cloneDatabase(), 1, 5_000))
  try {
    expect((await pool.query('select 1 as one')).rows).toEqual([{ one: 1 }])
  } finally {
    if (before === undefined) delete process.env['PGSSLMODE']
    else process.env['PGSSLMODE'] = before
    await pool.end()
  }
})

test('a violated constraint is recognized by its name, even with the suffix of a shard', () => {
  expect(violatedConstraint({ code: '23505', constraint: 'customers_external_id' })).toBe('customers_external_id')
  expect(violatedConstraint({ code: '23505', constraint: 'customers_external_id_102083' })).toBe('customers_external_id')
  expect(violatedConstraint({ code: '23505', message: 'duplicate key value violates unique constraint "customers_external_id_102083"' })).toBe(
    'customers_external_id',
  )
  expect(violatedConstraint({ code: '23503', constraint: 'x' })).toBeUndefined()
  expect(violatedConstraint(undefined)).toBeUndefined()
})

test('errors that leave the outcome unknown are distinguished from those that do not', () => {
  for (const code of ['08006', '08001', '57P01', '57P03', 'XX000', '25006', '53100', '53300', '3D000', 'ECONNRESET'])
    expect([code, isOutcomeUnknown({ code })]).toEqual([code, true])
  expect(isOutcomeUnknown(new Error('Connection terminated unexpectedly'))).toBe(true)
  expect(isOutcomeUnknown(new Error('Query read timeout'))).toBe(true)
  for (const code of ['23505', '22P02', '55P03', '42601']) expect([code, isOutcomeUnknown({ code })]).toEqual([code, false])
  expect(['55P03', '57014', '40P01', '40001'].map((code) => isContention({ code }))).toEqual([true, true, true, true])
  expect(isContention({ code: '23505' })).toBe(false)
  expect(isContention(null)).toBe(false)
})
