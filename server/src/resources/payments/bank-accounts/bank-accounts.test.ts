import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { listBalances } from '#engine/ledger/balances.ts'
import { decodeQr } from '#engine/rails/qr/decode.ts'
import { recordsConformance } from '#engine/records/conformance.ts'
import { newId, randomHex } from '#foundation/shared/ids.ts'
import { aBusiness, type Client, eventsOf } from '#testing/api.ts'
import { aBankAccount, reportCredit } from '#testing/bank.ts'

/** A live business whose payers pay into its own account. */
async function aPayee() {
  const client = await aBusiness({ mode: 'live' })
  return { client, account: await aBankAccount(client) }
}

/** A PayNow request for S$ 10.00 and the reference in its code. */
async function aRequest(client: Client, more: Record<string, unknown> = {}): Promise<{ id: string; reference: string; json: Record<string, unknown> }> {
  const { json } = await client.post('/v1/payment-requests', {
    amount: '10.00',
    currency: 'sgd',
    payment_methods: ['paynow_online'],
    generate_qr: true,
    ...more,
  })
  return { id: json.id, reference: decodeQr(json.qr_code_data.qr_code).reference ?? '', json }
}

const statusOf = async (client: Client, id: string) => (await client.get(`/v1/payment-requests/${id}`)).json.status
const creditOf = async (client: Client, id: string) => (await client.get(`/v1/bank-credits/${id}`)).json
const typesOf = async (client: Client) => (await eventsOf(client)).map(({ type }) => type)

async function chargesOf({ server, business }: Client) {
  const { rows } = await server.database.pool.query('select * from charges where business_id = $1 order by id', [business.id])
  return rows as { id: string; unapplied_reason: string | null; amount_minor: bigint; fixed_fee_minor: bigint; discount_fee_minor: bigint; status: string }[]
}

/** What was booked by PayNow: the net in a wallet and the fee, both owed by the rail. */
async function bookedMinor({ server, business }: Client): Promise<bigint> {
  const balances = await listBalances(server.database.db, business.id)
  const of = (name: string) => balances.find(({ account }) => account === name)?.balanceMinor ?? 0n
  expect(of('available') + of('pending') + of('fees')).toBe(-of('clearing:paynow'))
  return -of('clearing:paynow')
}

