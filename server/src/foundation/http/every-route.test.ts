import { readFileSync } from 'node:fs'
import { beforeAll, describe, expect, test } from 'vitest'
import { aBusiness, type Client, customerBody, send } from '../../testing/api.ts'
import { aBankAccount, reportCredit } from '../../testing/bank.ts'
import { aPng } from '../../testing/pictures.ts'
import { newId, randomHex } from '../shared/ids.ts'

interface OpenApiOperation {
  operationId: string
  tags: string[]
  parameters?: { name: string; in: string }[]
  requestBody?: object
  responses: Record<string, unknown>
}

const document = JSON.parse(readFileSync(new URL('../../../../openapi.json', import.meta.url), 'utf8')) as {
  paths: Record<string, Record<string, OpenApiOperation>>
}
const operations = Object.entries(document.paths).flatMap(([path, item]) =>
  Object.entries(item).map(([method, operation]) => ({ ...operation, method: method.toUpperCase(), path, name: `${method.toUpperCase()} ${path}` })),
)
type Named = (typeof operations)[number]
const writes = operations.filter(({ method }) => method !== 'GET')
/** A method of payment is a word, the same for every business. */
const withId = operations.filter(({ path }) => path.includes('{') && !path.includes('{method}'))

const webhookEvent = () => ({ name: 'Shop', url: 'http://127.0.0.1:9/hook' })
/** A request that was paid, with its charge; play money comes from the sandbox. */
const aPaidRequest = async (client: Client): Promise<{ requestId: string; chargeId: string }> => {
  const { json } = await client.post('/v1/payment-requests', { amount: '10.00', currency: 'sgd' })
  const paid = await client.post(`/v1/sandbox/payment-requests/${json.id}/pay`, { method: 'paynow_online' })
  return { requestId: json.id, chargeId: paid.json.payment_id }
}
const aCode = async (client: Client): Promise<string> => {
  const body = { amount: '10.00', currency: 'sgd', payment_methods: ['paynow_online'], generate_qr: true }
  return (await client.post('/v1/payment-requests', body)).json.qr_code_data.qr_code
}
const aWebhookEvent = async (client: Client): Promise<string> => (await client.post('/v1/webhook-events', webhookEvent())).json.id

const bankAccount = () => ({ account_number: `0${randomHex(8)}`, name: 'Kopi stall' })

/** For each parameter of a path, how a test gets an object of a business to put there; a new resource adds a line. */
const makers: Record<string, (client: Client, operationId: string) => Promise<string>> = {
  customer_id: async (client) => (await client.post('/v1/customers', customerBody())).json.id,
  event_id: async (client) => {
    await client.post('/v1/customers', customerBody())
    return (await client.get('/v1/events')).json.data[0].id
  },
  webhook_event_id: aWebhookEvent,
  webhook_delivery_id: async (client) => {
    const endpoint = await aWebhookEvent(client)
    await client.post('/v1/customers', customerBody())
    await client.get('/v1/events')
    return (await client.get(`/v1/webhook-deliveries?endpoint_id=${endpoint}`)).json.data[0].id
  },
  charge_id: async (client) => (await aPaidRequest(client)).chargeId,
  refund_id: async (client) => (await client.post('/v1/refunds', { payment_id: (await aPaidRequest(client)).chargeId, amount: 1 })).json.id,
  payment_request_id: async (client, operationId) =>
    operationId === 'refundPaymentRequest' ? (await aPaidRequest(client)).requestId : (makers.request_id?.(client, operationId) ?? ''),
  bank_account_id: async (client) => (await client.post('/v1/bank-accounts', bankAccount())).json.id,
  bank_credit_id: async (client) => (await reportCredit(client, await aBankAccount(client))).json.id,
  method: async () => 'card',
  location_id: async (client) => (await client.get('/v1/locations')).json[0].id,
  request_id: async (client) => (await client.post('/v1/payment-requests', { amount: '10.00', currency: 'sgd' })).json.id,
}
/** For each operation with a body, one that is valid; a new operation adds a line. */
const bodies: Record<string, (client: Client) => Record<string, unknown> | Promise<Record<string, unknown>>> = {
  createCustomer: () => customerBody({ name: 'Jane' }),
  updateCustomer: () => ({ name: `Jane ${randomHex(2)}` }),
  createPaymentRequest: () => ({ amount: '10.00', currency: 'sgd', name: 'Jane' }),
  updatePaymentRequest: () => ({ amount: '12.50', currency: 'sgd' }),
  patchPaymentRequest: () => ({ name: `Jane ${randomHex(2)}` }),
  upsertCustomer: () => ({ name: `Jane ${randomHex(2)}` }),
  createWebhookEvent: webhookEvent,
  updateWebhookEvent: webhookEvent,
  patchWebhookEvent: () => ({ name: 'Other shop' }),
  replayEvents: () => ({ event_type: 'charge.created' }),
  verifySignature: () => ({ body: '{}', salt: 'salt' }),
  createRefund: async (client) => ({ payment_id: (await aPaidRequest(client)).chargeId, amount: 1 }),
  createRefundToo: async (client) => ({ payment_id: (await aPaidRequest(client)).chargeId, amount: 1 }),
  refundPaymentRequest: () => ({ amount: 1 }),
  putFeeSchedule: () => ({ currency: 'sgd', fixed: 0.5, rate: 2.8, release_days: 2 }),
  createBankAccount: bankAccount,
  allocateBankCredit: async (client) => ({ payment_request_id: await makers.request_id?.(client, '') }),
  setUpStripe: () => ({ secret_key: 'sk_test_0', webhook_secret: 'whsec_0' }),
  paySandboxPaymentRequest: () => ({ method: 'paynow_online' }),
  answerSandboxPayment: () => ({ outcome: 'declined' }),
  updateCheckoutSettings: () => ({ display_name: `Shop ${randomHex(2)}`, primary_color: '#0f766e' }),
  putCheckoutLogo: () => ({ content_type: 'image/png', data: aPng().toString('base64') }),
  paySandboxCode: async (client) => ({ qr_code: await aCode(client) }),
}
/** Operations whose answers do not show what was sent. */
const actions = new Set([
  'replayEvents',
  'verifySignature',
  'createRefund',
  'createRefundToo',
  'refundPaymentRequest',
  'putFeeSchedule',
  'paySandboxPaymentRequest',
  'answerSandboxPayment',
  'paySandboxCode',
  'setUpStripe',
  'putCheckoutLogo',
])

