import { expect, test } from 'vitest'
import { aBusiness } from '#testing/api.ts'
import { tellEvents, testDispatcher } from '#testing/deliveries.ts'
import { fakeMerchant } from '#testing/fake-merchant.ts'
import { CommandError } from './client.ts'
import { startListening } from './listen.ts'

test('hawker listen forwards the exact bytes, loses nothing while the target is down, and deletes its endpoint', async () => {
  const client = await aBusiness()
  const { clock, server } = client
  clock.set('2026-03-01T00:00:00Z')
  const target = await fakeMerchant({ status: 202 })
  const lines: string[] = []
  const options = { url: server.url, apiKey: client.key, forwardTo: `${target.url}/hook`, events: ['charge.*'], print: (line: string) => lines.push(line) }
  const listening = await startListening(options)
  const [endpoint] = (await client.get('/v1/webhook-events')).json
  expect(endpoint).toMatchObject({ name: 'hawker listen', event_types: ['charge.*'] })
  const dispatcher = testDispatcher(client)

  const data = '{"id":"1", "amount":10.00, "name":"\\u00e9/é"}'
  const [first] = await tellEvents(client, [{ data }])
  await dispatcher.settle(client.business.id)
  expect(target.received[0]?.body.toString()).toBe(data)
  expect(target.received[0]).toMatchObject({ path: '/hook', headers: { 'webhook-id': first, 'user-agent': 'HitPay v2.0' } })
  expect(lines.at(-1)).toMatch(new RegExp(`^charge.created  ${first}  202`))

  await target.stop()
  const [second] = await tellEvents(client, [{ type: 'charge.updated' }])
  for (let i = 0; i < 40; i++) {
    await dispatcher.settle(client.business.id)
    clock.advance(2_000)
  }
  expect(lines.filter((line) => line.includes('cannot be reached'))).toHaveLength(1)
  const port = Number(new URL(target.url).port)
  const back = await fakeMerchant({ status: 200 }, port)
  await dispatcher.settle(client.business.id)
  expect(back.received.map(({ headers }) => headers['webhook-id'])).toEqual([second])

  await listening.stop()
  expect((await client.get('/v1/webhook-events')).json).toEqual([])
  await expect(startListening({ ...options, apiKey: 'wrong' })).rejects.toThrow(CommandError)
  await dispatcher.stop()
  await back.stop()
})
