import { connect } from 'node:net'
import { describe, expect, test } from 'vitest'
import { aBusiness, type Client, customerBody, type Reply, send } from '#testing/api.ts'

/** Sends bytes unchanged, and reads the response; for what `fetch` would correct or refuse. */
function exchange({ server }: Client, bytes: string | Buffer): Promise<{ status: number; headers: Map<string, string>; body: string }> {
  const { hostname, port } = new URL(server.url)
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname)
    let text = ''
    socket.setEncoding('utf8').on('data', (part) => {
      text += part
    })
    socket.on('error', reject)
    socket.on('close', () => {
      const [head = '', ...rest] = text.split('\r\n\r\n')
      const [first = '', ...lines] = head.split('\r\n')
      const headers = new Map(lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]))
      resolve({ status: Number(first.split(' ')[1]), headers, body: rest.join('\r\n\r\n') })
    })
    socket.write(bytes)
  })
}

function request(client: Client, line: string, headers: Record<string, string> = {}, body = ''): string {
  const all = {
    host: 'localhost',
    'x-business-api-key': client.key,
    connection: 'close',
    ...(body ? { 'content-length': String(Buffer.byteLength(body)) } : {}),
    ...headers,
  }
  return `${line} HTTP/1.1\r\n${Object.entries(all)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('')}\r\n${body}`
}

const security = ['cache-control', 'content-security-policy', 'referrer-policy', 'x-content-type-options', 'x-frame-options', 'x-request-id']

function expectRefusal(answer: { status: number; headers: { get(name: string): string | null | undefined }; body: string }, status?: number): void {
  expect([answer.status, answer.body]).toEqual([status ?? answer.status, answer.body])
  expect(answer.status).toBeGreaterThanOrEqual(400)
  expect(answer.status).toBeLessThan(500)
  expect(answer.headers.get('content-type')).toMatch(/^application\/json/)
  expect(JSON.parse(answer.body)).toMatchObject({
    message: expect.stringMatching(/./),
    code: expect.stringMatching(/^[a-z0-9_]+$/),
    request_id: answer.headers.get('x-request-id'),
  })
  expect(security.filter((name) => !answer.headers.get(name))).toEqual([])
}

const replied = ({ status, headers, text }: Reply) => ({ status, headers, body: text })