describe('bank accounts', () => {
  test('a bank account shows its secret once, and can be disabled and registered again', async () => {
    const { client, account } = await aPayee()
    expect(account).toMatchObject({
      secret: expect.stringMatching(/^bnk_[0-9a-f]{64}$/),
      notification_url: `${client.server.url}/v1/bank-notifications/generic`,
    })
    expect((await client.get('/v1/bank-accounts')).json).toMatchObject([{ id: account.id, secret: null }])
    const taken = await client.post('/v1/bank-accounts', { account_number: account.account_number, name: 'Kopi stall' })
    expect([taken.status, taken.json.errors]).toEqual([422, { account_number: ['The account number has already been taken.'] }])
    const first = (await reportCredit(client, account, { bank_reference: 'BR-1' })).json
    expect((await client.delete(`/v1/bank-accounts/${account.id}`)).status).toBe(204)
    expect((await client.delete(`/v1/bank-accounts/${account.id}`)).status).toBe(404)
    expect((await client.get('/v1/bank-accounts')).json).toEqual([])
    expect((await reportCredit(client, account)).status).toBe(401)

    const again = await aBankAccount(client, { account_number: account.account_number })
    expect(again.id).toBe(account.id)
    expect(again.secret).not.toBe(account.secret)
    expect((await reportCredit(client, account)).status).toBe(401)
    // What was reported before is still known.
    expect((await reportCredit(client, again, { bank_reference: 'BR-1' })).json).toEqual(first)
  })

  test('two businesses may register the same account number, and a credit reaches only the one whose secret signed it', async () => {
    const { client, account } = await aPayee()
    const other = await aBusiness({ mode: 'live' })
    // A business that claims another's number learns nothing and receives nothing.
    const claimed = await aBankAccount(other, { account_number: account.account_number, name: 'Laksa stall' })
    const [mine, theirs] = [await aRequest(client), await aRequest(other)]
    for (const reference of [mine.reference, theirs.reference]) {
      const { json } = await reportCredit(client, account, { reference })
      expect((await client.get(`/v1/bank-credits/${json.id}`)).json).toMatchObject({ status: reference === mine.reference ? 'matched' : 'unmatched' })
      expect((await other.get(`/v1/bank-credits/${json.id}`)).status).toBe(404)
    }
    expect([await statusOf(client, mine.id), await statusOf(other, theirs.id)]).toEqual(['completed', 'pending'])
    expect((await other.get('/v1/bank-credits')).json.data).toEqual([])
    await reportCredit(client, claimed, { reference: theirs.reference })
    expect(await statusOf(other, theirs.id)).toBe('completed')
    expect((await client.get('/v1/bank-credits')).json.data).toHaveLength(2)
    // Disabling one leaves the other active.
    await other.delete(`/v1/bank-accounts/${claimed.id}`)
    expect((await reportCredit(client, claimed)).status).toBe(401)
    expect((await reportCredit(client, account)).status).toBe(200)
    const again = await client.post('/v1/bank-accounts', { account_number: account.account_number, name: 'Kopi stall' })
    expect([again.status, again.json.errors]).toEqual([422, { account_number: ['The account number has already been taken.'] }])
  })

  test('bank accounts registered before accounts had directory entries of their own are still found', async () => {
    const { client, account } = await aPayee()
    await client.server.database.pool.query("update directory set kind = 'bank_account' where target_id = $1", [account.id])
    expect((await reportCredit(client, account)).status).toBe(200)
    expect((await client.delete(`/v1/bank-accounts/${account.id}`)).status).toBe(204)
    expect((await reportCredit(client, account)).status).toBe(401)
  })

  test.each([
    [{ proxy_type: 'uen' }, 'proxy_value'],
    [{ proxy_value: '201101550Z' }, 'proxy_value'],
    [{ proxy_type: 'mobile', proxy_value: '91234567' }, 'proxy_value'],
    [{ proxy_type: 'uen', proxy_value: '2011' }, 'proxy_value'],
    [{ proxy_type: 'vpa', proxy_value: 'A#B' }, 'proxy_type'],
    [{ account_number: '1 2' }, 'account_number'],
    [{ currency: 'xxx' }, 'currency'],
    [{ adapter: 'other' }, 'adapter'],
  ])('a bank account with %j is rejected for %s', async (more, field) => {
    const client = await aBusiness()
    const { status, json } = await client.post('/v1/bank-accounts', { account_number: `1${client.business.id.slice(-8)}`, name: 'Kopi stall', ...more })
    expect([status, Object.keys(json.errors)]).toEqual([422, [field]])
  })

  test('a live business needs a bank account for PayNow', async () => {
    const client = await aBusiness({ mode: 'live' })
    const { status, json } = await client.post('/v1/payment-requests', { amount: 10, currency: 'sgd', payment_methods: ['paynow_online'], generate_qr: true })
    expect([status, json.code]).toEqual([422, 'payment_method_not_available'])
  })
})

