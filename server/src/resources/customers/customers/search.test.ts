import { Kysely, PostgresDialect } from 'kysely'
import { describe, expect, test } from 'vitest'
import type { Database } from '#foundation/database/database.ts'
import type { DB } from '#foundation/database/tables.ts'
import { newId } from '#foundation/shared/ids.ts'
import { gramsOf, searchPattern, searchTextOf } from '#foundation/shared/search-text.ts'
import { aBusiness, type Client, customerBody } from '#testing/api.ts'
import { customerLists, type ListedCustomers } from './list-queries.ts'

async function found(client: Client, keywords: string, more = ''): Promise<string[]> {
  const { status, json, text } = await client.get(`/v1/customers?per_page=100&keywords=${encodeURIComponent(keywords)}${more}`)
  expect(status, text).toBe(200)
  return json.data.map((row: { name: string }) => row.name)
}

async function named(client: Client, ...names: string[]): Promise<void> {
  for (const name of names) expect((await client.post('/v1/customers', customerBody({ name, email: 'someone@example.com' }))).status).toBe(201)
}

/** Many customers in one statement, as the API would have written them: the n-th is `name(n)`. */
async function manyCustomers({ business, server }: Client, count: number, name: (n: number) => string): Promise<void> {
  const at = new Date()
  const rows = Array.from({ length: count }, (_, n) => ({
    id: newId(at),
    name: name(n),
    email: `person${n}@many.test`,
    phone: `8${String(n).padStart(7, '0')}`,
  }))
  await server.database.pool.query(
    `insert into customers (business_id, id, name, email, phone_number, metadata, search, search_grams, version, created_at, updated_at)
     select $1, id, name, email, phone, '{}', search, grams::int4[], 1, $2, $2
     from unnest($3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[]) as t (id, name, email, phone, search, grams)`,
    [
      business.id,
      at,
      ...(['id', 'name', 'email', 'phone'] as const).map((field) => rows.map((row) => row[field])),
      rows.map((row) => searchTextOf([row.name, row.email, row.phone])),
      rows.map((row) => `{${gramsOf(searchTextOf([row.name, row.email, row.phone]), business.id)}}`),
    ],
  )
}

/** The statements that a list runs, with their plans. */
async function plans(client: Client, options: Partial<ListedCustomers>): Promise<string[]> {
  const { database } = client.server
  const run: { text: string; values: readonly unknown[] }[] = []
  const slow = new Kysely<DB>({
    dialect: new PostgresDialect({ pool: database.slowPool }),
    log: ({ query }) => void run.push({ text: query.sql, values: query.parameters }),
  })
  const slowPool = {
    query: (query: { text: string; values: unknown[] }) => {
      run.push(query)
      return database.slowPool.query(query)
    },
  } as unknown as Database['slowPool']
  await customerLists({ ...database, slow, slowPool }, true)(client.business.id, {
    filter: { patterns: [] },
    order: 'created_at desc',
    cursor: undefined,
    skip: 0,
    limit: 11,
    ...options,
  })
  return Promise.all(
    run
      .filter(({ text }) => text.includes('customers c'))
      .map(async ({ text, values }) => {
        const { rows } = await database.pool.query(`explain ${text}`, [...values])
        return rows.map((row) => row['QUERY PLAN']).join('\n')
      }),
  )
}

const patterns = (...keywords: string[]) => keywords.map((keyword) => searchPattern(keyword) ?? '')

