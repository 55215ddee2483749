import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { aBusiness, type Client, customerBody, eventsOf, type Reply } from '#testing/api.ts'
import { customerReader } from './queries.ts'

const address = { city: 'Singapore', state: 'Singapore', street: '1 Keong Saik Road', postal_code: '089109', country: 'SG' }

const full = {
  name: 'Jane Doe',
  email: 'jane@example.com',
  phone_number: '91234567',
  phone_number_country_code: '65',
  remark: 'VIP',
  birth_date: '1990-01-31',
  gender: 'female',
  address,
  metadata: { tier: 'gold', since: '2020' },
}

async function aCustomer(client: Client, more: Record<string, unknown> = {}): Promise<Reply & { path: string; etag: string }> {
  const created = await client.post('/v1/customers', { ...full, ...more })
  expect(created.status).toBe(201)
  return { ...created, path: `/v1/customers/${created.json.id}`, etag: created.headers.get('etag') ?? '' }
}

/** The state before an event, from the state after it. */
function undone(after: Record<string, unknown>, previous: Record<string, unknown>): Record<string, unknown> {
  const { metadata, ...fields } = previous as { metadata?: Record<string, string | null> }
  const before: Record<string, unknown> = { ...after, ...fields }
  if (metadata) {
    const names = Object.entries({ ...(after.metadata as object), ...metadata }).filter(([, value]) => value !== null)
    before.metadata = Object.fromEntries(names)
  }
  return before
}