describe('bodies', () => {
  const address = { city: 'Singapore', state: 'Singapore', street: '1 Keong Saik Road', postal_code: '089109', country: 'SG' }
  const fields = { name: 'John & Doe+', email: 'john@example.com', phone_number: '91234567', remark: '50% = half' }

  test('JSON, form-encoded and multipart bodies mean the same', async () => {
    const client = await aBusiness()
    const form = new URLSearchParams(fields)
    const multipart = new FormData()
    for (const [name, value] of Object.entries(fields)) {
      multipart.set(name, value)
    }
    for (const [name, value] of Object.entries(address)) {
      form.set(`address[${name}]`, value)
      multipart.set(`address[${name}]`, value)
    }
    for (const each of [form, multipart]) each.set('metadata[order no]', '7')
    const answers = await Promise.all([
      client.post('/v1/customers', { ...fields, address, metadata: { 'order no': '7' } }),
      client.post('/v1/customers', undefined, { form }),
      client.post('/v1/customers', undefined, { raw: { body: multipart } }),
      client.post('/v1/customers/', { ...fields, address, metadata: { 'order no': 7 } }),
      client.post('/v1/customers', undefined, {
        raw: { body: JSON.stringify({ ...fields, address, metadata: { 'order no': '7' } }), type: 'application/vnd.api+json; charset=utf-8' },
      }),
    ])
    for (const { status, json } of answers) {
      expect([status, json]).toEqual([201, expect.objectContaining({ ...fields, address, metadata: { 'order no': '7' } })])
    }
  })

  test('a form clears a field with an empty text', async () => {
    const client = await aBusiness()
    const { json } = await client.post('/v1/customers', customerBody({ remark: 'VIP', name: 'Jane' }))
    const changed = await client.patch(`/v1/customers/${json.id}`, undefined, { form: 'remark=&name=+Jane+Doe+' })
    expect(changed.json).toMatchObject({ remark: null, name: 'Jane Doe' })
  })

  test.each([
    ['/v1/customers', 1],
    ['/healthz', 7],
    ['/nothing', 7],
  ])('a multipart body for %s that ends anywhere is answered, and the server goes on', async (path, step) => {
    const client = await aBusiness()
    const part = (about: string, content: string) => `--cut\r\ncontent-disposition: form-data; ${about}\r\n\r\n${content}\r\n`
    const whole = `${part('name="name"', 'Lim')}${part('name="logo"; filename="a.png"', 'picture')}--cut--\r\n`
    for (let end = 0; end <= whole.length; end += step) {
      const { status } = await client.post(path, undefined, { raw: { body: whole.slice(0, end), type: 'multipart/form-data; boundary=cut' } })
      expect([end, status >= 400 && status < 500]).toEqual([end, true])
    }
    expect((await client.get('/v1/customers')).status).toBe(200)
  })

  test('a POST form with `_method` acts as the method that it names', async () => {
    const client = await aBusiness()
    const { json } = await client.post('/v1/customers', customerBody())
    const path = `/v1/customers/${json.id}`
    const patched = await client.post(path, undefined, { form: '_method=PATCH&name=Patched', headers: { 'idempotency-key': 'override' } })
    expect([patched.status, patched.json.name, patched.headers.get('etag')]).toEqual([200, 'Patched', expect.stringContaining('.2"')])
    const again = await client.patch(path, { name: 'Patched' }, { headers: { 'idempotency-key': 'override' } })
    expect([again.status, again.headers.get('idempotent-replayed')]).toEqual([200, 'true'])
    const multipart = new FormData()
    multipart.set('_method', 'put')
    multipart.set('name', 'Put')
    expect((await client.post(path, undefined, { raw: { body: multipart } })).json.name).toBe('Put')
    expect((await client.post(path, undefined, { form: '_method=DELETE' })).status).toBe(204)
    expect((await client.get(path)).status).toBe(404)
    const wrong = await client.post(path, undefined, { form: '_method=PURGE' })
    expectRefusal(replied(wrong), 405)
    expect(wrong.headers.get('allow')).toBe('GET, PUT, PATCH, DELETE')
    expectRefusal(replied(await client.post(path, undefined, { form: 'name=x' })), 405)
  })

  test.each([
    ['application/json', '{"broken'],
    ['application/json', '{"name":"x"}'],
    ['application/x-www-form-urlencoded', 'a[b'],
    ['multipart/form-data', 'no boundary'],
    ['text/html', '<html>'],
    ['nonsense', '\0\x01'],
    ['application/json', '['.repeat(50)],
  ])('a body on GET or DELETE is ignored (%s, %j)', async (type, body) => {
    const client = await aBusiness()
    const { json } = await client.post('/v1/customers', customerBody())
    const got = await exchange(client, request(client, `GET /v1/customers/${json.id}`, { 'content-type': type }, body))
    expect([got.status, got.body.includes(json.id)]).toEqual([200, true])
    const gone = await exchange(client, request(client, `DELETE /v1/customers/${json.id}`, { 'content-type': type }, body))
    expect([gone.status, gone.body]).toEqual([204, ''])
  })

  test('a body that is malformed, of a wrong type, too large, too deep or not an object is rejected in JSON', async () => {
    const client = await aBusiness()
    const post = async (type: string | undefined, body: string | Buffer) =>
      replied(await client.post('/v1/customers', undefined, { raw: { body, ...(type === undefined ? {} : { type }) } }))
    const json = 'application/json'
    for (const text of ['{', '{"a":}', 'nope', '{"a":1}}', "{'a':1}", '[]', '"text"', '1', 'null', '\0', '\uFEFF{}', '{"email":"a@b.co",}'])
      expectRefusal(await post(json, text), 400)
    for (const type of ['text/plain', 'application/xml', 'image/png', 'application/octet-stream', 'nonsense', ';', 'json'])
      expectRefusal(await post(type, '{"email":"a@example.com"}'), 415)
    expectRefusal(await post(json, `{"name":"${'x'.repeat(1_048_576)}"}`), 413)
    expectRefusal(await post('application/x-www-form-urlencoded', `name=${'x'.repeat(1_048_576)}`), 413)
    for (const deep of [
      `${'['.repeat(100_000)}${']'.repeat(100_000)}`,
      `${'{"a":'.repeat(50_000)}1${'}'.repeat(50_000)}`,
      `{"a":${'['.repeat(16)}${']'.repeat(16)}}`,
    ]) {
      expectRefusal(await post(json, deep), 400)
    }
    expectRefusal(await post('application/x-www-form-urlencoded', `a${'[b]'.repeat(30)}=1`), 400)
    expectRefusal(await post('application/x-www-form-urlencoded', Array.from({ length: 1500 }, (_, i) => `f${i}=1`).join('&')), 400)
    expectRefusal(await post('multipart/form-data', 'x'), 400)
    expectRefusal(await post('multipart/form-data; boundary=x', 'no part at all'), 400)
    expectRefusal(await post('multipart/form-data; boundary=x', '--x\r\ncontent-disposition: form-data; name="name"\r\n\r\ncut off'), 400)
    const many = new FormData()
    for (let i = 0; i < 1500; i++) many.set(`f${i}`, '1')
    expectRefusal(replied(await client.post('/v1/customers', undefined, { raw: { body: many } })), 400)
    expectRefusal(await exchange(client, request(client, 'POST /v1/customers', {}, '{"email":"a@example.com"}')).then((answer) => answer), 415)
    expectRefusal(await post(json, Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a])), 400)
  })

  test('an empty body lacks its required fields', async () => {
    const client = await aBusiness()
    const bare = await exchange(client, request(client, 'POST /v1/customers', { 'content-length': '0' }))
    const empty = await client.post('/v1/customers', undefined, { raw: { body: '', type: 'application/json' } })
    for (const answer of [bare, replied(empty)]) {
      expectRefusal(answer, 422)
      expect(JSON.parse(answer.body)).toMatchObject({
        message: 'The email field is required. (and 1 more error)',
        errors: { email: ['The email field is required.'], phone_number: ['The phone number field is required.'] },
        code: 'validation_failed',
      })
    }
  })

  test('a body with names of object internals has no effect', async () => {
    const client = await aBusiness()
    const polluted = '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},"email":"a@example.com","phone_number":"91234567"}'
    expect((await client.post('/v1/customers', undefined, { raw: { body: polluted, type: 'application/json' } })).status).toBe(201)
    const form = '__proto__[polluted]=1&constructor[prototype][polluted]=1&email=a@example.com&phone_number=91234567'
    expect((await client.post('/v1/customers', undefined, { form })).status).toBe(201)
    expect((await client.get('/v1/customers?__proto__[polluted]=1&metadata[__proto__][x]=1')).status).toBeLessThan(500)
    expect(({} as Record<string, unknown>).polluted).toBeUndefined()
  })
})

