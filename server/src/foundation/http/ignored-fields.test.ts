import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { aBusiness, customerBody } from '#testing/api.ts'

const header = 'hawker-ignored-fields'

describe('fields that no schema knows', () => {
  test('ignored fields of a body are named in a header and in the line of the request log, as a warning', async () => {
    const client = await aBusiness()
    const id = `ignored-${randomUUID()}`
    const { status, headers } = await client.post(
      '/v1/customers',
      customerBody({ nick_name: 'x', address: { city: 'x', state: 'x', street: 'x', postal_code: '1', floor: 4 } }),
      {
        headers: { 'x-request-id': id },
      },
    )
    expect([status, headers.get(header)]).toEqual([201, 'address.floor, nick_name'])
    const line = client.server
      .log()
      .split('\n')
      .find((text) => text.includes(id))
    expect(JSON.parse(line ?? '')).toMatchObject({ level: 'warn', status: 201, message: 'request', ignored_fields: ['address.floor', 'nick_name'] })
  })

  test('ignored fields are named beside the errors of a 422, where they are often the reason', async () => {
    const client = await aBusiness()
    const { status, json, headers } = await client.post('/v1/payment-requests', { ammount: 10, curency: 'sgd' })
    expect([status, Object.keys(json.errors), headers.get(header)]).toEqual([422, ['currency'], 'ammount, curency'])
  })

  test('ignored parameters of a query and fields of a form are named too', async () => {
    const client = await aBusiness()
    expect((await client.get('/v1/charges?per_page=10&limit=3&filter[a]=b')).headers.get(header)).toBe('limit, filter')
    const form = await client.post('/v1/customers', undefined, { form: 'email=a%40b.sg&phone_number=91234567&_token=x&other[]=1' })
    expect([form.status, form.headers.get(header)]).toEqual([201, 'other'])
  })

  test('a request whose fields are all known has no such header, whatever is in its maps', async () => {
    const client = await aBusiness()
    const known = [
      await client.post('/v1/customers', customerBody({ metadata: { anything: 'x' } })),
      // Names of HitPay's command line, which are read as others.
      await client.post('/v1/customers', { email: 'a@b.sg', phone: '91234567', street: 'x', zip_code: '1', city: 'x', country: 'SG' }),
      await client.post('/v1/payment-requests', { amount: 1, currency: 'sgd', line_items: [{ name: 'Kopi', price: 1 }] }),
      await client.get('/v1/customers?metadata[a]=b'),
    ]
    expect(known.map(({ status, headers }) => [status < 300, headers.get(header)])).toEqual(known.map(() => [true, null]))
  })

  test('the header is bounded, and names only characters that a header may have', async () => {
    const client = await aBusiness()
    const many = Object.fromEntries(Array.from({ length: 5_000 }, (_, i) => [`field_${i}`, 1]))
    const value = (await client.post('/v1/customers', { ...many, ...customerBody() })).headers.get(header)
    expect(value?.split(', ')).toHaveLength(21)
    expect(value?.endsWith(', ...')).toBe(true)
    const odd = await client.post('/v1/customers', customerBody({ 'a\r\nset-cookie: b': 1, 名: 1, ['x'.repeat(10_000)]: 1 }))
    expect([odd.status, odd.headers.get(header)]).toEqual([201, `a??set-cookie??b, ?, ${'x'.repeat(64)}`])
    expect(odd.headers.get('set-cookie')).toBeNull()
  })
})

describe('the query of a write', () => {
  test('parameters of a query are fields of the body, and the body wins', async () => {
    const client = await aBusiness()
    const made = await client.post('/v1/payment-requests?amount=10&currency=sgd&name=Query&payment_methods[]=card&metadata[a]=b', { name: 'Body' })
    expect([made.status, made.json]).toEqual([201, expect.objectContaining({ amount: '10.00', name: 'Body', payment_methods: ['card'], metadata: { a: 'b' } })])
    const bare = await client.request('POST', '/v1/payment-requests?amount=12&currency=sgd')
    expect([bare.status, bare.json.amount]).toEqual([201, '12.00'])
    const form = await client.post('/v1/payment-requests?amount=13&currency=sgd', undefined, { form: 'amount=14' })
    expect([form.status, form.json.amount]).toEqual([201, '14.00'])
    const changed = await client.put(`/v1/payment-requests/${made.json.id}?amount=15`, {})
    expect([changed.status, changed.json.amount]).toEqual([202, '15.00'])
  })

  test('fields of a query are validated, and part of the fingerprint of an Idempotency-Key', async () => {
    const client = await aBusiness()
    expect((await client.post('/v1/payment-requests?amount=x&currency=sgd')).json.errors).toEqual({ amount: ['The amount must be a number.'] })
    expect((await client.post('/v1/payment-requests?name=%E9', { amount: 1, currency: 'sgd' })).json.code).toBe('malformed_query')
    const headers = { 'idempotency-key': 'in-query' }
    const first = await client.post('/v1/payment-requests?amount=10', { currency: 'sgd' }, { headers })
    expect((await client.post('/v1/payment-requests?amount=10', { currency: 'sgd' }, { headers })).json.id).toBe(first.json.id)
    expect((await client.post('/v1/payment-requests?amount=11', { currency: 'sgd' }, { headers })).status).toBe(422)
  })
})
