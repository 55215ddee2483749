import { sql } from 'kysely'
import { afterEach, describe, expect, onTestFinished, test } from 'vitest'
import { encryptSecret } from '#foundation/shared/secrets.ts'
import { pollRails } from '#resources/payments/rails/poll-rails-job.ts'
import { saveRailCredentials } from '#resources/payments/rails/queries.ts'
import { aBusiness, send, startTestServer, testSecretKey } from '#testing/api.ts'
import { type StripeFake, startStripeFake } from '#testing/stripe-fake.ts'

let stripe: StripeFake
afterEach(async () => stripe.close())

/** A live business whose cards go through a Stripe of its own, and the page of one of its requests. */
async function aLivePage(more: object = {}) {
  const client = await aBusiness({ mode: 'live' })
  stripe = await startStripeFake()
  const { database, app } = client.server
  await saveRailCredentials(database.db, client.business.id, 'stripe', encryptSecret(JSON.stringify(stripe.access), testSecretKey), new Date())
  const { json } = await client.post('/v1/payment-requests', { amount: '10.00', currency: 'sgd', ...more })
  const path = new URL(json.url).pathname.replace(/\/checkout$/, '')
  return {
    client,
    id: json.id as string,
    html: () => send(client.server, 'GET', `${path}/checkout`),
    state: async (attempt = '') => (await send(client.server, 'GET', `${path}/state?attempt=${attempt}`)).json,
    attempt: (body: object, key: string = crypto.randomUUID(), server = client.server) =>
      send(server, 'POST', `${path}/attempts`, { body: { method: 'card', ...body }, headers: { 'idempotency-key': key } }),
    /** Does what the poller does. */
    check: () => pollRails(app.payments, { until: client.clock.now(), businessId: client.business.id }),
  }
}