describe("a bank's report", () => {
  test.each([
    ['alone', (reference: string) => reference],
    ['among words', (reference: string) => `FAST PAYMENT ${reference} OTHR`],
    ['in small letters, with spaces', (reference: string) => `paynow/${reference.toLowerCase().replace(/(.{4})/g, '$1 ')}`],
    ['behind the beginning of another', (reference: string) => `HWK ${reference}`],
  ])('a report with the reference %s pays its request', async (_where, spell) => {
    const { client, account } = await aPayee()
    const { id, reference } = await aRequest(client)
    const { status, json } = await reportCredit(client, account, { reference: spell(reference), payer_name: 'TAN AH KOW' })
    expect([status, json]).toEqual([200, { id: expect.any(String), status: 'matched' }])
    expect(await statusOf(client, id)).toBe('completed')
    const [charge] = await chargesOf(client)
    expect(charge).toMatchObject({ status: 'succeeded', amount_minor: 1000n, unapplied_reason: null, method: 'paynow_online', customer_name: 'TAN AH KOW' })
    expect(await creditOf(client, json.id)).toMatchObject({ amount: '10.00', payment_request_id: id, charge_id: charge?.id, status: 'matched' })
    expect(await typesOf(client)).toEqual(['payment_request.created', 'charge.created', 'payment_request.completed'])
    expect(await bookedMinor(client)).toBe(1000n)
  })

  test.each([
    ['short', '9.99', 999n],
    ['over', '10.01', 1001n],
  ])('a report of money that is %s is recorded, and pays nothing', async (reason, amount, minor) => {
    const { client, account } = await aPayee()
    const { id, reference } = await aRequest(client)
    expect((await reportCredit(client, account, { reference, amount })).json.status).toBe('matched')
    expect(await chargesOf(client)).toMatchObject([{ unapplied_reason: reason, amount_minor: minor }])
    expect(await statusOf(client, id)).toBe('pending')
    expect(await typesOf(client)).toContain('charge.unapplied')
    expect(await bookedMinor(client)).toBe(minor)
  })

  test.each([
    ['what the code asks for', '10.20', null, 'completed'],
    ['the amount without the fee', '10.00', 'short', 'pending'],
    ['more', '10.21', 'over', 'pending'],
  ])('a report for a request whose payer bears the fee: %s', async (_what, amount, reason, status) => {
    const { client, account } = await aPayee()
    const { id, reference, json } = await aRequest(client, { add_admin_fee: true })
    const { qr_code } = json.qr_code_data as { qr_code: string }
    expect([json.amount, decodeQr(qr_code).amountMinor]).toEqual(['10.00', 1020n])
    // An issued code keeps its price when the fees change, and when something else of its request does.
    await client.put('/v1/fee-schedules/paynow_online', { currency: 'sgd', fixed: '1.00', rate: '1.00' })
    await client.put(`/v1/payment-requests/${id}`, { purpose: 'Kaya toast' })
    expect((await client.get(`/v1/payment-requests/${id}`)).json.qr_code_data.qr_code).toBe(qr_code)
    await reportCredit(client, account, { reference, amount })
    const minor = BigInt(amount.replace('.', ''))
    expect(await chargesOf(client)).toMatchObject([{ unapplied_reason: reason, amount_minor: minor, admin_fee_minor: 20n }])
    expect(await statusOf(client, id)).toBe(status)
    expect(await bookedMinor(client)).toBe(minor)
  })

  test('a late report counts if the bank booked it in time, and is otherwise recorded as late', async () => {
    const { client, account } = await aPayee()
    const { pool } = client.server.database
    for (const [bookedBeforeEnd, reason] of [
      [true, null],
      [false, 'late'],
    ] as const) {
      const { id, reference } = await aRequest(client, { expires_after: '5 mins' })
      const end = new Date(Date.now() - 60_000)
      await pool.query('update payment_requests set expires_at = $3 where business_id = $1 and id = $2', [client.business.id, id, end])
      const booked_at = new Date(end.getTime() + (bookedBeforeEnd ? -30_000 : 30_000)).toISOString()
      await reportCredit(client, account, { reference, booked_at })
      expect((await chargesOf(client)).at(-1)?.unapplied_reason).toBe(reason)
    }
    expect(await bookedMinor(client)).toBe(2000n)
  })

  test('a report for a request that was already paid is recorded as a duplicate', async () => {
    const { client, account } = await aPayee()
    const { reference } = await aRequest(client)
    await reportCredit(client, account, { reference })
    await reportCredit(client, account, { reference })
    expect((await chargesOf(client)).map((charge) => charge.unapplied_reason)).toEqual([null, 'duplicate'])
  })

  test('twenty concurrent copies of a report make one credit and one charge', async () => {
    const { client, account } = await aPayee()
    const { reference } = await aRequest(client)
    for (const bank_reference of ['BR-MATCHED', 'BR-UNKNOWN']) {
      const told = bank_reference === 'BR-MATCHED' ? { reference } : {}
      const answers = await Promise.all(Array.from({ length: 20 }, () => reportCredit(client, account, { bank_reference, ...told })))
      expect(new Set(answers.map(({ status, text }) => `${status} ${text}`)).size).toBe(1)
      expect(answers[0]?.status).toBe(200)
    }
    expect((await client.get('/v1/bank-credits')).json.data).toHaveLength(2)
    expect(await chargesOf(client)).toHaveLength(1)
    expect(await bookedMinor(client)).toBe(1000n)
    expect((await typesOf(client)).filter((type) => type === 'bank_credit.unmatched')).toHaveLength(1)
  })

  test('a report that names no request of the business stays unmatched', async () => {
    const { client, account } = await aPayee()
    const other = await aPayee()
    const { reference } = await aRequest(other.client)
    const ids: string[] = []
    for (const told of ['HWK0123456789ABCDEFG', 'lunch', null, reference]) ids.push((await reportCredit(client, account, { reference: told })).json.id)
    const inDollars = await aRequest(client)
    ids.push((await reportCredit(client, account, { reference: inDollars.reference, currency: 'USD' })).json.id)
    const { json } = await client.get('/v1/bank-credits?status=unmatched&per_page=3')
    const next = await client.get(`/v1/bank-credits?status=unmatched&per_page=3&cursor=${json.meta.next_cursor}`)
    expect([...json.data, ...next.json.data].map(({ id }: { id: string }) => id)).toEqual(ids.reverse())
    expect((await client.get('/v1/bank-credits?status=matched')).json.data).toEqual([])
    expect(await chargesOf(client)).toEqual([])
    expect(await chargesOf(other.client)).toEqual([])
  })

  test('a report that is wrongly signed, too old or about no account gets the same answer', async () => {
    const { client, account } = await aPayee()
    const old = new Date(Date.now() - 301_000)
    const answers = [
      await reportCredit(client, { ...account, secret: 'bnk_other' }),
      await reportCredit(client, account, {}, { at: old }),
      await reportCredit(client, account, {}, { at: new Date(Date.now() + 301_000) }),
      await reportCredit(client, account, {}, { signature: '' }),
      await reportCredit(client, account, {}, { signature: `t=${Math.floor(Date.now() / 1000)},v1=00` }),
      await reportCredit(client, account, {}, { adapter: 'other' }),
      await reportCredit(client, { ...account, account_number: '0000000' }),
      // A secret signs only reports on its own account.
      await reportCredit(client, { account_number: (await aPayee()).account.account_number, secret: account.secret }),
    ]
    const shown = answers.map(({ status, json: { request_id: _id, ...rest } }) => JSON.stringify({ status, rest }))
    expect(new Set(shown)).toEqual(new Set([shown[0]]))
    expect(answers[0]).toMatchObject({ status: 401, json: { code: 'bad_signature' } })
    expect((await client.get('/v1/bank-credits')).json.data).toEqual([])
  })

  test('a report with invalid fields names each of them', async () => {
    const { client, account } = await aPayee()
    const { status, json } = await reportCredit(client, account, { bank_reference: '', amount: '1.001', currency: 'SGD', booked_at: 'soon' })
    expect([status, Object.keys(json.errors).sort()]).toEqual([422, ['amount', 'bank_reference', 'booked_at']])
    expect((await reportCredit(client, account, { amount: 0 })).status).toBe(422)
    expect((await reportCredit(client, { ...account, account_number: 7 as never })).status).toBe(400)
  })

  test('a value of another type in a report is never converted', async () => {
    const { client, account } = await aPayee()
    for (const [field, value] of Object.entries({ amount: true, currency: ['SGD'], bank_reference: 7, booked_at: 'x' })) {
      const { status, json } = await reportCredit(client, account, { [field]: value } as never)
      expect([field, status, Object.keys(json.errors)]).toEqual([field, 422, expect.arrayContaining([field])])
    }
  })
})

