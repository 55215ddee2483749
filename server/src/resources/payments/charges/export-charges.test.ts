import { beforeAll, describe, expect, test } from 'vitest'
import { aBusiness, type Client } from '#testing/api.ts'
import { aPaidCharge, type Payments, startPayments } from '#testing/payments.ts'

let payments: Payments
beforeAll(async () => {
  payments = await startPayments()
})
const merchant = () => aBusiness({}, payments.server)
const json = { headers: { accept: 'application/json' } }
const idsOf = (answer: { json: { data: { id: string }[] } }) => answer.json.data.map(({ id }) => id)

/** A charge by card, one by PayNow, and one that is partially refunded. */
async function threeCharges(client: Client) {
  const card = await aPaidCharge(payments, client)
  const payNow = await aPaidCharge(payments, client, { method: 'paynow_online' })
  const partial = await aPaidCharge(payments, client, { method: 'grabpay_direct' })
  expect((await client.post('/v1/refund', { payment_id: partial.id, amount: 1 })).status).toBe(201)
  return { card, payNow, partial }
}

describe('an export as JSON', () => {
  test('an export is JSON for a client that accepts it, with the fields of the CSV and unescaped texts', async () => {
    const client = await merchant()
    const { id } = await aPaidCharge(payments, client, { customer_name: '=1+1 "Tan", é', remark: null })
    const answer = await client.get('/v1/charges/export', json)
    expect([answer.status, answer.headers.get('content-type'), answer.headers.get('vary')]).toEqual([200, 'application/json', 'Accept'])
    const [charge] = answer.json.data
    expect(answer.json.data).toHaveLength(1)
    expect(charge).toMatchObject({ id, customer_name: '=1+1 "Tan", é', amount: '100.00', currency: 'sgd', remark: null })
    const csv = (await client.get('/v1/charges/export')).text
    expect(Object.keys(charge).join(',')).toBe(csv.slice(0, csv.indexOf('\r\n')))
  })

  test.each([
    ['application/json', 'application/json'],
    ['application/json, text/plain, */*', 'application/json'],
    ['Application/JSON;q=0.9', 'application/json'],
    ['*/*', 'text/csv'],
    ['text/csv', 'text/csv'],
    ['text/csv, application/json', 'text/csv'],
    ['text/html,application/xhtml+xml', 'text/csv'],
  ])('an export for "Accept: %s" is %s', async (accept, type) => {
    const client = await merchant()
    const answer = await client.get('/v1/charges/export', { headers: { accept } })
    expect(answer.headers.get('content-type')).toMatch(new RegExp(`^${type}`))
    if (type === 'application/json') expect(answer.json).toEqual({ data: [] })
  })

  test('an export as JSON continues where a batch ends, and ends after so many charges', async () => {
    const client = await merchant()
    for (let i = 0; i < 3; i++) await aPaidCharge(payments, client)
    expect(idsOf(await client.get('/v1/charges/export?perPage=2', json))).toHaveLength(2)
    expect(idsOf(await client.get('/v1/charges/export', json))).toHaveLength(3)
  })
})

describe('filters by method and by a refund in part', () => {
  test('the list and the export filter by one payment method, by several and by older names', async () => {
    const client = await merchant()
    const { card, payNow, partial } = await threeCharges(client)
    for (const path of ['/v1/charges', '/v1/charges/export']) {
      expect(idsOf(await client.get(`${path}?payment_method=card`, json))).toEqual([card.id])
      expect(idsOf(await client.get(`${path}?payment_method=paynow_online,card`, json))).toEqual([payNow.id, card.id])
      expect(idsOf(await client.get(`${path}?payment_method=grabpay`, json))).toEqual([partial.id])
      expect(idsOf(await client.get(`${path}?payment_method=zip`, json))).toEqual([])
    }
  })

  test('the list and the export filter by charges that are refunded in part', async () => {
    const client = await merchant()
    const { partial, payNow } = await threeCharges(client)
    expect((await client.post('/v1/refund', { payment_id: payNow.id })).status).toBe(201)
    for (const path of ['/v1/charges', '/v1/charges/export']) {
      expect(idsOf(await client.get(`${path}?status=partially_refunded`, json))).toEqual([partial.id])
      expect(idsOf(await client.get(`${path}?status=refunded`, json))).toEqual([partial.id, payNow.id])
      expect((await client.get(`${path}?status=nonsense`, json)).status).toBe(422)
    }
  })
})