describe('hostile requests are rejected in JSON', () => {
  const requests = [
    ['GET', '/v1/customers/%zz'],
    ['GET', '/v1/customers/%'],
    ['GET', '/v1/customers/%c3%28'],
    ['GET', '/%ff'],
    ['GET', '/v1/customers/%00'],
    ['GET', '/v1/customers/ext:%00'],
    ['GET', '/v1/customers/ext:%01'],
    ['GET', '/v1/events/%00'],
    ['GET', '/v1/customers?email=%00'],
    ['GET', '/v1/customers?keywords=a%00b'],
    ['GET', '/v1/customers?cursor=%00'],
    ['GET', '/v1/customers?cursor=bnVsbA'],
    ['GET', '/v1/customers?external_id=%00'],
    ['GET', '/v1/customers?phone_number=%00'],
    ['GET', '/v1/customers?metadata[a]=%00'],
    ['GET', '/v1/customers?metadata[a%00]=b'],
    ['GET', '/v1/customers?created_from=%00'],
    ['GET', '/v1/customers?order_by[name]=%00'],
    ['GET', '/v1/customers?per_page=0'],
    ['GET', '/v1/customers?per_page=1e9'],
    ['GET', '/v1/customers?page=999999'],
    ['GET', `/v1/customers?a${'[b]'.repeat(50)}=1`],
    ['GET', `/v1/customers?${Array.from({ length: 1500 }, (_, i) => `f${i}=1`).join('&')}`],
    ['GET', `/openapi.json?a${'[b]'.repeat(50)}=1`],
    ['GET', `/nowhere?a${'[b]'.repeat(50)}=1`],
    ['GET', '/v1/events?after=-1'],
    ['GET', '/v1/events?after=9999999999999999999'],
    ['GET', '/v1/events?type=%00'],
    ['GET', `/v1/customers/${'x'.repeat(5000)}`],
    ['PATCH', '/v1/customers/%zz'],
    ['DELETE', '/v1/customers/%00'],
    ['PUT', '/v1/customers/ext:%00'],
    ['PUT', '/v1/customers/ext:'],
    ['GET', '/../../etc/passwd'],
    ['GET', '//evil.example/v1'],
    ['GET', '/v1/customers%2f..'],
    ['OPTIONS', '/v1/customers'],
    ['TRACE', '/v1/customers'],
    ['PROPFIND', '/v1/customers'],
    ['PURGE', '/'],
  ] as const
  test.each(requests.map(([method, path]) => [method, path.slice(0, 60), path] as const))(
    'a hostile request is rejected in JSON: %s %s',
    async (method, _shown, path) => {
      const client = await aBusiness()
      const answer = await exchange(client, request(client, `${method} ${path}`, method === 'PUT' || method === 'PATCH' ? { 'content-length': '0' } : {}))
      expectRefusal(answer)
      expect((await client.get('/healthz')).status).toBe(200)
    },
  )

  test('a query with malformed escapes is read literally', async () => {
    const client = await aBusiness()
    for (const query of ['keywords=%zz', 'keywords=%', '%=%', '&&&', '=', 'keywords=%c3%28', '[]=1', '[a]=1', 'a]=1', 'email[]=', 'cursor=']) {
      const answer = await exchange(client, request(client, `GET /v1/customers?${query}`))
      expect([query, answer.status < 500, answer.headers.get('content-type')]).toEqual([query, true, expect.stringMatching(/^application\/json/)])
    }
  })

  test('headers that are too large and requests that are not HTTP are rejected in JSON', async () => {
    const client = await aBusiness()
    expectRefusal(await exchange(client, request(client, 'GET /v1/customers', { 'x-large': 'x'.repeat(20_000) })), 431)
    expectRefusal(await exchange(client, request(client, `GET /v1/customers/${'x'.repeat(20_000)}`)), 431)
    expectRefusal(await exchange(client, 'nonsense\r\n\r\n'), 400)
    expectRefusal(await exchange(client, 'GET /v1/customers HTTP/1.1\r\nhost: a\r\nx-bad: a\0b\r\n\r\n'), 400)
    expectRefusal(await exchange(client, request(client, 'POST /v1/customers', { 'content-length': '5', 'transfer-encoding': 'chunked' })), 400)
    expectRefusal(await exchange(client, request(client, 'POST /v1/customers', { 'content-length': 'x' })), 400)
  })

  test('header values with special meanings do no harm', async () => {
    const client = await aBusiness()
    const { json } = await client.post('/v1/customers', customerBody())
    for (const headers of [{ 'idempotency-key': '' }, { 'idempotency-key': 'a b' }, { 'idempotency-key': 'x'.repeat(256) }, { 'idempotency-key': 'é' }])
      expectRefusal(replied(await client.patch(`/v1/customers/${json.id}`, { name: 'x' }, { headers })), 422)
    for (const tag of ['nonsense', '"', '', ',,,', 'W/'])
      expectRefusal(replied(await client.patch(`/v1/customers/${json.id}`, { name: 'x' }, { headers: { 'if-match': tag } })), 412)
    for (const tag of ['nonsense', '"', ',,,', 'W/'])
      expect((await client.get(`/v1/customers/${json.id}`, { headers: { 'if-none-match': tag } })).status).toBe(200)
  })

  test('an external id of the longest kind fits into a path', async () => {
    const client = await aBusiness()
    const id = '中'.repeat(255)
    const made = await client.put(`/v1/customers/ext:${encodeURIComponent(id)}`, customerBody())
    expect([made.status, made.json?.external_id]).toEqual([201, id])
    expect((await client.get(`/v1/customers/ext:${encodeURIComponent(id)}`)).status).toBe(200)
    const slash = 'a/b?c#d%e f'
    expect((await client.put(`/v1/customers/ext:${encodeURIComponent(slash)}`, customerBody())).json.external_id).toBe(slash)
  })
})