describe('PATCH /v1/customers/{customer_id}', () => {
  test('an update changes the fields that are sent and no others', async () => {
    const client = await aBusiness()
    const { json, path } = await aCustomer(client)
    const sent: Record<string, unknown>[] = [
      { name: 'Janet' },
      { email: 'janet@example.com' },
      { remark: 'x\ny' },
      { birth_date: '2000-02-29' },
      { gender: 'x' },
      { address: { ...address, city: 'Jurong', country: null } },
      { external_id: 'crm-1' },
    ]
    let expected = json
    for (const body of sent) {
      const { status, json: changed } = await client.patch(path, body)
      expect(status).toBe(200)
      expected = { ...expected, ...body, updated_at: changed.updated_at }
      expect(changed).toEqual(expected)
      expect((await client.get(path)).json).toEqual(expected)
    }
    const phone = await client.patch(path, { phone_number: '012-345 6789', phone_number_country_code: '60' })
    expect(phone.json).toMatchObject({ phone_number: '012-345 6789', phone_number_country_code: '60', phone_number_e164: '+60123456789' })
    expect((await client.patch(path, { phone_number_country_code: null })).json.phone_number_e164).not.toBe('+60123456789')
  })

  test('PUT works like PATCH, also with forms', async () => {
    const client = await aBusiness()
    const { json, path } = await aCustomer(client)
    const put = await client.put(path, { name: 'By PUT' })
    expect(put).toMatchObject({ status: 200, json: { ...json, name: 'By PUT', updated_at: put.json.updated_at } })
    const form = await client.request('PATCH', path, { form: 'remark=&address[city]=A&address[state]=B&address[street]=C&address[postal_code]=1' })
    expect(form.json).toMatchObject({ name: 'By PUT', remark: null, address: { city: 'A', state: 'B', street: 'C', postal_code: '1', country: null } })
    expect((await client.put('/v1/customers/0198a5a0-0000-7000-8000-000000000000', customerBody())).status).toBe(404)
  })

  test('null clears optional fields, and is rejected for email and phone number', async () => {
    const client = await aBusiness()
    const { json, path } = await aCustomer(client)
    const nothing = { name: null, phone_number_country_code: null, remark: null, birth_date: null, gender: null, address: null, metadata: null }
    const cleared = await client.patch(path, nothing)
    expect(cleared.json).toEqual({ ...json, ...nothing, metadata: {}, updated_at: cleared.json.updated_at })
    for (const empty of [null, '', '  ']) {
      const refused = await client.patch(path, { email: empty, phone_number: empty })
      expect(refused).toMatchObject({
        status: 422,
        json: { errors: { email: ['The email field is required.'], phone_number: ['The phone number field is required.'] } },
      })
    }
    const half = await client.patch(path, { address: { city: 'x', state: null } })
    expect(Object.keys(half.json.errors).sort()).toEqual(['address.postal_code', 'address.state', 'address.street'])
  })

  test('an invalid update names every invalid field, including an external id that cannot change', async () => {
    const client = await aBusiness()
    const { path } = await aCustomer(client, { external_id: 'crm-1' })
    const { status, json } = await client.patch(path, { external_id: 'crm-2', birth_date: '2999-01-01', address: { ...address, country: 'ZZ' } })
    expect(status).toBe(422)
    expect(Object.keys(json.errors).sort()).toEqual(['address.country', 'birth_date', 'external_id'])
    const { json: other } = await client.patch(path, { email: 'none', birth_date: '2999-01-01' })
    expect(Object.keys(other.errors).sort()).toEqual(['birth_date', 'email'])
  })

  test('an external id is set once, and never to one that is in use', async () => {
    const client = await aBusiness()
    const { path } = await aCustomer(client)
    await aCustomer(client, { external_id: 'taken' })
    expect((await client.patch(path, { external_id: 'taken' })).json).toMatchObject({
      errors: { external_id: ['The external id has already been taken.'] },
      code: 'external_id_taken',
    })
    expect((await client.patch(path, { external_id: 'mine' })).json.external_id).toBe('mine')
    expect((await client.patch(path, { external_id: 'mine' })).status).toBe(200)
    for (const external_id of ['other', null, '']) {
      expect((await client.patch(path, { external_id })).json).toMatchObject({
        errors: { external_id: ['The external id cannot be changed.'] },
        code: 'external_id_immutable',
      })
    }
    expect((await client.get(path)).json.external_id).toBe('mine')
  })

  test('an update that changes nothing keeps the ETag and the time and emits no event', async () => {
    const client = await aBusiness()
    const { json, path, etag } = await aCustomer(client, { external_id: 'crm-1' })
    client.clock.advance(60_000)
    const { postal_code, ...place } = address
    const same = [
      {},
      full,
      { unknown: 'x' },
      { address: { postal_code, ...place } },
      { address: { ...address, country: 'sgp' } },
      { metadata: { tier: 'gold', never: null } },
      { external_id: 'crm-1' },
      { name: ' Jane Doe ' },
    ]
    for (const body of same) {
      const answer = await client.patch(path, body)
      expect(answer).toMatchObject({ status: 200, json })
      expect(answer.json).toEqual(json)
      expect(answer.headers.get('etag')).toBe(etag)
    }
    expect((await client.get(path)).json).toEqual(json)
    expect(await eventsOf(client)).toHaveLength(1)
  })

  test('an update emits an event with the changed attributes and their previous values', async () => {
    const client = await aBusiness()
    const { path } = await aCustomer(client)
    const answers = [
      await client.patch(path, { name: null, remark: 'VIP' }),
      await client.patch(path, { phone_number: '81234567' }),
      await client.patch(path, { address: { ...address, city: 'Jurong' }, metadata: { tier: null, since: '2020', more: 'm' } }),
      await client.patch(path, { address: null }),
      await client.patch(path, { metadata: null }),
    ]
    const events = (await eventsOf(client)).slice(1)
    expect(events.map((event) => event.type)).toEqual(answers.map(() => 'customer.updated'))
    expect(events.map((event) => event.data)).toEqual(answers.map(({ json }) => json))
    expect(events.map((event) => event.request_id)).toEqual(answers.map(({ headers }) => headers.get('x-request-id')))
    expect(events.map((event) => event.previous_attributes)).toEqual([
      { name: 'Jane Doe' },
      { phone_number: '91234567', phone_number_e164: '+6591234567' },
      { address, metadata: { tier: 'gold', more: null } },
      { address: { ...address, city: 'Jurong' } },
      { metadata: { since: '2020', more: 'm' } },
    ])
  })

  test('applying events in reverse gives every earlier state', async () => {
    const client = await aBusiness()
    const text = fc.option(fc.constantFrom('a', 'B', 'ก', '😀'))
    const key = fc.constantFrom('a', 'b', 'constructor', 'toString')
    const patch = fc.record(
      {
        name: text,
        remark: text,
        gender: text,
        email: fc.constantFrom('a@b.sg', 'c@d.sg'),
        phone_number: fc.constantFrom('91234567', '81234567', 'none'),
        phone_number_country_code: fc.option(fc.constantFrom('65', '60')),
        birth_date: fc.option(fc.constantFrom('2000-02-29', '1999-12-31')),
        address: fc.option(fc.record({ city: fc.constantFrom('A', 'B'), country: text.map((one) => one && 'SG') }).map((one) => ({ ...address, ...one }))),
        metadata: fc.option(fc.dictionary(key, text, { noNullPrototype: true })),
      },
      { requiredKeys: [] },
    )
    await fc.assert(
      fc.asyncProperty(fc.array(patch, { minLength: 1, maxLength: 6 }), async (patches) => {
        const { json, path } = await aCustomer(client)
        const states = [json]
        for (const body of patches) {
          const answer = await client.patch(path, body)
          expect(answer.status).toBe(200)
          expect((await client.get(path)).json).toEqual(answer.json)
          const { updated_at: _now, ...now } = answer.json
          const { updated_at: _then, ...then } = states.at(-1)
          if (JSON.stringify(now) !== JSON.stringify(then)) states.push(answer.json)
        }
        const events = (await eventsOf(client)).filter(({ object_id }) => object_id === json.id)
        expect(events.map(({ data }) => data)).toEqual(states)
        for (let i = events.length - 1; i > 0; i--) {
          const { data, previous_attributes } = events[i] as { data: Record<string, unknown>; previous_attributes: Record<string, unknown> }
          expect({ ...undone(data, previous_attributes), updated_at: states[i - 1].updated_at }).toEqual(states[i - 1])
        }
      }),
      { numRuns: 15 },
    )
  })

  test('update times never go back, even when the clock stands still or goes back', async () => {
    const client = await aBusiness()
    const { clock } = client
    const { database } = client.server
    clock.set('2030-01-01T00:00:00.500Z')
    const { path, json } = await aCustomer(client)
    const times = [Date.parse('2030-01-01T00:00:00.500Z')]
    for (let i = 0; i < 5; i++) {
      if (i === 3) clock.set('2029-01-01T00:00:00Z')
      expect((await client.patch(path, { name: `n${i}` })).status).toBe(200)
      const { rows } = await database.pool.query('select updated_at from customers where business_id = $1 and id = $2', [client.business.id, json.id])
      times.push(rows[0].updated_at.getTime())
    }
    expect(times.map((at, i) => at - (times[i - 1] ?? at - 1))).toEqual([1, 1, 1, 1, 1, 1])
    expect((await client.delete(path)).status).toBe(204)
    expect((await eventsOf(client)).map(({ type, data }) => [type, (data as { name: string }).name])).toEqual([
      ['customer.created', 'Jane Doe'],
      ...[0, 1, 2, 3, 4].map((i) => ['customer.updated', `n${i}`]),
      ['customer.deleted', 'n4'],
    ])
  })

  test('If-Match blocks an update of another version, and returns the current ETag', async () => {
    const client = await aBusiness()
    const { path, etag } = await aCustomer(client)
    const first = await client.patch(path, { name: 'first' }, { headers: { 'if-match': etag } })
    const current = first.headers.get('etag') ?? ''
    expect(first.status).toBe(200)
    expect(current).not.toBe(etag)
    for (const stale of [etag, `W/${current}`, '"other"']) {
      const refused = await client.patch(path, { name: 'second' }, { headers: { 'if-match': stale } })
      expect(refused).toMatchObject({ status: 412, json: { code: 'precondition_failed' } })
      expect(refused.headers.get('etag')).toBe(current)
    }
    for (const good of ['*', current, `"other", ${current}`]) {
      expect((await client.patch(path, { name: 'first' }, { headers: { 'if-match': good } })).status).toBe(200)
    }
    expect((await client.patch('/v1/customers/ext:none', { name: 'x' }, { headers: { 'if-match': '*' } })).status).toBe(404)
    expect(await eventsOf(client)).toHaveLength(2)
  })

  test('exactly one of several parallel updates of the same version wins', async () => {
    const client = await aBusiness()
    const { path, etag } = await aCustomer(client)
    const answers = await Promise.all(Array.from({ length: 10 }, (_, i) => client.patch(path, { name: `n${i}` }, { headers: { 'if-match': etag } })))
    expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array(9).fill(412)])
    const winner = answers.find(({ status }) => status === 200)
    expect((await client.get(path)).json).toEqual(winner?.json)
    for (const { headers } of answers) expect(headers.get('etag')).toBe(winner?.headers.get('etag'))
    expect(await eventsOf(client)).toHaveLength(2)
  })

  test('parallel updates of different fields are all applied', async () => {
    const client = await aBusiness()
    const { path } = await aCustomer(client)
    await Promise.all(Array.from({ length: 12 }, (_, i) => client.patch(path, { metadata: { [`k${i}`]: String(i) } })))
    expect(Object.keys((await client.get(path)).json.metadata)).toHaveLength(14)
    expect(await eventsOf(client)).toHaveLength(13)
  })

  test('a customer of another business cannot be updated', async () => {
    const [client, stranger] = [await aBusiness(), await aBusiness()]
    const { json, path } = await aCustomer(client, { external_id: 'crm-1' })
    for (const [method, body] of [['GET'], ['PATCH', { name: 'x' }], ['PUT', { name: 'x' }], ['DELETE']] as const) {
      const refused = await stranger.request(method, path, { body })
      expect(refused).toMatchObject({ status: 404, json: { message: `No query results for model [App\\Business\\Customer] ${json.id}` } })
    }
    expect((await stranger.get('/v1/customers/ext:crm-1')).status).toBe(404)
    expect((await client.get(path)).json).toEqual(json)
  })
})

