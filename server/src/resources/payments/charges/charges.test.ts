import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { lowestIdAt } from '#foundation/shared/ids.ts'
import { feeOn, feeSchedules } from '#resources/payments/fees/fees.ts'
import { aBusiness, type Client } from '#testing/api.ts'
import { aCharge, anOrigin, aPaidCharge, aPaymentRequest, aPendingCharge, type Payments, startPayments } from '#testing/payments.ts'
import { textCell } from './export-charges.ts'
import { exponentsOfCurrencies } from './filter.ts'
import { chargesPageSql } from './list-queries.ts'

let payments: Payments
beforeAll(async () => {
  payments = await startPayments()
})
const merchant = (about = {}) => aBusiness(about, payments.server)
const idsOf = async (client: Client, query: string): Promise<string[]> => {
  const { status, json } = await client.get(`/v1/charges?${query}`)
  expect([query, status, json.errors]).toEqual([query, 200, undefined])
  return json.data.map(({ id }: { id: string }) => id)
}

async function aFailedCharge(client: Client): Promise<string> {
  const row = aCharge(client)
  const outcome = { status: 'failed', code: 'card_declined', message: 'Declined.' } as const
  await payments.settle({ business: client.business, charge: { isNew: true, row }, outcome, origin: anOrigin() })
  return row.id
}

