import { Type } from 'typebox'
import { expect, test } from 'vitest'
import { systemClock } from '#foundation/shared/clock.ts'
import { createApi } from './create-api.ts'
import { linkBases } from './link-base.ts'
import { createLog, createMetrics } from './observability.ts'

/** A server without a database, for pages alone. */
function anApi() {
  const options = {
    log: createLog('silent'),
    metrics: createMetrics(),
    clock: systemClock,
    baseUrl: () => 'https://pay.example.com',
    authenticators: [] as const,
  }
  return createApi({ ...options, linkBase: linkBases(options), idempotency: { once: (_claim, _options, run) => run() } })
}

test('a page gets the texts of its query that it names, if they are single, not empty and not too long', async () => {
  const api = await anApi()
  api.page('/shops/:slug/items/:id', { query: ['lang', 'size'] }, async ({ params, query }) => ({ status: 200, json: { params, query } }))
  const read = async (query: string) => (await api.fastify.inject(`/shops/kopi/items/7?${query}`)).json()
  expect(await read('lang=en&size=l&other=x')).toEqual({ params: { slug: 'kopi', id: '7' }, query: { lang: 'en', size: 'l' } })
  for (const query of ['lang=', 'lang=a&lang=b', 'lang[a]=b', `lang=${'x'.repeat(1_025)}`]) expect((await read(query)).query).toEqual({})
})

test('a page answers with the headers of every answer, its own in place of some of them, and without those that it removes', async () => {
  const api = await anApi()
  const headers = { 'x-frame-options': null, 'content-security-policy': "default-src 'self'", 'content-type': 'text/css; charset=utf-8' }
  api.page('/page', {}, async () => ({ status: 203, headers, body: 'a{}' }))
  const { statusCode, body, headers: sent } = await api.fastify.inject('/page')
  expect([statusCode, body]).toEqual([203, 'a{}'])
  expect(sent).toMatchObject({ 'content-security-policy': "default-src 'self'", 'content-type': 'text/css; charset=utf-8', 'referrer-policy': 'no-referrer' })
  expect(sent).not.toHaveProperty('x-frame-options')
})

test('a page that does not exist is the 404 of the API, or one of its own', async () => {
  const api = await anApi()
  api.page('/plain', {}, async () => undefined)
  api.page('/own', { query: ['lang'], notFound: async ({ query }) => ({ status: 404, body: `not here, ${query.lang}` }) }, async () => undefined)
  const plain = await api.fastify.inject('/plain')
  expect([plain.statusCode, plain.json().code]).toEqual([404, 'not_found'])
  const own = await api.fastify.inject('/own?lang=ta')
  expect([own.statusCode, own.body]).toEqual([404, 'not here, ta'])
})

test('a body is validated, and tidied where the page asks for it', async () => {
  const api = await anApi()
  const body = Type.Object({ name: Type.Optional(Type.String({ minLength: 1 })) })
  api.page('/raw', { method: 'POST', body }, async (call) => ({ status: 200, json: call.body }))
  api.page('/tidy', { method: 'POST', body, tidies: true }, async (call) => ({ status: 200, json: call.body }))
  const post = (url: string, payload?: object) => api.fastify.inject({ method: 'POST', url, ...(payload ? { payload } : {}) })
  expect((await post('/raw', { name: ' a ' })).json()).toEqual({ name: ' a ' })
  expect((await post('/tidy', { name: ' a ' })).json()).toEqual({ name: 'a' })
  expect((await post('/raw', { name: '' })).statusCode).toBe(422)
  expect((await post('/tidy', { name: '' })).json()).toEqual({})
  expect((await post('/tidy')).json()).toEqual({})
})

test('what a page writes comes from a payer, what a raw message writes from the system, and neither believes the Host header', async () => {
  const api = await anApi()
  api.page('/page', {}, async ({ origin, address }) => ({ status: 200, json: { ...origin('b'), address } }))
  api.raw('/raw', async ({ origin }) => ({ status: 200, body: JSON.stringify(origin('b')) }))
  const headers = { host: 'evil.example.com', 'x-request-id': 'r' }
  const page = (await api.fastify.inject({ url: '/page', headers })).json()
  expect(page).toMatchObject({ caller: { kind: 'payer' }, requestId: 'r', baseUrl: 'https://pay.example.com', address: 'https://pay.example.com' })
  const raw = (await api.fastify.inject({ method: 'POST', url: '/raw', headers })).json()
  expect(raw).toMatchObject({ caller: { kind: 'system' }, requestId: 'r', baseUrl: 'https://pay.example.com' })
})

test('a stream answers over its connection and has no HEAD', async () => {
  const api = await anApi()
  api.page('/events', { isStream: true }, async () => ({
    status: 200,
    stream(reply) {
      reply.hijack()
      reply.raw.end('data: 1\n\n')
    },
  }))
  expect((await api.fastify.inject('/events')).body).toBe('data: 1\n\n')
  expect((await api.fastify.inject({ method: 'HEAD', url: '/events' })).statusCode).toBe(405)
})