describe('GET /v1/customers/{customer_id}', () => {
  test('a client that has the current version gets 304', async () => {
    const client = await aBusiness()
    const { path, etag } = await aCustomer(client)
    for (const known of [etag, `W/${etag}`, '*', `"x", ${etag}`]) {
      const answer = await client.get(path, { headers: { 'if-none-match': known } })
      expect(answer).toMatchObject({ status: 304, text: '' })
      expect(answer.headers.get('etag')).toBe(etag)
    }
    await client.patch(path, { name: 'x' })
    expect((await client.get(path, { headers: { 'if-none-match': etag } })).status).toBe(200)
  })

  test('an id that names no customer is a 404', async () => {
    const client = await aBusiness()
    for (const id of ['0198a5a0-0000-7000-8000-000000000000', 'x', '1', 'ext:', 'ext:none', 'ext:a%00b', '%00', "'%20or%201=1"]) {
      const answer = await client.get(`/v1/customers/${id}`)
      expect(answer, id).toMatchObject({ status: 404, json: { code: 'not_found' } })
    }
    const { json } = await aCustomer(client)
    expect((await client.get(`/v1/customers/${json.id.toUpperCase()}`)).json).toEqual(json)
  })

  test('a batched query for an id that two businesses request returns it only to its owner', async () => {
    const [client, stranger] = [await aBusiness(), await aBusiness()]
    const { json } = await aCustomer(client)
    const keys = [stranger, client, stranger].map(({ business }) => ({ businessId: business.id, id: json.id }))
    const read = customerReader(client.server.database, true)
    const found = await Promise.all(keys.map(read))
    expect(found.map(([row]) => row?.id)).toEqual([undefined, json.id, undefined])
  })

  test('concurrent gets each return their own customer, whoever sends them', async () => {
    const clients = await Promise.all([aBusiness(), aBusiness(), aBusiness()])
    const customers = await Promise.all(clients.flatMap((client) => Array.from({ length: 10 }, () => aCustomer(client))))
    const asked = Array.from({ length: 200 }, (_, i) => ({ asker: i % 3, of: Math.floor(i / 3) % 30 }))
    const answers = await Promise.all(asked.map(({ asker, of }) => (clients[asker] as Client).get(customers[of]?.path ?? '')))
    answers.forEach(({ status, json }, i) => {
      const { asker, of } = asked[i] as { asker: number; of: number }
      const owner = Math.floor(of / 10)
      expect(status).toBe(owner === asker ? 200 : 404)
      if (owner === asker) expect(json).toEqual(customers[of]?.json)
      else expect(json.message).toBe(`No query results for model [App\\Business\\Customer] ${customers[of]?.json.id}`)
    })
  })
})