describe('a live card on the hosted page', () => {
  test('a live card is sent to Stripe by the browser, which may talk to Stripe and to nobody else', async () => {
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

  test('a live card cannot be chosen without a publishable key', async () => {
    const page = await aLivePage()
    const { business, server } = page.client
    const keyless = encryptSecret(JSON.stringify({ ...stripe.access, publishable_key: '' }), testSecretKey)
    await saveRailCredentials(server.database.db, business.id, 'stripe', keyless, new Date())
    expect((await page.state()).methods).toEqual([])
  })

  test('a live card is charged once for its token', async () => {
    const page = await aLivePage()
    const key = crypto.randomUUID()
    const answers = await Promise.all([1, 2, 3].map(() => page.attempt({ token: 'pm_card_visa' }, key)))
    const ids = new Set(answers.map(({ json }) => json.state.paid?.charge_id))
    expect(ids.size).toBe(1)
    expect(stripe.intents.size).toBe(1)
    expect((await page.state()).request.status).toBe('completed')
  })

  test.each([false, true])(
    'a live card is charged once for its key, by whichever of two processes it arrives (repeated: %s)',
    async (allow_repeated_payments) => {
      const page = await aLivePage({ allow_repeated_payments })
      const other = await startTestServer(page.client.server.database)
      onTestFinished(() => other.app.fastify.close())
      const key = crypto.randomUUID()
      const answers = await Promise.all([undefined, other, undefined, other].map((server) => page.attempt({ token: 'pm_card_visa' }, key, server)))
      expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200])
      expect(new Set(answers.map(({ json }) => json.state.attempt.id)).size).toBe(1)
      expect(stripe.intents.size).toBe(1)
      expect((await page.attempt({ token: 'pm_card_visa', method: 'card', name: 'another' }, key, other)).json.code).toBe('idempotency_key_reused')
    },
  )

  test('a card number in place of a token is rejected, and stored nowhere', async () => {
    const page = await aLivePage()
    const number = '4000 0566 5566 5556'
    const grouped = ['', '-', '.', '_', '/', ' . ', '\u00a0', '\u2009', '·', '–'].map((between) => number.replaceAll(' ', between))
    const written = [...grouped, `card ${number}`, `${number} 12/30`, number.replace(/\d/g, (digit) => String.fromCharCode(0xff10 + Number(digit)))]
    for (const token of written) {
      const { status, text, json } = await page.attempt({ token })
      expect([token, status, json.code, text.includes('5556')]).toEqual([token, 422, 'card_number_not_taken', false])
    }
    await page.attempt({ token: 'pm_card_visa', number: number.replaceAll(' ', ''), card: { number } }, 'once')
    const { database } = page.client.server
    const { rows } = await sql<{ fingerprint: object }>`select fingerprint from idempotency_keys where business_id = ${page.client.business.id}`.execute(
      database.db,
    )
    expect(rows.flatMap(({ fingerprint }) => Object.keys(fingerprint))).not.toContain('body.number')
    expect(rows.flatMap(({ fingerprint }) => Object.keys(fingerprint))).not.toContain('body.card')
    // The last four digits alone may be part of any id.
    expect(page.client.server.log().replaceAll(/\W/g, '')).not.toContain('55665556')
  })

  test('a live card is tried at most thirty times, however many attempts arrive at the same time', async () => {
    const page = await aLivePage({ allow_repeated_payments: true })
    // Successful payments are not counted: a link that many share is no attack.
    for (let round = 0; round < 2; round += 1) {
      const paid = await Promise.all(Array.from({ length: 16 }, () => page.attempt({ token: 'pm_card_visa' })))
      expect(new Set(paid.map(({ status }) => status))).toEqual(new Set([200]))
    }
    const tried = await Promise.all(Array.from({ length: 40 }, () => page.attempt({ token: 'pm_card_chargeDeclinedInsufficientFunds' })))
    expect(tried.filter(({ status }) => status === 200)).toHaveLength(30)
    expect(new Set(tried.filter(({ status }) => status !== 200).map(({ json }) => json.code))).toEqual(new Set(['too_many_attempts']))
  })

  test('two tabs that pay at the same time charge a live card once', async () => {
    const page = await aLivePage()
    const answers = await Promise.all([1, 2, 3, 4].map(() => page.attempt({ token: 'pm_card_visa' })))
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409, 409, 409])
    expect(stripe.intents.size).toBe(1)
  })

  test('a live card that requires 3-D Secure redirects the payer, and its outcome is known when they come back', async () => {
    const page = await aLivePage()
    const { json } = await page.attempt({ token: 'pm_card_authenticationRequired' })
    const { attempt } = json.state
    expect(attempt).toMatchObject({ status: 'requires_action', action_url: expect.stringContaining('https://') })
    stripe.challenge(attempt.id, true)
    expect((await page.state(attempt.id)).attempt.status).toBe('requires_action')
    await page.check()
    expect(await page.state(attempt.id)).toMatchObject({ attempt: { status: 'succeeded' }, request: { status: 'completed' }, paid: { charge_id: attempt.id } })
  })

  test('a declined live card leaves the request payable in another way', async () => {
    const page = await aLivePage()
    const { json } = await page.attempt({ token: 'pm_card_chargeDeclinedInsufficientFunds' })
    expect(json.state).toMatchObject({ attempt: { status: 'failed', failure_code: 'insufficient_funds' }, request: { status: 'pending' } })
    expect((await page.attempt({ token: 'pm_card_visa' })).json.state.request.status).toBe('completed')
  })

  test('a live card whose answer is lost is pending, blocks the next attempt, and is not charged again', async () => {
    const page = await aLivePage()
    stripe.fault('drop')
    const { json } = await page.attempt({ token: 'pm_card_visa' })
    expect(json.state.attempt.status).toBe('processing')
    stripe.fault()
    expect((await page.attempt({ token: 'pm_card_visa' })).json.code).toBe('payment_in_progress')
    page.client.clock.advance(61_000)
    await page.check()
    expect((await page.state()).request.status).toBe('completed')
    expect(stripe.intents.size).toBe(1)
  })
})
