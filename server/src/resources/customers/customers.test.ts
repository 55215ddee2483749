import { describe, expect, test } from 'vitest'
import { aBusiness, customerBody, eventsOf } from '../../testing/api.ts'

describe('POST /v1/customers', () => {
  test('creates a customer and records the event', async () => {
    const client = await aBusiness()
    const body = customerBody({ name: 'Jane Doe' })
    const created = await client.post('/v1/customers', body)
    expect(created.status).toBe(201)
    expect(created.json).toMatchObject(body)
    const events = await eventsOf(client)
    expect(events).toHaveLength(1)
    expect(events[0]).toMatchObject({ sequence: 1, type: 'customer.created', object_id: created.json.id, data: created.json })
  })
})