test('the report in docs/payment-rails.md is signed correctly', async () => {
  const { client, account } = await aPayee()
  const { id, reference } = await aRequest(client)
  const paper = readFileSync(new URL('../../../../../docs/payment-rails.md', import.meta.url), 'utf8')
  const script = /```text\n(BODY=[\s\S]*?)```/.exec(paper)?.[1] ?? ''
  const environment = { PATH: process.env.PATH, HAWKER: client.server.url, SECRET: account.secret }
  const shell = spawn('sh', ['-c', script.replace('0123456789', account.account_number).replace('HWK…', reference)], { env: environment })
  let said = ''
  shell.stdout.on('data', (text) => {
    said += text
  })
  await once(shell, 'close')
  expect(JSON.parse(said)).toMatchObject({ status: 'matched' })
  expect(await statusOf(client, id)).toBe('completed')
})

describe('an unmatched credit', () => {
  test('an unmatched credit is allocated once, even when twenty people allocate it at the same time', async () => {
    const { client, account } = await aPayee()
    const requests = await Promise.all([1, 2, 3, 4].map(() => aRequest(client)))
    const { json } = await reportCredit(client, account, { reference: 'lunch' })
    const path = `/v1/bank-credits/${json.id}/allocate`
    const answers = await Promise.all(Array.from({ length: 20 }, (_, i) => client.post(path, { payment_request_id: requests[i % 4]?.id })))
    expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array.from({ length: 19 }, () => 409)])
    const paid = answers.find(({ status }) => status === 200)?.json
    expect(paid).toMatchObject({ id: json.id, status: 'allocated', charge_id: expect.any(String) })
    expect(await statusOf(client, paid.payment_request_id)).toBe('completed')
    expect(await creditOf(client, json.id)).toEqual(paid)
    const again = await client.post(path, { payment_request_id: requests[0]?.id })
    expect([again.status, again.json.code]).toEqual([409, 'bank_credit_spent'])
    expect(await chargesOf(client)).toHaveLength(1)
    expect(await bookedMinor(client)).toBe(1000n)
    expect((await typesOf(client)).filter((type) => type === 'bank_credit.allocated')).toHaveLength(1)
  })

  test('an unmatched credit is allocated once under one Idempotency-Key, and the stored answer is returned', async () => {
    const { client, account } = await aPayee()
    const { id } = await aRequest(client)
    const { json } = await reportCredit(client, account)
    const allocate = () => client.post(`/v1/bank-credits/${json.id}/allocate`, { payment_request_id: id }, { headers: { 'idempotency-key': 'allocate-lunch' } })
    const first = await allocate()
    expect(await allocate()).toMatchObject({ status: 200, text: first.text })
    expect(await chargesOf(client)).toHaveLength(1)
  })

  test('an unmatched credit pays only requests of the same business and currency', async () => {
    const { client, account } = await aPayee()
    const { json } = await reportCredit(client, account, { currency: 'USD' })
    const path = `/v1/bank-credits/${json.id}/allocate`
    const dollars = await aRequest(client)
    expect((await client.post(path, { payment_request_id: dollars.id })).json.code).toBe('currency_mismatch')
    expect((await client.post(path, { payment_request_id: newId(new Date()) })).status).toBe(422)
    const other = await aPayee()
    const foreign = await aRequest(other.client)
    expect((await client.post(path, { payment_request_id: foreign.id })).status).toBe(422)
    expect((await other.client.post(path, { payment_request_id: foreign.id })).status).toBe(404)
    expect((await other.client.get(`/v1/bank-credits/${json.id}`)).status).toBe(404)
    expect((await creditOf(client, json.id)).status).toBe('unmatched')
  })
})

