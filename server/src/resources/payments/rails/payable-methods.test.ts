import { describe, expect, test } from 'vitest'
import { aBusiness, type Client, send } from '#testing/api.ts'

const keys = { secret_key: 'sk_test_0', webhook_secret: 'whsec_0' }
const bankAccount = { account_number: '0123456789', name: 'Kopi stall', proxy_type: 'uen', proxy_value: '201812345A' }
const create = (client: Client, more: object = {}) => client.post('/v1/payment-requests', { amount: '10.00', currency: 'sgd', ...more })
const stripeText = 'PUT /v1/rails/stripe'
const bankText = 'POST /v1/bank-accounts'

describe('a live business', () => {
  test('a live request without any rail is a 422 that says what to set up and where', async () => {
    const client = await aBusiness({ mode: 'live' })
    for (const more of [{}, { payment_methods: ['card'] }, { payment_methods: ['paynow_online', 'card', 'grabpay_direct'] }, { currency: 'myr' }]) {
      const { status, json } = await create(client, more)
      expect([status, json.code, Object.keys(json.errors)]).toEqual([422, 'payment_method_not_available', ['payment_methods']])
      expect(JSON.stringify(json.errors)).toContain(stripeText)
    }
    expect(JSON.stringify((await create(client)).json.errors)).toContain(bankText)
  })

  test('a live request offers and accepts exactly what is set up', async () => {
    const client = await aBusiness({ mode: 'live' })
    await client.put('/v1/rails/stripe', keys)
    expect((await create(client)).status).toBe(422)
    await client.put('/v1/rails/stripe', { ...keys, publishable_key: 'pk_test_0' })
    expect((await create(client)).json.payment_methods).toEqual(['card'])
    expect((await create(client, { payment_methods: ['paynow_online'] })).json.errors.payment_methods.join()).toContain(bankText)
    await client.post('/v1/bank-accounts', bankAccount)
    const { status, json } = await create(client)
    expect([status, json.payment_methods]).toEqual([201, ['card', 'paynow_online']])
    expect((await create(client, { currency: 'usd' })).json.payment_methods).toEqual(['card'])
    for (const method of ['grabpay_direct', 'wifi_card_reader', 'cash']) {
      const refused = await create(client, { payment_methods: ['card', method] })
      expect([method, refused.status, refused.json.errors.payment_methods.join()]).toEqual([method, 422, expect.stringContaining(method)])
    }
  })

  test('a live request is updated only to what is set up, and keeps its methods otherwise', async () => {
    const client = await aBusiness({ mode: 'live' })
    await client.post('/v1/bank-accounts', bankAccount)
    const { id } = (await create(client)).json
    const path = `/v1/payment-requests/${id}`
    expect((await client.put(path, { payment_methods: ['card'] })).json.errors.payment_methods.join()).toContain(stripeText)
    expect((await client.put(path, { currency: 'usd' })).status).toBe(422)
    expect((await client.put(path, { name: 'Lim' })).json).toMatchObject({ name: 'Lim', payment_methods: ['paynow_online'] })
    expect((await client.put(path, { payment_methods: ['paynow_online'] })).status).toBe(202)
  })

  test('a default link of a business that has set up nothing is a page that says so, in the language of its payer', async () => {
    const client = await aBusiness({ mode: 'live' })
    const path = `/payment-request/@${client.business.slug}`
    const shown = await send(client.server, 'GET', path)
    expect([shown.status, shown.text]).toEqual([200, expect.stringContaining('No payments can be made here yet')])
    expect((await send(client.server, 'GET', `${path}?lang=ms`)).text).toContain('Bayaran belum boleh dibuat di sini')
    const framed = await send(client.server, 'GET', `${path}?embed=1`)
    expect([framed.text.includes('No payments can be made here yet'), framed.headers.get('content-security-policy')]).toEqual([
      true,
      expect.stringContaining("frame-ancestors 'self'"),
    ])
    const sent = await send(client.server, 'POST', path, { form: 'amount=10' })
    expect([sent.status, sent.text]).toEqual([422, expect.stringContaining('No payments can be made here yet')])
    await client.post('/v1/bank-accounts', bankAccount)
    expect((await send(client.server, 'GET', path)).text).toContain('amount')
    expect((await send(client.server, 'POST', path, { form: 'amount=10' })).status).toBe(303)
  })

  test('a sandbox business is offered every method, since the simulator plays each of them', async () => {
    expect((await create(await aBusiness())).json.payment_methods.length).toBeGreaterThan(10)
  })
})
