import type { CheckoutState } from '@hawker/web/checkout-state'
import { expect, test } from 'vitest'
import { aBusiness, type Client, send } from '#testing/api.ts'

const dataOf = (html: string) => JSON.parse(/<script type="application\/json" id="data">(.*?)<\/script>/s.exec(html)?.[1] ?? 'null')

/** A link for repeated payments, and what a page of it sees. */
async function aRepeatedLink(client: Client, more: object = {}) {
  const { json } = await client.post('/v1/payment-requests', { amount: '12.50', currency: 'sgd', allow_repeated_payments: true, ...more })
  const path = new URL(json.url).pathname.replace(/\/checkout$/, '')
  const state = async (attempt = ''): Promise<CheckoutState> => (await send(client.server, 'GET', `${path}/state?attempt=${attempt}`)).json
  return {
    id: json.id as string,
    state,
    page: async (query = ''): Promise<string> => (await send(client.server, 'GET', `${path}/checkout${query}`)).text,
    pay: async (body: object): Promise<string> => (await client.post(`/v1/sandbox/payment-requests/${json.id}/pay`, body)).json.payment_id,
  }
}

const nothing = { attempt: null, paid: null, unapplied: [] }

test('a page of a link for repeated payments shows nothing of another payer’s payment, whatever became of it', async () => {
  const client = await aBusiness()
  const link = await aRepeatedLink(client)
  const payer = { name: 'Lim Ah Kow', email: 'lim.ah.kow@example.com' }
  const others = [
    await link.pay({ method: 'card', ...payer }),
    await link.pay({ method: 'card', card: '4000000000000002', ...payer }),
    await link.pay({ method: 'grabpay_direct', interactive: true, ...payer }),
    await link.pay({ method: 'paynow_online', outcome: 'failed', ...payer }),
    await link.pay({ method: 'paynow_online', amount: '9.90', ...payer }),
    await link.pay({ method: 'paynow_online', outcome: 'timeout', ...payer }),
  ]
  const state = await link.state()
  expect(state).toMatchObject(nothing)
  expect(state.request).toMatchObject({ email: null, name: null, completed_url: null })
  const html = await link.page()
  expect(dataOf(html).state).toMatchObject(nothing)
  for (const trace of [...others, payer.name, payer.email, '4242', '9.90']) {
    expect([trace, html.includes(trace), JSON.stringify(state).includes(trace)]).toEqual([trace, false, false])
  }
})

test('a page of a link for repeated payments shows its own payment only, and none of another request', async () => {
  const client = await aBusiness()
  const link = await aRepeatedLink(client)
  const other = await aRepeatedLink(client, { amount: '99.00' })
  const [mine, theirs, elsewhere] = [
    await link.pay({ method: 'card' }),
    await link.pay({ method: 'card', card: '5555555555554444' }),
    await other.pay({ method: 'card', card: '378282246310005' }),
  ]
  const state = await link.state(mine)
  expect([state.attempt?.id, state.paid?.charge_id, state.paid?.card?.last4]).toEqual([mine, mine, '4242'])
  expect(JSON.stringify(state)).not.toContain(theirs)
  expect(await link.state(elsewhere)).toMatchObject(nothing)
})
