import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { aBusiness, customerBody } from '#testing/api.ts'

describe('the two presenters', () => {
  test('the JSON that PostgreSQL builds has the same content as the JSON that the server builds', async () => {
    const client = await aBusiness()
    const text = fc.option(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }).filter((one) => one.trim() === one && !/[\p{Cc}\p{Cs}]/u.test(one)))
    const place = text.map((one) => one ?? 'x')
    const customer = fc.record({
      name: text,
      remark: text,
      gender: text,
      birth_date: fc.option(fc.constantFrom('2000-02-29', '0099-01-01')),
      external_id: fc.option(fc.uuid()),
      phone_number_country_code: fc.option(fc.constantFrom('65', '+60')),
      address: fc.option(fc.record({ city: place, state: place, street: place, postal_code: place, country: fc.option(fc.constant('SG')) })),
      metadata: fc.dictionary(
        fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 9 }).filter((one) => one !== '__proto__'),
        place,
        { maxKeys: 4, noNullPrototype: true },
      ),
    })
    await fc.assert(
      fc.asyncProperty(customer, async (body) => {
        const { status, json } = await client.post('/v1/customers', customerBody(body))
        expect(status).toBe(201)
        expect(json).toMatchObject(body)
        expect((await client.get(`/v1/customers/${json.id}`)).json).toEqual(json)
        expect((await client.get('/v1/customers?per_page=1')).json.data).toEqual([json])
        const { json: changed } = await client.patch(`/v1/customers/${json.id}`, { remark: 'changed' })
        expect((await client.get(`/v1/customers/${json.id}`)).json).toEqual(changed)
      }),
      { numRuns: 30 },
    )
  })
})
