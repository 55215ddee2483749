import { readdirSync, readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import pg from 'pg'
import { describe, expect, onTestFinished, test } from 'vitest'
import { startTestServer } from '#testing/api.ts'
import { cloneDatabase } from '#testing/database.ts'
import { findCounterExamples } from '#verify/checks.ts'
import { openDatabase, poolOptions } from './database.ts'
import { migrate, readMigrations } from './migrate.ts'

/**
 * Databases that earlier versions filled, named by the last migration that they had: for each table its rows as JSON, as
 * PostgreSQL prints them. Their API key is `test_f11d…`; their secrets are encrypted with the tests' key.
 */
const folder = new URL('./filled/', import.meta.url)
const filled = readdirSync(folder).map((file) => file.replace('.json.gz', ''))
const key = `test_${'f11d'.repeat(16)}`

/** A database as an earlier version left it. */
async function aFilledDatabase(last: string): Promise<Awaited<ReturnType<typeof cloneDatabase>>> {
  const connection = await cloneDatabase({ empty: true })
  const pool = new pg.Pool(poolOptions(connection, 1, 30_000))
  await migrate(
    pool,
    readMigrations().filter(({ name }) => name <= last),
  )
  const text = gunzipSync(readFileSync(new URL(`${last}.json.gz`, folder))).toString()
  const tables = JSON.parse(text) as Record<string, unknown[]>
  await pool.query('begin')
  await pool.query("set local session_replication_role = 'replica'") // rows come table by table, whatever refers to what
  for (const [table, rows] of Object.entries(tables)) {
    await pool.query(`delete from hawker.${table}`)
    // The text itself, since JSON.parse would round a bigint.
    const from =
      text.indexOf(`
"${table}":[
`) +
      `
"${table}":`.length
    const written = await pool.query(`insert into hawker.${table} select * from json_populate_recordset(null::hawker.${table}, $1)`, [
      text.slice(from, text.indexOf('\n]', from) + 2),
    ])
    expect(written.rowCount).toBe(rows.length)
  }
  await pool.query('commit')
  await pool.end()
  return connection
}

async function anUpgradedServer(last: string) {
  const database = openDatabase(await aFilledDatabase(last), { connections: 4, slowConnections: 2 })
  const applied = await migrate(database.pool)
  const server = await startTestServer(database)
  onTestFinished(async () => {
    await server.app.fastify.close()
    await database.close()
  })
  const request = async (method: string, path: string, body?: object, headers = {}) => {
    const init = { method, headers: { 'x-business-api-key': key, 'content-type': 'application/json', ...headers } }
    const answer = await fetch(`${server.url}${path}`, { ...init, ...(body ? { body: JSON.stringify(body) } : {}) })
    // biome-ignore lint/suspicious/noExplicitAny: tests read answers freely; their shape is checked by the server
    return { status: answer.status, json: (await answer.json()) as any, headers: answer.headers }
  }
  return { database, applied, request }
}

describe.each(filled)('a database filled by the version of migration %s', (last) => {
  test('is brought up to date, and everything in it adds up', async () => {
    const { database, applied } = await anUpgradedServer(last)
    expect(applied).toEqual(
      readMigrations()
        .map(({ name }) => name)
        .filter((name) => name > last),
    )
    expect((await findCounterExamples(database.db)).found).toEqual([])
  })

  test('shows every customer, charge and event under its old key', async () => {
    const { request } = await anUpgradedServer(last)
    const customers = await request('GET', '/v1/customers?per_page=100')
    expect([customers.status, customers.json.data.length]).toEqual([200, 23])
    expect((await request('GET', '/v1/customers?keywords=வாடிக்கையாளர்')).json.data.length).toBeGreaterThan(0)
    const charges = await request('GET', '/v1/charges?per_page=100')
    expect([charges.status, charges.json.data.length > 10]).toEqual([200, true])
    const events = await request('GET', '/v1/events?per_page=100')
    expect(events.json.data.map(({ sequence }: { sequence: number }) => sequence)).toEqual(events.json.data.map((_: unknown, i: number) => i + 1))
    expect((await request('GET', '/v1/bank-credits')).json.data).toMatchObject([{ status: 'unmatched' }])
  })

  test('repeats a stored answer, takes a payment and gives money back', async () => {
    const { database, request } = await anUpgradedServer(last)
    const again = await request(
      'POST',
      '/v1/customers',
      { name: 'Customer one', email: 'person0@example.com', phone_number: '91000000', external_id: 'ext-0' },
      { 'idempotency-key': 'customer-0' },
    )
    expect([again.status, again.headers.get('idempotent-replayed')]).toEqual([201, 'true'])
    const made = await request('POST', '/v1/payment-requests', { amount: '12.00', currency: 'sgd' })
    const paid = await request('POST', `/v1/sandbox/payment-requests/${made.json.id}/pay`, { method: 'paynow_online' })
    expect([paid.status, (await request('GET', `/v1/payment-requests/${made.json.id}`)).json.status]).toEqual([200, 'completed'])
    const refund = await request('POST', '/v1/refunds', { payment_id: paid.json.payment_id, amount: 5 })
    expect(refund.status).toBe(201)
    expect((await findCounterExamples(database.db)).found).toEqual([])
  })
})
