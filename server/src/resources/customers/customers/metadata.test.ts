import { describe, expect, test } from 'vitest'
import { aBusiness, type Client, customerBody, eventsOf } from '#testing/api.ts'

/** The texts of one field of a 422. */
async function faults(client: Client, metadata: unknown, field: string): Promise<string[] | undefined> {
  const answer = await client.post('/v1/customers', customerBody({ metadata }))
  expect(answer.status).toBe(422)
  return answer.json.errors[field]
}

describe('metadata', () => {
  const names = (count: number, of = 'k') => Object.fromEntries(Array.from({ length: count }, (_, i) => [`${of}${i}`, String(i)]))

  test('metadata holds fifty keys of forty characters with five hundred each, and not one more', async () => {
    const client = await aBusiness()
    const full = Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`${String(i).padStart(2, '0')}${'ż'.repeat(37)}😀`, '😀'.repeat(500)]))
    const { status, json } = await client.post('/v1/customers', customerBody({ metadata: full }))
    expect(status).toBe(201)
    expect(json.metadata).toEqual(full)
    expect((await client.get(`/v1/customers/${json.id}`)).json.metadata).toEqual(full)
    expect(await faults(client, names(51), 'metadata')).toEqual(['The metadata may not have more than 50 items.'])
    expect(await faults(client, { ['x'.repeat(41)]: 'y' }, 'metadata')).toEqual(['The metadata format is invalid.'])
    expect(await faults(client, { '': 'y' }, 'metadata')).toEqual(['The metadata format is invalid.'])
    expect(await faults(client, { a: 'x'.repeat(501) }, 'metadata.a')).toHaveLength(1)
    expect(await faults(client, { a: { b: 1 } }, 'metadata.a')).toEqual(['The metadata.a must be a string.'])
    expect((await client.patch(`/v1/customers/${json.id}`, { metadata: { one_more: 'x' } })).json.errors).toEqual({
      metadata: ['The metadata may not have more than 50 items.'],
    })
  })

  test('metadata is updated key by key: null removes one key, and null for metadata removes all', async () => {
    const client = await aBusiness()
    const { json } = await client.post('/v1/customers', customerBody({ metadata: { ...names(50), gone: null } }))
    const path = `/v1/customers/${json.id}`
    expect(json.metadata).toEqual(names(50))
    const swapped = Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`k${i}`, null]))
    const after = await client.patch(path, { metadata: { ...swapped, ...names(40, 'other') } })
    expect(Object.keys(after.json.metadata)).toHaveLength(50)
    expect(after.json.metadata).toMatchObject({ k40: '40', other0: '0' })
    expect((await client.patch(path, { metadata: { k40: '', k41: ' x ' } })).json.metadata).toMatchObject({ k41: 'x' })
    expect((await client.get(path)).json.metadata).not.toHaveProperty('k40')
    expect((await client.patch(path, { metadata: {} })).json.metadata).toHaveProperty('k41')
    expect((await client.patch(path, { metadata: null })).json.metadata).toEqual({})
  })

  test('metadata turns numbers into texts, accepts forms and rejects booleans', async () => {
    const client = await aBusiness()
    const { json } = await client.post('/v1/customers', customerBody({ metadata: { n: 12.5, zero: 0, none: null } }))
    expect(json.metadata).toEqual({ n: '12.5', zero: '0' })
    expect(await faults(client, { yes: true }, 'metadata.yes')).toEqual(['The metadata.yes must be a string.'])
    const form = await client.request('POST', '/v1/customers', {
      form: 'email=a%40b.sg&phone_number=91234567&metadata[tier]=gold&metadata[a%20b]=%C3%A9&metadata[0]=x',
    })
    expect(form.json.metadata).toEqual({ tier: 'gold', 'a b': 'é', '0': 'x' })
  })

  test('keys that every JavaScript object has are keys like any other', async () => {
    const client = await aBusiness()
    const raw = '{"email":"a@b.sg","phone_number":"91234567","metadata":{"constructor":"c","toString":"t","hasOwnProperty":"h"}}'
    const { status, json } = await client.request('POST', '/v1/customers', { raw: { body: raw, type: 'application/json' } })
    expect(status).toBe(201)
    expect(json.metadata).toEqual({ constructor: 'c', toString: 't', hasOwnProperty: 'h' })
    const path = `/v1/customers/${json.id}`
    await client.request('PATCH', path, { form: 'metadata[toString]=&metadata[valueOf]=v' })
    expect((await client.get(path)).json.metadata).toEqual({ constructor: 'c', hasOwnProperty: 'h', valueOf: 'v' })
    expect((await eventsOf(client)).at(-1)?.previous_attributes).toEqual({ metadata: { toString: 't', valueOf: null } })
    expect((await client.get('/v1/customers?metadata[constructor]=c')).json.data).toHaveLength(1)
    expect((await client.get('/v1/customers?metadata[constructor]=d')).json.data).toHaveLength(0)
  })

  test('metadata with an item named __proto__ is a 422 that names it, in every format and in filters', async () => {
    const client = await aBusiness()
    const { json } = await client.post('/v1/customers', customerBody())
    const raw = '{"email":"a@b.sg","phone_number":"91234567","metadata":{"__proto__":"p","a":"b"}}'
    const form = 'email=a%40b.sg&phone_number=91234567&metadata[__proto__]=p&metadata[a]=b'
    const multipart = new FormData()
    for (const [name, value] of new URLSearchParams(form)) multipart.set(name, value)
    const answers = await Promise.all([
      client.request('POST', '/v1/customers', { raw: { body: raw, type: 'application/json' } }),
      client.request('POST', '/v1/customers', { form }),
      client.request('POST', '/v1/customers', { form: form.replaceAll('__proto__', '%5F_proto__') }),
      client.request('POST', '/v1/customers', { raw: { body: multipart } }),
      client.request('PATCH', `/v1/customers/${json.id}`, { form: 'metadata[__proto__][x]=p' }),
      client.request('POST', `/v1/customers/${json.id}`, { form: '_method=PATCH&metadata[__proto__]=p' }),
      client.request('GET', '/v1/customers?metadata[__proto__]=d'),
    ])
    for (const answer of answers)
      expect([answer.status, answer.json.errors]).toEqual([422, { 'metadata.__proto__': ['The metadata may not have an item named __proto__.'] }])
    expect(({} as Record<string, unknown>).p).toBeUndefined()
  })
})
