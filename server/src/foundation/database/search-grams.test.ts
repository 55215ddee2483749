import pg from 'pg'
import { expect, onTestFinished, test } from 'vitest'
import { newId } from '#foundation/shared/ids.ts'
import { gramsOf, searchTextOf } from '#foundation/shared/search-text.ts'
import { cloneDatabase } from '#testing/database.ts'
import { poolOptions } from './database.ts'
import { migrate, readMigrations } from './migrate.ts'

test('requests, charges and customers created by an earlier version have the grams that the application computes', async () => {
  const pool = new pg.Pool(poolOptions(await cloneDatabase({ empty: true }), 1, 30_000))
  onTestFinished(() => pool.end())
  const migrations = readMigrations()
  const before = migrations.findIndex(({ name }) => name.endsWith('_search_grams'))
  await migrate(pool, migrations.slice(0, before))
  const at = new Date()
  const texts = [['Nguyễn Văn An', 'payer+1@example.com', '+6591234567'], ['陳', 'பெயர்', 'a'], ['x'], []]
  const expected: { id: string; grams: number[] }[] = []
  for (const [n, parts] of texts.entries()) {
    const business = newId<'business'>(at)
    const [request, charge] = [newId(at), newId(at)]
    const [asked, paid] = [searchTextOf([...parts, request]), n === 3 ? '' : searchTextOf(parts)]
    await pool.query(
      `insert into businesses (id, name, slug, country, currency, timezone, mode, created_at) values ($1, 'One', $2, 'sg', 'sgd', 'UTC', 'sandbox', $3)`,
      [business, `one-${n}`, at],
    )
    await pool.query(
      `insert into payment_requests (business_id, id, status, currency, payment_methods, send_sms, send_email, sms_status, email_status, allow_repeated_payments,
        add_admin_fee, is_currency_editable, is_default, generate_qr, generate_direct_link, metadata, channel, api_key_id, payment_reference, search, version, created_at, updated_at)
      values ($1, $2, 'pending', 'sgd', '{}', false, false, 'pending', 'pending', false, false, false, false, false, false, '{}', 'api', $1, $5, $3, 1, $4, $4)`,
      [business, request, asked, at, `HWK${n}`],
    )
    await pool.query(
      `insert into charges (business_id, id, channel, method, rail, status, currency, amount_minor, rail_data, metadata, search, created_at, updated_at)
      values ($1, $2, 'api', 'card', 'simulator', 'succeeded', 'sgd', 100, '{}', '{}', $3, $4, $4)`,
      [business, charge, paid, at],
    )
    await pool.query(
      `insert into customers (business_id, id, name, email, phone_number, metadata, search, search_grams, version, created_at, updated_at)
      values ($1, $2, 'One', 'one@example.com', '9', '{}', $3, $4, 1, $5, $5)`,
      [business, charge, paid, n === 1 ? [1, 2] : gramsOf(paid, business), at],
    )
    expected.push({ id: request, grams: gramsOf(asked, business) }, { id: charge, grams: gramsOf(paid, business) })
  }
  // A migration that broke off after it had begun to write starts over.
  const { statements = [] } = migrations[before] ?? {}
  const filling = statements.findIndex((statement) => statement.includes('commit;'))
  const client = await pool.connect()
  for (const statement of statements.slice(0, filling + 1)) await client.query(statement)
  await client.query('delete from search_grams where id = $1', [expected[1]?.id])
  client.release()
  expect(await migrate(pool, migrations)).toContain('0010_search_grams')
  // Entries keep numbers that they had.
  const { rows: entries } = await pool.query<{ id: string; grams: number[] }>('select id, grams from search_grams order by id')
  expect(entries.map(({ id }) => id)).toEqual(expected.map(({ id }) => id))
  for (const [i, { grams }] of entries.entries()) expect(grams).toEqual(expect.arrayContaining(expected[i]?.grams ?? []))
  const { rows: customers } = await pool.query<{ id: string; grams: number[] }>('select id, search_grams as grams from customers order by id')
  const sorted = (grams: number[]) => [...grams].sort((a, b) => a - b)
  for (const [i, { id, grams }] of customers.entries()) expect({ id, grams: sorted(grams) }).toEqual({ id, grams: sorted(expected[2 * i + 1]?.grams ?? []) })
})
