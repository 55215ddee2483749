import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { aBusiness, type Client, customerBody, eventsOf } from '#testing/api.ts'

const documented = {
  name: 'John Doe',
  email: 'jsmith@example.com',
  phone_number: '91234567',
  phone_number_country_code: '65',
  remark: 'VIP',
  birth_date: '2023-12-25',
  gender: 'male',
  address: { city: 'Singapore', state: 'Singapore', street: '1 Keong Saik Road', postal_code: '089109', country: 'SG' },
}

/** The texts of one field of a 422. */
async function faults(client: Client, body: Record<string, unknown>, field: string): Promise<string[] | undefined> {
  const answer = await client.post('/v1/customers', body)
  expect(answer.status, JSON.stringify(answer.json)).toBe(422)
  return answer.json.errors[field]
}

describe('POST /v1/customers', () => {
  test('a create returns the documented body with our additions, and records one event', async () => {
    const client = await aBusiness()
    const created = await client.post('/v1/customers', documented)
    expect(created.status).toBe(201)
    expect(created.json).toEqual({
      ...documented,
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      external_id: null,
      phone_number_e164: '+6591234567',
      metadata: {},
      created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+08:00$/),
      updated_at: created.json.created_at,
    })
    expect(created.headers.get('location')).toBe(`/v1/customers/${created.json.id}`)
    const got = await client.get(`/v1/customers/${created.json.id}`)
    expect(got).toMatchObject({ status: 200, json: created.json })
    expect(got.headers.get('etag')).toBe(created.headers.get('etag'))
    const events = await eventsOf(client)
    expect(events).toHaveLength(1)
    expect(events[0]).toMatchObject({
      sequence: 1,
      type: 'customer.created',
      object_id: created.json.id,
      data: created.json,
      previous_attributes: null,
      request_id: created.headers.get('x-request-id'),
    })
  })

  test('a create accepts the path that HitPay’s own examples use', async () => {
    const client = await aBusiness()
    const { json } = await client.post('/v1/customer', documented)
    expect(await client.get(`/v1/customer/${json.id}`)).toMatchObject({ status: 200, json })
    expect((await client.get('/v1/customer')).json.data).toEqual([json])
    expect((await client.patch(`/v1/customer/${json.id}`, { name: 'Jane' })).json.name).toBe('Jane')
    expect((await client.delete(`/v1/customer/${json.id}`)).status).toBe(204)
  })

  test('a create requires only an email address and a phone number', async () => {
    const client = await aBusiness()
    expect((await client.post('/v1/customers', {})).json).toMatchObject({
      message: 'The email field is required. (and 1 more error)',
      errors: { email: ['The email field is required.'], phone_number: ['The phone number field is required.'] },
      code: 'validation_failed',
    })
    const bare = await client.post('/v1/customers', { email: 'a@example.com', phone_number: '91234567' })
    expect(bare.json).toMatchObject({ name: null, remark: null, birth_date: null, gender: null, address: null, phone_number_country_code: null, metadata: {} })
    const empty = { name: '', remark: null, birth_date: ' ', gender: null, address: null, metadata: null, phone_number_country_code: '', external_id: null }
    expect((await client.post('/v1/customers', customerBody(empty))).status).toBe(201)
    expect((await client.post('/v1/customers', { email: ' ', phone_number: null })).json.errors).toEqual({
      email: ['The email field is required.'],
      phone_number: ['The phone number field is required.'],
    })
  })

  test('an invalid create names every invalid field, including those that a schema cannot check', async () => {
    const client = await aBusiness()
    const { json } = await client.post('/v1/customers', {
      name: 'n'.repeat(256),
      email: 'not an address',
      remark: 'r'.repeat(256),
      birth_date: '2023-02-29',
      address: { city: 'Singapore', country: 'Atlantis' },
      metadata: { [`${'k'.repeat(41)}`]: 'v', fine: 'v'.repeat(501) },
    })
    expect(json.errors).toEqual({
      name: ['The name may not be greater than 255 characters.'],
      email: ['The email must be a valid email address.'],
      phone_number: ['The phone number field is required.'],
      remark: ['The remark may not be greater than 255 characters.'],
      birth_date: ['The birth date does not match the format Y-m-d.'],
      'address.state': ['The address.state field is required.'],
      'address.street': ['The address.street field is required.'],
      'address.postal_code': ['The address.postal code field is required.'],
      'address.country': ['The selected address.country is invalid.'],
      metadata: ['The metadata format is invalid.'],
      'metadata.fine': ['The metadata.fine may not be greater than 500 characters.'],
    })
    expect(json.message).toMatch(/ \(and 10 more errors\)$/)
    expect(await eventsOf(client)).toEqual([])
  })

  test('every text is accepted up to its limit, counted in characters and not in bytes', async () => {
    const client = await aBusiness()
    const limits: Record<string, number> = { name: 255, remark: 255, external_id: 255, gender: 32, phone_number: 32 }
    const full = (of: string) => Object.fromEntries(Object.entries(limits).map(([field, limit]) => [field, of.repeat(limit)]))
    for (const of of ['x', '字', '😀']) expect(await client.post('/v1/customers', customerBody(full(of)))).toMatchObject({ status: 201, json: full(of) })
    for (const [field, limit] of Object.entries(limits)) {
      const text = `The ${field.replaceAll('_', ' ')} may not be greater than ${limit} characters.`
      expect(await faults(client, customerBody({ [field]: '😀'.repeat(limit + 1) }), field)).toEqual([text])
    }
    for (const [field, limit] of Object.entries({ city: 255, state: 255, street: 255, postal_code: 32 })) {
      const address = (length: number) => customerBody({ address: { ...documented.address, [field]: 'x'.repeat(length) } })
      expect((await client.post('/v1/customers', address(limit))).status).toBe(201)
      expect(await faults(client, address(limit + 1), `address.${field}`)).toHaveLength(1)
    }
  })

  test('email addresses are accepted as sent, and invalid ones are rejected', async () => {
    const client = await aBusiness()
    for (const email of ['John.Doe+tag@Example.CO.UK', "o'brien@example.com", 'a@b.sg']) {
      expect((await client.post('/v1/customers', customerBody({ email }))).json.email).toBe(email)
    }
    for (const email of [
      'a',
      'a@',
      '@b.sg',
      'a b@c.sg',
      'a@b',
      'a@b..sg',
      'a@b.sg,c@d.sg',
      'a@b.sg\u0000',
      'a\n@b.sg',
      `${'a'.repeat(251)}@b.sg`,
      '\ud800@b.sg',
    ]) {
      expect(await faults(client, customerBody({ email }), 'email'), email).toBeDefined()
    }
  })

  test('countries are accepted as two or three letters in either case and returned as two capitals', async () => {
    const client = await aBusiness()
    for (const [sent, shown] of [
      ['sg', 'SG'],
      ['SGP', 'SG'],
      ['mYs', 'MY'],
      [' VN ', 'VN'],
    ]) {
      const { json } = await client.post('/v1/customers', customerBody({ address: { ...documented.address, country: sent } }))
      expect(json.address.country).toBe(shown)
    }
    const { country: _, ...without } = documented.address
    for (const address of [without, { ...without, country: null }, { ...without, country: '' }]) {
      expect((await client.post('/v1/customers', customerBody({ address }))).json.address).toEqual({ ...without, country: null })
    }
    for (const country of ['ZZ', 'ZZZ', 'Singapore', 'S', '65', '702', 'toString']) {
      expect(await faults(client, customerBody({ address: { ...without, country } }), 'address.country')).toEqual(['The selected address.country is invalid.'])
    }
  })

  test('birth dates must be valid calendar dates that have begun in the business’s time zone', async () => {
    const client = await aBusiness()
    const newYork = await aBusiness({ country: 'US', timezone: 'America/New_York' })
    for (const birth_date of ['2024-02-29', '2000-02-29', '1900-01-01', '0001-01-01']) {
      const { json } = await client.post('/v1/customers', customerBody({ birth_date }))
      expect(json.birth_date).toBe(birth_date)
      expect((await client.get(`/v1/customers/${json.id}`)).json.birth_date).toBe(birth_date)
    }
    for (const birth_date of [
      '2023-02-29',
      '1900-02-29',
      '2024-13-01',
      '2024-04-31',
      '24-01-01',
      '2024-1-1',
      '01/02/2024',
      '2024-01-01T00:00:00Z',
      '0000-01-01',
      'x',
    ]) {
      expect(await faults(client, customerBody({ birth_date }), 'birth_date')).toEqual(['The birth date does not match the format Y-m-d.'])
    }
    for (const { clock } of [client, newYork]) clock.set('2031-05-05T23:30:00Z')
    const late = ['The birth date must be a date before or equal to today.']
    expect((await client.post('/v1/customers', customerBody({ birth_date: '2031-05-06' }))).status).toBe(201)
    expect(await faults(client, customerBody({ birth_date: '2031-05-07' }), 'birth_date')).toEqual(late)
    expect((await newYork.post('/v1/customers', customerBody({ birth_date: '2031-05-05' }))).status).toBe(201)
    expect(await faults(newYork, customerBody({ birth_date: '2031-05-06' }), 'birth_date')).toEqual(late)
    expect((await newYork.post('/v1/customers', customerBody())).json.created_at).toBe('2031-05-05T19:30:00-04:00')
  })

  test.each([
    ['SG', '91234567', null, '+6591234567'],
    ['SG', '9123 4567', '65', '+6591234567'],
    ['SG', '+65 9123-4567', null, '+6591234567'],
    ['SG', '6591234567', '65', '+6591234567'],
    ['SG', '6591234567', null, '+6591234567'],
    ['SG', '012-345 6789', '+60', '+60123456789'],
    ['MY', '012-345 6789', null, '+60123456789'],
    ['ID', '0812-3456-7890', null, '+6281234567890'],
    ['TH', '081 234 5678', null, '+66812345678'],
    ['VN', '091 234 56 78', null, '+84912345678'],
    ['PH', '0917 123 4567', null, '+639171234567'],
    ['HK', '5123 4567', null, '+85251234567'],
    ['AU', '0412 345 678', null, '+61412345678'],
    ['IN', '098765 43210', null, '+919876543210'],
    ['SG', '(65) 6123 4567', null, '+6561234567'],
    ['SG', '00000', null, null],
    ['SG', 'n/a', null, null],
    ['SG', '91234567', '9999', null],
  ])('a phone number in %s is stored as sent: %s (code %s) is %s in E.164', async (country, phone_number, phone_number_country_code, e164) => {
    const client = await aBusiness({ country })
    const { json } = await client.post('/v1/customers', customerBody({ phone_number, phone_number_country_code }))
    expect(json).toMatchObject({ phone_number, phone_number_country_code, phone_number_e164: e164 })
  })

  test('JSON numbers and booleans are accepted for texts, and objects and lists are rejected', async () => {
    const client = await aBusiness()
    const address = { ...documented.address, postal_code: 89109 }
    const { json } = await client.post('/v1/customers', customerBody({ name: 42, phone_number: 91234567, phone_number_country_code: 65, address }))
    expect(json).toMatchObject({ name: '42', phone_number: '91234567', phone_number_country_code: '65', phone_number_e164: '+6591234567' })
    expect(json.address.postal_code).toBe('89109')
    for (const field of ['name', 'email', 'phone_number', 'phone_number_country_code', 'remark', 'birth_date', 'gender', 'external_id']) {
      for (const value of [{ a: 1 }, ['x', 'y']]) {
        const the = `The ${field.replaceAll('_', ' ')} must be a string.`
        expect(await faults(client, customerBody({ [field]: value }), field)).toEqual([the])
      }
    }
    for (const field of ['address', 'metadata']) {
      for (const value of ['text', 7, ['x']]) expect(await faults(client, customerBody({ [field]: value }), field)).toEqual([`The ${field} must be an object.`])
    }
    for (const code of ['abc', '12345', '6 5', '++65'])
      expect(await faults(client, customerBody({ phone_number_country_code: code }), 'phone_number_country_code')).toHaveLength(1)
  })

  test('NUL, control characters and unpaired surrogates are rejected in every field, on create and on update', async () => {
    const client = await aBusiness()
    const { json } = await client.post('/v1/customers', documented)
    const places: Record<string, (text: string) => Record<string, unknown>> = {
      name: (text) => ({ name: text }),
      phone_number: (text) => ({ phone_number: text }),
      phone_number_country_code: (text) => ({ phone_number_country_code: text }),
      remark: (text) => ({ remark: text }),
      birth_date: (text) => ({ birth_date: text }),
      gender: (text) => ({ gender: text }),
      email: (text) => ({ email: text }),
      external_id: (text) => ({ external_id: text }),
      metadata: (text) => ({ metadata: { [text]: 'x' } }),
      'metadata.key': (text) => ({ metadata: { key: text } }),
      'address.city': (text) => ({ address: { ...documented.address, city: text } }),
      'address.state': (text) => ({ address: { ...documented.address, state: text } }),
      'address.street': (text) => ({ address: { ...documented.address, street: text } }),
      'address.postal_code': (text) => ({ address: { ...documented.address, postal_code: text } }),
      'address.country': (text) => ({ address: { ...documented.address, country: text } }),
    }
    for (const [field, body] of Object.entries(places)) {
      for (const bad of ['\0', '\x07', '\x1b', '\x7f', '\x85', '\ud800', '\udc00\ud800', ...(field === 'remark' ? [] : ['\n', '\r', '\t'])]) {
        expect(await faults(client, customerBody(body(`a${bad}b`)), field), `${field} ${JSON.stringify(bad)}`).toBeDefined()
        const changed = await client.patch(`/v1/customers/${json.id}`, body(`a${bad}b`))
        expect(changed.status, `${field} ${JSON.stringify(bad)}`).toBe(422)
        expect(changed.json.errors[field]).toBeDefined()
      }
    }
    expect((await client.get(`/v1/customers/${json.id}`)).json).toEqual(json)
    const remark = 'first\r\nsecond\n\tthird'
    expect((await client.post('/v1/customers', customerBody({ remark }))).json.remark).toBe(remark)
  })

  test('names of every script are stored unchanged', async () => {
    const client = await aBusiness()
    for (const name of [
      'தமிழ் செல்வி',
      'สมชาย ใจดี น้ำ',
      'Nguyễn Thị Ánh',
      'محمد عبد الله',
      'עברית',
      '陳大文',
      '👩‍👩‍👧‍👦 𝒥𝑜𝒽𝓃 𠮷',
      'é',
      'é',
      "Robert'); drop table customers;--",
      '"\\',
    ]) {
      const { json } = await client.post('/v1/customers', customerBody({ name, metadata: { [name.slice(0, 20)]: name } }))
      expect(json.name).toBe(name)
      expect((await client.get(`/v1/customers/${json.id}`)).json).toEqual(json)
    }
  })

  test('any text survives storage or is rejected', async () => {
    const client = await aBusiness()
    const text = fc.string({ unit: 'binary', minLength: 1, maxLength: 40 })
    await fc.assert(
      fc.asyncProperty(text, text, async (name, value) => {
        const body = customerBody({ name, remark: value, metadata: { k: value } })
        const { status, json } = await client.post('/v1/customers', body)
        if (status === 422) {
          expect(/[\p{Cc}\p{Cs}]/u.test(name.trim() + value.trim())).toBe(true)
          return
        }
        expect(status).toBe(201)
        const kept = (one: string) => one.trim() || null
        expect(json).toMatchObject({ name: kept(name), remark: kept(value), metadata: kept(value) ? { k: kept(value) } : {} })
        expect((await client.get(`/v1/customers/${json.id}`)).json).toEqual(json)
      }),
      { numRuns: 40 },
    )
  })

  test('an external id is used once in a business, and another business may use the same', async () => {
    const [client, stranger] = [await aBusiness(), await aBusiness()]
    expect((await client.post('/v1/customers', customerBody({ external_id: 'crm-1' }))).status).toBe(201)
    expect((await client.post('/v1/customers', customerBody({ external_id: 'crm-1' }))).json).toMatchObject({
      message: 'The external id has already been taken.',
      errors: { external_id: ['The external id has already been taken.'] },
      code: 'external_id_taken',
    })
    expect((await client.post('/v1/customers', customerBody({ external_id: 'CRM-1' }))).status).toBe(201)
    expect((await stranger.post('/v1/customers', customerBody({ external_id: 'crm-1' }))).status).toBe(201)
    expect(await eventsOf(client)).toHaveLength(2)
  })

  test('fifty concurrent creates make exactly one customer for each external id', async () => {
    const client = await aBusiness()
    const bodies = Array.from({ length: 50 }, (_, i) => customerBody({ name: `n${i}`, ...(i % 5 === 0 ? {} : { external_id: `x${(i * 7) % 10}` }) }))
    const answers = await Promise.all(bodies.map((body) => client.post('/v1/customers', body)))
    const made = answers.filter(({ status }) => status === 201).map(({ json }) => json)
    answers.forEach(({ status, json }, i) => {
      if (bodies[i]?.external_id === undefined) expect(status).toBe(201)
      else if (status !== 201) expect(json.code).toBe('external_id_taken')
      else expect(json).toMatchObject(bodies[i] as object)
    })
    const taken = made.map((one) => one.external_id).filter((id) => id !== null)
    expect([...taken].sort()).toEqual([...new Set(bodies.map((body) => body.external_id).filter((id) => id !== undefined))].sort())
    const listed = (await client.get('/v1/customers?per_page=100')).json.data
    expect(new Set(listed.map((one: { id: string }) => one.id))).toEqual(new Set(made.map((one) => one.id)))
    const told = (await eventsOf(client)).map((event) => event.object_id)
    expect([...told].sort()).toEqual(made.map((one) => one.id).sort())
  })

  test('HitPay’s names and its command line’s, as JSON and as form, create equal customers', async () => {
    const client = await aBusiness()
    const { address, phone_number, ...rest } = documented
    const { postal_code, ...place } = address
    const commandLine = { ...rest, phone: phone_number, ...place, zip_code: postal_code }
    const form = new URLSearchParams(Object.entries(rest))
    form.set('phone_number', phone_number)
    for (const [name, value] of Object.entries(address)) form.set(`address[${name}]`, value)
    const answers = [
      await client.post('/v1/customers', documented),
      await client.request('POST', '/v1/customers', { form }),
      await client.post('/v1/customers', commandLine),
      await client.request('POST', '/v1/customers', { form: new URLSearchParams(commandLine) }),
    ]
    const expected = { ...documented, external_id: null, phone_number_e164: '+6591234567', metadata: {} }
    for (const { status, json } of answers) {
      expect(status).toBe(201)
      const { id, created_at: _created, updated_at: _updated, ...fields } = json
      expect(fields).toEqual(expected)
      expect((await client.get(`/v1/customers/${id}`)).json).toEqual(json)
    }
  })

  test('the command line’s names are validated like the documented ones', async () => {
    const client = await aBusiness()
    const { json } = await client.post('/v1/customers', {
      email: 'a@example.com',
      phone: '9\0',
      street: 'x\0',
      city: 'Singapore',
      zip_code: '089109',
      country: 'ZZ',
    })
    expect(json.errors).toEqual({
      phone_number: ['The phone number format is invalid.'],
      'address.street': ['The address.street format is invalid.'],
      'address.country': ['The selected address.country is invalid.'],
    })
    // Singapore and similar countries have no state apart from the city; the command line sends none.
    const made = await client.post('/v1/customers', { email: 'a@example.com', phone: 91234567, street: '1 Road', city: 'Singapore', zip_code: '089109' })
    expect(made.json.address).toEqual({ city: 'Singapore', state: 'Singapore', street: '1 Road', postal_code: '089109', country: null })
    const changed = await client.put(`/v1/customers/${made.json.id}`, { phone: '81234567' })
    expect(changed.json).toMatchObject({ phone_number: '81234567', phone_number_e164: '+6581234567', address: made.json.address })
    const both = await client.post('/v1/customers', customerBody({ phone: '81111111', phone_number: '82222222', address: documented.address, street: 'x' }))
    expect(both.json).toMatchObject({ phone_number: '82222222', address: documented.address })
  })
})