test('the ledger contains what the credits paid, whatever their outcome', async () => {
  const { client, account } = await aPayee()
  const requests = await Promise.all(Array.from({ length: 6 }, () => aRequest(client)))
  const amounts = ['10.00', '0.01', '9.99', '10.01', '25.00', '10.00', '3.33', '10.00']
  await Promise.all(amounts.map((amount, i) => reportCredit(client, account, { amount, reference: requests[i]?.reference ?? 'lunch' })))
  const { data } = (await client.get('/v1/bank-credits?status=matched')).json
  const paid = data.reduce((sum: number, { amount }: { amount: string }) => sum + Math.round(Number(amount) * 100), 0)
  expect(paid).toBe(6501)
  expect(await bookedMinor(client)).toBe(6501n)
  expect((await chargesOf(client)).reduce((sum, { amount_minor }) => sum + amount_minor, 0n)).toBe(6501n)
})

test("the code of a live request is for the business's own account and contains its reference", async () => {
  const { client } = await aPayee()
  const { reference, json } = await aRequest(client, { amount: '12.34', expires_after: '1 days' })
  expect(reference).toMatch(/^HWK[0-9A-HJKMNP-TV-Z]{17}$/)
  const code = decodeQr((json as { qr_code_data: { qr_code: string } }).qr_code_data.qr_code)
  expect(code).toMatchObject({
    scheme: 'paynow',
    proxyType: 'uen',
    proxy: '201101550Z',
    amountMinor: 1234n,
    editable: false,
    payeeName: 'Kopi stall',
    warnings: [],
  })
})

recordsConformance({
  path: '/v1/bank-accounts',
  name: 'BankAccount',
  aClient: () => aBusiness(),
  body: () => ({ account_number: randomHex(8), name: 'Kaya Toast' }),
  list: 'array',
  shownOnce: ['secret'],
  deleted: 'kept',
})
