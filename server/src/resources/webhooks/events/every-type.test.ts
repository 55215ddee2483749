import { afterAll, beforeAll, expect, test } from 'vitest'
import { type EventType, eventTypes } from '#engine/events/emit-event.ts'
import { advance } from '#foundation/jobs/advance.ts'
import { knownEventTypes } from '#resources/webhooks/webhook-events/wire.ts'
import { aBusiness, type Client, customerBody, eventsOf } from '#testing/api.ts'
import { aBankAccount, reportCredit } from '#testing/bank.ts'
import { anEndpoint } from '#testing/deliveries.ts'
import { fakeMerchant } from '#testing/fake-merchant.ts'
import { aPaidRequest } from '#testing/payments.ts'
import { startWorkingServer, type WorkingServer } from '#testing/working-server.ts'

let server: WorkingServer
beforeAll(async () => {
  server = await startWorkingServer()
})
afterAll(() => server.stop())

const aRequest = async (client: Client, more: Record<string, unknown> = {}): Promise<string> =>
  (await client.post('/v1/payment-requests', { amount: '10.00', currency: 'sgd', ...more })).json.id
const aCustomer = async (client: Client): Promise<string> => (await client.post('/v1/customers', customerBody())).json.id
const pay = (client: Client, id: string, more: Record<string, unknown> = {}) =>
  client.post(`/v1/sandbox/payment-requests/${id}/pay`, { method: 'paynow_online', ...more })
const refund = async (client: Client, more: Record<string, unknown> = {}) =>
  client.post('/v1/refunds', { payment_id: (await aPaidRequest(client)).chargeId, amount: 1, ...more })
/** Lets so many days pass for a business, with all that falls due in them. */
const days = (client: Client, count: number) =>
  advance(client.clock, server.dueWork, client.business.id, new Date(client.clock.now().getTime() + count * 86_400_000))

/** For each type that Hawker emits, what makes it emit one. */
const causes: Record<EventType, (client: Client) => Promise<unknown>> = {
  'customer.created': aCustomer,
  'customer.updated': async (client) => client.patch(`/v1/customers/${await aCustomer(client)}`, { name: 'Jane' }),
  'customer.deleted': async (client) => client.delete(`/v1/customers/${await aCustomer(client)}`),
  'payment_request.created': aRequest,
  'payment_request.updated': async (client) => client.patch(`/v1/payment-requests/${await aRequest(client)}`, { name: 'Jane' }),
  'payment_request.canceled': async (client) => client.delete(`/v1/payment-requests/${await aRequest(client)}`),
  'payment_request.deleted': async (client) => {
    const id = await aRequest(client, { expires_after: '1 days' })
    await days(client, 2)
    return client.delete(`/v1/payment-requests/${id}`)
  },
  'payment_request.expired': async (client) => {
    await aRequest(client, { expires_after: '1 days' })
    await days(client, 2)
  },
  'payment_request.completed': async (client) => pay(client, await aRequest(client)),
  'payment_request.failed': async (client) =>
    pay(client, await aRequest(client, { payment_methods: ['wifi_card_reader'], wifi_terminal_id: 'terminal-1' }), {
      method: 'wifi_card_reader',
      outcome: 'failed',
    }),
  'charge.created': async (client) => pay(client, await aRequest(client)),
  'charge.updated': refund,
  'charge.failed': async (client) => pay(client, await aRequest(client), { method: 'card', outcome: 'failed' }),
  'charge.unapplied': async (client) => pay(client, await aRequest(client), { amount: '3.00' }),
  'refund.created': refund,
  'refund.updated': async (client) => {
    // Refunds of this card are pending at first.
    const paid = await pay(client, await aRequest(client), { method: 'card', card: { number: '4000000000007726' } })
    await client.post('/v1/refunds', { payment_id: paid.json.payment_id, amount: 1 })
    await days(client, 1)
  },
  'bank_credit.unmatched': async (client) => reportCredit(client, await aBankAccount(client)),
  'bank_credit.allocated': async (client) => {
    const credit = await reportCredit(client, await aBankAccount(client))
    return client.post(`/v1/bank-credits/${credit.json.id}/allocate`, { payment_request_id: await aRequest(client) })
  },
  'webhook_delivery.failed': async (client) => {
    const shop = await fakeMerchant({ status: 500 })
    await anEndpoint(client, shop.url, { event_types: ['customer.created'] })
    await aCustomer(client)
    await shop.got(1)
    await days(client, 10)
    await shop.stop()
  },
}

test.each(eventTypes)('an event of type %s is emitted, with its caller', async (type) => {
  const client = await aBusiness({}, server)
  await causes[type](client)
  const events = (await eventsOf(client)).filter((event) => event.type === type)
  expect(events.length).toBeGreaterThan(0)
  for (const event of events) expect(event.caller).toMatchObject({ kind: expect.stringMatching(/^(key|payer|system)$/) })
})

test('a type that an endpoint can subscribe to is emitted, or belongs to an object that Hawker does not have yet', () => {
  const missing = knownEventTypes.filter((type) => !(eventTypes as readonly string[]).includes(type))
  expect([...new Set(missing.map((type) => type.split('.')[0]))].sort()).toEqual(['invoice', 'order', 'payout', 'recurring_billing', 'transfer'])
})
