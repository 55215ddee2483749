import { randomUUID } from 'node:crypto'
import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { aBusiness, send, testServer } from '#testing/api.ts'
import { rawGet } from '#testing/raw-get.ts'

const raw = async (path: string, headers: Record<string, string>) => rawGet((await testServer()).url, path, headers)

describe('GET /hitpay.js', () => {
  test('hitpay.js is a small classic script that any page may load', async () => {
    const { status, headers, text } = await send(await testServer(), 'GET', '/hitpay.js')
    expect(status).toBe(200)
    expect(headers.get('content-type')).toBe('text/javascript; charset=utf-8')
    expect(headers.get('cross-origin-resource-policy')).toBe('cross-origin')
    expect(headers.get('access-control-allow-origin')).toBe('*')
    expect(headers.get('cache-control')).toBe('public, max-age=300')
    expect(headers.get('x-content-type-options')).toBe('nosniff')
    // Compiled as a script, not as a module: an import or export would be an error. Nothing after ES2019 is allowed.
    expect(() => new Function(text)).not.toThrow()
    expect(text).not.toMatch(/\?\.[a-z[(]|\?\?|\bimport\b|\bexport\b/)
    expect(text).toContain('HitPay')
  })

  test.each([
    ['gzip, deflate, br', 'br', brotliDecompressSync],
    ['gzip', 'gzip', gunzipSync],
    ['br;q=0, gzip', 'gzip', gunzipSync],
    ['', undefined, (body: Buffer) => body],
  ])('hitpay.js is compressed as the browser accepts it: %s', async (accepted, coding, unpack) => {
    const plain = (await send(await testServer(), 'GET', '/hitpay.js')).text
    const { headers, body } = await raw('/hitpay.js', { 'accept-encoding': accepted })
    expect([headers['content-encoding'], headers['vary']]).toEqual([coding, 'Accept-Encoding'])
    expect(unpack(body).toString()).toBe(plain)
    if (coding) expect(body.length).toBeLessThan(3072)
  })

  test('hitpay.js is not sent again to a browser that has it', async () => {
    const { headers } = await raw('/hitpay.js', { 'accept-encoding': 'br' })
    const again = await raw('/hitpay.js', { 'accept-encoding': 'br', 'if-none-match': String(headers['etag']) })
    expect([again.status, again.body.length]).toEqual([304, 0])
    expect((await raw('/hitpay.js', { 'accept-encoding': 'gzip', 'if-none-match': String(headers['etag']) })).status).toBe(200)
  })
})

describe('GET /hitpay-iframe.html', () => {
  test('the frame can be framed by anyone, and loads only our own files', async () => {
    const server = await testServer()
    const { status, headers, text } = await send(server, 'GET', '/hitpay-iframe.html')
    expect(status).toBe(200)
    expect(headers.get('content-security-policy')).toBe(
      "default-src 'none'; script-src 'self'; style-src 'self'; frame-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors *",
    )
    expect(headers.get('x-frame-options')).toBeNull()
    expect(text).not.toMatch(/<(style|script)>| style="| on[a-z]+="/)
    const files = [...text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, path]) => path as string)
    expect(files.length).toBeGreaterThanOrEqual(2)
    for (const file of files) expect([file, (await send(server, 'GET', file)).status]).toEqual([file, 200])
  })

  test('the frame is revalidated every time, and sent again when it has changed', async () => {
    const server = await testServer()
    const { headers } = await send(server, 'GET', '/hitpay-iframe.html')
    expect(headers.get('cache-control')).toBe('no-cache')
    expect((await send(server, 'GET', '/hitpay-iframe.html', { headers: { 'if-none-match': String(headers.get('etag')) } })).status).toBe(304)
  })
})

describe('GET /v1/business/{payment_request_id}/checkout-dropin-pr', () => {
  test('the route tells anyone what the page of a request shows, and nothing about a person', async () => {
    const client = await aBusiness()
    const { json: made } = await client.post('/v1/payment-requests', {
      amount: '12.50',
      currency: 'sgd',
      email: 'jane@example.com',
      name: 'Jane',
      phone: '91234567',
      reference_number: 'A-1',
      payment_methods: ['card'],
    })
    const { status, json, headers } = await send(client.server, 'GET', `/v1/business/${made.id}/checkout-dropin-pr?slug=${client.business.slug}`)
    expect(status).toBe(200)
    expect(json).toEqual({ id: made.id, status: 'pending', amount: '12.50', currency: 'sgd', payment_methods: ['card'], url: made.url })
    expect(headers.get('access-control-allow-origin')).toBe('*')
  })

  test('a request that is another’s, deleted, unknown or requested without its business is the same 404', async () => {
    const [client, stranger] = await Promise.all([aBusiness(), aBusiness()])
    const { json: made } = await client.post('/v1/payment-requests', { amount: '12.50', currency: 'sgd' })
    const { json: deleted } = await client.post('/v1/payment-requests', { amount: '12.50', currency: 'sgd' })
    await client.delete(`/v1/payment-requests/${deleted.id}`)
    for (const last of [
      `${made.id}/checkout-dropin-pr?slug=${stranger.business.slug}`,
      `${deleted.id}/checkout-dropin-pr?slug=${client.business.slug}`,
      `${randomUUID()}/checkout-dropin-pr?slug=${client.business.slug}`,
      `not-an-id/checkout-dropin-pr?slug=${client.business.slug}`,
      `${made.id}/checkout-dropin-pr`,
      `${made.id}/checkout-dropin-pr?slug=a&slug=b`,
    ]) {
      const { status, json } = await send(client.server, 'GET', `/v1/business/${last}`)
      expect([last, status, json.message]).toEqual([last, 404, 'Not Found'])
    }
  })
})
