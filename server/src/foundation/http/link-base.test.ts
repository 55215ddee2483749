import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { aBusiness, type Client, eventsOf, startTestServer, type TestServer } from '#testing/api.ts'
import { testDatabase } from '#testing/database.ts'
import { type LinkOptions, linkBases } from './link-base.ts'

const fallback = 'http://localhost:8080'
const baseFor = (host: string | undefined, options: Partial<LinkOptions> = {}, protocol = 'http') =>
  linkBases({ baseUrl: () => fallback, addresses: () => ['127.0.0.1', '192.168.7.9', 'fe80::1c', '8.8.8.8'], ...options })({ protocol, host } as never)

describe('the host of links', () => {
  test.each([
    ['localhost:9000', 'http://localhost:9000'],
    ['LOCALHOST', 'http://localhost'],
    ['shop.localhost:81', 'http://shop.localhost:81'],
    ['127.0.0.1:8080', 'http://127.0.0.1:8080'],
    ['127.8.8.8', 'http://127.8.8.8'],
    ['[::1]:8080', 'http://[::1]:8080'],
    ['192.168.7.9:8080', 'http://192.168.7.9:8080'],
    ['[fe80::1c]:8080', 'http://[fe80::1c]:8080'],
  ])('links follow a request to this machine: %s', (host, base) => {
    expect(baseFor(host)).toBe(base)
  })

  test.each([
    'evil.example.com',
    'localhost.evil.example.com',
    'localhost@evil.example.com',
    'evil.example.com#localhost',
    'localhost:80:80',
    'localhost:99999',
    'localhost/evil',
    '192.168.7.10',
    '10.0.0.1',
    '8.8.8.8',
    '169.254.169.254',
    '[2001:db8::1]',
    '[::',
    'a b',
    '',
    undefined,
  ])('links do not follow a request to another host: %s', (host) => {
    expect(baseFor(host)).toBe(fallback)
  })

  test('configured hosts are followed, with any port or with theirs', () => {
    const allowedHosts = ['hawker', 'Pay.example.com:8443']
    expect(baseFor('hawker:8080', { allowedHosts })).toBe('http://hawker:8080')
    expect(baseFor('pay.example.com:8443', { allowedHosts }, 'https')).toBe('https://pay.example.com:8443')
    expect(baseFor('pay.example.com', { allowedHosts })).toBe(fallback)
  })

  test('the host is ignored with a public URL, even if it is this machine', () => {
    for (const host of ['localhost:8080', 'evil.example.com']) expect(baseFor(host, { publicUrl: 'https://pay.example.com' })).toBe('https://pay.example.com')
  })
})

/** Every URL in a text that begins with a host, without those that a test sends itself. */
const basesIn = (value: unknown) =>
  [...new Set(JSON.stringify(value).match(/https?:\/\/[^/"\\]+/g) ?? [])].filter((base) => !base.includes('shop.example.com')).sort()

/** What a business sees of a payment by wallet, all of it requested with a Host header. */
async function walletPayment(client: Client, host: string) {
  const { app } = client.server
  const headers = { host, 'x-business-api-key': client.key }
  const post = async (url: string, payload: object) => (await app.fastify.inject({ method: 'POST', url, headers, payload })).json()
  const get = async (url: string) => (await app.fastify.inject({ url, headers })).json()
  const body = { amount: '12.00', currency: 'sgd', email: 'payer@example.com', send_email: true, redirect_url: 'https://shop.example.com/thanks' }
  const request = await post('/v1/payment-requests', body)
  const page = new URL(request.url).pathname
  const { state } = (
    await app.fastify.inject({
      method: 'POST',
      url: `${page.replace('/checkout', '')}/attempts`,
      headers: { host, 'idempotency-key': 'once' },
      payload: { method: 'grabpay_direct' },
    })
  ).json()
  const wallet = new URL(state.attempt.action_url)
  const back = await app.fastify.inject({ method: 'POST', url: wallet.pathname, headers: { host }, payload: { outcome: 'approved' } })
  const paid = await post(`/v1/sandbox/payment-requests/${(await post('/v1/payment-requests', body)).id}/pay`, { method: 'grabpay_direct', interactive: true })
  const code = await post('/v1/payment-requests', { ...body, payment_methods: ['grabpay_direct'], generate_direct_link: true })
  return {
    request: request.url,
    wallet: wallet.origin,
    back: back.headers.location,
    paid: paid.action_url,
    link: code.direct_link.direct_link_url,
    list: (await get('/v1/payment-requests?per_page=1')).links,
    charge: await get('/v1/charges?per_page=1'),
    settings: await get('/v1/checkout-settings'),
  }
}

/** The links of the emails of a business. */
async function linksInMails(client: Client): Promise<string[]> {
  const { json } = await client.get('/v1/sandbox/mails')
  expect(json.data).toHaveLength(1)
  return basesIn(json.data)
}

describe('links of a whole payment', () => {
  let publicServer: TestServer
  beforeAll(async () => {
    publicServer = await startTestServer(await testDatabase(), { publicUrl: 'https://pay.example.com', allowedHosts: ['10.1.2.3:8080'] })
  })
  afterAll(() => publicServer.app.fastify.close())

  test('links in answers, wallet pages, ways back and events follow the host of their request, and those in emails do not', async () => {
    const client = await aBusiness()
    expect(basesIn(await walletPayment(client, 'localhost:9999'))).toEqual(['http://localhost:9999'])
    const events = await eventsOf(client)
    expect(events.map(({ type }) => type)).toContain('payment_request.completed')
    expect(basesIn(events)).toEqual(['http://localhost:9999'])
    expect(await linksInMails(client)).toEqual([client.server.url])
  })

  test('no link follows a host that is not this machine', async () => {
    const client = await aBusiness()
    expect(basesIn(await walletPayment(client, 'evil.example.com'))).toEqual([client.server.url])
    expect(basesIn(await eventsOf(client))).toEqual([client.server.url])
    expect(await linksInMails(client)).toEqual([client.server.url])
  })

  test.each(['evil.example.com', 'localhost:9999', '10.1.2.3:8080'])('every link begins with the public URL, whatever the host is: %s', async (host) => {
    const client = await aBusiness({}, publicServer)
    expect(basesIn(await walletPayment(client, host))).toEqual(['https://pay.example.com'])
    expect(basesIn(await eventsOf(client))).toEqual(['https://pay.example.com'])
  })
})
