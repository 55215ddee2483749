import { afterEach, describe, expect, onTestFinished, test } from 'vitest'
import { encryptSecret } from '../../foundation/shared/secrets.ts'
import { saveRailCredentials } from '../../resources/rails/queries.ts'
import { type CheckDeps, checkRails } from '../../resources/refunds/check-rails.ts'
import { aBusiness, send, testSecretKey } from '../../testing/api.ts'
import { type StripeFake, startStripeFake } from '../../testing/stripe-fake.ts'

let stripe: StripeFake
afterEach(async () => stripe.close())

/** A live business whose cards a Stripe of its own takes, and the page of a request of it. */
async function aLivePage(without: Partial<StripeFake['access']> = {}) {
  const client = await aBusiness({ mode: 'live' })
  stripe = await startStripeFake()
  const { database, clock, app } = client.server
  await saveRailCredentials(
    database.db,
    client.business.id,
    'stripe',
    encryptSecret(JSON.stringify({ ...stripe.access, ...without }), testSecretKey),
    new Date(),
  )
  const { json } = await client.post('/v1/payment-requests', { amount: '10.00', currency: 'sgd' })
  const path = new URL(json.url).pathname.replace(/\/checkout$/, '')
  return {
    client,
    id: json.id as string,
    html: () => send(client.server, 'GET', `${path}/checkout`),
    state: async (attempt = '') => (await send(client.server, 'GET', `${path}/state?attempt=${attempt}`)).json,
    attempt: (body: object, key: string = crypto.randomUUID()) =>
      send(client.server, 'POST', `${path}/attempts`, { body: { method: 'card', ...body }, headers: { 'idempotency-key': key } }),
    /** Does what the poller does. */
    check: () => checkRails({ ...app.payments, now: clock.now, log: app.fastify.log as CheckDeps['log'] }),
  }
}

describe('a live card on the hosted page', () => {
  test('is given to Stripe by the browser, which may speak to it and to nobody else', async () => {
    const page = await aLivePage()
    const { methods } = await page.state()
    const { protocol, host, port } = stripe.access
    expect(methods).toEqual([
      expect.objectContaining({
        code: 'card',
        tokeniser: { type: 'stripe', url: `${protocol}://${host}:${port}/v1/payment_methods`, publishable_key: 'pk_test_fake' },
      }),
    ])
    expect((await page.html()).headers.get('content-security-policy')).toContain(`connect-src 'self' ${protocol}://${host}:${port};`)
  })

  test('cannot be chosen while no one is named who would take its number', async () => {
    const page = await aLivePage({ publishable_key: '' })
    expect((await page.state()).methods).toEqual([])
  })

  test('is charged once for its token', async () => {
    const page = await aLivePage()
    const key = crypto.randomUUID()
    const answers = await Promise.all([1, 2, 3].map(() => page.attempt({ token: 'pm_card_visa' }, key)))
    const ids = new Set(answers.map(({ json }) => json.state.paid?.charge_id))
    expect(ids.size).toBe(1)
    expect(stripe.intents.size).toBe(1)
    expect((await page.state()).request.status).toBe('completed')
  })

  test('of two tabs that pay at once is charged in one', async () => {
    const page = await aLivePage()
    const answers = await Promise.all([1, 2, 3, 4].map(() => page.attempt({ token: 'pm_card_visa' })))
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409, 409, 409])
    expect(stripe.intents.size).toBe(1)
  })

  test('that needs 3-D Secure sends the payer on, and is known as soon as they come back', async () => {
    const page = await aLivePage()
    const { json } = await page.attempt({ token: 'pm_card_authenticationRequired' })
    const { attempt } = json.state
    expect(attempt).toMatchObject({ status: 'requires_action', action_url: expect.stringContaining('https://') })
    stripe.challenge(attempt.id, true)
    expect((await page.state(attempt.id)).attempt.status).toBe('requires_action')
    await page.check()
    expect(await page.state(attempt.id)).toMatchObject({ attempt: { status: 'succeeded' }, request: { status: 'completed' }, paid: { charge_id: attempt.id } })
  })

  test('that is declined leaves the request to be paid otherwise', async () => {
    const page = await aLivePage()
    const { json } = await page.attempt({ token: 'pm_card_chargeDeclinedInsufficientFunds' })
    expect(json.state).toMatchObject({ attempt: { status: 'failed', failure_code: 'insufficient_funds' }, request: { status: 'pending' } })
    expect((await page.attempt({ token: 'pm_card_visa' })).json.state.request.status).toBe('completed')
  })

  test('whose answer is lost is pending, holds up the next try, and is not charged again', async () => {
    const page = await aLivePage()
    stripe.fault('drop')
    const { json } = await page.attempt({ token: 'pm_card_visa' })
    expect(json.state.attempt.status).toBe('processing')
    stripe.fault()
    expect((await page.attempt({ token: 'pm_card_visa' })).json.code).toBe('payment_in_progress')
    onTestFinished(page.client.server.clock.release)
    page.client.server.clock.advance(61_000)
    await page.check()
    expect((await page.state()).request.status).toBe('completed')
    expect(stripe.intents.size).toBe(1)
  })
})
