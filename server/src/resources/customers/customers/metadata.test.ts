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

  test('metadata turns numbers and booleans into texts and accepts forms', async () => {
    const client = await aBusiness()
    const { json } = await client.post('/v1/customers', customerBody({ metadata: { n: 12.5, yes: true, no: false, zero: 0, none: null } }))
    expect(json.metadata).toEqual({ n: '12.5', yes: 'true', no: 'false', zero: '0' })
    const form = await client.request('POST', '/v1/customers', {
      form: 'email=a%40b.sg&phone_number=91234567&metadata[tier]=gold&metadata[a%20b]=%C3%A9&metadata[0]=x',
    })
    expect(form.json.metadata).toEqual({ tier: 'gold', 'a b': 'é', '0': 'x' })
  })

  test('keys that every JavaScript object has are keys like any other', async () => {
    const client = await aBusiness()
    const raw = '{"email":"a@b.sg","phone_number":"91234567","metadata":{"__proto__":"p","constructor":"c","toString":"t","hasOwnProperty":"h"}}'
    const { status, json } = await client.request('POST', '/v1/customers', { raw: { body: raw, type: 'application/json' } })
    expect(status).toBe(201)
    expect(json.metadata).toEqual({ constructor: 'c', toString: 't', hasOwnProperty: 'h' })
    const path = `/v1/customers/${json.id}`
    await client.request('PATCH', path, { form: 'metadata[toString]=&metadata[valueOf]=v' })
    expect((await client.get(path)).json.metadata).toEqual({ constructor: 'c', hasOwnProperty: 'h', valueOf: 'v' })
    expect((await eventsOf(client)).at(-1)?.previous_attributes).toEqual({ metadata: { toString: 't', valueOf: null } })
    expect((await client.get('/v1/customers?metadata[constructor]=c')).json.data).toHaveLength(1)
    expect((await client.get('/v1/customers?metadata[constructor]=d')).json.data).toHaveLength(0)
    expect((await client.get('/v1/customers?metadata[__proto__]=d')).status).toBeLessThan(500)
    expect(({} as Record<string, unknown>).p).toBeUndefined()
  })
})