const parameterOf = ({ path }: Named) => /\{(\w+)\}/.exec(path)?.[1] ?? ''
async function pathFor(operation: Named, client: Client): Promise<string> {
  const maker = makers[parameterOf(operation)]
  return maker ? operation.path.replace(/\{\w+\}/, await maker(client, operation.operationId)) : operation.path
}
const bodyFor = async (operation: Named, client: Client) => bodies[operation.operationId]?.(client)

let owner: Client
let stranger: Client
beforeAll(async () => {
  owner = await aBusiness()
  stranger = await aBusiness()
})

test('these rules know every operation with an id and every operation with a body', () => {
  expect(withId.map(parameterOf).filter((name) => !makers[name])).toEqual([])
  expect(operations.filter(({ requestBody, operationId }) => requestBody && !bodies[operationId]).map(({ name }) => name)).toEqual([])
})

describe('every operation', () => {
  test.each(operations)('$name needs a key', async ({ method, path }) => {
    for (const headers of [{}, { 'x-business-api-key': `test_${'0'.repeat(64)}` }]) {
      const answer = await send(owner.server, method, path.replace(/\{\w+\}/, newId(new Date())), { headers })
      expect([answer.status, answer.json.code]).toEqual([401, 'invalid_api_key'])
    }
  })

  test.each(withId)('$name hides what another business has behind the 404 of what there is not', async (operation) => {
    const id = (await makers[parameterOf(operation)]?.(stranger, operation.operationId)) ?? ''
    const unknown = newId(new Date())
    const ask = async (which: string) => {
      const body = await bodyFor(operation, owner)
      const answer = await owner.request(operation.method, operation.path.replace(/\{\w+\}/, which), {
        ...(body ? { body } : {}),
        headers: { 'x-request-id': 'same' },
      })
      const { date: _date, ...headers } = Object.fromEntries(answer.headers)
      return { status: answer.status, headers, text: answer.text.replaceAll(which, '{id}') }
    }
    const hidden = await ask(id)
    expect(hidden.status).toBe(404)
    expect(hidden).toEqual(await ask(unknown))
    // An action has no page of its own; its object has.
    expect(
      (
        await stranger.get(
          operation.path
            .replace('/sandbox/payments/', '/charges/')
            .replace('/sandbox/', '/')
            .replace(/\{\w+\}.*/, id),
        )
      ).status,
    ).toBe(200)
  })

  test.each(operations)('$name takes what it does not know for nothing', async (operation) => {
    const path = await pathFor(operation, owner)
    const body = await bodyFor(operation, owner)
    const answer = await owner.request(operation.method, `${path}?nothing=1&no[thing]=2`, { ...(body ? { body: { ...body, nothing: { at: ['all'] } } } : {}) })
    expect(answer.status).toBeLessThan(300)
    expect(answer.text).not.toContain('nothing')
  })

  test.each(writes)('$name with an Idempotency-Key is replayed', async (operation) => {
    const path = await pathFor(operation, owner)
    const body = await bodyFor(operation, owner)
    const options = { ...(body ? { body } : {}), headers: { 'idempotency-key': `every-${operation.operationId}` } }
    const first = await owner.request(operation.method, path, options)
    const again = await owner.request(operation.method, path, options)
    expect(first.status).toBeLessThan(300)
    expect([again.status, again.text, again.headers.get('idempotent-replayed')]).toEqual([first.status, first.text, 'true'])
  })

  test.each(writes.filter(({ requestBody }) => requestBody))('$name takes JSON, a form and multipart', async (operation) => {
    for (const spelling of ['json', 'form', 'multipart']) {
      const path = await pathFor(operation, owner)
      const body = ((await bodyFor(operation, owner)) ?? {}) as Record<string, string>
      const multipart = new FormData()
      for (const [name, value] of Object.entries(body)) multipart.set(name, value)
      const options = spelling === 'json' ? { body } : spelling === 'form' ? { form: new URLSearchParams(body) } : { raw: { body: multipart } }
      const answer = await owner.request(operation.method, path, options)
      expect([spelling, answer.status < 300]).toEqual([spelling, true])
      if (!actions.has(operation.operationId)) expect(answer.json).toMatchObject(body)
    }
  })

  test.each(operations)('$name has a tag, and its answers say what can go wrong', ({ tags, responses, method }) => {
    expect(tags).toHaveLength(1)
    expect(Object.keys(responses)).toEqual(expect.arrayContaining(method === 'GET' ? ['401'] : ['401', '409', '422']))
  })
})
