import { describe, expect, test } from 'vitest'
import { paymentMethods } from '#engine/rails/methods.ts'
import { describeCard, findTestCard } from '#engine/rails/test-cards.ts'
import { aBusiness, type Client } from '#testing/api.ts'
import { checkDue } from '#testing/payments.ts'

const currencyOf = (method: string) => paymentMethods.find(({ code }) => code === method)?.currencies[0] ?? 'sgd'
/** Withdrawn methods, and those of other resources, cannot be requested. */
const payable = paymentMethods.filter(({ code, withdrawn }) => !withdrawn && !['giro', 'paynow_transfer'].includes(code)).map(({ code }) => code)

async function aRequest(client: Client, method: string): Promise<string> {
  const amount = ['vnd', 'idr', 'krw'].includes(currencyOf(method)) ? '20000' : '10.00'
  const { status, json } = await client.post('/v1/payment-requests', {
    amount,
    currency: currencyOf(method),
    payment_methods: [method],
    wifi_terminal_id: 'T1',
  })
  if (status !== 201) throw new Error(`no request for ${method}: ${JSON.stringify(json)}`)
  return json.id
}

const pay = async (client: Client, id: string, body: Record<string, unknown>) => client.post(`/v1/sandbox/payment-requests/${id}/pay`, body)

/** A request for a method, and the result of paying it. */
async function paid(client: Client, method: string, body: Record<string, unknown> = {}) {
  return (await pay(client, await aRequest(client, method), { method, ...body })).json
}

async function chargeOf({ server, business }: Client, id: string) {
  const { rows } = await server.database.pool.query('select * from charges where business_id = $1 and id = $2', [business.id, id])
  return rows[0]
}

describe('every method of the catalog', () => {
  test.each(payable)('%s approves, declines, is abandoned, times out and answers late', async (method) => {
    const client = await aBusiness()
    expect(await paid(client, method)).toMatchObject({ status: 'succeeded', payment_request_status: 'completed', method })
    expect(await paid(client, method, { outcome: 'failed' })).toMatchObject({ status: 'failed', failure_code: 'declined' })
    expect(await paid(client, method, { outcome: 'canceled' })).toMatchObject({ status: 'canceled', failure_code: 'canceled' })
    const slow = await paid(client, method, { outcome: 'timeout' })
    const late = await paid(client, method, { delay: 30 })
    const refused = await paid(client, method, { delay: 30, outcome: 'failed' })
    expect([slow.status, late.status, refused.status]).toEqual(['pending', 'pending', 'pending'])
    await checkDue(client, 20)
    expect((await chargeOf(client, late.payment_id)).status).toBe('pending')
    await checkDue(client, 120)
    expect(await chargeOf(client, late.payment_id)).toMatchObject({ status: 'succeeded', unapplied_reason: null })
    expect(await chargeOf(client, refused.payment_id)).toMatchObject({ status: 'failed', failure_code: 'declined' })
    expect((await chargeOf(client, slow.payment_id)).status).toBe('pending')
    await checkDue(client, 7_200)
    expect(await chargeOf(client, slow.payment_id)).toMatchObject({ status: 'failed', failure_code: 'timeout' })
  })
})

