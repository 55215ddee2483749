import { expect, onTestFinished, test } from 'vitest'
import { aBusiness, customerBody, send, startTestServer } from '#testing/api.ts'
import { testDatabase } from '#testing/database.ts'

test('requests above the limit of a key are rejected with the time to retry, and other keys are not', async () => {
  const server = await startTestServer(await testDatabase(), { rateLimit: 5 })
  onTestFinished(() => server.app.fastify.close())
  const [busy, calm] = [await aBusiness({}, server), await aBusiness({}, server)]
  const made = await busy.post('/v1/customers', customerBody())
  expect([made.status, made.headers.get('x-ratelimit-limit'), made.headers.get('x-ratelimit-remaining')]).toEqual([201, '5', '4'])
  // A method in a form is one request, not two.
  const patched = await busy.post(`/v1/customers/${made.json.id}`, undefined, { form: '_method=PATCH&name=x' })
  expect([patched.status, patched.headers.get('x-ratelimit-remaining')]).toEqual([200, '3'])
  for (let i = 0; i < 3; i++) expect((await busy.get('/v1/customers')).status).toBe(200)
  const refused = await busy.get('/v1/customers')
  expect(refused.status).toBe(429)
  expect(refused.json).toEqual({ message: 'Too Many Attempts.', code: 'too_many_requests', request_id: refused.headers.get('x-request-id') })
  const retry = Number(refused.headers.get('retry-after'))
  expect(retry > 0 && retry <= 60).toBe(true)
  expect(refused.headers.get('x-ratelimit-remaining')).toBe('0')
  expect(refused.headers.get('x-content-type-options')).toBe('nosniff')
  expect((await busy.post('/v1/customers', customerBody())).status).toBe(429)
  expect((await calm.get('/v1/customers')).status).toBe(200)
  for (let i = 0; i < 10; i++) expect((await send(server, 'GET', '/healthz')).status).toBe(200)
})

test('responses without a limit have no rate limit headers', async () => {
  const client = await aBusiness()
  expect((await client.get('/v1/customers')).headers.get('x-ratelimit-limit')).toBeNull()
})
