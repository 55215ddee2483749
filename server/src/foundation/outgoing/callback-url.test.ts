import { beforeAll, describe, expect, inject, test } from 'vitest'
import { aBusiness, type Client } from '#testing/api.ts'
import { aPaidCharge, type Payments, startPayments } from '#testing/payments.ts'
import { callbackUrlFault } from './callback-url.ts'

const never: [url: string, modes: ('sandbox' | 'live')[]][] = [
  ['not a url', ['sandbox', 'live']],
  ['https://', ['sandbox', 'live']],
  ['https://a b/', ['sandbox', 'live']],
  ['ftp://shop.example.com/', ['sandbox', 'live']],
  ['file:///etc/passwd', ['sandbox', 'live']],
  ['https://user:pass@shop.example.com/', ['sandbox', 'live']],
  ['http://user@shop.example.com/', ['sandbox', 'live']],
  ['https://:pass@shop.example.com/', ['sandbox', 'live']],
  ['https:\\\\shop.example.com/', ['sandbox', 'live']],
  ['https://shop.example.com:0/', ['sandbox', 'live']],
  ['https://169.254.169.254/latest', ['sandbox', 'live']],
  ['https://0xa9fea9fe/', ['sandbox', 'live']],
  ['https://[fd00:ec2::23]/', ['sandbox', 'live']],
  ['https://[fd20:ce::254]/', ['sandbox', 'live']],
  ['https://[fd00:c1::a9fe:a9fe]/', ['sandbox', 'live']],
  ['https://0.0.0.0/', ['sandbox', 'live']],
  ['http://shop.example.com/', ['live']],
  ['https://127.0.0.1/', ['live']],
  ['https://10.1.2.3/', ['live']],
  ['https://[::1]/', ['live']],
  ['https://[fc00::1]/', ['live']],
]
const always = ['https://shop.example.com/hook?a=1', 'https://site?give-action=hitpay', 'https://8.8.8.8/', 'HTTPS://Shop.example.com/order_id/000000042/']

describe('a URL to be called', () => {
  test.each(never)('%s is refused where it cannot arrive', (url, modes) => {
    for (const mode of ['sandbox', 'live'] as const) expect([mode, callbackUrlFault(url, { mode }, 'url') !== undefined]).toEqual([mode, modes.includes(mode)])
  })

  test.each([...always, 'http://127.0.0.1:3000/', 'http://192.168.1.20/', 'http://[::1]:8080/', 'http://localhost:3000/'])(
    '%s is accepted in the sandbox',
    (url) => {
      expect(callbackUrlFault(url, { mode: 'sandbox' }, 'url')).toBeUndefined()
    },
  )

  test.each(always)('%s is accepted in live', (url) => {
    expect(callbackUrlFault(url, { mode: 'live' }, 'url')).toBeUndefined()
  })
})

/** Every door through which a URL comes that Hawker calls later: the field, and a request with it. */
const doors: Record<string, (client: Client, payments: Payments, url: string) => Promise<{ status: number; json: { errors?: object } }>> = {
  'createPaymentRequest webhook': (client, _, webhook) => client.post('/v1/payment-requests', { amount: 10, currency: 'sgd', webhook }),
  'createPaymentRequest failed_webhook': (client, _, url) => client.post('/v1/payment-requests', { amount: 10, currency: 'sgd', failed_webhook: url }),
  'updatePaymentRequest webhook': async (client, _, webhook) => client.put(`/v1/payment-requests/${await aRequestOf(client)}`, { webhook }),
  'updatePaymentRequest failed_webhook': async (client, _, url) => client.put(`/v1/payment-requests/${await aRequestOf(client)}`, { failed_webhook: url }),
  'patchPaymentRequest webhook': async (client, _, webhook) => client.patch(`/v1/payment-requests/${await aRequestOf(client)}`, { webhook }),
  'patchPaymentRequest failed_webhook': async (client, _, url) => client.patch(`/v1/payment-requests/${await aRequestOf(client)}`, { failed_webhook: url }),
  'createWebhookEvent url': (client, _, url) => client.post('/v1/webhook-events', { name: 'Shop', url }),
  'updateWebhookEvent url': async (client, _, url) => client.put(`/v1/webhook-events/${await anEndpointOf(client)}`, { url }),
  'patchWebhookEvent url': async (client, _, url) => client.patch(`/v1/webhook-events/${await anEndpointOf(client)}`, { url }),
  'replayEvents url': (client, _, url) => client.post('/v1/webhook-deliveries/replay', { event_type: 'charge.created', url }),
  'createRefund webhook': async (client, payments, webhook) =>
    client.post('/v1/refund', { payment_id: (await aPaidCharge(payments, client)).id, amount: 1, webhook }),
  'createRefundToo webhook': async (client, payments, webhook) =>
    client.post('/v1/refunds', { payment_id: (await aPaidCharge(payments, client)).id, amount: 1, webhook }),
  'refundPaymentRequest webhook': async (client, payments, webhook) => {
    const id = await aRequestOf(client)
    await aPaidCharge(payments, client, { payment_request_id: id, amount_minor: 1_000n })
    return client.post(`/v1/payment-requests/${id}/refund`, { amount: 1, webhook })
  },
}

const aRequestOf = async (client: Client): Promise<string> => (await client.post('/v1/payment-requests', { amount: 10, currency: 'sgd' })).json.id
const anEndpointOf = async (client: Client): Promise<string> =>
  (await client.post('/v1/webhook-events', { name: 'Shop', url: 'https://shop.example.com/' })).json.id

let payments: Payments
let clients: Client[]
beforeAll(async () => {
  payments = await startPayments()
  clients = await Promise.all((['sandbox', 'live'] as const).map((mode) => aBusiness({ mode }, payments.server)))
})

describe('one rule at every door', () => {
  test.each(Object.entries(doors))('%s refuses what cannot arrive, and accepts the rest', async (name, send) => {
    const field = name.split(' ')[1] ?? ''
    for (const client of clients) {
      for (const url of [
        'https://user:pass@shop.example.com/',
        'https://169.254.169.254/',
        ...(client.business.mode === 'live' ? ['http://shop.example.com/'] : []),
      ]) {
        const { status, json } = await send(client, payments, url)
        expect([url, status, Object.keys(json.errors ?? {})]).toEqual([url, 422, [field]])
      }
      expect((await send(client, payments, 'https://shop.example.com/hook')).status).toBeLessThan(300)
    }
  })

  test('these doors are all fields of requests that hold a URL to be called', () => {
    const { paths, components } = JSON.parse(inject('openApi')) as {
      paths: Record<string, Record<string, { operationId: string; requestBody?: object }>>
      components: { schemas: Record<string, object> }
    }
    const whole = (schema: object = {}): string =>
      JSON.stringify(schema).replaceAll(/\{"\$ref":"#\/components\/schemas\/(\w+)"\}/g, (_, name: string) => whole(components.schemas[name]))
    const named = Object.values(paths)
      .flatMap((item) => Object.values(item))
      .flatMap(({ operationId, requestBody }) => [...whole(requestBody).matchAll(/"((?:\w+_)?webhook|url)":\{/g)].map(([, field]) => `${operationId} ${field}`))
    // A line item's URL is shown, not called.
    const shown = new Set(['createPaymentRequest url', 'updatePaymentRequest url', 'patchPaymentRequest url'])
    expect([...new Set(named)].filter((name) => !shown.has(name)).sort()).toEqual(Object.keys(doors).sort())
  })
})
