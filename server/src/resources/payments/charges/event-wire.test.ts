import { expect, test } from 'vitest'
import { aBusiness, eventsOf } from '#testing/api.ts'

test('charge.created and charge.updated contain the payment request, as it is after them', async () => {
  const client = await aBusiness()
  const body = { amount: '16.50', currency: 'sgd', name: 'Tan Ah Kow', reference_number: 'ORDER-7', metadata: { order: '7' } }
  const { id } = (await client.post('/v1/payment-requests', body)).json
  const paid = (await client.post(`/v1/sandbox/payment-requests/${id}/pay`, { method: 'paynow_online' })).json
  await client.post('/v1/refund', { payment_id: paid.payment_id, amount: 6.5 })
  await client.post('/v1/refund', { payment_id: paid.payment_id })
  const { location: _location, payments: _payments, ...request } = (await client.get(`/v1/payment-requests/${id}`)).json
  expect(request).toMatchObject({ id, reference_number: 'ORDER-7', amount: '16.50', name: 'Tan Ah Kow', status: 'completed' })
  const events = (await eventsOf(client)).filter(({ type }) => String(type).startsWith('charge.'))
  expect(events.map(({ type, data }) => [type, (data as { status: string }).status, (data as { payment_request: object }).payment_request])).toEqual([
    ['charge.created', 'succeeded', request],
    ['charge.updated', 'partially_refunded', request],
    ['charge.updated', 'refunded', request],
  ])
})

test('charge.failed contains the payment request, which is still pending', async () => {
  const client = await aBusiness()
  const { id } = (await client.post('/v1/payment-requests', { amount: '10.00', currency: 'sgd', reference_number: 'ORDER-8' })).json
  await client.post(`/v1/sandbox/payment-requests/${id}/pay`, { method: 'paynow_online', outcome: 'failed' })
  const failed = (await eventsOf(client)).find(({ type }) => type === 'charge.failed')
  expect(failed?.data).toMatchObject({ payment_request_id: id, payment_request: { id, status: 'pending', reference_number: 'ORDER-8' } })
})
