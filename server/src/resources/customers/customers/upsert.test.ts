import { describe, expect, test } from 'vitest'
import { aBusiness, customerBody, eventsOf } from '#testing/api.ts'

const ext = (id: string) => `/v1/customers/ext:${encodeURIComponent(id)}`

describe('ext:<id> in paths', () => {
  test('an external id names a customer in every operation, whatever letters it has', async () => {
    const client = await aBusiness()
    for (const id of ['crm-1', 'a/b/c', 'a b', '100%', 'a?b#c', 'ext:ext', 'ธนาคาร/1', '客户 ①', '😀'.repeat(255), 'a+b', "o'k", '..', 'A']) {
      const made = await client.post('/v1/customers', customerBody({ external_id: id }))
      expect(made.status, id).toBe(201)
      expect((await client.get(ext(id))).json, id).toEqual(made.json)
      expect((await client.patch(ext(id), { name: 'by patch' })).json).toMatchObject({ id: made.json.id, name: 'by patch' })
      expect(await client.put(ext(id), { name: 'by put' })).toMatchObject({ status: 200, json: { id: made.json.id, name: 'by put' } })
      expect((await client.get(`/v1/customers?external_id=${encodeURIComponent(id)}`)).json.data).toHaveLength(1)
      expect((await client.delete(ext(id))).status).toBe(204)
      expect((await client.get(ext(id))).status).toBe(404)
    }
  })
})

describe('PUT /v1/customers/ext:<id>', () => {
  test('an upsert creates and then updates', async () => {
    const client = await aBusiness()
    const body = customerBody({ name: 'Jane', metadata: { a: '1', b: null } })
    const made = await client.put(ext('crm-1'), body)
    expect(made).toMatchObject({ status: 201, json: { ...body, external_id: 'crm-1', metadata: { a: '1' } } })
    expect(made.headers.get('location')).toBe(`/v1/customers/${made.json.id}`)
    expect(await client.put(ext('crm-1'), body)).toMatchObject({ status: 200, json: made.json })
    const changed = await client.put(ext('crm-1'), { remark: 'x', external_id: 'crm-1' })
    expect(changed.json).toEqual({ ...made.json, remark: 'x', updated_at: changed.json.updated_at })
    expect((await client.get(`/v1/customers/${made.json.id}`)).json).toEqual(changed.json)
    expect((await eventsOf(client)).map(({ type, previous_attributes }) => [type, previous_attributes])).toEqual([
      ['customer.created', null],
      ['customer.updated', { remark: null }],
    ])
  })

  test('an upsert accepts the command line’s names too', async () => {
    const client = await aBusiness()
    const { status, json } = await client.put(ext('cli'), { email: 'a@b.sg', phone: '91234567', street: 's', city: 'c', zip_code: '1' })
    expect({ status, json }).toMatchObject({ status: 201, json: { phone_number: '91234567', address: { street: 's', postal_code: '1' } } })
  })

  test('an upsert names missing and invalid fields when it would create', async () => {
    const client = await aBusiness()
    const { status, json } = await client.put(ext('crm-1'), { name: 'Jane', birth_date: '2023-02-29' })
    expect(status).toBe(422)
    expect(json.errors).toEqual({
      email: ['The email field is required.'],
      phone_number: ['The phone number field is required.'],
      birth_date: ['The birth date does not match the format Y-m-d.'],
    })
    expect((await client.put(ext('crm-1'), customerBody({ external_id: 'other' }))).json.errors).toHaveProperty('external_id')
    for (const bad of ['', ' ', 'x'.repeat(256), 'a\0b', 'a\nb']) {
      const refused = await client.put(ext(bad), customerBody())
      expect(refused, JSON.stringify(bad)).toMatchObject({ status: 422, json: { errors: { external_id: [expect.any(String)] } } })
    }
    expect(await eventsOf(client)).toEqual([])
  })

  test('a hundred concurrent upserts leave one customer and one created event', async () => {
    const client = await aBusiness()
    const body = customerBody({ name: 'Jane' })
    const answers = await Promise.all(Array.from({ length: 100 }, () => client.put(ext('crm-1'), body)))
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1)
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(99)
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1)
    expect((await client.get('/v1/customers')).json.data).toHaveLength(1)
    expect(await eventsOf(client)).toHaveLength(1)
  })

  test('concurrent creates and upserts of one external id leave one customer', async () => {
    const client = await aBusiness()
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, i) =>
        i % 2 ? client.put(ext('x'), customerBody({ name: `n${i}` })) : client.post('/v1/customers', customerBody({ external_id: 'x' })),
      ),
    )
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1)
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200, 201, 422]))
    expect((await eventsOf(client)).filter(({ type }) => type === 'customer.created')).toHaveLength(1)
  })

  test('If-None-Match: * only creates, even when many ask at the same time', async () => {
    const client = await aBusiness()
    const headers = { 'if-none-match': '*' }
    const answers = await Promise.all(Array.from({ length: 20 }, (_, i) => client.put(ext('x'), customerBody({ name: `n${i}` }), { headers })))
    expect(answers.map(({ status }) => status).sort()).toEqual([201, ...Array(19).fill(412)])
    const made = answers.find(({ status }) => status === 201)
    for (const { headers } of answers) expect(headers.get('etag')).toBe(made?.headers.get('etag'))
    expect((await client.get(ext('x'))).json).toEqual(made?.json)
    expect((await client.put(`/v1/customers/${made?.json.id}`, { name: 'x' }, { headers })).status).toBe(412)
  })

  test('If-Match only updates', async () => {
    const client = await aBusiness()
    const absent = await client.put(ext('x'), customerBody(), { headers: { 'if-match': '*' } })
    expect(absent.status).toBe(412)
    expect(absent.headers.get('etag')).toBeNull()
    const made = await client.put(ext('x'), customerBody())
    const etag = made.headers.get('etag') ?? ''
    const changed = await client.put(ext('x'), { name: 'y' }, { headers: { 'if-match': etag } })
    expect(changed.status).toBe(200)
    const refused = await client.put(ext('x'), { name: 'z' }, { headers: { 'if-match': etag } })
    expect(refused.status).toBe(412)
    expect(refused.headers.get('etag')).toBe(changed.headers.get('etag'))
  })

  test('concurrent upserts, updates and deletes are all answered, and every state is emitted in order', async () => {
    const client = await aBusiness()
    const answers = await Promise.all(
      Array.from({ length: 90 }, (_, i) => {
        if (i % 3 === 0) return client.put(ext('x'), customerBody({ name: `n${i}` }))
        return i % 3 === 1 ? client.delete(ext('x')) : client.patch(ext('x'), { remark: `r${i}` })
      }),
    )
    for (const { status, text } of answers) expect([200, 201, 204, 404], text).toContain(status)
    const events = await eventsOf(client)
    const count = (wanted: number) => answers.filter(({ status }) => status === wanted).length
    expect(events.filter(({ type }) => type === 'customer.created')).toHaveLength(count(201))
    expect(events.filter(({ type }) => type === 'customer.deleted')).toHaveLength(count(204))
    const states = new Map<unknown, unknown[]>()
    for (const { object_id, type } of events) states.set(object_id, [...(states.get(object_id) ?? []), type])
    for (const told of states.values()) {
      expect(told[0]).toBe('customer.created')
      expect(told.slice(1, -1).every((type) => type === 'customer.updated')).toBe(true)
    }
  })
})
