import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { aBusiness, type Client, customerBody } from '#testing/api.ts'

type Shown = { id: string; name: string | null; email: string; metadata: Record<string, string>; external_id: string | null; [field: string]: unknown }

/** Creates customers; those created in one call are created together. */
async function made(client: Client, bodies: Record<string, unknown>[]): Promise<Shown[]> {
  const answers = await Promise.all(bodies.map((body) => client.post('/v1/customers', customerBody(body))))
  for (const { status, text } of answers) expect(status, text).toBe(201)
  return answers.map(({ json }) => json as Shown).sort((a, b) => (a.id < b.id ? 1 : -1))
}

const some = (count: number) => Array.from({ length: count }, (_, i) => ({ name: `n${i}` }))

async function listed(client: Client, query = ''): Promise<Shown[]> {
  const { status, json, text } = await client.get(`/v1/customers?${query}`)
  expect(status, text).toBe(200)
  return json.data
}

/** Every page from the first to the last, by `meta.next_cursor`; with `back`, from there to the first. */
async function pages(client: Client, query = '', back?: string): Promise<Shown[][]> {
  const found: Shown[][] = []
  for (let cursor: string | null = back ?? ''; cursor !== null; ) {
    const { status, json, text } = await client.get(`/v1/customers?${query}${cursor ? `&cursor=${cursor}` : ''}`)
    expect(status, text).toBe(200)
    found.push(json.data)
    cursor = back !== undefined ? json.meta.prev_cursor : json.meta.next_cursor
    expect(found.length).toBeLessThan(1000)
  }
  return found
}

const ids = (rows: { id: string }[]) => rows.map(({ id }) => id)