describe('GET /v1/charges', () => {
  test('a charge is returned as in the contract', async () => {
    const client = await merchant()
    const charge = await aPaidCharge(payments, client, { reference_number: '1007' })
    const { json } = await client.get('/v1/charges')
    const base = payments.server.url
    expect(json.data).toEqual([
      expect.objectContaining({
        id: charge.id,
        currency: 'sgd',
        exchange_rate: '1.00000',
        amount: 100,
        fixed_fee: 0.5,
        discount_fee: 3.65,
        discount_fee_rate: 3.65,
        net_amount: 95.85,
        status: 'succeeded',
        order_reference_number: '1007',
        executor: null,
        location: null,
        admin_fee: false,
        customer: { name: 'Tan Ah Kow', email: 'payer@example.com', phone_number: null },
      }),
    ])
    const method = json.data[0].payment_method
    expect(method.data).toEqual({ brand: 'Visa', last4: '4242', country_code: 'US', country: 'United States of America' })
    expect(method.display_logo).toMatchObject({ sm: `${base}/icons/methods/sm/visa.png`, iconName: 'visa', displayName: 'Visa' })
    expect(method.method_logo).toMatchObject({ svg_square: `${base}/icons/methods/svg_square/card.svg`, displayName: 'Cards' })
    expect(json.links).toEqual({ first: null, last: null, prev: null, next: null })
    expect(json.meta).toEqual({ path: `${base}/v1/charges`, per_page: 25, next_cursor: null, prev_cursor: null })
    const detail = await client.get(`/v1/charges/${charge.id}`)
    expect(detail.json).toMatchObject({
      amount_without_fees: 95.85,
      refunded_amount: 0,
      refunds: [],
      webhook_logs: [],
      payment_method: { code: 'remote', provider_reference: `ch_${charge.id}`, type: 'charge' },
    })
    const stranger = await merchant()
    expect((await stranger.get(`/v1/charges/${charge.id}`)).status).toBe(404)
    expect((await client.get('/v1/charges/odd')).status).toBe(404)
  })

  test('the list contains paid charges, refunded or not, and filters by status', async () => {
    const client = await merchant()
    const paid = (await aPaidCharge(payments, client)).id
    const part = (await aPaidCharge(payments, client)).id
    const full = (await aPaidCharge(payments, client)).id
    const failed = await aFailedCharge(client)
    const pending = (await aPendingCharge(client, { created_at: new Date(Date.now() + 1) })).id
    await client.post('/v1/refund', { payment_id: part, amount: 1 })
    await client.post('/v1/refund', { payment_id: full })
    const cases: [string, string[]][] = [
      ['', [full, part, paid]],
      ['status=succeeded', [paid]],
      ['status=failed', [failed]],
      ['status=refunded', [full, part]],
      ['refunded=true', [full, part]],
      ['refunded=0', [paid]],
      ['statuses[]=partially_refunded', [part]],
      ['statuses[]=failed&statuses[]=pending', [pending, failed]],
      ['statuses=success,cancelled', [paid]],
      ['statuses[]=void', []],
      ['user_ids[]=7', []],
    ]
    for (const [query, ids] of cases) expect([query, await idsOf(client, query)]).toEqual([query, ids])
  })

  test('the list filters by everything else that the contract names', async () => {
    const client = await merchant()
    const customer = (await client.post('/v1/customers', { email: 'mei@example.com', phone_number: '91234567' })).json.id
    const request = await aPaymentRequest(client)
    const one = await aPaidCharge(payments, client, {
      payment_request_id: request.id,
      customer_id: customer,
      customer_name: 'Lim Mei',
      customer_email: 'Mei@Example.com',
      reference_number: 'ORDER-1',
      remark: 'Laksa for two',
      channel: 'api_woocomm',
      method: 'paynow_online',
    })
    const other = await aPaidCharge(payments, client, { amount_minor: 2_550n, rail: 'local' })
    const yen = await aPaidCharge(payments, client, { amount_minor: 300n, currency: 'jpy' })
    const cases: [string, string[]][] = [
      [`payment_request_id=${request.id}`, [one.id]],
      [`relatable=payment_request:${request.id}`, [one.id]],
      [`customer_id=${customer}`, [one.id]],
      ['customer_email=mei@example.com', [one.id]],
      ['customer_name=Lim%20Mei', [one.id]],
      ['order_reference_number=ORDER-1', [one.id]],
      [`payment_reference_number=ch_${other.id}`, [other.id]],
      [`id=${yen.id}`, [yen.id]],
      ['channel=api_woocomm', [one.id]],
      ['payment_methods[]=paynow_online', [one.id]],
      ['amount_from=25.5&amount_to=100', [other.id, one.id]],
      ['amount_from=100.01', [yen.id]],
      ['keywords=laksa', [one.id]],
      ['keywords=lim%20laksa', [one.id]],
      ['keywords=25.50', [other.id]],
      [`keywords=${one.id}`, [one.id]],
      ['remark=FOR%20two', [one.id]],
      ['date_to=2020-01-01', []],
      ['date_from=2020-01-01&perPage=1', [yen.id]],
      [`payout_id=${one.id}`, []],
    ]
    for (const [query, ids] of cases) expect([query, await idsOf(client, query)]).toEqual([query, ids])
    const refused = [
      'date_from=2999-01-01',
      'date_to=2023-02-29',
      'status=odd',
      'statuses=odd',
      'statuses=constructor',
      'statuses[]=__proto__',
      `customer_id=${one.id}`,
      'amount_from=-1',
      'per_page=0',
    ]
    for (const query of refused) expect([query, (await client.get(`/v1/charges?${query}`)).status]).toEqual([query, 422])
  })

  test('days begin at midnight in the business’s own zone, at any hour of the day', async () => {
    for (const [timezone, midnight] of [
      ['Asia/Singapore', '2026-03-01T16:00:00Z'],
      ['Asia/Kolkata', '2026-03-01T18:30:00Z'],
      ['America/New_York', '2026-03-02T05:00:00Z'],
    ] as const) {
      const client = await merchant({ timezone })
      const at = (milliseconds: number) => new Date(new Date(midnight).getTime() + milliseconds)
      const paid = async (created_at: Date) => (await aPaidCharge(payments, client, { created_at, rail: 'local' })).id
      const [before, first, last, after] = [await paid(at(-1)), await paid(at(0)), await paid(at(86_399_999)), await paid(at(86_400_000))]
      client.clock.set(at(60_000))
      expect((await client.get('/v1/charges?date_from=2026-03-03')).status).toBe(422)
      expect(await idsOf(client, 'date_from=2026-03-02')).toEqual([after, last, first])
      client.clock.set(at(86_400_000))
      const cases: [string, string[]][] = [
        ['date_from=2026-03-02&date_to=2026-03-02', [last, first]],
        ['date_from=2026-03-03', [after]],
        ['date_to=2026-03-01', [before]],
        ['date_from=2026-03-01&date_to=2026-03-03', [after, last, first, before]],
      ]
      for (const [query, ids] of cases) expect([timezone, query, await idsOf(client, query)]).toEqual([timezone, query, ids])
      const exported = readCsv((await client.get('/v1/charges/export?dateFrom=2026-03-02&dateTo=2026-03-02')).text).slice(1)
      expect(exported.map(([id]) => id)).toEqual([last, first])
    }
  })

  test('amount_from and amount_to are in major units of each charge’s own currency, with none, two or three decimals', async () => {
    const client = await merchant()
    const paid = async (currency: string, amount_minor: bigint) => (await aPaidCharge(payments, client, { currency, amount_minor, rail: 'local' })).id
    const [dinar, dollar, yen] = [await paid('kwd', 12_345n), await paid('sgd', 1_234n), await paid('jpy', 12n)]
    const cases: [string, string[]][] = [
      ['amount_from=12.345', [dinar]],
      ['amount_from=12.3451', []],
      ['amount_to=12.345&amount_from=12.344', [dinar]],
      ['amount_to=12.344', [yen, dollar]],
      ['amount_from=12.34&amount_to=12.34', [dollar]],
      ['amount_from=12&amount_to=12', [yen]],
      ['amount_from=1234', []],
      ['amount_to=12.345', [yen, dollar, dinar]],
    ]
    for (const [query, ids] of cases) expect([query, await idsOf(client, query)]).toEqual([query, ids])
  })

  test('the list is paged by cursor in both directions, and its links keep the filters', async () => {
    const client = await merchant()
    const made: string[] = []
    for (let i = 0; i < 7; i++) made.unshift((await aPaidCharge(payments, client)).id)
    const first = await client.get('/v1/charges?per_page=3&status=succeeded')
    expect(first.json.data.map(({ id }: { id: string }) => id)).toEqual(made.slice(0, 3))
    expect(new URL(first.json.links.next).searchParams.get('status')).toBe('succeeded')
    const second = await client.get(first.json.links.next.slice(payments.server.url.length))
    expect(second.json.data.map(({ id }: { id: string }) => id)).toEqual(made.slice(3, 6))
    const back = await client.get(`/v1/charges?per_page=3&status=succeeded&cursor=${second.json.meta.prev_cursor}`)
    expect(back.json.data).toEqual(first.json.data)
  })

  test('the default list and a list of failures read an index in its order', async () => {
    const client = await merchant()
    const { db } = payments.server.database
    for (let i = 0; i < 5; i++) await aPaidCharge(payments, client)
    const planOf = (statuses: ('succeeded' | 'partially_refunded' | 'refunded' | 'failed')[]) =>
      db.transaction().execute(async (tx) => {
        const options = { filter: { statuses, patterns: [], keywords: [] }, cursor: undefined, limit: 26 }
        const compiled = chargesPageSql(client.business.id, options, exponentsOfCurrencies()).compile(tx)
        const { rows } = await tx.executeQuery<Record<string, string>>({ ...compiled, sql: `explain ${compiled.sql}`, parameters: compiled.parameters })
        return rows.map((row) => Object.values(row)[0]).join('\n')
      })
    const settings = payments.server.database.pool
    await settings.query('analyze hawker.charges')
    const list = await planOf(['succeeded', 'partially_refunded', 'refunded'])
    expect(list).toMatch(/Index Scan Backward using charges_pkey|Seq Scan/)
    const big = payments.server.database
    await big.pool.query(
      `insert into hawker.charges (business_id, id, channel, method, rail, status, currency, amount_minor, rail_data, metadata, search, created_at, updated_at)
       select $1, gen_random_uuid(), 'api_custom', 'card', 'local', case when n % 500 = 0 then 'failed' else 'succeeded' end, 'sgd', 100, '{}', '{}', '', now(), now()
       from generate_series(1, 5000) n`,
      [client.business.id],
    )
    await big.pool.query('analyze hawker.charges')
    expect(await planOf(['succeeded', 'partially_refunded', 'refunded'])).toMatch(/Index Scan Backward using charges_pkey/)
    expect(await planOf(['failed'])).toMatch(/charges_not_succeeded/)
    expect(await planOf(['succeeded', 'partially_refunded', 'refunded'])).not.toMatch(/Sort/)
  })
})