describe('GET /v1/customers?keywords=', () => {
  test('a search sees a write immediately, and no longer sees the previous value', async () => {
    const client = await aBusiness()
    for (let i = 0; i < 20; i++) {
      const { json } = await client.post('/v1/customers', customerBody({ name: `Unique${i}x` }))
      expect(await found(client, `unique${i}x`)).toEqual([`Unique${i}x`])
      await client.patch(`/v1/customers/${json.id}`, { name: `Renamed${i}x` })
      expect(await found(client, `unique${i}x`)).toEqual([])
      expect(await found(client, `renamed${i}x`)).toEqual([`Renamed${i}x`])
      await client.delete(`/v1/customers/${json.id}`)
      expect(await found(client, `renamed${i}x`)).toEqual([])
    }
  })

  test('a search finds parts of names, email addresses and phone numbers', async () => {
    const client = await aBusiness()
    await client.post('/v1/customers', customerBody({ name: 'Jonathan Doe', email: 'jdoe+shop@Example.com', phone_number: '9123 4567' }))
    for (const keyword of [
      'jonathan',
      'NATHAN',
      'than d',
      'doe',
      'jdoe',
      'doe+shop',
      '@exam',
      'e.com',
      '4567',
      '234567',
      '23 45',
      '9123',
      '91234567',
      '6591234567',
      '+6591234567',
      '+65',
      '65',
      'jo',
      'J',
      'd',
      '9',
    ]) {
      expect(await found(client, keyword), keyword).toEqual(['Jonathan Doe'])
    }
    for (const keyword of ['johnathan', 'doejon', '4568', 'on', 'na']) expect(await found(client, keyword), keyword).toEqual([])
  })

  test('keywords of one and two letters match the start of a word', async () => {
    const client = await aBusiness()
    await named(client, 'Ana Tan', 'Tanaka', 'Bob Nata', 'Stan')
    expect(await found(client, 'ta')).toEqual(['Tanaka', 'Ana Tan'])
    expect(await found(client, 'n')).toEqual(['Bob Nata'])
    expect(await found(client, 'tan')).toEqual(['Stan', 'Tanaka', 'Ana Tan'])
  })

  test('all of several keywords must match', async () => {
    const client = await aBusiness()
    await named(client, 'Ana Tan', 'Ana Lim', 'Bob Tan')
    expect(await found(client, 'ana,tan')).toEqual(['Ana Tan'])
    expect(await found(client, ' tan , an ,,')).toEqual(['Ana Tan'])
    expect(await found(client, 'ana,tan,someone,9123,bob')).toEqual([])
    expect(await found(client, ' , ,')).toHaveLength(3)
    const refused = await client.get('/v1/customers?keywords=a,b,c,d,e,f')
    expect(refused).toMatchObject({ status: 422, json: { errors: { keywords: ['The keywords may not have more than 5 items.'] } } })
    for (const bad of ['%00', 'a%00b', 'a%0Ab', 'x'.repeat(256)]) expect((await client.get(`/v1/customers?keywords=${bad}`)).status).toBe(422)
  })

  test('a search ignores accents and case', async () => {
    const client = await aBusiness()
    const names = ['Nguyễn Văn Đức', 'Ánh Tuyết', 'Łukasz Straße', 'JOSÉ Ñandú', 'İstanbul Işık', 'ΟΔΥΣΣΕΥΣ', 'Zoe\u0308']
    await named(client, ...names)
    for (const [keyword, name] of [
      ['nguyen', 0],
      ['NGUYỄN', 0],
      ['duc', 0],
      ['đức', 0],
      ['van duc', 0],
      ['anh', 1],
      ['tuyet', 1],
      ['á', 1],
      ['lukasz', 2],
      ['strasse', 2],
      ['jose n', 3],
      ['ÑANDU', 3],
      ['istanbul', 4],
      ['isik', 4],
      ['οδυσσευς', 5],
      ['δυσσευσ', 5],
      ['zoë', 6],
      ['zoe', 6],
    ] as const) {
      expect(await found(client, keyword), keyword).toContain(names[name])
    }
  })

  test('every script is searched, by parts of a name down to one character', async () => {
    const client = await aBusiness()
    const words: [string, string[]][] = [
      ['สมชาย ใจดี', ['สมชาย', 'ชาย', 'ใจดี', 'ดี', 'ส']],
      ['น้ำฝน', ['น้ำ', 'ฝน']],
      ['தமிழ்செல்வி', ['தமிழ்', 'செல்வி', 'வி', 'மி']],
      ['陳大文', ['陳', '大', '文', '大文', '陳大文']],
      ['محمد عبد الله', ['محمد', 'عبد', 'حم', 'الله']],
      ['שרה לוי', ['שרה', 'לוי']],
      ['김철수', ['김', '철수']],
      ['ボブ・マーリー', ['ボブ', 'マー']],
      ['Sunny 😀🎉', ['😀', '🎉', '😀🎉', 'sunny 😀']],
      ['👩‍👩‍👧 family', ['👩‍👩‍👧', '👧']],
      ['𠮷野家', ['𠮷', '野家']],
    ]
    await named(client, ...words.map(([name]) => name))
    for (const [name, keywords] of words) for (const keyword of keywords) expect(await found(client, keyword), `${keyword} in ${name}`).toEqual([name])
    for (const none of ['ช้าง', '小', '😎', 'கு', 'N', 'ANNNN']) expect(await found(client, none), none).toEqual([])
  })

  test('wildcards of LIKE are matched literally', async () => {
    const client = await aBusiness()
    await named(client, '100% sure', 'snake_case', 'back\\slash', 'plain', "o'brien")
    for (const [keyword, names] of [
      ['100%', ['100% sure']],
      ['0% s', ['100% sure']],
      ['%%%', []],
      ['p%n', []],
      ['pl__n', []],
      ['e_c', ['snake_case']],
      ['k\\s', ['back\\slash']],
      ['\\\\\\', []],
      ["o'b", ["o'brien"]],
      ['%', []],
      ['_', []],
    ] as const) {
      expect(await found(client, keyword), keyword).toEqual(names)
    }
  })

  test('a search among thousands finds common and rare words, page by page, in every order', async () => {
    const [client, stranger] = [await aBusiness(), await aBusiness()]
    // The oldest are rare: they are beyond what a scan of the newest reads.
    await manyCustomers(client, 2600, (n) => (n < 5 ? `Zebra ${n}` : n % 3 === 0 ? `Tan ${n}` : n % 100 === 1 ? `Sparse ${n}` : `Lim ${n}`))
    await manyCustomers(stranger, 1200, (n) => `Zebra Tan Sparse ${n}`)
    const all = (await pagesOf(client, 'per_page=100')).flat()
    expect(all).toHaveLength(2600)
    for (const [keyword, expected] of [
      ['zebra', (name: string) => name.startsWith('Zebra')],
      ['ze', (name: string) => name.startsWith('Zebra')],
      ['z', (name: string) => name.startsWith('Zebra')],
      ['sparse', (name: string) => name.startsWith('Sparse')],
      ['tan', (name: string) => name.startsWith('Tan')],
      ['tan 99', (name: string) => name.startsWith('Tan 99')],
      ['person3@many', (name: string) => name === 'Zebra 3'],
      ['80000004', (name: string) => name === 'Zebra 4'],
      ['nobody', () => false],
    ] as const) {
      const wanted = all.filter(expected)
      for (const order of ['created_at]=desc', 'created_at]=asc'] as const) {
        const rows = (await pagesOf(client, `per_page=${wanted.length > 200 ? 100 : 17}&keywords=${encodeURIComponent(keyword)}&order_by[${order}`)).flat()
        expect(rows, keyword).toEqual(order.endsWith('desc') ? wanted : [...wanted].reverse())
      }
    }
    const byName = (await pagesOf(client, 'per_page=7&keywords=sparse&order_by[name]=asc')).flat()
    expect([...byName].sort()).toEqual(all.filter((name) => name.startsWith('Sparse')).sort())
    const collator = new Intl.Collator('und')
    expect(byName).toEqual([...byName].sort(collator.compare))
    expect((await pagesOf(client, 'per_page=2&page=2&keywords=zebra'))[0]).toEqual(['Zebra 2', 'Zebra 1'])
    expect((await client.get('/v1/customers?phone_number=80000002')).json.data).toHaveLength(1)
    expect((await client.get('/v1/customers?email=PERSON2@many.test')).json.data).toHaveLength(1)
    expect((await client.get('/v1/customers?keywords=zebra&email=person2@many.test')).json.data).toHaveLength(1)
  })

  test('each kind of list uses the index that was made for it', async () => {
    const client = await aBusiness()
    await manyCustomers(client, 3000, (n) => `Person ${n}`)
    await manyCustomers(await aBusiness(), 6000, (n) => `Person ${n}`)
    await client.server.database.pool.query('vacuum analyze customers')
    const [list] = await plans(client, {})
    expect(list).toMatch(/using customers_pkey/)
    expect(list).not.toMatch(/Sort|Seq Scan/)
    const id = 'ffffffff-ffff-7fff-bfff-ffffffffffff'
    const [deep] = await plans(client, { cursor: { order: 'created_at desc', key: '', id, direction: 'next' } })
    expect(deep).toMatch(/using customers_pkey/)
    expect(deep).not.toMatch(/Sort|Seq Scan/)
    const [byName] = await plans(client, { order: 'name asc' })
    expect(byName).toMatch(/using customers_name/)
    expect(byName).not.toMatch(/Sort|Seq Scan/)
    expect((await plans(client, { filter: { patterns: [], email: 'person7@many.test' } }))[0]).toMatch(/customers_email/)
    expect((await plans(client, { filter: { patterns: [], externalId: 'x' } }))[0]).toMatch(/customers_external_id/)
    const common = await plans(client, { filter: { patterns: patterns('person') } })
    expect(common).toHaveLength(1)
    for (const keyword of ['nobody', 'zz', 'z', '文', '+659999']) {
      const [walk = '', edges = '', ...looks] = await plans(client, { filter: { patterns: patterns(keyword) } })
      expect(walk).toMatch(/customers_pkey/)
      expect(edges).toMatch(/customers_pkey/)
      expect(looks.at(-1), keyword).toMatch(/Bitmap Index Scan on customers_search_by_time .*\n\s+Index Cond: \(search_grams @>/)
      expect(looks.join()).not.toMatch(/Seq Scan/)
    }
    const spellings = [
      { column: 'phone_number' as const, number: '99999999', pattern: '% 99999999%' },
      { column: 'phone_number_e164' as const, number: '+6599999999', pattern: '% 6599999999%' },
    ]
    const byPhone = await plans(client, { filter: { patterns: [], phone: spellings } })
    expect(byPhone.at(-1)).toMatch(/customers_search_by_time/)
    expect(byPhone.at(-1)).not.toMatch(/Seq Scan/)
    const byMetadata = await plans(client, { filter: { patterns: [], metadata: { a: 'b' } } })
    expect(byMetadata.at(-1)).toMatch(/customers_metadata/)
  })
})

/** The names on every page, by cursor. */
async function pagesOf(client: Client, query: string): Promise<string[][]> {
  const pages: string[][] = []
  for (let cursor: string | null = ''; cursor !== null; ) {
    const { status, json, text } = await client.get(`/v1/customers?${query}${cursor ? `&cursor=${cursor}` : ''}`)
    expect(status, text).toBe(200)
    pages.push(json.data.map((row: { name: string }) => row.name))
    cursor = json.meta.next_cursor
  }
  return pages
}
