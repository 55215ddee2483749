import { beforeAll, describe, expect, test } from 'vitest'
import { aBusiness, type Client, send } from '#testing/api.ts'

const browser = { accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8' }

let client: Client
beforeAll(async () => {
  client = await aBusiness({ name: 'Kopi & Toast' })
})
const get = (path: string, headers: Record<string, string> = browser) => send(client.server, 'GET', path, { headers })

describe('a URL that nothing is registered for', () => {
  test('a browser that opens an unknown URL gets a page in its language, and a program gets JSON', async () => {
    for (const path of ['/none', '/payment-requests', '/sandbox/none', '/assets/none/none']) {
      const page = await get(`${path}?lang=vi`)
      expect([path, page.status, page.headers.get('content-type')]).toEqual([path, 404, 'text/html; charset=utf-8'])
      expect(page.text).toContain('<html lang="vi">')
      expect(page.headers.get('content-security-policy')).toContain("frame-ancestors 'none'")
    }
    for (const accept of ['application/json', '*/*', '']) {
      const reply = await get('/none', { accept })
      expect([reply.status, reply.json]).toMatchObject([404, { message: 'Not Found', code: 'route_not_found' }])
    }
  })

  test('the API answers JSON whatever a client accepts, and other methods than GET do too', async () => {
    expect((await get('/v1/none')).json).toMatchObject({ code: 'route_not_found' })
    expect((await send(client.server, 'POST', '/none', { headers: browser, body: {} })).json).toMatchObject({ code: 'route_not_found' })
    const wrongMethod = await send(client.server, 'GET', '/sandbox/tokens', { headers: browser })
    expect(wrongMethod.status).toBe(405)
  })
})

describe('the page of an unknown payment request', () => {
  const unknown = () => `/payment-request/@${client.business.slug}/${crypto.randomUUID()}/checkout`

  test('the page of an unknown payment request leads back to the site that it was opened from, and to no script', async () => {
    const from = async (referer: string) => /<a [^>]*href="([^"]*)"[^>]*>([^<]*)/.exec((await get(unknown(), { ...browser, referer })).text)?.slice(1)
    expect(await from('https://shop.example.com/')).toEqual(['https://shop.example.com/', 'Back to shop.example.com'])
    for (const none of ['javascript:alert(1)', `${client.server.url}/payment-request`, 'shop', '']) expect([none, await from(none)]).toEqual([none, undefined])
  })

  test('the page of an unknown payment request names the business that a payer can ask', async () => {
    await client.patch('/v1/checkout-settings', { support_email: 'help@example.com', display_name: 'Kopi $& Corner' })
    const { text } = await get(unknown())
    expect(text).toContain('href="mailto:help@example.com"')
    expect(text).toContain('Contact Kopi $&amp; Corner')
  })
})