/** Reads CSV according to RFC 4180; independent of the code that writes it. */
function readCsv(text: string): string[][] {
  const rows: string[][] = []
  const pattern = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n|$)/gy
  let row: string[] = []
  while (pattern.lastIndex < text.length) {
    const match = pattern.exec(text)
    if (!match) throw new Error('not CSV')
    row.push(match[1] === undefined ? (match[2] ?? '') : match[1].replaceAll('""', '"'))
    if (match[3] === ',') continue
    rows.push(row)
    row = []
  }
  return rows
}

describe('GET /v1/charges/export', () => {
  test('the export streams all charges as CSV with formula injection escaped', async () => {
    const client = await merchant()
    const odd = await aPaidCharge(payments, client, { customer_name: '=HYPERLINK("http://evil.example","x")', remark: 'Teh "C", kosong\nhot' })
    const plain = await aPaidCharge(payments, client, { customer_name: '陈小明' })
    const reply = await client.get('/v1/charges/export')
    expect(reply.headers.get('content-type')).toMatch(/^text\/csv; charset=utf-8/)
    const bytes = Buffer.from(await (await fetch(`${payments.server.url}/v1/charges/export`, { headers: { 'x-business-api-key': client.key } })).arrayBuffer())
    expect([...bytes.subarray(0, 3)]).toEqual([0xef, 0xbb, 0xbf])
    const [header, ...rows] = readCsv(bytes.toString('utf8').slice(1))
    const cell = (row: string[] | undefined, name: string) => row?.[header?.indexOf(name) ?? -1]
    expect(rows.map((row) => row[0])).toEqual([plain.id, odd.id])
    expect(cell(rows[0], 'customer_name')).toBe('陈小明')
    expect(cell(rows[1], 'customer_name')).toBe('\'=HYPERLINK("http://evil.example","x")')
    expect(cell(rows[1], 'remark')).toBe('Teh "C", kosong\nhot')
    expect([cell(rows[1], 'amount'), cell(rows[1], 'net_amount')]).toEqual(['100.00', '95.85'])
    expect((await client.get(`/v1/charges/export?after=${plain.id}`)).text).not.toContain(plain.id)
    expect((await client.get(`/v1/charges/export?before=${odd.id}`)).text).not.toContain(odd.id)
    expect(readCsv((await client.get('/v1/charges/export?perPage=1&statuses[]=completed&payment_method=card')).text)).toHaveLength(2)
    expect(readCsv((await client.get('/v1/charges/export?statuses[]=expired')).text)).toHaveLength(1)
  })

  test('every text column of the export is formula-safe', async () => {
    const client = await merchant()
    const { id } = await aPaidCharge(payments, client)
    const formula = '=cmd|1'
    const { rows: known } = await client.server.database.pool.query<{ name: string }>(
      `select column_name as name from information_schema.columns
       where table_schema = 'hawker' and table_name = 'charges' and data_type = 'text' and column_name not in ('status', 'currency', 'search', 'unapplied_reason')`,
    )
    const names = known.map(({ name }) => name)
    expect(names).toContain('failure_message')
    const set = names.map((name) => `${name} = $2`).join(', ')
    await client.server.database.pool.query(`update hawker.charges set ${set}, card = $3, metadata = $4 where business_id = $1`, [
      client.business.id,
      formula,
      JSON.stringify({ brand: formula, last4: formula, country: formula }),
      JSON.stringify({ [formula]: formula }),
    ])
    const [header = [], row = []] = readCsv((await client.get('/v1/charges/export')).text.replace('\u{feff}', ''))
    expect(row[0]).toBe(id)
    expect(row.filter((cell) => /^\s*[=+\-@|%\t\r]/.test(cell))).toEqual([])
    const texts = header.filter((_, i) => /cmd/i.test(row[i] ?? ''))
    expect(texts).toEqual([
      'payment_method',
      'card_brand',
      'card_last4',
      'customer_name',
      'customer_email',
      'customer_phone_number',
      'remark',
      'order_reference_number',
      'payment_reference_number',
      'channel',
    ])
  })

  test('the export continues where a batch ends', async () => {
    const client = await merchant()
    await payments.server.database.pool.query(
      `insert into hawker.charges (business_id, id, channel, method, rail, status, currency, amount_minor, rail_data, metadata, search, created_at, updated_at)
       select $1, gen_random_uuid(), 'api_custom', 'card', 'local', 'succeeded', 'sgd', n, '{}', '{}', '', now(), now() from generate_series(1, 1203) n`,
      [client.business.id],
    )
    const rows = readCsv((await client.get('/v1/charges/export')).text).slice(1)
    expect(new Set(rows.map(([id]) => id)).size).toBe(1203)
  })

  test('any text in the export is unchanged or starts with an apostrophe', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        const cell = textCell(text)
        const [[read = ''] = []] = cell === '' ? [['']] : readCsv(`${cell}\r\n`)
        expect([text, `'${text}`]).toContain(read)
        expect(read).not.toMatch(/^\s*[=+@-]/)
      }),
    )
  })
})

