import { expect, test } from 'vitest'
import { testCardToken } from '#engine/rails/test-cards.ts'
import { aBusiness, type Client, send } from '#testing/api.ts'
import { aBankAccount } from '#testing/bank.ts'
import { checkDue } from '#testing/payments.ts'

const token = testCardToken('4242424242424242') ?? ''

/** A payment that a simulator page asks about, of a sandbox business. */
async function aWaitingPayment(client: Client): Promise<string> {
  const { json } = await client.post('/v1/payment-requests', { amount: '10.00', currency: 'sgd' })
  return (await client.post(`/v1/sandbox/payment-requests/${json.id}/pay`, { method: 'grabpay_direct', interactive: true })).json.payment_id
}

/** Every way to make the simulator pay, tried on a request and a charge of `client`, with the key of `by`. */
function ways(client: Client, by: Client, { id, code, chargeId }: { id: string; code: string; chargeId: string }) {
  const page = `/payment-request/@${client.business.slug}/${id}`
  const link = `${client.server.url}${page}/checkout?method=grabpay_direct`
  const body = (value: object) => ({ body: value, headers: { 'idempotency-key': crypto.randomUUID() } })
  const ask = (method: string, path: string, more = {}) => send(client.server, method, path, more)
  const asking = ['wallet', 'challenge'].flatMap((kind) => {
    const path = `/sandbox/${kind}/${client.business.id}/${chargeId}`
    return [() => ask('GET', path), () => ask('POST', path, { form: new URLSearchParams({ outcome: 'approved' }) })]
  })
  return {
    404: [
      ...asking,
      () => ask('GET', `/sandbox/phone/payments/${client.business.id}/${chargeId}`),
      () => by.post(`/v1/sandbox/payment-requests/${id}/pay`, { method: 'grabpay_direct', anyway: true }),
      () => by.post(`/v1/sandbox/payments/${chargeId}/answer`, { outcome: 'approved' }),
    ],
    422: [
      ...['read', 'pay'].flatMap((act) => [code, link].map((payload) => () => ask('POST', `/sandbox/phone/${act}`, body({ payload })))),
      ...(by.business.mode === 'live' ? [] : [code, link].map((qr_code) => () => by.post('/v1/sandbox/pay-code', { qr_code }))),
      ...[{ method: 'card', token }, { method: 'grabpay_direct' }, { method: 'fpx' }, { method: 'cash', interactive: true, outcome: 'completed' }].map(
        (attempt) => () => ask('POST', `${page}/attempts`, body(attempt)),
      ),
    ],
  }
}

test('a live business cannot be paid through the simulator, with its own key or another’s', async () => {
  const [live, sandbox] = [await aBusiness({ mode: 'live' }), await aBusiness()]
  await aBankAccount(live)
  const request = await live.post('/v1/payment-requests', { amount: '10.00', currency: 'sgd', payment_methods: ['paynow_online'], generate_qr: true })
  const { id, qr_code_data } = request.json
  // As if the simulator had started one there: a row like that of a sandbox payment that waits for its payer.
  const waiting = await aWaitingPayment(sandbox)
  const { db } = live.server.database
  const { business_id: _theirs, ...row } = await db
    .selectFrom('charges')
    .selectAll()
    .where('business_id', '=', sandbox.business.id)
    .where('id', '=', waiting)
    .executeTakeFirstOrThrow()
  const chargeId = crypto.randomUUID()
  const forged = { ...row, id: chargeId, business_id: live.business.id, payment_request_id: id, customer_id: null, location_id: null }
  await db
    .insertInto('charges')
    .values({ ...forged, card: JSON.stringify(row.card), rail_data: JSON.stringify(row.rail_data), metadata: JSON.stringify(row.metadata) } as never)
    .execute()
  for (const by of [live, sandbox]) {
    const all = ways(live, by, { id, code: qr_code_data.qr_code, chargeId })
    for (const [status, tries] of Object.entries(all)) {
      for (const one of tries) expect([String(one), (await one()).status]).toEqual([String(one), Number(status)])
    }
  }
  expect((await live.post('/v1/sandbox/pay-code', { qr_code: qr_code_data.qr_code })).status).toBe(404)
  await checkDue(live, 2_000)
  expect((await live.get(`/v1/payment-requests/${id}`)).json.status).toBe('pending')
  const charges = await db.selectFrom('charges').select(['id', 'status']).where('business_id', '=', live.business.id).execute()
  expect(charges).toEqual([{ id: chargeId, status: 'requires_customer_action' }])
  expect(await db.selectFrom('ledger_transfers').selectAll().where('business_id', '=', live.business.id).execute()).toEqual([])
})

test('a payment is found only under its own business, and a page only under its own slug', async () => {
  const [owner, stranger] = [await aBusiness(), await aBusiness()]
  const chargeId = await aWaitingPayment(owner)
  const { json } = await owner.post('/v1/payment-requests', { amount: '10.00', currency: 'sgd' })
  for (const path of [
    `wallet/${stranger.business.id}/${chargeId}`,
    `challenge/${stranger.business.id}/${chargeId}`,
    `phone/payments/${stranger.business.id}/${chargeId}`,
  ])
    expect([path, (await send(owner.server, 'GET', `/sandbox/${path}`)).status]).toEqual([path, 404])
  const page = `/payment-request/@${stranger.business.slug}/${json.id}`
  for (const [method, last, body] of [
    ['GET', 'checkout', undefined],
    ['GET', 'state', undefined],
    ['GET', 'events', undefined],
    ['GET', 'code.png?method=paynow_online', undefined],
    ['POST', 'attempts', { method: 'card', token }],
    ['POST', 'codes', { method: 'paynow_online' }],
  ] as const) {
    const answer = await send(owner.server, method, `${page}/${last}`, { ...(body ? { body } : {}), headers: { 'idempotency-key': crypto.randomUUID() } })
    expect([last, answer.status]).toEqual([last, 404])
  }
  // Nor does one's own page show the payment of another's request.
  const { json: state } = await send(owner.server, 'GET', `/payment-request/@${owner.business.slug}/${json.id}/state?attempt=${chargeId}`)
  expect([state.attempt, state.paid, state.unapplied]).toEqual([null, null, []])
})