describe('GET /v1/customers', () => {
  test('the list has the documented envelope, newest first, ten per page', async () => {
    const client = await aBusiness()
    const path = `${client.server.url}/v1/customers`
    const empty = { data: [], links: { first: null, last: null, prev: null, next: null }, meta: { path, per_page: 10, next_cursor: null, prev_cursor: null } }
    expect((await client.get('/v1/customers')).json).toEqual(empty)
    const rows = await made(client, some(23))
    const first = (await client.get('/v1/customers')).json
    expect(first.data).toEqual(rows.slice(0, 10))
    const { next_cursor } = first.meta
    expect(next_cursor).toEqual(expect.any(String))
    expect(first.links).toEqual({ first: null, last: null, prev: null, next: `${path}?cursor=${next_cursor}` })
    expect(first.meta).toEqual({ path, per_page: 10, next_cursor, prev_cursor: null })
    const second = (await client.get(`/v1/customers?cursor=${next_cursor}`)).json
    expect(second.data).toEqual(rows.slice(10, 20))
    expect(second.links.prev).toBe(`${path}?cursor=${second.meta.prev_cursor}`)
    const third = (await client.get(second.links.next.slice(client.server.url.length))).json
    expect(third.data).toEqual(rows.slice(20))
    expect(third.meta.next_cursor).toBeNull()
    expect((await client.get(third.links.prev.slice(client.server.url.length))).json).toEqual(second)
    expect((await client.get(second.links.prev.slice(client.server.url.length))).json).toEqual({ ...first, meta: first.meta, links: first.links })
  })

  test('the list accepts per_page from 1 to 100, and page numbers up to row 10,000', async () => {
    const client = await aBusiness()
    const rows = await made(client, some(12))
    for (const [query, from, to] of [
      ['per_page=1', 0, 1],
      ['per_page=100', 0, 12],
      ['page=1', 0, 10],
      ['page=2', 10, 12],
      ['page=2&per_page=5', 5, 10],
      ['page=3', 12, 12],
      ['page=1001', 12, 12],
      ['page=101&per_page=100', 12, 12],
    ] as const) {
      expect(await listed(client, query), query).toEqual(rows.slice(from, to))
    }
    const { json } = await client.get('/v1/customers?page=2&per_page=5')
    expect(json.links.next).not.toMatch(/[?&]page=/)
    expect((await client.get(json.links.next.slice(client.server.url.length))).json.data).toEqual(rows.slice(10))
    expect((await client.get(json.links.prev.slice(client.server.url.length))).json.data).toEqual(rows.slice(0, 5))
    for (const wrong of [
      'per_page=0',
      'per_page=101',
      'per_page=-1',
      'per_page=x',
      'per_page=1.5',
      'page=0',
      'page=x',
      'page=1002',
      'page=102&per_page=100',
      'page=99999999',
    ]) {
      const refused = await client.get(`/v1/customers?${wrong}`)
      expect(refused.status, wrong).toBe(422)
      expect(Object.keys(refused.json.errors)).toEqual([wrong.startsWith('per') ? 'per_page' : 'page'])
    }
  })

  test('links keep the query of the request', async () => {
    const client = await aBusiness()
    await made(
      client,
      Array.from({ length: 5 }, () => ({ metadata: { 'a b': 'é&=' }, name: 'Ánh' })),
    )
    const query = `per_page=2&metadata[${encodeURIComponent('a b')}]=${encodeURIComponent('é&=')}&keywords=anh&order_by[name]=asc`
    const first = (await client.get(`/v1/customers?${query}`)).json
    const next = new URL(first.links.next)
    expect(Object.fromEntries(next.searchParams)).toEqual({
      per_page: '2',
      'metadata[a b]': 'é&=',
      keywords: 'anh',
      'order_by[name]': 'asc',
      cursor: first.meta.next_cursor,
    })
    const second = (await client.get(next.pathname + next.search)).json
    expect(second.data).toHaveLength(2)
    const previous = new URL(second.links.prev)
    expect((await client.get(previous.pathname + previous.search)).json.data).toEqual(first.data)
  })

  test('unknown cursors and orders are rejected', async () => {
    const client = await aBusiness()
    await made(client, some(3))
    const { json } = await client.get('/v1/customers?per_page=1')
    const encoded = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
    for (const cursor of [
      'x',
      'null',
      encoded({}),
      encoded(['created_at desc', '', 'no id', 1]),
      encoded(['drop', '', json.data[0].id, 1]),
      'x'.repeat(2049),
    ]) {
      expect((await client.get(`/v1/customers?cursor=${cursor}`)).json.errors, cursor).toHaveProperty('cursor')
    }
    expect((await client.get(`/v1/customers?order_by[name]=asc&cursor=${json.meta.next_cursor}`)).status).toBe(422)
    for (const order of ['order_by[name]=up', 'order_by=name', 'order_by[email]=asc', 'order_by[created_at]=', 'order_by[name][]=asc']) {
      expect((await client.get(`/v1/customers?${order}`)).status, order).toBe(422)
    }
  })

  test('the list filters by email address in either case', async () => {
    const client = await aBusiness()
    const [one] = await made(client, [{ email: 'John.Doe@Example.com' }])
    const [two] = await made(client, [{ email: 'john.doe@example.com' }])
    await made(client, [{ email: 'john.doe@example.com.sg' }, { email: 'johnxdoe@example.com' }])
    for (const email of ['john.doe@example.com', 'JOHN.DOE@EXAMPLE.COM', '%20John.Doe@Example.com'])
      expect(await listed(client, `email=${email}`)).toEqual([two, one])
    expect(await listed(client, 'email=john')).toEqual([])
    expect(await listed(client, 'email=%25')).toEqual([])
    expect(await pages(client, 'email=john.doe@example.com&per_page=1')).toEqual([[two], [one]])
  })

  test('the list filters by phone number as sent and in E.164, with + or with the space that it becomes', async () => {
    const client = await aBusiness()
    const [local] = await made(client, [{ phone_number: '91234567' }])
    const [spaced] = await made(client, [{ phone_number: '9123 4567', phone_number_country_code: '65' }])
    const [full] = await made(client, [{ phone_number: '+65 9123-4567' }])
    const [malaysian] = await made(client, [{ phone_number: '012-345 6789', phone_number_country_code: '60' }])
    const [odd] = await made(client, [{ phone_number: '12' }])
    const [none] = await made(client, [{ phone_number: 'n/a' }])
    const [plus] = await made(client, [{ phone_number: '+12' }])
    const all = [full, spaced, local]
    for (const number of ['91234567', '9123%204567', '%2B6591234567', '+6591234567', '6591234567', '+65 9123 4567', '%2B65-9123-4567', '+65-9123-4567']) {
      expect(ids(await listed(client, `phone_number=${number}`)), number).toEqual(ids(all as Shown[]))
    }
    for (const number of ['012-345%206789', '%2B60123456789', '+60123456789', '60123456789'])
      expect(await listed(client, `phone_number=${number}`), number).toEqual([malaysian])
    expect(await listed(client, 'phone_number=12')).toEqual([odd])
    expect(await listed(client, 'phone_number=n/a')).toEqual([none])
    expect(await listed(client, 'phone_number=%2B12')).toEqual([plus])
    expect(await listed(client, 'phone_number=+12')).toEqual([plus, odd])
    for (const number of ['4567', '9123%25', '_1234567', '+']) expect(await listed(client, `phone_number=${number}`)).toEqual([])
  })

  test('the list filters by external id and by metadata, and all filters must match', async () => {
    const client = await aBusiness()
    const [b, a] = await made(client, [{ metadata: { tier: 'gold', city: 'SG' }, external_id: 'x1' }, { metadata: { tier: 'gold', city: 'KL', '0': 'z' } }])
    await made(client, [{ metadata: { tier: 'silver' }, external_id: 'x2' }, {}])
    const named = [a, b] as Shown[]
    const sg = named.filter(({ metadata }) => metadata.city === 'SG')
    const kl = named.filter(({ metadata }) => metadata.city === 'KL')
    expect(await listed(client, 'external_id=x1')).toEqual(sg)
    expect(await listed(client, 'external_id=x')).toEqual([])
    expect(new Set(ids(await listed(client, 'metadata[tier]=gold')))).toEqual(new Set(ids(named)))
    expect(await listed(client, 'metadata[tier]=gold&metadata[city]=SG')).toEqual(sg)
    expect(await listed(client, 'metadata[tier]=gold&metadata[city]=XX')).toEqual([])
    expect(await listed(client, 'metadata[tier]=GOLD')).toEqual([])
    expect(await listed(client, 'metadata[0]=z&metadata[city]=KL')).toEqual(kl)
    expect(await listed(client, 'metadata[tier]=')).toEqual([])
    for (const wrong of ['metadata=x', 'metadata[a][b]=c', 'metadata[a]=%00', 'metadata[%00]=a'])
      expect((await client.get(`/v1/customers?${wrong}`)).status, wrong).toBe(422)
  })

  test('the list filters by creation, in days of the business’s time zone and in timestamps', async () => {
    const client = await aBusiness()
    const { clock } = client
    const times = ['2031-03-01T15:59:59.999Z', '2031-03-01T16:00:00Z', '2031-03-02T04:30:10.700Z', '2031-03-02T16:00:00Z']
    const rows: Shown[] = []
    for (const at of times) {
      clock.set(at)
      rows.push(...(await made(client, [{ name: at }])))
    }
    const between = (query: string) => listed(client, query).then((found) => found.map((one) => rows.findIndex(({ id }) => id === one.id)).reverse())
    for (const [query, expected] of [
      ['created_from=2031-03-02', [1, 2, 3]],
      ['created_to=2031-03-02', [0, 1, 2]],
      ['created_from=2031-03-02&created_to=2031-03-02', [1, 2]],
      ['created_from=2031-03-01&created_to=2031-03-01', [0]],
      ['created_from=2031-03-02T00:00:00', [1, 2, 3]],
      ['created_from=2031-03-01T16:00:00Z', [1, 2, 3]],
      ['created_from=2031-03-01T16:00:00.001Z', [2, 3]],
      ['created_from=2031-03-02T00:00:00%2B08:00&created_to=2031-03-03T00:00:00%2B08:00', [1, 2, 3]],
      ['created_from=2031-03-02T00:00:00+08:00', [1, 2, 3]],
      ['created_to=2031-03-02%2012:30', [0, 1]],
      ['created_to=2031-03-02T12:30:10%2B08:00', [0, 1, 2]],
      ['created_to=2031-03-02T12:30:10.699%2B08:00', [0, 1]],
      [`created_to=${encodeURIComponent(String(rows[2]?.created_at))}`, [0, 1, 2]],
      [`created_from=${encodeURIComponent(String(rows[2]?.created_at))}`, [2, 3]],
      ['created_to=9999-12-31', [0, 1, 2, 3]],
      ['created_from=9999-12-31', []],
      ['created_to=0001-01-01', []],
      ['created_from=0001-01-01', [0, 1, 2, 3]],
      ['created_to=1970-01-01', []],
      ['created_to=9999-12-31T23:59:59Z', [0, 1, 2, 3]],
    ] as const) {
      expect(await between(query), query).toEqual(expected)
    }
    for (const wrong of [
      'created_from=yesterday',
      'created_from=2031-02-29',
      'created_to=2031-13-01',
      'created_to=2031-03-01T25:00:00Z',
      'created_from=1900000000',
      'created_from=2031-03-02&created_to=2031-03-01',
    ]) {
      expect((await client.get(`/v1/customers?${wrong}`)).status, wrong).toBe(422)
    }
  })

  test('names of every script, and customers without one, are ordered without a gap or a repeat', async () => {
    const client = await aBusiness()
    const names = [
      'Ánh',
      'ánh',
      'Anh',
      'anh',
      'Nguyễn',
      'Nguyen',
      'Đặng',
      'สมชาย',
      'กานดา',
      'செல்வி',
      'அருண்',
      '陳大文',
      'محمد',
      '😀',
      'Zoë',
      'zoe',
      '10',
      '9',
      ' a',
      'a b',
      'ab',
      'A-b',
      'é',
      'é',
      null,
      null,
      'Anh',
      "o'k",
      '"q"\\',
      '😀'.repeat(255),
    ]
    const rows = await made(
      client,
      names.map((name) => ({ name })),
    )
    const up = (await pages(client, 'order_by[name]=asc&per_page=100')).flat()
    expect(new Set(ids(up))).toEqual(new Set(ids(rows)))
    expect(up.slice(0, 2).map(({ name }) => name)).toEqual([null, null])
    const order = new Intl.Collator('und')
    const shown = up.map(({ name }) => name ?? '').filter((name) => /^[\p{L}\p{M}]*$/u.test(name))
    expect(shown).toEqual([...shown].sort((a, b) => order.compare(a, b)))
    for (const size of [1, 4, 7]) {
      expect(ids((await pages(client, `order_by[name]=asc&per_page=${size}`)).flat())).toEqual(ids(up))
      expect(ids((await pages(client, `order_by[name]=desc&per_page=${size}`)).flat())).toEqual(ids(up).reverse())
    }
    expect(ids((await pages(client, 'order_by[created_at]=asc&per_page=7')).flat())).toEqual(ids(rows).reverse())
  })

  test('following cursors forward and back returns what a plain filter over all rows returns, in order', async () => {
    const client = await aBusiness()
    const name = fc.option(fc.constantFrom('Ann', 'ann', 'Bob', 'Ánh', 'กา', '😀'))
    const customer = fc.record({
      name,
      email: fc.constantFrom('a@b.sg', 'A@B.sg', 'c@d.sg'),
      metadata: fc.dictionary(fc.constantFrom('t', 'u'), fc.constantFrom('1', '2')),
    })
    const rows = await made(client, fc.sample(customer, { numRuns: 60, seed: 7 }))
    const filter = fc.record(
      {
        keywords: fc.constantFrom('ann', 'an', 'a@b', 'กา', '😀', 'sg,ann'),
        email: fc.constantFrom('a@b.sg', 'C@D.SG'),
        t: fc.constantFrom('1', '2'),
        u: fc.constantFrom('1', '2'),
        order: fc.constantFrom('order_by[name]=asc', 'order_by[name]=desc', 'order_by[created_at]=asc', 'order_by[created_at]=desc'),
      },
      { requiredKeys: ['order'] },
    )
    const folded = (text: string) =>
      text
        .normalize('NFKD')
        .replace(/[\u0300-\u036f]/g, '')
        .toLowerCase()
    const sorted = Object.fromEntries(
      await Promise.all(
        ['asc', 'desc'].flatMap((way) =>
          ['name', 'created_at'].map(async (by) => [`order_by[${by}]=${way}`, await listed(client, `per_page=100&order_by[${by}]=${way}`)]),
        ),
      ),
    ) as Record<string, Shown[]>
    expect(sorted['order_by[created_at]=desc']).toEqual(rows)
    await fc.assert(
      fc.asyncProperty(filter, fc.integer({ min: 1, max: 25 }), async ({ keywords, email, t, u, order }, size) => {
        const expected = (sorted[order] ?? []).filter((row) => {
          const texts = [row.name ?? '', row.email, row.phone_number as string].map(folded)
          const has = (word: string) => texts.some((text) => (/^[a-z]{1,2}$/.test(word) ? ` ${text}`.includes(` ${word}`) : text.includes(word)))
          if (keywords && !keywords.split(',').every(has)) return false
          return (!email || row.email.toLowerCase() === email.toLowerCase()) && (!t || row.metadata.t === t) && (!u || row.metadata.u === u)
        })
        const query = new URLSearchParams({ per_page: String(size), ...(keywords ? { keywords } : {}), ...(email ? { email } : {}) })
        if (t) query.set('metadata[t]', t)
        if (u) query.set('metadata[u]', u)
        const asked = `${query}&${order}`
        const forward = await pages(client, asked)
        expect(ids(forward.flat())).toEqual(ids(expected))
        if (expected.length <= size) return
        const last = await client.get(`/v1/customers?${asked}&page=${forward.length}`)
        const back = await pages(client, asked, last.json.meta.prev_cursor)
        expect(ids([...back.reverse().flat(), ...last.json.data])).toEqual(ids(expected))
      }),
      { numRuns: 40 },
    )
  })

  test.each(['order_by[created_at]=desc', 'order_by[created_at]=asc'])(
    'a walk (%s) among writers sees every row that exists throughout exactly once',
    async (order) => {
      const client = await aBusiness()
      const rows = await made(client, some(120))
      const gone = new Set<string>()
      let walking = true
      const writer = (async () => {
        for (let i = 0; walking; i++) {
          const [changed, deleted] = [rows[(i * 37) % rows.length], rows[(i * 13) % rows.length]]
          const writes = [client.post('/v1/customers', customerBody()), client.patch(`/v1/customers/${changed?.id}`, { name: `changed ${i}` })]
          if (i % 4 === 0 && deleted) {
            gone.add(deleted.id)
            writes.push(client.delete(`/v1/customers/${deleted.id}`))
          }
          for (const { status } of await Promise.all(writes)) expect(status).toBeLessThan(500)
        }
      })()
      const seen = ids((await pages(client, `per_page=7&${order}`)).flat())
      walking = false
      await writer
      expect(new Set(seen).size).toBe(seen.length)
      const left = new Set(seen)
      expect(ids(rows).filter((id) => !gone.has(id) && !left.has(id))).toEqual([])
    },
  )

  test('the list never shows a row of another business, whatever the query', async () => {
    const [client, stranger] = [await aBusiness(), await aBusiness()]
    const [row] = await made(stranger, [{ name: 'Same', email: 'same@example.com', external_id: 'same', metadata: { a: 'b' } }])
    const cursor = Buffer.from(JSON.stringify(['created_at desc', '', 'ffffffff-ffff-7fff-bfff-ffffffffffff', 1])).toString('base64url')
    for (const query of [
      '',
      'keywords=same',
      'keywords=sa',
      'email=same@example.com',
      'phone_number=91234567',
      'external_id=same',
      'metadata[a]=b',
      'order_by[name]=asc',
      `cursor=${cursor}`,
    ]) {
      expect(await listed(client, query), query).toEqual([])
      expect(await listed(stranger, query), query).toEqual([row])
    }
  })
})