describe('fees', () => {
  test('fees are the catalog’s until a business sets its own', async () => {
    const client = await merchant()
    const { json } = await client.get('/v1/fee-schedules')
    const payNow = json.find(({ method }: { method: string }) => method === 'paynow_online')
    expect(payNow).toEqual({
      method: 'paynow_online',
      currency: 'sgd',
      fixed: 0.3,
      rate: 0.65,
      release_days: 0,
      is_default: true,
      below: { amount: 100, rate: 0.9, minimum: 0.2 },
    })
    const put = await client.put('/v1/fee-schedules/card', { currency: 'SGD', fixed: '0.50', rate: '2.8', release_days: 0 })
    expect(put.json).toEqual({ method: 'card', currency: 'sgd', fixed: 0.5, rate: 2.8, release_days: 0, is_default: false, below: null })
    const charge = await aPaidCharge(payments, client)
    expect([charge.fixed_fee_minor, charge.discount_fee_minor]).toEqual([50n, 280n])
    const after = await client.get('/v1/fee-schedules')
    expect(after.json.filter(({ method, currency }: Record<string, string>) => method === 'card' && currency === 'sgd')).toEqual([put.json])
    for (const body of [{ currency: 'xxx' }, { rate: 100.01 }, { rate: '1.234' }, { fixed: '0.001' }, { release_days: 31 }]) {
      const answer = await client.put('/v1/fee-schedules/card', { currency: 'sgd', fixed: 0, rate: 1, release_days: 0, ...body })
      expect([body, answer.status]).toEqual([body, 422])
    }
    for (const method of ['true', 'cards', 'constructor']) {
      const answer = await client.put(`/v1/fee-schedules/${method}`, { currency: 'sgd', fixed: 0, rate: 1, release_days: 0 })
      expect([answer.status, answer.json.errors]).toEqual([422, { method: ['The selected method is invalid.'] }])
    }
  })

  test('PayNow costs less below 100, and at least 0.20', async () => {
    const schedule = (await feeSchedules(payments.server.database.db, []))('', 'paynow_online', 'sgd')
    const total = (amount: bigint) => {
      const { fixedMinor, shareMinor } = feeOn(amount, schedule)
      return fixedMinor + shareMinor
    }
    expect([10_000n, 9_999n, 2_223n, 2_222n, 100n, 15n].map(total)).toEqual([95n, 89n, 20n, 20n, 20n, 15n])
  })

  test('fees never exceed the amount', () => {
    const schedules = fc.record({ fixedMinor: fc.bigInt(0n, 1_000n), rateBasisPoints: fc.integer({ min: 0, max: 10_000 }), releaseDays: fc.constant(0) })
    fc.assert(
      fc.property(fc.bigInt(1n, 10n ** 12n), schedules, (amount, schedule) => {
        const { fixedMinor, shareMinor } = feeOn(amount, schedule)
        expect(fixedMinor >= 0n && shareMinor >= 0n && fixedMinor + shareMinor <= amount).toBe(true)
      }),
    )
  })
})

test('ids of a moment bound the list by time', () => {
  expect(lowestIdAt(new Date(0))).toBe('00000000-0000-7000-8000-000000000000')
})