describe("Stripe's test cards", () => {
  test.each([
    ['4242424242424242', 'succeeded', null],
    ['5555555555554444', 'succeeded', null],
    ['378282246310005', 'succeeded', null],
    ['4000007020000003', 'succeeded', null],
    ['4000000000000002', 'failed', 'generic_decline'],
    ['4000000000009995', 'failed', 'insufficient_funds'],
    ['4000000000009987', 'failed', 'lost_card'],
    ['4000000000009979', 'failed', 'stolen_card'],
    ['4000000000000069', 'failed', 'expired_card'],
    ['4000000000000127', 'failed', 'incorrect_cvc'],
    ['4000000000000119', 'failed', 'processing_error'],
    ['4000000000006975', 'failed', 'card_velocity_exceeded'],
    ['4100000000000019', 'failed', 'fraudulent'],
    ['4242424242424241', 'failed', 'incorrect_number'],
    ['4000002500003155', 'succeeded', null],
    ['4000002760003184', 'succeeded', null],
    ['4000008260003178', 'failed', 'insufficient_funds'],
    ['4000000000003220', 'succeeded', null],
    ['4000008400001629', 'failed', 'generic_decline'],
    ['4000008400001280', 'failed', 'generic_decline'],
    ['4000000000003055', 'succeeded', null],
    ['4000000000003097', 'succeeded', null],
    ['4000000000000259', 'succeeded', null],
    ['4000000000007726', 'succeeded', null],
    ['4000000000000077', 'succeeded', null],
  ])('the card %s ends as %s, %s', async (number, status, code) => {
    const client = await aBusiness()
    const result = await paid(client, 'card', { card: number.replace(/(.{4})/g, '$1 ').trim() })
    expect([result.status, result.failure_code]).toEqual([status, code])
    const { brand, last4 } = describeCard(number)
    expect((await chargeOf(client, result.payment_id)).card).toMatchObject({ brand, last4 })
  })

  test.each([
    ['4000002760003184', 'passed', 'succeeded', null],
    ['4000002760003184', 'failed', 'failed', 'authentication_failed'],
    ['4000002760003184', 'abandoned', 'canceled', 'canceled'],
    ['4000000000003220', 'failed', 'failed', 'authentication_failed'],
    ['4000008260003178', 'passed', 'failed', 'insufficient_funds'],
    ['4000008260003178', 'failed', 'failed', 'authentication_failed'],
    ['4000003800000446', 'failed', 'succeeded', null],
    ['4242424242424242', 'failed', 'succeeded', null],
  ])('the card %s with 3-D Secure %s ends as %s, %s', async (card, challenge, status, code) => {
    const result = await paid(await aBusiness(), 'card', { card, challenge })
    expect([result.status, result.failure_code]).toEqual([status, code])
  })

  test('a test card decides the outcome of a refund', async () => {
    const client = await aBusiness()
    for (const [card, status] of [
      ['4000000000007726', 'succeeded'],
      ['4000000000005126', 'failed'],
    ]) {
      const { payment_id } = await paid(client, 'card', { card })
      const { json } = await client.post('/v1/refunds', { payment_id, amount: 4 })
      expect((await client.get(`/v1/refunds/${json.id}`)).json.status).toBe('pending')
      await checkDue(client, 60)
      expect((await client.get(`/v1/refunds/${json.id}`)).json.status).toBe(status)
    }
  })
})

describe('a card that is not a test card', () => {
  /** Passes every check that a real number passes, but belongs to nobody. */
  const real = '4929000000006'

  test('a card that is not a test card is rejected', async () => {
    const client = await aBusiness()
    expect(findTestCard(real)).toBeUndefined()
    for (const card of [real, { number: real }, `${real.slice(0, 4)} ${real.slice(4)}`]) {
      expect(await paid(client, 'card', { card })).toMatchObject({ status: 'failed', failure_code: 'test_mode_live_card' })
    }
    expect(await paid(client, 'apple_pay', { card: real })).toMatchObject({ status: 'failed' })
  })

  test("a card number is in no table and no line of the log, not even a test card's", async () => {
    const client = await aBusiness()
    const { database } = client.server
    const numbers = [real, '4000000000009995', '5555555555554444']
    for (const card of numbers) {
      await paid(client, 'card', { card })
      await paid(client, 'card', { card: { number: card }, delay: 5 })
      const id = await aRequest(client, 'card')
      const headers = { 'idempotency-key': `card-${card.slice(-4)}` }
      await client.post(`/v1/sandbox/payment-requests/${id}/pay`, { method: 'card', card }, { headers })
      await client.post(`/v1/sandbox/payment-requests/${id}/pay`, { method: 'card', card, amount: 'much' })
      await client.post(`/v1/sandbox/payment-requests/${id}/pay`, { method: 'card', card: { number: [card] } })
      await client.post(`/v1/sandbox/payment-requests/none/pay`, { card })
    }
    const { rows: tables } = await database.pool.query("select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname = 'hawker'")
    expect(tables.length).toBeGreaterThan(15)
    for (const { name } of tables) {
      const { rows } = await database.pool.query(`select count(*)::int as found from ${name} t where t::text ~ $1`, [numbers.join('|')])
      expect([name, rows[0].found]).toEqual([name, 0])
    }
    for (const number of numbers) expect(client.server.log()).not.toContain(number)
  })
})

test('the sandbox payer works only in the sandbox, and only for requests that can be paid', async () => {
  const live = await aBusiness({ mode: 'live' })
  const { json } = await live.post('/v1/payment-requests', { amount: '10.00', currency: 'sgd', payment_methods: ['card'] })
  expect((await pay(live, json.id, { method: 'card' })).status).toBe(404)
  const client = await aBusiness()
  const id = await aRequest(client, 'card')
  expect((await pay(client, id, { method: 'paynow_online' })).json.code).toBe('payment_method_not_available')
  expect((await pay(client, id, {})).json.status).toBe('succeeded')
  expect((await pay(client, id, {})).json.code).toBe('payment_request_not_payable')
})