describe('DELETE /v1/customers/{customer_id}', () => {
  test('a delete returns an empty response, works once, and emits an event', async () => {
    const client = await aBusiness()
    const { json, path } = await aCustomer(client, { external_id: 'crm-1' })
    const deleted = await client.delete(path, { body: { stale: true } })
    expect(deleted).toMatchObject({ status: 204, text: '' })
    for (const method of ['GET', 'PATCH', 'DELETE', 'PUT']) expect((await client.request(method, path, method === 'GET' ? {} : { body: {} })).status).toBe(404)
    expect((await client.get('/v1/customers/ext:crm-1')).status).toBe(404)
    expect((await client.get('/v1/customers')).json.data).toEqual([])
    const events = await eventsOf(client)
    expect(events).toHaveLength(2)
    expect(events[1]).toMatchObject({ type: 'customer.deleted', object_id: json.id, data: json, previous_attributes: null })
    expect((await client.post('/v1/customers', customerBody({ external_id: 'crm-1' }))).status).toBe(201)
  })

  test('a delete honors If-Match, and exactly one of several parallel ones deletes', async () => {
    const client = await aBusiness()
    const { path, etag } = await aCustomer(client)
    await client.patch(path, { name: 'x' })
    const refused = await client.delete(path, { headers: { 'if-match': etag } })
    expect(refused.status).toBe(412)
    const current = refused.headers.get('etag') ?? ''
    const answers = await Promise.all(Array.from({ length: 8 }, () => client.delete(path, { headers: { 'if-match': current } })))
    expect(answers.map(({ status }) => status).sort()).toEqual([204, ...Array(7).fill(404)])
    expect(await eventsOf(client)).toHaveLength(3)
  })
})
