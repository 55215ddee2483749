import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { aBusiness, type Client, type Reply, send } from '#testing/api.ts'
import { clientDirectory } from './page.ts'

const hostile = `"><img src=x onerror=alert(1)>'</script></title></style><script>alert(1)</script>{{1+1}}\u2028`

let client: Client
let pages: Record<string, string>
beforeAll(async () => {
  client = await aBusiness({ name: hostile })
  await client.patch('/v1/checkout-settings', { display_name: hostile.replace('\u2028', ' ').slice(0, 100) })
  const body = {
    amount: '10.00',
    currency: 'sgd',
    name: hostile,
    purpose: hostile,
    reference_number: hostile,
    redirect_url: 'https://shop.example.com/back?a=1#"><script>',
    line_items: [{ name: hostile, quantity: 1, price: 10, description: hostile }],
  }
  const make = async () => (await client.post('/v1/payment-requests', body)).json
  const [open, paid, asked] = [await make(), await make(), await make()]
  const pay = (id: string, more: object) => client.post(`/v1/sandbox/payment-requests/${id}/pay`, { method: 'card', name: hostile, ...more })
  const charge = (await pay(paid.id, {})).json.payment_id
  const wallet = (await pay(asked.id, { method: 'grabpay_direct', interactive: true })).json.action_url
  const receipt = (await client.get(`/v1/charges/${charge}/receipt`)).json.url
  const path = (url: string) => new URL(url).pathname
  const query = `lang=${encodeURIComponent(hostile)}&method=${encodeURIComponent(hostile)}&amount=${encodeURIComponent(hostile)}`
  pages = {
    'a checkout': `${path(open.url)}?${query}`,
    'an embedded checkout': `${path(open.url)}?embed=1&${query}`,
    'a paid checkout': path(paid.url),
    'a default link': `/payment-request/@${client.business.slug}/?${query}`,
    'a page that is not there': `/payment-request/@${encodeURIComponent(hostile)}/?${query}`,
    'a receipt': path(receipt),
    'a receipt that is not there': `${path(receipt)}x?${query}`,
    'a wallet': path(wallet),
    'a phone': '/sandbox/phone',
    'the frame of the drop-in': '/hitpay-iframe.html',
  }
})

/** The headers of every response to a browser. */
function expectGuarded({ headers }: Reply): void {
  const policy = headers.get('content-security-policy') ?? ''
  expect(policy).toMatch(/default-src '(self|none)'/)
  expect(policy).toContain('frame-ancestors ')
  expect(policy).not.toMatch(/unsafe-|script-src[^;]*(\*|data:|https?:)/)
  expect([headers.get('x-content-type-options'), headers.get('referrer-policy')]).toEqual(['nosniff', 'no-referrer'])
  const framed = /frame-ancestors ([^;]*)/.exec(policy)?.[1]
  expect([framed, headers.get('x-frame-options')]).toEqual(framed === "'none'" ? ["'none'", 'DENY'] : [framed, null])
}

describe('every page', () => {
  test('every page shows what others wrote as text, and limits what it loads and who may frame it', async () => {
    for (const [name, path] of Object.entries(pages)) {
      const reply = await send(client.server, 'GET', path)
      expect([name, reply.headers.get('content-type')]).toEqual([name, 'text/html; charset=utf-8'])
      expectGuarded(reply)
      // What is left of a page without its texts: its tags, none of which comes from the hostile text.
      expect([name, reply.text.match(/<img src=x|<script>|<[a-z][^>]*\son\w+=|<\/title>.*<\/title>/s)]).toEqual([name, null])
      expect([name, reply.text.match(/href="(javascript|data:(?!,))/i)]).toEqual([name, null])
    }
  })

  test('every page can be viewed without writing anything', async () => {
    const { db } = client.server.database
    const rows = async () =>
      Promise.all(
        (['payment_requests', 'charges', 'events', 'rail_checks', 'idempotency_keys'] as const).map(
          async (table) =>
            (
              await db
                .selectFrom(table)
                .select(({ fn }) => fn.countAll().as('count'))
                .where('business_id', '=', client.business.id)
                .executeTakeFirst()
            )?.count,
        ),
      )
    const before = await rows()
    for (const path of Object.values(pages)) for (const method of ['GET', 'HEAD']) await send(client.server, method, path)
    expect(await rows()).toEqual(before)
  })
})

test('files, errors and responses to scripts have the same security headers as pages', async () => {
  const [file = ''] = readdirSync(join(clientDirectory(), 'assets')).filter((name) => name.endsWith('.js'))
  const checkout = pages['a checkout']?.split('/checkout')[0]
  const paths = [
    `/assets/${file}`,
    '/assets/none.js',
    '/hitpay.js',
    `${checkout}/state`,
    `${checkout}/none`,
    '/icons/methods/svg/card.svg',
    '/%00',
    '/sandbox/none',
  ]
  for (const path of paths) expectGuarded(await send(client.server, 'GET', path))
  const refused = [
    send(client.server, 'POST', '/sandbox/tokens', { body: { number: hostile } }),
    send(client.server, 'POST', '/sandbox/phone/read', { body: { payload: hostile } }),
    send(client.server, 'POST', '/sandbox/phone/read', { raw: { body: '{', type: 'application/json' } }),
    send(client.server, 'POST', `${checkout}/attempts`, { body: { method: hostile }, headers: { 'idempotency-key': 'x' } }),
  ]
  for (const reply of await Promise.all(refused)) {
    expectGuarded(reply)
    expect([reply.status >= 400, reply.headers.get('content-type')?.split(';')[0]]).toEqual([true, 'application/json'])
  }
})
