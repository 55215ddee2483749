import { deflateSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { aBusiness, type Client, send } from '#testing/api.ts'
import { aPng, pictures } from '#testing/pictures.ts'
import { frameAncestors } from './framing.ts'
import { findCheckoutSettings } from './queries.ts'

const path = '/v1/checkout-settings'
const logoBody = (bytes: Buffer, content_type?: string) => ({ data: bytes.toString('base64'), ...(content_type ? { content_type } : {}) })

describe('checkout settings', () => {
  test('checkout settings are defaults until a business sets them', async () => {
    const client = await aBusiness({ name: 'Kopi stall' })
    const { status, json, headers } = await client.get(path)
    expect(status).toBe(200)
    expect(json).toEqual({
      display_name: 'Kopi stall',
      primary_color: '#1d4ed8',
      background_color: '#ffffff',
      logo_url: null,
      allowed_origins: [],
      default_language: null,
      support_email: null,
      support_url: null,
      legal_name: null,
      registration_number: null,
      address: null,
    })
    expect(headers.get('etag')).toMatch(/\.0"$/)
    expect(await findCheckoutSettings(client.server.database.db, client.business.id)).toMatchObject({
      display_name: null,
      primary_color: '#1d4ed8',
      version: 0,
    })
  })

  test('checkout settings are updated in parts, and null resets a field to its default', async () => {
    const client = await aBusiness()
    const chosen = {
      display_name: 'Kopi & Teh',
      primary_color: '#0f766e',
      background_color: '#f8fafc',
      allowed_origins: ['https://shop.example.com', 'http://localhost:3000'],
      default_language: 'zh-Hans',
      support_email: 'help@example.com',
      support_url: 'https://example.com/help',
      legal_name: 'Kopi & Teh Pte. Ltd.',
      registration_number: 'UEN 201912345A',
      address: '1 Raffles Place',
    }
    const changed = await client.patch(path, chosen)
    expect([changed.status, changed.json]).toEqual([200, { ...chosen, logo_url: null }])
    expect((await client.patch(path, { display_name: 'Kopi' })).json).toEqual({ ...chosen, display_name: 'Kopi', logo_url: null })
    expect((await client.get(path)).json.display_name).toBe('Kopi')
    const cleared = await client.patch(path, Object.fromEntries(Object.keys(chosen).map((field) => [field, null])))
    expect(cleared.json).toMatchObject({ display_name: client.business.name, primary_color: '#1d4ed8', allowed_origins: [], default_language: null })
  })

  test('checkout settings accept several formats and return one', async () => {
    const client = await aBusiness()
    const { json } = await client.request('PATCH', path, {
      form: 'primary_color=0F766E&background_color=%23FFF&allowed_origins=HTTPS://Shop.example.com:443, http://localhost:3000,https://shop.example.com&default_language=ZH-cn',
    })
    expect(json).toMatchObject({
      primary_color: '#0f766e',
      background_color: '#ffffff',
      allowed_origins: ['https://shop.example.com', 'http://localhost:3000'],
      default_language: 'zh-Hans',
    })
    expect((await client.request('PATCH', path, { form: 'allowed_origins[]=https://a.example&default_language=' })).json).toMatchObject({
      allowed_origins: ['https://a.example'],
      default_language: null,
    })
  })

  test('checkout settings have an ETag that only a change moves, and honor If-Match', async () => {
    const client = await aBusiness()
    const first = (await client.get(path)).headers.get('etag') ?? ''
    const changed = await client.patch(path, { display_name: 'A' }, { headers: { 'if-match': first } })
    const tag = changed.headers.get('etag') ?? ''
    expect([changed.status, tag === first]).toEqual([200, false])
    expect((await client.patch(path, { display_name: 'A' })).headers.get('etag')).toBe(tag)
    const late = await client.patch(path, { display_name: 'B' }, { headers: { 'if-match': first } })
    expect([late.status, late.headers.get('etag')]).toEqual([412, tag])
    expect((await client.get(path, { headers: { 'if-none-match': tag } })).status).toBe(304)
    expect((await client.get(path)).json.display_name).toBe('A')
    const put = await client.put(`${path}/logo`, logoBody(aPng()), { headers: { 'if-match': first } })
    expect([put.status, (await client.delete(`${path}/logo`, { headers: { 'if-match': first } })).status]).toEqual([412, 412])
  })

  test('parallel updates of checkout settings are not lost', async () => {
    const client = await aBusiness()
    const bodies = [{ display_name: 'A' }, { support_email: 'a@example.com' }, { default_language: 'ta' }, { support_url: 'https://a.example' }]
    await Promise.all([...bodies.map((body) => client.patch(path, body)), client.put(`${path}/logo`, logoBody(aPng()))])
    const { json, headers } = await client.get(path)
    expect(json).toMatchObject(Object.assign({}, ...bodies))
    expect([json.logo_url === null, headers.get('etag')?.endsWith('.5"')]).toEqual([false, true])
  })

  test('checkout settings belong to their business', async () => {
    const [one, other] = [await aBusiness(), await aBusiness()]
    await one.patch(path, { display_name: 'One' })
    await one.put(`${path}/logo`, logoBody(aPng()))
    expect((await other.get(path)).json).toMatchObject({ display_name: other.business.name, logo_url: null })
    await other.delete(`${path}/logo`)
    expect((await one.get(path)).json.logo_url).not.toBeNull()
  })

  test('invalid checkout settings are a 422 that names every field', async () => {
    const client = await aBusiness()
    const { status, json } = await client.patch(path, {
      display_name: 'x'.repeat(101),
      primary_color: 'red',
      background_color: '#12345',
      allowed_origins: ['https://good.example', 'https://*.example.com', 'http://shop.example.com'],
      default_language: 'fr',
      support_email: 'nobody',
      support_url: 'javascript:alert(1)',
    })
    expect(status).toBe(422)
    expect(json.errors).toEqual({
      display_name: ['The display name may not be greater than 100 characters.'],
      primary_color: ['The primary color must be a color such as #1d4ed8.'],
      background_color: ['The background color must be a color such as #1d4ed8.'],
      'allowed_origins.1': [expect.stringContaining('must be an origin such as https://shop.example.com')],
      'allowed_origins.2': [expect.stringContaining('http only for localhost and 127.0.0.1')],
      default_language: ['The selected default language is invalid.'],
      support_email: ['The support email must be a valid email address.'],
      support_url: ['The support url format is invalid.'],
    })
    const many = await client.patch(path, { allowed_origins: Array.from({ length: 21 }, (_, i) => `https://a${i}.example`) })
    expect(many.json.errors).toEqual({ allowed_origins: ['The allowed origins may not have more than 20 items.'] })
    expect((await client.get(path)).headers.get('etag')).toMatch(/\.0"$/)
  })

  test('colors with too little contrast are rejected with their contrast', async () => {
    const client = await aBusiness()
    const pale = await client.patch(path, { primary_color: '#fde68a' })
    expect([pale.status, pale.json.code]).toEqual([422, 'contrast_too_low'])
    expect(pale.json.errors).toEqual({
      primary_color: ['The primary color has a contrast of 1.24:1 with the background color; at least 3.00:1 is required.'],
    })
    const background = await client.patch(path, { background_color: '#1e40af' })
    expect(background.json.errors).toEqual({
      background_color: [expect.stringMatching(/^The background color has a contrast of 1\.\d\d:1 with the primary color/)],
    })
    expect((await client.patch(path, { primary_color: '#fde68a', background_color: '#111827' })).status).toBe(200)
    // Back on a white page, the pale button would be invisible.
    expect((await client.patch(path, { background_color: null })).json.errors).toHaveProperty('background_color')
  })

  test('checkout settings decide who may frame the checkout', async () => {
    const none = { allowed_origins: [] }
    const some = { allowed_origins: ['https://a.example', 'http://localhost:3000'] }
    expect(frameAncestors({ mode: 'sandbox' }, none)).toBe('*')
    expect(frameAncestors({ mode: 'live' }, none)).toBe("'none'")
    expect(frameAncestors({ mode: 'sandbox' }, some)).toBe('https://a.example http://localhost:3000')
    expect(frameAncestors({ mode: 'live' }, some)).toBe('https://a.example http://localhost:3000')
  })
})

describe('the checkout logo', () => {
  const put = (client: Client, body: unknown) => client.put(`${path}/logo`, body)
  const served = async (client: Client, url: string, headers: Record<string, string> = {}) => {
    const answer = await fetch(url.startsWith('http') ? url : `${client.server.url}${url}`, { headers })
    return { status: answer.status, headers: answer.headers, bytes: Buffer.from(await answer.arrayBuffer()) }
  }

  test.each(Object.entries({ 'a PNG': aPng(), ...pictures }))('a logo in %s is served unchanged, as a picture and nothing else', async (name, bytes) => {
    const client = await aBusiness()
    const type = `image/${/JPEG|PNG|WebP/.exec(name)?.[0]?.toLowerCase()}`
    const { status, json } = await put(client, logoBody(bytes, type))
    expect(status).toBe(200)
    expect(json.logo_url).toMatch(`${client.server.url}/payment-request/@${client.business.slug}/logo?v=`)
    const answer = await served(client, json.logo_url)
    expect([answer.status, answer.bytes.equals(bytes)]).toEqual([200, true])
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'content-type': type,
      'x-content-type-options': 'nosniff',
      'content-security-policy': "default-src 'none'; sandbox; frame-ancestors 'none'",
      'cache-control': 'public, max-age=31536000, immutable',
      'cross-origin-resource-policy': 'cross-origin',
    })
  })

  test('a logo is accepted as the only file of a multipart body', async () => {
    const client = await aBusiness()
    const form = (...files: [string, Blob][]) => {
      const body = new FormData()
      for (const [name, file] of files) body.append(name, file, 'logo.png')
      return client.request('PUT', `${path}/logo`, { raw: { body } })
    }
    const bytes = new Uint8Array(aPng())
    const one = await form(['file', new Blob([bytes], { type: 'image/png' })])
    expect(one.status).toBe(200)
    expect((await served(client, one.json.logo_url)).bytes.equals(aPng())).toBe(true)
    expect((await form(['logo', new Blob([new Uint8Array(pictures['a lossy WebP'])])])).status).toBe(200)
    expect((await form(['a', new Blob([bytes])], ['b', new Blob([bytes])])).json).toMatchObject({
      code: 'malformed_body',
      message: 'The form has more than one file.',
    })
    expect((await form(['file', new Blob([], { type: 'image/png' })])).json.errors).toEqual({ data: ['The data field is required.'] })
    expect((await form(['file', new Blob([bytes], { type: 'image/jpeg' })])).json.errors).toHaveProperty('content_type')
  })

  test('every picture has a URL of its own, and the URL without a hash is revalidated every time', async () => {
    const client = await aBusiness()
    const first = (await put(client, logoBody(aPng()))).json.logo_url
    expect((await put(client, logoBody(aPng()))).json.logo_url).toBe(first)
    const second = (await put(client, logoBody(pictures['a JPEG']))).json.logo_url
    expect(second).not.toBe(first)
    for (const url of [first, first.split('?')[0], `${second}&v=x`]) {
      const answer = await served(client, url)
      expect([answer.status, answer.headers.get('content-type'), answer.headers.get('cache-control')]).toEqual([200, 'image/jpeg', 'no-cache'])
      expect((await served(client, url, { 'if-none-match': answer.headers.get('etag') ?? '' })).status).toBe(304)
    }
    const head = await fetch(second, { method: 'HEAD' })
    expect([head.status, head.headers.get('content-length')]).toEqual([200, String(pictures['a JPEG'].length)])
  })

  test('DELETE removes a logo, even if there is none, and does not reveal which businesses exist', async () => {
    const client = await aBusiness()
    const { logo_url } = (await put(client, logoBody(aPng()))).json
    expect((await client.delete(`${path}/logo`)).status).toBe(204)
    expect((await client.delete(`${path}/logo`)).status).toBe(204)
    expect((await client.get(path)).json.logo_url).toBeNull()
    const gone = await served(client, logo_url)
    expect([gone.status, gone.headers.get('cache-control')]).toEqual([404, 'no-store'])
    const strip = ({ text }: { text: string }) => ({ ...JSON.parse(text), request_id: '' })
    const unknown = await send(client.server, 'GET', '/payment-request/@nobody-here/logo')
    expect([unknown.status, strip(unknown)]).toEqual([404, strip({ text: gone.bytes.toString() })])
  })

  test('a logo that is not a picture, too large or of another type is a 422 that says so', async () => {
    const client = await aBusiness()
    const svg = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>')
    const cases: [string, unknown, string, RegExp][] = [
      ['nothing', {}, 'data', /is required/],
      ['no base64', { data: '<svg>' }, 'data', /must be base64/],
      ['SVG', logoBody(svg, 'image/svg+xml'), 'data', /PNG, JPEG or WebP/],
      ['SVG called PNG', logoBody(svg, 'image/png'), 'data', /PNG, JPEG or WebP/],
      ['GIF', logoBody(Buffer.from('GIF89a\u0001\0\u0001\0'), 'image/gif'), 'data', /PNG, JPEG or WebP/],
      ['PNG called JPEG', logoBody(aPng(), 'image/jpeg'), 'content_type', /must be image\/png/],
      ['PNG called HTML', logoBody(aPng(), 'text/html'), 'content_type', /must be image\/png/],
      ['PNG of nonsense', logoBody(aPng({ type: 6, packed: Buffer.from('nonsense') })), 'data', /compressed content is damaged/],
      ['PNG that unpacks to more than it is', logoBody(aPng({ packed: deflateSync(Buffer.alloc(50_000_000)) })), 'data', /compressed content is damaged/],
      ['PNG with less than it says', logoBody(aPng({ stated: { width: 20, height: 20 } })), 'data', /compressed content is damaged/],
      ['PNG with rows that no one can read', logoBody(aPng({ packed: deflateSync(Buffer.alloc(6, 9)) })), 'data', /compressed content is damaged/],
      ['PNG without its palette', logoBody(aPng({ type: 3 })), 'data', /compressed content is damaged/],
      ['half a PNG', logoBody(aPng().subarray(0, 40)), 'data', /damaged, truncated/],
      ['PNG and HTML', logoBody(Buffer.concat([aPng(), Buffer.from('<script>alert(1)</script>')])), 'data', /followed by other data/],
      ['wide PNG', logoBody(aPng({ stated: { width: 2049, height: 1 } })), 'data', /2049 × 1 pixels; at most 2048 × 2048/],
      ['huge PNG', logoBody(aPng({ stated: { width: 2_000_000_000, height: 2_000_000_000 } })), 'data', /at most 2048/],
      ['heavy PNG', logoBody(Buffer.concat([aPng(), Buffer.alloc(256 * 1024)])), 'data', /may not be greater than 256 kilobytes/],
    ]
    for (const [name, body, field, text] of cases) {
      const { status, json } = await put(client, body)
      expect([name, status, json.errors]).toEqual([name, 422, { [field]: [expect.stringMatching(text)] }])
    }
    expect((await put(client, logoBody(aPng({ width: 2048, height: 2048 }), 'IMAGE/PNG'))).status).toBe(200)
    expect((await put(client, { data: `data:image/png;base64,${aPng().toString('base64')}` })).status).toBe(200)
  })

  test('a logo with an Idempotency-Key is stored once, and the key is rejected with another picture', async () => {
    const client = await aBusiness()
    const headers = { 'idempotency-key': 'logo' }
    const first = await client.put(`${path}/logo`, logoBody(aPng()), { headers })
    const again = await client.put(`${path}/logo`, logoBody(aPng()), { headers })
    expect([again.text, again.headers.get('idempotent-replayed')]).toEqual([first.text, 'true'])
    expect((await client.put(`${path}/logo`, logoBody(pictures['a JPEG']), { headers })).json.code).toBe('idempotency_key_reused')
  })
})