describe('unknown routes', () => {
  test('an unknown path is 404, and an unknown method 405 with Allow', async () => {
    const client = await aBusiness()
    for (const path of ['/nowhere', '/v1', '/v2/customers', '/v1/customers/a/b', '/v1/customers-x']) {
      const answer = await client.get(path)
      expectRefusal(replied(answer), 404)
      expect(answer.json).toMatchObject({ message: 'Not Found', code: 'route_not_found' })
    }
    const wrong: [string, string, string][] = [
      ['DELETE', '/v1/customers', 'GET, POST'],
      ['PUT', '/v1/customers/', 'GET, POST'],
      ['POST', '/v1/events', 'GET'],
      ['DELETE', '/v1/events/1', 'GET'],
      ['POST', '/healthz', 'GET'],
      ['POST', '/v1/customers/x', 'GET, PUT, PATCH, DELETE'],
      ['OPTIONS', '/v1/customers/x', 'GET, PUT, PATCH, DELETE'],
    ]
    for (const [method, path, allow] of wrong) {
      const answer = await client.request(method, path)
      expectRefusal(replied(answer), 405)
      expect([path, answer.headers.get('allow')]).toEqual([path, allow])
      expect(answer.json).toMatchObject({
        message: `The ${method} method is not supported for this route. Supported methods: ${allow}.`,
        code: 'method_not_allowed',
      })
    }
  })

  test('an unknown route is reported even without a key', async () => {
    const client = await aBusiness()
    expectRefusal(replied(await send(client.server, 'GET', '/nowhere')), 404)
    expectRefusal(replied(await send(client.server, 'DELETE', '/v1/customers')), 405)
  })
})
